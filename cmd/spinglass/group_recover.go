package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
)

type groupRecoverSettings struct {
	connection
	json bool
	lost bool
}

func newGroupRecover() *cobra.Command {
	var s groupRecoverSettings
	cmd := &cobra.Command{
		Use:   "recover NAME",
		Short: "Have a group go on of which a majority is gone for good",
		Long: "Has a group that the agent is in go on without those members of its view that cannot be reached, though a majority is among them. Nobody in the group can tell whether these are gone or only cut off: --majority-is-lost is your word " +
			"that they are gone for good, or stopped.\n\n" +
			"The members that are left go on in a view of a later id, with what any of them has got. What the others have done since, in views of which no member is left, is lost; if they are there after all, they give it up when they meet this group, and join it afresh. " +
			"Until then there are two groups that both act. Their views have different ids, of which that of the recovered one is later: what is acted on must refuse the others by it.\n\n" +
			"The agent refuses while it can reach a majority, or has not found yet that it cannot, and so does every member that it reaches: then try again after some seconds. Give the command at one member only.",
		Example: "  spinglass group recover ledger --majority-is-lost",
		Args:    oneGroup,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !s.lost {
				return usagef("a group is recovered only with --majority-is-lost: your word that those of its members that cannot be reached are gone for good, or stopped")
			}
			return s.run(cmd, args[0])
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print a JSON object: the group, as group show does")
	cmd.Flags().BoolVar(&s.lost, "majority-is-lost", false, "those members that cannot be reached are gone for good")
	return cmd
}

// run has the agent recover a group, and prints how it stands then.
func (s *groupRecoverSettings) run(cmd *cobra.Command, name string) error {
	client, err := s.client(cmd)
	if err != nil {
		return err
	}
	defer client.Close()
	g, err := client.RecoverGroup(cmd.Context(), name)
	if err != nil {
		return noAgentHint(err)
	}
	out := newOutput(cmd.OutOrStdout())
	if err := s.print(out, &g); err != nil {
		return err
	}
	return out.flush()
}

func (s *groupRecoverSettings) print(out *output, g *local.Group) error {
	if s.json {
		return out.object(g)
	}
	return out.line(fmt.Appendf(nil, "recovered: view %s of %s", g.View, names(g.Members)))
}
