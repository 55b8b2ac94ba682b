package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/micropartitions"
)

type labMicropartitionsSettings struct {
	grid micropartitions.Grid
	full fullFlag
	labOutput
}

func newLabMicropartitions() *cobra.Command {
	s := labMicropartitionsSettings{grid: micropartitions.DefaultGrid()}
	cmd := &cobra.Command{
		Use:   "micropartitions",
		Short: "What failure detection in a hurry costs groups that wait for agreement",
		Long: "Nobody fails; the network loses a few datagrams in a thousand. Members of the traditional protocol that miss a few pings of another have it ejected, and it joins again. " +
			"Measured are wrong ejections and the part of the time in which members cannot send because the view changes, against the size of the group. Bimodal has no views: its " +
			"membership stands beside, with rounds as short.\n\n" +
			"Smaller groups run longer, so that as much happens. Each flag that takes several values multiplies the runs.",
		Example: "  spinglass lab micropartitions --members 8,16,32,64 --missed 2,3\n  spinglass lab micropartitions --protocol traditional --interval 50ms --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd)
		},
	}
	flags, g := cmd.Flags(), &s.grid
	flags.StringSliceVar(&g.Protocol, "protocol", g.Protocol, "traditional, bimodal")
	flags.IntSliceVar(&g.Members, "members", g.Members, "members of the group")
	flags.IntSliceVar(&g.Missed, "missed", g.Missed, "pings after which a member is suspected, of traditional")
	flags.DurationVar(&g.Interval, "interval", g.Interval, "between pings, or rounds and heartbeats of membership")
	flags.Float64Var(&g.Loss, "loss", g.Loss, "part of the datagrams that are lost")
	flags.DurationVar(&g.Duration, "duration", g.Duration, "of the run of the largest group, in simulated time")
	seedFlags(cmd, &g.Seeds, &g.Seed)
	s.full.flag(cmd, "larger groups, more patience and more seeds, where no other ones are given: takes a quarter of an hour")
	larger := micropartitions.FullGrid()
	fullValue(&s.full, "members", &g.Members, larger.Members)
	fullValue(&s.full, "missed", &g.Missed, larger.Missed)
	fullValue(&s.full, "duration", &g.Duration, larger.Duration)
	fullValue(&s.full, "seeds", &g.Seeds, larger.Seeds)
	s.labOutput.flags(cmd)
	return cmd
}

func (s *labMicropartitionsSettings) run(cmd *cobra.Command) error {
	var rows []micropartitions.Result
	err := (&series[micropartitions.Config, micropartitions.Result]{
		full: &s.full, grid: s.grid.Runs,
		name: func(c *micropartitions.Config) string { return fmt.Sprintf("%s, %d members", c.Protocol, c.Members) },
		run: func(ctx context.Context, c micropartitions.Config, progress func(string)) (micropartitions.Result, error) {
			progress("running")
			r, err := micropartitions.Run(ctx, c)
			rows = append(rows, r)
			return r, err
		},
		write: writeLabMicropartitions, draw: drawLabMicropartitions, out: s.labOutput,
	}).do(cmd)
	if err != nil {
		return err
	}
	out := newOutput(cmd.OutOrStdout())
	for _, law := range micropartitions.Laws(rows) {
		if s.json {
			err = out.object(&law)
		} else {
			fmt.Fprintf(out, "%d missed: ejections grow with the power %.2f of the members (95 %%: %.2f to %.2f), time lost with %.2f (%.2f to %.2f).\n",
				law.Missed, law.Ejections.Value, law.Ejections.Low, law.Ejections.High, law.Lost.Value, law.Lost.Low, law.Lost.High)
		}
		if err != nil {
			return err
		}
	}
	return out.flush()
}

// drawLabMicropartitions draws ejections and time lost against the size of the group, as far as there are any: the axes are logarithmic.
func drawLabMicropartitions(rows []micropartitions.Result) (figures []*figure.Figure) {
	members := figure.Axis{Label: "members", Log: true}
	ejections := figure.Figure{Name: "micropartitions_ejections", Title: "Wrong ejections", X: members, Y: figure.Axis{Label: "ejections per second", Log: true}}
	lost := figure.Figure{Name: "micropartitions", Title: "Time lost in changes of the view", X: members, Y: figure.Axis{Label: "part of the time", Log: true}}
	for _, r := range rows {
		name := fmt.Sprintf("%s, %d missed", r.Protocol, r.Missed)
		if r.Ejections > 0 {
			ejections.Observe(name, float64(r.Members), r.Ejections)
		}
		if r.Lost > 0 {
			lost.Observe(name, float64(r.Members), r.Lost)
		}
	}
	for _, f := range []*figure.Figure{&lost, &ejections} {
		if len(f.Series) > 0 {
			figures = append(figures, f)
		}
	}
	return figures
}

// writeLabMicropartitions writes a result for people, the first one with a header before it.
func writeLabMicropartitions(w io.Writer, first bool, r *micropartitions.Result) {
	const format = "%-12s %8s %7s %9s %5s %9s %12s %9s %10s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "members", "missed", "detect ms", "seed", "seconds", "ejections/s", "views/s", "time lost")
	}
	number := func(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	fmt.Fprintf(w, format, r.Protocol, strconv.Itoa(r.Members), strconv.Itoa(r.Missed), number(r.DetectMs, 0), strconv.FormatUint(r.Seed, 10),
		number(r.Seconds, 0), number(r.Ejections, 4), number(r.Views, 4), percent(r.Lost))
}
