package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
)

type eventsSettings struct {
	connection
	json bool
}

func newEvents() *cobra.Command {
	var s eventsSettings
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Follow what the agent tells of its peers and itself",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			err = s.run(cmd, client)
			if cmd.Context().Err() != nil {
				return nil
			}
			return noAgentHint(err)
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object per event")
	return cmd
}

// run prints events until the agent or the user ends them.
func (s *eventsSettings) run(cmd *cobra.Command, client *local.Client) error {
	stream, err := client.Events(cmd.Context())
	if err != nil {
		return err
	}
	defer stream.Close()
	out := newOutput(cmd.OutOrStdout())
	for {
		e, err := stream.Next()
		if err != nil {
			return err
		}
		if s.json {
			err = out.object(&e)
		} else {
			err = out.line(fmt.Appendf(nil, "%s  %s", e.Time.Local().Format("15:04:05.000"), e.Text))
		}
		if err != nil {
			return err
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
}
