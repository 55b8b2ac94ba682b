package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
	"spinglass/protocol"
)

type tableSettings struct {
	connection
	json  bool
	all   bool
	watch bool
}

func newTable() *cobra.Command {
	var s tableSettings
	cmd := &cobra.Command{
		Use:   "table [ZONE]",
		Short: "Print the table of a zone: a row for each member or child zone",
		Long: "Prints the table of a zone, by default the agent's own: a row for each of its members. The tables of the zones above, up to /, have a row for each child zone, which " +
			"is a summary of the table below. The table of any other zone is asked for of its members, and that of a host of the host itself: the rows of its applications.\n\n" +
			"A summary tells how complete it is: how many rows went into it, and how many should have. What is missing is unknown, and not zero.",
		Example: "  spinglass table\n  spinglass table / --watch\n  spinglass table /us/ny",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("table takes one ZONE at most, got %d arguments", len(args))
			}
			if len(args) == 1 && args[0] != "/" {
				if err := protocol.CheckName(args[0]); err != nil {
					return usagef("zone: %w", err)
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			zone := ""
			if len(args) > 0 {
				zone = args[0]
			}
			return s.run(cmd, client, zone)
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object per row")
	cmd.Flags().BoolVar(&s.all, "all", false, "show the attributes as well that members set by themselves")
	cmd.Flags().BoolVar(&s.watch, "watch", false, "print the table again every second")
	return cmd
}

func (s *tableSettings) run(cmd *cobra.Command, client *local.Client, zone string) error {
	stdout := cmd.OutOrStdout()
	list := func(ctx context.Context, out *output, redraw bool) error {
		table, err := client.Table(ctx, zone)
		if err != nil {
			return err
		}
		rows := table.Rows
		if redraw {
			fmt.Fprint(out, clearScreen)
		}
		if s.json {
			for i := range rows {
				if err := out.object(lineOf(&rows[i])); err != nil {
					return err
				}
			}
			return out.flush()
		}
		writeTable(out, rows, s.all, palette{on: colourful(stdout)})
		writeSource(out, &table)
		return out.flush()
	}
	redraw := s.watch && !s.json && terminal(stdout)
	return repeat(cmd.Context(), newOutput(stdout), s.watch, s.json, redraw, list)
}

// writeSource tells where a table comes from that the agent does not hold.
func writeSource(out *output, table *local.Table) {
	if !table.Held {
		fmt.Fprintf(out, "Told by %s, who holds this table.\n", table.From)
	}
	if table.Unverified > 0 {
		fmt.Fprintf(out, "%d rows are left out: they are not proven to be of who they say.\n", table.Unverified)
	}
}

// repeat prints a list, and again every second if it is to be watched.
func repeat(ctx context.Context, out *output, watch, asJSON, redraw bool, list func(ctx context.Context, out *output, redraw bool) error) error {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		if err := list(ctx, out, redraw); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return noAgentHint(err)
		}
		if !watch {
			return nil
		}
		if !asJSON && !redraw {
			fmt.Fprintln(out)
			if err := out.flush(); err != nil { // now, so that who reads list by list knows where this one ends
				return err
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
