package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
)

const (
	watchInterval = time.Second
	clearScreen   = "\x1b[H\x1b[2J"
)

type peersSettings struct {
	connection
	json  bool
	watch bool
}

func newPeers() *cobra.Command {
	var s peersSettings
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "List the members that the agent knows",
		Long: "Lists the members that the agent knows, itself first.\n\n" +
			"A member is up; suspect when its heartbeat has not advanced for some time; down when that lasts; or left. " +
			"Unreachable says that this agent gets no answer from it at the moment. " +
			"A format is noted where it is not the agent's own: while a fleet is upgraded, members of two formats that follow each other work together.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			return s.run(cmd, client)
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object per member")
	cmd.Flags().BoolVar(&s.watch, "watch", false, "print the list again every second")
	return cmd
}

func (s *peersSettings) run(cmd *cobra.Command, client *local.Client) error {
	redraw := s.watch && !s.json && terminal(cmd.OutOrStdout())
	return repeat(cmd.Context(), newOutput(cmd.OutOrStdout()), s.watch, s.json, redraw, func(ctx context.Context, out *output, redraw bool) error {
		return s.list(ctx, client, out, redraw)
	})
}

func (s *peersSettings) list(ctx context.Context, client *local.Client, out *output, redraw bool) error {
	peers, err := client.Peers(ctx)
	if err != nil {
		return err
	}
	if redraw {
		fmt.Fprint(out, clearScreen)
	}
	if s.json {
		for i := range peers {
			if err := out.object(&peers[i]); err != nil {
				return err
			}
		}
		return out.flush()
	}
	writePeers(out, peers, time.Now())
	return out.flush()
}

// writePeers writes a table for people. Errors of writing show when the output is flushed.
func writePeers(out *output, peers []local.Peer, now time.Time) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tID\tADDRESS\tSTATE\tSINCE\tRTT\tNOTE")
	for i := range peers {
		p := &peers[i]
		roundTrip, note := "-", ""
		if p.RoundTrip != nil {
			roundTrip = fmt.Sprintf("%.2f ms", *p.RoundTrip)
		}
		switch {
		case p.Self:
			note = "this agent"
		case p.Unreachable:
			note = "unreachable"
		case p.Format != peers[0].Format:
			note = fmt.Sprintf("format %d", p.Format)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.ID, p.Address, p.State, age(now.Sub(p.Since)), roundTrip, note)
	}
	table.Flush()
}

// age returns a duration in its largest unit or two.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
