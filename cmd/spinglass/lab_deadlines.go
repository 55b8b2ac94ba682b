package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"spinglass/lab/deadlines"
	"spinglass/lab/figure"
)

// deadlineStage is a row of a run that has several.
type deadlineStage struct {
	deadlines.Config
	stage int
}

func newLabDeadlines() *cobra.Command {
	grid, out := deadlines.DefaultGrid(), labOutput{}
	cmd := &cobra.Command{
		Use:   "deadlines",
		Short: "Which part of the packets arrives within a second while a group grows, by protocol",
		Long: "One member publishes 100 packets of 210 bytes a second while the group grows, over links whose latencies have a heavy tail and that lose one datagram in a hundred. In the " +
			"middle of the run the route between the halves of the group changes. There is a row for each stage of a run.",
		Example: "  spinglass lab deadlines --protocol bimodal,srm --seeds 5\n  spinglass lab deadlines --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var rows []deadlines.Result // of the run at hand
			return (&series[deadlineStage, deadlines.Result]{
				grid: func() ([]deadlineStage, error) { return deadlineStages(&grid) },
				name: func(c *deadlineStage) string { return c.Protocol.Name },
				run: func(ctx context.Context, c deadlineStage, tell func(string)) (deadlines.Result, error) {
					if c.stage == 0 {
						var err error
						if rows, err = deadlines.Run(ctx, c.Config, tell); err != nil {
							return deadlines.Result{}, err
						}
					}
					return rows[c.stage], nil
				},
				write: writeLabDeadlines, draw: drawLabDeadlines, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, "bimodal, srm, srm-adaptive, rmtp, fec, traditional")
	flags.IntVar(&grid.First, "first", grid.First, "members at the beginning")
	flags.IntVar(&grid.Members, "members", grid.Members, "members at the end")
	flags.IntVar(&grid.Seconds, "seconds", grid.Seconds, "in which the group grows")
	flags.IntVar(&grid.Stages, "stages", grid.Stages, "parts of a run, with a row each")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	out.flags(cmd)
	return cmd
}

// deadlineStages returns the rows of all runs.
func deadlineStages(grid *deadlines.Grid) (stages []deadlineStage, err error) {
	runs, err := grid.Runs()
	for _, c := range runs {
		for i := range c.Stages {
			stages = append(stages, deadlineStage{c, i})
		}
	}
	return stages, err
}

func writeLabDeadlines(w io.Writer, first bool, r *deadlines.Result) {
	const format = "%-14s %5s %6s %8s %7s %10s %9s %9s %9s %8s %12s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "seed", "second", "members", "detour", "within 1 s", "p50 ms", "p99 ms", "p99.9 ms", "missing", "packets/s")
	}
	detour := ""
	if r.Detour {
		detour = "yes"
	}
	fmt.Fprintf(w, format, r.Protocol, fmt.Sprint(r.Seed), fmt.Sprint(r.Second), fmt.Sprint(r.Members), detour, fmt.Sprintf("%.3f %%", 100*r.InTime),
		fmt.Sprint(r.Median), fmt.Sprint(r.P99), fmt.Sprint(r.P999), fmt.Sprint(r.Missing), fmt.Sprint(r.Packets))
}

// drawLabDeadlines draws what is late, and the load, against time.
func drawLabDeadlines(rows []deadlines.Result) []*figure.Figure {
	seconds := figure.Axis{Label: "seconds, while the group grows"}
	inTime := &figure.Figure{Name: "deadlines", Title: "Packets within a second", X: seconds, Y: figure.Axis{Label: "part of the packets"}}
	tail := &figure.Figure{Name: "deadlines_latency", Title: "Latency of the slowest packet in a thousand", X: seconds, Y: figure.Axis{Label: "milliseconds", Log: true}}
	load := &figure.Figure{Name: "deadlines_load", Title: "Load of a member", X: seconds, Y: figure.Axis{Label: "packets per second", Log: true}}
	for _, r := range rows {
		inTime.Observe(r.Protocol, r.Second, r.InTime)
		tail.Observe(r.Protocol, r.Second, r.P999)
		load.Observe(r.Protocol, r.Second, r.Packets)
	}
	return []*figure.Figure{inTime, tail, load}
}
