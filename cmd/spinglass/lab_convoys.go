package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"spinglass/bimodal"
	"spinglass/lab/convoys"
	"spinglass/lab/figure"
)

type labConvoysSettings struct {
	grid   convoys.Grid
	spread string
	full   fullFlag
	labOutput
}

func newLabConvoys() *cobra.Command {
	s := labConvoysSettings{grid: convoys.DefaultGrid(), spread: bimodal.SpreadAuto.String()}
	cmd := &cobra.Command{
		Use:   "convoys",
		Short: "How evenly messages arrive through cascades of groups",
		Long: "A source sends at a fixed rate into a cascade of groups of the traditional protocol, in which one member of each group is the sender of the next. Measured are the times " +
			"between arrivals at members of the last group: in FIFO and in total order, without and with remedies (weak: total order in the last group only; layer: all members hold " +
			"messages until a delay for each level has passed since they were sent; end: those that are no relays do), and what the remedies hold for that. For bimodal as many members " +
			"are one group.\n\n" +
			"Each flag that takes several values multiplies the runs.",
		Example: "  spinglass lab convoys --depth 1,2,3 --remedy none\n  spinglass lab convoys --protocol hierarchical --order total --delay 100ms --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			spread, err := bimodal.ParseSpread(s.spread)
			if err != nil {
				return usagef("--spread: %w", err)
			}
			s.grid.Spread = spread
			return s.run(cmd)
		},
	}
	flags, g := cmd.Flags(), &s.grid
	flags.StringSliceVar(&g.Protocol, "protocol", g.Protocol, "hierarchical, bimodal")
	flags.IntSliceVar(&g.Depth, "depth", g.Depth, "groups in the cascade")
	flags.StringSliceVar(&g.Order, "order", g.Order, "fifo, total; of hierarchical")
	flags.StringSliceVar(&g.Remedy, "remedy", g.Remedy, "none, weak, layer, end; of hierarchical")
	flags.IntVar(&g.Group, "group", g.Group, "members of a group")
	flags.DurationVar(&g.Delay, "delay", g.Delay, "for each level, of the remedies layer and end")
	flags.StringVar(&s.spread, "spread", s.spread, "by which means bimodal spreads packets: auto, as it ships, direct, tree")
	flags.IntVar(&g.Rate, "rate", g.Rate, "messages a second")
	flags.IntVar(&g.Size, "size", g.Size, "bytes of a message")
	flags.Float64Var(&g.Pause, "pause", g.Pause, "part of the intervals of 100 ms for which each member but the source is paused")
	flags.Float64Var(&g.Loss, "loss", g.Loss, "part of the datagrams that are lost")
	flags.DurationVar(&g.Duration, "duration", g.Duration, "for which messages are sent, in simulated time")
	seedFlags(cmd, &g.Seeds, &g.Seed)
	s.full.flag(cmd, "deeper cascades, longer runs and more seeds, where no other ones are given: takes several minutes")
	larger := convoys.FullGrid()
	fullValue(&s.full, "depth", &g.Depth, larger.Depth)
	fullValue(&s.full, "duration", &g.Duration, larger.Duration)
	fullValue(&s.full, "seeds", &g.Seeds, larger.Seeds)
	s.labOutput.flags(cmd)
	return cmd
}

func (s *labConvoysSettings) run(cmd *cobra.Command) error {
	return (&series[convoys.Config, convoys.Result]{
		full: &s.full, grid: s.grid.Runs,
		name: func(c *convoys.Config) string { return fmt.Sprintf("%s, depth %d", c.Protocol, c.Depth) },
		run: func(ctx context.Context, c convoys.Config, progress func(string)) (convoys.Result, error) {
			progress("running")
			return convoys.Run(ctx, c)
		},
		write: writeLabConvoys, draw: drawLabConvoys, out: s.labOutput,
	}).do(cmd)
}

// drawLabConvoys draws the spread of the times between arrivals against the depth, and what members hold so that messages arrive evenly.
func drawLabConvoys(rows []convoys.Result) []*figure.Figure {
	x := figure.Axis{Label: "depth of the cascade"}
	spread := figure.Figure{Name: "convoys", Title: "Spread of the times between arrivals", X: x, Y: figure.Axis{Label: "standard deviation in ms", Zero: true}}
	waiting := figure.Figure{Name: "convoys_waiting", Title: "What a member holds at most for order and delay", X: x, Y: figure.Axis{Label: "bytes", Zero: true}}
	for _, r := range rows {
		name := r.Protocol
		if r.Protocol == convoys.Hierarchical {
			name = r.Order
			if r.Remedy != convoys.RemedyNone {
				name += ", " + r.Remedy
			}
			waiting.Observe(name, float64(r.Depth), float64(r.Waiting))
		}
		spread.Observe(name, float64(r.Depth), r.Stddev)
	}
	if len(waiting.Series) == 0 {
		return []*figure.Figure{&spread}
	}
	return []*figure.Figure{&spread, &waiting}
}

// writeLabConvoys writes a result for people, the first one with a header before it.
func writeLabConvoys(w io.Writer, first bool, r *convoys.Result) {
	const format = "%-13s %6s %8s %-6s %-7s %5s %10s %10s %10s %10s %10s %10s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "depth", "members", "order", "remedy", "seed", "deviation", "p99", "latency", "p99", "waiting", "delivered")
		fmt.Fprintf(w, format, "", "", "", "", "", "", "ms", "ms", "ms", "ms", "bytes", "")
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	fmt.Fprintf(w, format, r.Protocol, strconv.Itoa(r.Depth), strconv.Itoa(r.Members), r.Order, r.Remedy, strconv.FormatUint(r.Seed, 10),
		number(r.Stddev), number(r.P99), number(r.Latency), number(r.LatencyP99), strconv.Itoa(r.Waiting), percent(r.Delivered))
}
