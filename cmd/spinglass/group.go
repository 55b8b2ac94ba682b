package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"spinglass"
	"spinglass/gateway/local"
)

func newGroup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "group",
		Short: "Join groups, whose members agree on who they are and on the order of messages, list them, and recover them",
		Long: "Commands for groups: members of a group agree on a sequence of views, which say who is in it, and get the same messages in each. Orders are fifo, causal and total.\n\n" +
			"The certificate of the agent must grant to publish and to subscribe to the topic $groups/NAME, as certificates do unless they are limited.",
		Example: "  spinglass group join chat\n  spinglass group list\n  spinglass group show chat --json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("unknown command %q of group", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newGroupJoin(), newGroupList(), newGroupShow(), newGroupRecover())
	return cmd
}

// oneGroup wants the name of a group as the only argument.
func oneGroup(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) != 1:
		return usagef("%s takes one NAME, got %d arguments", cmd.Name(), len(args))
	case args[0] == "" || len(args[0]) > spinglass.GroupNameMax:
		return usagef("the name of a group has 1 to %d bytes, this one %d", spinglass.GroupNameMax, len(args[0]))
	}
	return nil
}

type groupListSettings struct {
	connection
	json bool
}

func newGroupList() *cobra.Command {
	var s groupListSettings
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the groups that the agent is in",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.groups(cmd, func(out *output, groups []local.Group) error {
				if s.json {
					return objects(out, groups)
				}
				writeGroups(out, groups)
				return nil
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object per group")
	return cmd
}

func newGroupShow() *cobra.Command {
	var s groupListSettings
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a group that the agent is in: its view and members",
		Args:  oneGroup,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.groups(cmd, func(out *output, groups []local.Group) error {
				for i := range groups {
					if g := &groups[i]; g.Name == args[0] {
						if s.json {
							return out.object(g)
						}
						writeGroup(out, g)
						return nil
					}
				}
				return fmt.Errorf("the agent is not in the group %q", args[0])
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print a JSON object")
	return cmd
}

// groups asks the agent for its groups and prints what show makes of them.
func (s *groupListSettings) groups(cmd *cobra.Command, show func(*output, []local.Group) error) error {
	client, err := s.client(cmd)
	if err != nil {
		return err
	}
	defer client.Close()
	groups, err := client.Groups(cmd.Context())
	if err != nil {
		return noAgentHint(err)
	}
	out := newOutput(cmd.OutOrStdout())
	if err := show(out, groups); err != nil {
		return err
	}
	return out.flush()
}

func objects[T any](out *output, all []T) error {
	for i := range all {
		if err := out.object(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// writeGroups writes a table for people. Errors of writing show when the output is flushed.
func writeGroups(out *output, groups []local.Group) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GROUP\tORDER\tPHASE\tVIEW\tMEMBERS\tRANK\tWAITING\tEJECTIONS")
	for i := range groups {
		g := &groups[i]
		view, rank := "-", "-"
		if g.View != "" {
			view, rank = g.View, fmt.Sprint(g.Rank)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%d\n", printable(g.Name), g.Order, g.Phase, view, len(g.Members), rank, bytesText(int64(g.Queued)), g.Ejections)
	}
	table.Flush()
}

func writeGroup(out *output, g *local.Group) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "group\t%s\norder\t%s\nphase\t%s\n", printable(g.Name), g.Order, g.Phase)
	if g.View != "" {
		fmt.Fprintf(table, "view\t%s\n", g.View)
	}
	if g.Recoveries > 0 {
		fmt.Fprintf(table, "recovered\t%d times\n", g.Recoveries)
	}
	if g.Replicated {
		fmt.Fprintf(table, "applied\t%d commands\n", g.Applied)
	}
	fmt.Fprintf(table, "waiting\t%s\nejections\t%d\n", bytesText(int64(g.Queued)), g.Ejections)
	table.Flush()
	if len(g.Members) == 0 {
		return
	}
	fmt.Fprintln(out)
	table = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RANK\tMEMBER\tID\tWEIGHT\tSINCE VIEW\tNOTE")
	for rank, m := range g.Members {
		note := ""
		if rank == g.Rank {
			note = "this agent"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%d\t%s\n", rank, m.Name, m.ID, m.Weight, m.Since, note)
	}
	table.Flush()
}

// names returns those of members, by rank.
func names(members []local.GroupMember) string {
	all := make([]string, len(members))
	for i, m := range members {
		all[i] = m.Name
	}
	return strings.Join(all, " ")
}
