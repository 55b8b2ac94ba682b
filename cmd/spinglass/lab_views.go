package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/views"
)

func newLabViews() *cobra.Command {
	var full fullFlag
	var out labOutput
	grid := views.DefaultGrid()
	orders := []string{grid.Order[0].String()}
	cmd := &cobra.Command{
		Use:   "views",
		Short: "How long changes of the view take, and what share of the time they hold casts back",
		Long: "A member casts at an even pace, and the view changes: a member crashes, the one that coordinates does, they return, one leaves and joins again. Measured is how long it takes from when that is found " +
			"out until all have installed the next view, and from when that is proposed; for how long casts are held back at members; and how long casts take.\n\n" +
			"vsync-bimodal are the groups that ship, in whole nodes; the traditional protocol is virtual synchrony after Ensemble. One member may be asleep now and then. Groups of two have no changes: what they show is how long casts take.\n\n" +
			"Each flag that takes several values multiplies the runs.",
		Example: "  spinglass lab views --members 4,16,64\n  spinglass lab views --order fifo,total --perturb 0,0.9 --seeds 3 --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if grid.Order, err = parseOrders(orders); err != nil {
				return usagef("--order: %w", err)
			}
			return (&series[views.Config, views.Result]{
				full: &full, grid: grid.Runs, name: func(c *views.Config) string { return fmt.Sprintf("%s, %d members", c.Protocol, c.Members) },
				several: views.Run, aside: true, write: writeLabViews, draw: drawLabViews, out: out,
			}).do(cmd)
		},
	}
	flags, g := cmd.Flags(), &grid
	flags.StringSliceVar(&g.Protocol, "protocol", g.Protocol, strings.Join(views.Protocols(), ", "))
	flags.StringSliceVar(&orders, "order", orders, "of casts: fifo, causal, total; traditional has no causal one")
	flags.IntSliceVar(&g.Members, "members", g.Members, "members of the group")
	flags.Float64SliceVar(&g.Loss, "loss", g.Loss, "part of the datagrams that are lost")
	flags.Float64SliceVar(&g.Perturb, "perturb", g.Perturb, "probability that one member, which is asked for nothing, is asleep, in intervals of 100 ms")
	flags.IntVar(&g.Missed, "missed", g.Missed, "pings of one a second after which the traditional protocol suspects a member")
	flags.IntVar(&g.Rate, "rate", g.Rate, "casts a second, of one member")
	flags.IntVar(&g.Size, "size", g.Size, "bytes of a cast")
	flags.IntVar(&g.Cycles, "cycles", g.Cycles, "of six changes: two crashes and a leave, and as many returns")
	flags.DurationVar(&g.Interval, "interval", g.Interval, "from one change to the next, in simulated time; longer where a change takes longer")
	seedFlags(cmd, &g.Seeds, &g.Seed)
	full.flag(cmd, "more sizes, losses and seeds, and a member that sleeps, where nothing else is given: takes many times as long")
	larger := views.FullGrid()
	fullValue(&full, "members", &g.Members, larger.Members)
	fullValue(&full, "loss", &g.Loss, larger.Loss)
	fullValue(&full, "perturb", &g.Perturb, larger.Perturb)
	fullValue(&full, "cycles", &g.Cycles, larger.Cycles)
	fullValue(&full, "seeds", &g.Seeds, larger.Seeds)
	out.flags(cmd)
	return cmd
}

// writeLabViews writes a result for people, the first one with a header before it.
func writeLabViews(w io.Writer, first bool, r *views.Result) {
	const format = "%-13s %6s %8s %5s %6s %5s %-11s %7s %9s %9s %9s %9s %9s %9s %9s %9s %9s %9s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "order", "members", "loss", "asleep", "seed", "change", "changes", "found", "change", "longest", "proposed", "held", "longest", "share of", "casts", "cast", "cast p99")
		fmt.Fprintf(w, format, "", "", "", "", "", "", "", "", "after ms", "ms", "ms", "ms", "ms", "ms", "time held", "wait", "p50 ms", "ms")
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	optional := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return number(*v)
	}
	changes := strconv.Itoa(r.Changes)
	if missing := r.Unfinished + r.Skipped; missing > 0 {
		changes += fmt.Sprintf(" of %d", r.Changes+missing)
	}
	fmt.Fprintf(w, format, r.Protocol, r.Order, strconv.Itoa(r.Members), percent(r.Loss), percent(r.Perturb), strconv.FormatUint(r.Seed, 10), r.Change, changes,
		optional(r.Found), optional(r.ChangeMean), optional(r.ChangeMax), optional(r.Flush), optional(r.Held), optional(r.HeldMax), fmt.Sprintf("%.3f %%", 100*r.HeldFraction), fmt.Sprintf("%.2f %%", 100*r.WaitFraction),
		strconv.FormatFloat(r.CastMedian, 'f', 2, 64), number(r.CastP99))
}

// drawLabViews draws how long changes take, for how long they hold casts back, and how long casts take, against the size of the group.
func drawLabViews(rows []views.Result) (figures []*figure.Figure) {
	members := figure.Axis{Label: "members", Zero: true}
	duration := figure.Figure{Name: "views", Title: "Changes of the view, from when they are found out", X: members, Y: figure.Axis{Label: "ms", Zero: true}}
	flush := figure.Figure{Name: "views_flush", Title: "Changes of the view, from the proposal", X: members, Y: figure.Axis{Label: "ms", Zero: true}}
	held := figure.Figure{Name: "views_held", Title: "Time in which changes of the view hold casts back", X: members, Y: figure.Axis{Label: "percent of the time", Zero: true}}
	wait := figure.Figure{Name: "views_wait", Title: "Time in which a cast that is wanted waits", X: members, Y: figure.Axis{Label: "percent of the time", Zero: true}}
	casts := figure.Figure{Name: "views_casts", Title: "Median time of a cast, with no change", X: members, Y: figure.Axis{Label: "ms", Zero: true}}
	for _, r := range rows {
		n := float64(r.Members)
		name := fmt.Sprintf("%s, %s", r.Protocol, r.Order)
		if r.Loss > 0 {
			name += ", loss " + percent(r.Loss)
		}
		if r.Perturb > 0 {
			name += ", one asleep " + percent(r.Perturb)
		}
		switch r.Change {
		case views.KindNone:
			casts.Observe(name, n, r.CastMedian)
		case views.KindAll:
			held.Observe(name, n, 100*r.HeldFraction)
			wait.Observe(name, n, 100*r.WaitFraction)
			if r.ChangeMean != nil {
				duration.Observe(name, n, *r.ChangeMean)
				flush.Observe(name, n, *r.Flush)
			}
		}
	}
	for _, f := range []*figure.Figure{&duration, &flush, &held, &wait, &casts} {
		if len(f.Series) > 0 {
			figures = append(figures, f)
		}
	}
	return figures
}
