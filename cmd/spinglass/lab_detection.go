package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"spinglass/lab/detection"
	"spinglass/lab/figure"
)

func newLabDetection() *cobra.Command {
	grid, full, out := detection.DefaultGrid(), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "detection",
		Short: "How often healthy members are taken for failed, and how long it takes until who has crashed is",
		Long: "A fleet runs for a while in which nobody fails, while the network loses datagrams and some members are slow: they sleep in intervals, each with a given probability. Counted are the " +
			"reports of healthy members as suspect and as down. Then some healthy members crash, and measured is when the others find that out.\n\n" +
			"bimodal is the shipping membership; heartbeat the same without the judgement of the own health, as a control; traditional the pings of virtual synchrony, one a second to all. " +
			"Each flag that takes several values multiplies the runs.",
		Example: "  spinglass lab detection --protocol bimodal,heartbeat --slow 0.25 --duration 10m\n  spinglass lab detection --protocol traditional --missed 3,5,15 --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[detection.Config, detection.Result]{
				full: &full, grid: grid.Runs,
				name:  func(c *detection.Config) string { return fmt.Sprintf("%s, %d members", c.Protocol, c.Members) },
				run:   detection.Run,
				write: writeLabDetection, draw: drawLabDetection, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, "bimodal, heartbeat, traditional")
	flags.IntSliceVar(&grid.Members, "members", grid.Members, "members of the fleet")
	flags.Float64SliceVar(&grid.Loss, "loss", grid.Loss, "part of the datagrams that are lost")
	flags.Float64SliceVar(&grid.Slow, "slow", grid.Slow, "part of the members that sleep now and then")
	flags.Float64Var(&grid.Sleep, "sleep", grid.Sleep, "probability that such a member spends an interval asleep")
	flags.DurationVar(&grid.Interval, "interval", grid.Interval, "of sleep")
	flags.IntSliceVar(&grid.Missed, "missed", grid.Missed, "pings after which a member is suspected, of traditional")
	flags.IntVar(&grid.Crashes, "crashes", grid.Crashes, "healthy members that crash at the end")
	flags.DurationVar(&grid.Duration, "duration", grid.Duration, "for which nobody fails, in simulated time")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	full.flag(cmd, "larger fleets, more loss, longer runs and more seeds, where no others are given: takes hours")
	larger := detection.FullGrid()
	fullValue(&full, "members", &grid.Members, larger.Members)
	fullValue(&full, "loss", &grid.Loss, larger.Loss)
	fullValue(&full, "slow", &grid.Slow, larger.Slow)
	fullValue(&full, "duration", &grid.Duration, larger.Duration)
	fullValue(&full, "seeds", &grid.Seeds, larger.Seeds)
	out.flags(cmd)
	return cmd
}

// detectionName names the detector of a row.
func detectionName(r *detection.Result) string {
	if r.Protocol == detection.Traditional {
		return fmt.Sprintf("%s, %d missed", r.Protocol, r.Missed)
	}
	return r.Protocol
}

func writeLabDetection(w io.Writer, first bool, r *detection.Result) {
	const format = "%-22s %8s %7s %7s %5s %11s %9s %9s %12s %9s %7s %10s %9s %9s %9s %10s %9s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "members", "loss", "slow", "seed", "wrong", "wrong", "by well", "wrong", "slow", "apart", "crash", "down at", "at half", "at all", "undetected", "sent")
		fmt.Fprintf(w, format, "", "", "", "", "", "suspects/h", "downs/h", "ones", "ejections/h", "downs/h", "", "suspect s", "first s", "s", "s", "", "bytes/s")
	}
	seconds := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%.1f", *v)
	}
	two := func(v float64) string { return fmt.Sprintf("%.2f", v) }
	fmt.Fprintf(w, format, detectionName(r), fmt.Sprint(r.Members), percent(r.Loss), percent(r.Slow), fmt.Sprint(r.Seed), two(r.Suspects), two(r.Downs), two(r.DownsHealthy), two(r.Ejections), two(r.SlowDowns), percent(r.Apart),
		seconds(r.SuspectFirst), seconds(r.First), seconds(r.Median), seconds(r.All), fmt.Sprint(r.Undetected), fmt.Sprintf("%.0f", r.Bytes))
}

// drawLabDetection draws wrong reports of the largest fleet, and who is apart, against loss, and times of detection at the least loss against the size of the fleet, a line for each detector and part of slow members.
func drawLabDetection(rows []detection.Result) (figures []*figure.Figure) {
	largest, least := rows[0].Members, rows[0].Loss
	for i := range rows {
		largest, least = max(largest, rows[i].Members), min(least, rows[i].Loss)
	}
	loss, reports := figure.Axis{Label: "part of the datagrams lost"}, figure.Axis{Label: "reports per member and hour", Zero: true}
	suspects := &figure.Figure{Name: "detection_suspects", Title: fmt.Sprintf("Healthy members suspected, of %d", largest), X: loss, Y: reports}
	downs := &figure.Figure{Name: "detection", Title: fmt.Sprintf("Healthy members reported down, of %d", largest), X: loss, Y: reports}
	apart := &figure.Figure{
		Name: "detection_apart", Title: fmt.Sprintf("Healthy members that have not each other for members, of %d", largest), X: loss, Y: figure.Axis{Label: "part of the pairs", Zero: true},
	}
	times := &figure.Figure{
		Name: "detection_time", Title: "Until half of the healthy members have a crashed one down, loss " + percent(least), X: figure.Axis{Label: "members", Log: true},
		Y: figure.Axis{Label: "seconds", Zero: true},
	}
	for i := range rows {
		r := &rows[i]
		name := detectionName(r)
		if r.Slow > 0 {
			name += ", slow " + percent(r.Slow)
		}
		if r.Members == largest {
			apart.Observe(name, r.Loss, r.Apart)
		}
		if r.Members == largest && r.Apart < 1 { // with 1 nobody is in a view, and so nobody is reported out of it
			suspects.Observe(name, r.Loss, r.Suspects)
			downs.Observe(name, r.Loss, r.Downs)
		}
		if r.Loss == least && r.Median != nil {
			times.Observe(name, float64(r.Members), *r.Median)
		}
	}
	for _, f := range []*figure.Figure{downs, suspects, apart, times} {
		if len(f.Series) > 0 {
			figures = append(figures, f)
		}
	}
	return figures
}
