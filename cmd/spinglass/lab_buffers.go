package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"spinglass/lab/buffers"
	"spinglass/lab/figure"
)

func newLabBuffers() *cobra.Command {
	grid, full, out := buffers.DefaultGrid(), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "buffers",
		Short: "What members hold of a stream, by protocol and size of the group, with one that sleeps and without",
		Long: "One member publishes at a steady rate to a group in which every link loses some packets and the last members sleep in intervals of 100 ms, each with a given probability. It looks every " +
			"50 ms at what members hold so that it can be repaired or delivered. Nothing stops the sender of the traditional protocol here, so that what it holds is what the rate needs.\n\n" +
			"Each flag that takes several values multiplies the runs.",
		Example: "  spinglass lab buffers --protocol bimodal,traditional --perturb 0,0.3,0.6,0.9\n  spinglass lab buffers --members 32,128 --loss 0,0.01,0.05 --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[buffers.Config, buffers.Result]{
				full: &full, grid: grid.Runs,
				name: func(c *buffers.Config) string {
					return fmt.Sprintf("%s, %d members, perturbed %s", c.Protocol.Name, c.Members, percent(c.Perturb))
				},
				run:   buffers.Run,
				write: writeLabBuffers, draw: drawLabBuffers, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, "bimodal, srm, srm-adaptive, rmtp, fec, traditional")
	flags.IntSliceVar(&grid.Members, "members", grid.Members, "members of the group")
	flags.Float64SliceVar(&grid.Loss, "loss", grid.Loss, "part of the packets that every link loses")
	flags.Float64SliceVar(&grid.Perturb, "perturb", grid.Perturb, "probability that an interval is spent asleep")
	flags.IntVar(&grid.Perturbed, "perturbed-members", grid.Perturbed, "members that sleep")
	flags.IntVar(&grid.Rate, "rate", grid.Rate, "packets a second")
	flags.IntVar(&grid.Size, "size", grid.Size, "bytes of a packet")
	flags.IntVar(&grid.Seconds, "seconds", grid.Seconds, "for which is counted")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	full.flag(cmd, "larger groups, more loss and more seeds, where no others are given: takes hours")
	larger := buffers.FullGrid()
	fullValue(&full, "members", &grid.Members, larger.Members)
	fullValue(&full, "loss", &grid.Loss, larger.Loss)
	fullValue(&full, "perturb", &grid.Perturb, larger.Perturb)
	fullValue(&full, "seconds", &grid.Seconds, larger.Seconds)
	fullValue(&full, "seeds", &grid.Seeds, larger.Seeds)
	out.flags(cmd)
	return cmd
}

func writeLabBuffers(w io.Writer, first bool, r *buffers.Result) {
	const format = "%-14s %8s %6s %9s %5s %9s %9s %9s %9s %9s %9s %9s %8s %9s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "members", "loss", "time", "seed", "sender", "", "member", "", "", "perturbed", "", "missing", "perturbed")
		fmt.Fprintf(w, format, "", "", "", "perturbed", "", "kB", "at most", "kB", "at most", "packets", "kB", "at most", "", "missing")
	}
	kilo := func(v float64) string { return fmt.Sprintf("%.1f", v/1000) }
	fmt.Fprintf(w, format, r.Protocol, fmt.Sprint(r.Members), percent(r.Loss), percent(r.Perturb), fmt.Sprint(r.Seed), kilo(r.SenderBytes), kilo(float64(r.SenderBytesMost)),
		kilo(r.MemberBytes), kilo(float64(r.MemberBytesMost)), fmt.Sprintf("%.1f", r.MemberPackets), kilo(r.PerturbedBytes), kilo(float64(r.PerturbedMost)),
		fmt.Sprint(r.Missing), fmt.Sprint(r.PerturbedMissing))
}

// drawLabBuffers draws what members hold against the size of the group.
func drawLabBuffers(rows []buffers.Result) []*figure.Figure {
	members, bytes := figure.Axis{Label: "members", Log: true}, figure.Axis{Label: "bytes", Log: true}
	mean := &figure.Figure{Name: "buffers", Title: "What a healthy member holds", X: members, Y: bytes}
	most := &figure.Figure{Name: "buffers_max", Title: "What any healthy member holds at most", X: members, Y: bytes}
	sender := &figure.Figure{Name: "buffers_sender", Title: "What the sender holds at most", X: members, Y: bytes}
	losses := map[float64]bool{}
	for _, r := range rows {
		losses[r.Loss] = true
	}
	for _, r := range rows {
		name := fmt.Sprintf("%s, perturbed %s", r.Protocol, percent(r.Perturb))
		if len(losses) > 1 {
			name += ", loss " + percent(r.Loss)
		}
		n := float64(r.Members)
		observe := func(f *figure.Figure, v float64) {
			if v > 0 { // the axis is logarithmic
				f.Observe(name, n, v)
			}
		}
		observe(mean, r.MemberBytes)
		observe(most, float64(r.MemberBytesMost))
		observe(sender, float64(r.SenderBytesMost))
	}
	return []*figure.Figure{mean, most, sender}
}
