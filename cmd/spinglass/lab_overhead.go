package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/overhead"
)

func newLabOverhead() *cobra.Command {
	grid, full, out := overhead.DefaultGrid(), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "overhead",
		Short: "What reliability costs members and the sender, by protocol and size of the group",
		Long: "One member publishes at a constant rate to a group on a tree of four levels in which every link loses some packets. It counts the packets and bytes that members, the " +
			"busiest of them, and the sender send and receive.",
		Example: "  spinglass lab overhead --protocol rmtp,fec,bimodal --members 10,100 --loss 0.001,0.01\n  spinglass lab overhead --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[overhead.Config, overhead.Result]{
				full: &full, grid: grid.Runs,
				name:  func(c *overhead.Config) string { return fmt.Sprintf("%s, %d members", c.Protocol.Name, c.Members) },
				run:   overhead.Run,
				write: writeLabOverhead, draw: drawLabOverhead, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, "bimodal, srm, srm-adaptive, rmtp, fec, traditional")
	flags.IntSliceVar(&grid.Members, "members", grid.Members, "members of the group")
	flags.Float64SliceVar(&grid.Loss, "loss", grid.Loss, "part of the packets that every link loses")
	flags.IntVar(&grid.Rate, "rate", grid.Rate, "packets a second")
	flags.IntVar(&grid.Size, "size", grid.Size, "bytes of a packet")
	flags.IntVar(&grid.Seconds, "seconds", grid.Seconds, "for which is published")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	full.flag(cmd, "groups of up to 1000 members, more loss and longer runs, where no others are given: takes about an hour")
	larger := overhead.FullGrid()
	fullValue(&full, "protocol", &grid.Protocols, larger.Protocols)
	fullValue(&full, "members", &grid.Members, larger.Members)
	fullValue(&full, "loss", &grid.Loss, larger.Loss)
	fullValue(&full, "seconds", &grid.Seconds, larger.Seconds)
	out.flags(cmd)
	return cmd
}

func writeLabOverhead(w io.Writer, first bool, r *overhead.Result) {
	const format = "%-14s %8s %7s %5s %10s %10s %9s %10s %10s %10s %10s %10s %10s %8s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "members", "loss", "seed", "member", "", "", "busiest", "", "sender", "", "", "", "missing")
		fmt.Fprintf(w, format, "", "", "", "", "packets/s", "bytes/s", "overhead", "packets/s", "bytes/s", "packets/s", "bytes/s", "feedback/s", "repairs/s", "")
	}
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	fmt.Fprintf(w, format, r.Protocol, fmt.Sprint(r.Members), percent(r.Loss), fmt.Sprint(r.Seed), fmt.Sprintf("%.1f", r.Packets), whole(r.Bytes), percent(r.Overhead),
		fmt.Sprintf("%.1f", r.BusiestPackets), whole(r.BusiestBytes), fmt.Sprintf("%.1f", r.SenderPackets), whole(r.SenderBytes), fmt.Sprintf("%.1f", r.SenderFeedback),
		fmt.Sprintf("%.2f", r.SenderRepairs), fmt.Sprint(r.Missing))
}

// drawLabOverhead draws the loads of members, of the busiest one and of the sender against the size of the group.
func drawLabOverhead(rows []overhead.Result) []*figure.Figure {
	members, bytes := figure.Axis{Label: "members", Log: true}, figure.Axis{Label: "bytes per second", Log: true}
	each := &figure.Figure{Name: "overhead_member", Title: "Load of a member", X: members, Y: bytes}
	busiest := &figure.Figure{Name: "overhead_busiest", Title: "Load of the busiest member", X: members, Y: bytes}
	sender := &figure.Figure{Name: "overhead_sender", Title: "Load of the sender", X: members, Y: bytes}
	feedback := &figure.Figure{Name: "overhead_feedback", Title: "Packets that the sender receives", X: members, Y: figure.Axis{Label: "packets per second", Zero: true}}
	for _, r := range rows {
		name, n := r.Protocol+", loss "+percent(r.Loss), float64(r.Members)
		each.Observe(name, n, r.Bytes)
		busiest.Observe(name, n, r.BusiestBytes)
		sender.Observe(name, n, r.SenderBytes)
		feedback.Observe(name, n, r.SenderFeedback)
	}
	return []*figure.Figure{each, busiest, sender, feedback}
}
