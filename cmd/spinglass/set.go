package main

import (
	"github.com/spf13/cobra"

	"spinglass/gateway/local"
)

type setSettings struct {
	connection
	json   bool
	string bool
}

func newSet() *cobra.Command {
	var s setSettings
	cmd := &cobra.Command{
		Use:   "set NAME=VALUE...",
		Short: "Set attributes of the agent's row",
		Long: "Sets attributes of the agent's row, which all members of its zone come to see, and which zones are summarised from. All are set, or none.\n\n" +
			"A value is true or false, an integer (7), a float (0.5, 1e9), a time (2026-01-02T03:04:05Z), or else a string; so are numbers with a leading zero or plus. " +
			"NAME= removes the attribute. With --string every value is a string, also an empty one.\n\n" +
			"A name is letters, digits and underscores, also with dots between them. What is set is gone when the agent ends.",
		Example: "  spinglass set role=web color=blue weight=0.5\n  spinglass set color=\n  spinglass set --string build=007",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("set takes one NAME=VALUE at least")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			attributes, err := parseAssignments(args, s.string)
			if err != nil {
				return err
			}
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			return noAgentHint(s.run(cmd, client, attributes))
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print the row afterwards as a JSON object")
	cmd.Flags().BoolVar(&s.string, "string", false, "take every value for a string")
	return cmd
}

func (s *setSettings) run(cmd *cobra.Command, client *local.Client, attributes local.Attributes) error {
	if err := client.Set(cmd.Context(), attributes); err != nil || !s.json {
		return err
	}
	row, err := client.Row(cmd.Context(), "")
	if err != nil {
		return err
	}
	out := newOutput(cmd.OutOrStdout())
	if err := out.object(lineOf(&row)); err != nil {
		return err
	}
	return out.flush()
}
