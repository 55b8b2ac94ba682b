package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/manet"
)

func newLabManet() *cobra.Command {
	grid, full, out := manet.DefaultGrid(), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "manet",
		Short: "How many packets of a source reach the members of a group in a mobile ad-hoc network, by protocol",
		Long: "Nodes move in a square by random waypoint and share one radio channel of 2 Mb/s. A third of them are members of a group; one of these sends a packet every 200 ms, from 120 s on. " +
			"What is delivered is counted until 40 s after the last packet. Protocols are plain flooding, the tree of MAODV, and both with anonymous gossip over them; no-hints is gossip from which the routes " +
			"under it learn nothing, published is gossip with the tables and rules of its publication.\n\n" +
			"Range, speed and number of nodes are swept one at a time: while one takes all of its values, the others have the first of theirs. With --out there is an animation as well, manet_network.svg: " +
			"positions, tree and gossip walks in 30 s of the first run of the last protocol.",
		Example: "  spinglass lab manet --range 55,75 --speed 2 --seeds 3\n  spinglass lab manet --protocol flood,maodv-gossip --nodes 40,80 --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[manet.Config, manet.Result]{
				full: &full, grid: func() ([]manet.Config, error) { return animated(&grid, out.directory) },
				name: func(c *manet.Config) string {
					return fmt.Sprintf("%s, %d nodes, %g m, %g m/s", c.Protocol.Name, c.Nodes, c.Range, c.SpeedMax)
				},
				run: func(ctx context.Context, c manet.Config, tell func(string)) (manet.Result, error) {
					r, err := manet.Run(ctx, c, tell)
					if err == nil && c.Animate != nil {
						err = writeAnimation(filepath.Join(out.directory, "manet_network.svg"), c.Animate)
					}
					return r, err
				},
				write: writeLabManet, draw: drawLabManet, finish: writeManetPairs, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, strings.Join(manet.ProtocolNames(), ", "))
	flags.Float64SliceVar(&grid.Ranges, "range", grid.Ranges, "ranges of the radio, in metres")
	flags.Float64SliceVar(&grid.Speeds, "speed", grid.Speeds, "greatest speeds, in metres per second; the least is 0.2, or this one where it is less")
	flags.IntSliceVar(&grid.Nodes, "nodes", grid.Nodes, "nodes, of which a third are members")
	flags.Float64Var(&grid.Side, "side", grid.Side, "side of the square, in metres")
	flags.IntVar(&grid.Pause, "pause", grid.Pause, "longest pause at a waypoint, in seconds")
	flags.IntVar(&grid.History, "history", grid.History, "messages that members keep for gossip; they ask for those that they miss for twice as long as these are published. 0: as many as the protocol has it, 100 as published and else 1000")
	flags.IntVar(&grid.Size, "size", grid.Size, "bytes of a packet")
	flags.IntVar(&grid.Seconds, "seconds", grid.Seconds, "for which is published")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	full.flag(cmd, "more speeds and numbers of nodes, and ten seeds, where no others are given: takes five minutes")
	larger := manet.FullGrid()
	fullValue(&full, "speed", &grid.Speeds, larger.Speeds)
	fullValue(&full, "nodes", &grid.Nodes, larger.Nodes)
	fullValue(&full, "seeds", &grid.Seeds, larger.Seeds)
	out.flags(cmd)
	return cmd
}

// The part of a run that is animated.
const (
	animateFrom = 30 * time.Second // after the first packet
	animateFor  = 30 * time.Second
)

// animated returns the runs of a grid, of which one is animated where there is a directory for that.
func animated(grid *manet.Grid, directory string) ([]manet.Config, error) {
	runs, err := grid.Runs()
	if err != nil || directory == "" {
		return runs, err
	}
	from := min(animateFrom, time.Duration(grid.Seconds)*time.Second/2)
	runs[len(grid.Protocols)-1].Animate = &manet.Animation{From: from, Until: from + animateFor}
	return runs, nil
}

func writeAnimation(path string, a *manet.Animation) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer file.Close() // again after success, to no effect
	if err := a.Write(file); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return file.Close()
}

func writeLabManet(w io.Writer, first bool, r *manet.Result) {
	const format = "%-14s %5s %7s %6s %5s %10s %8s %8s %9s %8s %9s %9s %9s %8s %9s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "range", "speed", "nodes", "seed", "delivered", "", "", "reachable", "goodput", "mean", "99 %", "gap dev.", "frames", "bytes")
		fmt.Fprintf(w, format, "", "m", "m/s", "", "", "mean", "worst", "best", "at once", "", "ms", "ms", "ms", "a packet", "a packet")
	}
	part := func(v float64) string { return fmt.Sprintf("%.2f%%", 100*v) }
	goodput := ""
	if r.Goodput != nil {
		goodput = fmt.Sprintf("%.1f%%", 100**r.Goodput)
	}
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	fmt.Fprintf(w, format, r.Protocol, fmt.Sprint(r.Range), fmt.Sprint(r.SpeedMax), fmt.Sprint(r.Nodes), fmt.Sprint(r.Seed), part(r.DeliveredMean), part(r.DeliveredMin), part(r.DeliveredMax),
		part(r.Reachable), goodput, whole(r.DelayMean), whole(r.DelayP99), whole(r.Jitter), fmt.Sprintf("%.1f", r.Frames), whole(r.Bytes))
}

// writeManetPairs says what each kind of gossip adds to the tree, seed by seed.
func writeManetPairs(w io.Writer, rows []manet.Result) {
	for _, name := range manet.ProtocolNames() {
		if strings.HasPrefix(name, "maodv-") {
			writeManetPair(w, name, manet.Pairs(rows, "maodv", name))
		}
	}
}

func writeManetPair(w io.Writer, name string, pairs []manet.Pair) {
	const format = "%6s %7s %6s %6s %22s %8s %22s %8s %8s %8s %8s %8s %8s %8s %8s\n"
	first := true
	for _, p := range pairs {
		if p.Seeds < 2 {
			continue
		}
		if first {
			first = false
			fmt.Fprintf(w, "\n%s beside maodv, with equal seeds: means, and p of Wilcoxon's signed-rank test, two-sided\n", name)
			fmt.Fprintf(w, format, "range", "speed", "nodes", "seeds", "delivered, mean", "p", "worst member", "p", "losses", "spread", "p", "gap dev.", "p", "10 s dev.", "p")
		}
		both := func(d manet.Difference) string { return fmt.Sprintf("%.2f%% -> %.2f%%", 100*d.Base, 100*d.Other) }
		p4 := func(d manet.Difference) string { return fmt.Sprintf("%.4f", d.P) }
		times := func(d manet.Difference) string { return fmt.Sprintf("x%.3f", d.Other/d.Base) }
		fmt.Fprintf(w, format, fmt.Sprint(p.Range), fmt.Sprint(p.SpeedMax), fmt.Sprint(p.Nodes), fmt.Sprint(p.Seeds), both(p.Mean), p4(p.Mean), both(p.Worst), p4(p.Worst), fmt.Sprintf("x%.3f", p.Loss),
			times(p.Spread), p4(p.Spread), times(p.Jitter), p4(p.Jitter), times(p.Rate10), p4(p.Rate10))
	}
}

// drawLabManet draws what members got, with the range from the worst to the best one, against what was swept.
func drawLabManet(rows []manet.Result) (figures []*figure.Figure) {
	for _, sweep := range []struct {
		name, label string
		x           func(r *manet.Result) float64
		others      func(r *manet.Result) [2]float64
	}{
		{"range", "range, m", func(r *manet.Result) float64 { return r.Range }, func(r *manet.Result) [2]float64 { return [2]float64{r.SpeedMax, float64(r.Nodes)} }},
		{"speed", "greatest speed, m/s", func(r *manet.Result) float64 { return r.SpeedMax }, func(r *manet.Result) [2]float64 { return [2]float64{r.Range, float64(r.Nodes)} }},
		{"nodes", "nodes", func(r *manet.Result) float64 { return float64(r.Nodes) }, func(r *manet.Result) [2]float64 { return [2]float64{r.Range, r.SpeedMax} }},
	} {
		base, ok := sweptAround(rows, sweep.x, sweep.others)
		if !ok {
			continue
		}
		x := figure.Axis{Label: sweep.label}
		delivered := &figure.Figure{Name: "manet_" + sweep.name, Title: "Packets received: mean, worst and best member", X: x, Y: figure.Axis{Label: "packets"}}
		frames := &figure.Figure{Name: "manet_" + sweep.name + "_frames", Title: "Frames that all nodes send for a packet", X: x, Y: figure.Axis{Label: "frames", Zero: true}}
		jitter := &figure.Figure{Name: "manet_" + sweep.name + "_jitter", Title: "Deviation of the time between arrivals at a member", X: x, Y: figure.Axis{Label: "ms", Zero: true}}
		for _, group := range grouped(rows, sweep.x, func(r *manet.Result) bool { return sweep.others(r) == base }) {
			delivered.Add(group.protocol, figure.Point{X: group.x, Y: group.mean, Low: group.low, High: group.high})
			frames.Add(group.protocol, figure.Point{X: group.x, Y: group.frames})
			jitter.Add(group.protocol, figure.Point{X: group.x, Y: group.jitter})
		}
		figures = append(figures, delivered, frames, jitter)
	}
	return figures
}

// sweptAround returns what the other parameters are where one takes several values.
func sweptAround(rows []manet.Result, x func(*manet.Result) float64, others func(*manet.Result) [2]float64) (base [2]float64, ok bool) {
	first := map[[2]float64]float64{}
	for i := range rows {
		r := &rows[i]
		if v, known := first[others(r)]; known && v != x(r) {
			return others(r), true
		} else if !known {
			first[others(r)] = x(r)
		}
	}
	return base, false
}

// manetPoint is a protocol at one value, over all seeds.
type manetPoint struct {
	protocol       string
	x              float64
	mean, low      float64 // packets of the mean member, and of the worst,
	high           float64 // and of the best, each the mean over seeds
	frames, jitter float64
}

// grouped returns the points of the rows that are wanted, in the order of rows.
func grouped(rows []manet.Result, x func(*manet.Result) float64, wanted func(*manet.Result) bool) (points []manetPoint) {
	var counts []float64
	for i := range rows {
		r := &rows[i]
		if !wanted(r) {
			continue
		}
		at := 0
		for at < len(points) && (points[at].protocol != r.Protocol || points[at].x != x(r)) {
			at++
		}
		if at == len(points) {
			points, counts = append(points, manetPoint{protocol: r.Protocol, x: x(r)}), append(counts, 0)
		}
		counts[at]++
		p, packets := &points[at], float64(r.Packets)
		for _, v := range []struct {
			mean  *float64
			value float64
		}{
			{&p.mean, packets * r.DeliveredMean}, {&p.low, packets * r.DeliveredMin}, {&p.high, packets * r.DeliveredMax}, {&p.frames, r.Frames}, {&p.jitter, r.Jitter},
		} {
			*v.mean += (v.value - *v.mean) / counts[at]
		}
	}
	for i := range points { // also after rounding
		points[i].low, points[i].high = min(points[i].low, points[i].mean), max(points[i].high, points[i].mean)
	}
	return points
}
