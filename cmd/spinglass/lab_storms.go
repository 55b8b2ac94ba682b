package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/storms"
	"spinglass/lab/throughput"
)

func newLabStorms() *cobra.Command {
	grid, full, out := storms.DefaultGrid(), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "storms",
		Short: "Requests and repairs that each member gets because packets are lost somewhere, by protocol and size of the group",
		Long: "One member publishes 100 packets of 210 bytes a second to a group on a tree of four levels, or on a star, in which every link loses some. A run lasts until the wanted " +
			"number of losses has come about. It counts the requests and the repairs that a member receives.",
		Example: "  spinglass lab storms --protocol srm,bimodal --members 10,100 --losses 10500\n  spinglass lab storms --topology star --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[storms.Config, storms.Result]{
				full: &full, grid: grid.Runs,
				name:  func(c *storms.Config) string { return fmt.Sprintf("%s, %d members", c.Protocol.Name, c.Members) },
				run:   storms.Run,
				write: writeLabStorms, draw: drawLabStorms, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, "bimodal, srm, srm-adaptive, rmtp, fec, traditional")
	flags.IntSliceVar(&grid.Members, "members", grid.Members, "members of the group")
	flags.StringSliceVar(&grid.Topologies, "topology", grid.Topologies, "tree or star")
	flags.Float64SliceVar(&grid.Loss, "loss", grid.Loss, "part of the packets that every link loses")
	flags.IntVar(&grid.Losses, "losses", grid.Losses, "losses that a run waits for, over all members")
	flags.IntVar(&grid.Seconds, "seconds", grid.Seconds, "that a run takes at least")
	flags.StringVar(&grid.Cost, "cost", grid.Cost, "what hosts take for datagrams: "+strings.Join(throughput.Costs(), ", ")+", or none")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	full.flag(cmd, "the published sizes and beyond, 10 500 losses and 100 seconds, where no others are given: takes hours")
	larger := storms.FullGrid()
	fullValue(&full, "members", &grid.Members, larger.Members)
	fullValue(&full, "topology", &grid.Topologies, larger.Topologies)
	fullValue(&full, "losses", &grid.Losses, larger.Losses)
	fullValue(&full, "seconds", &grid.Seconds, larger.Seconds)
	out.flags(cmd)
	return cmd
}

func writeLabStorms(w io.Writer, first bool, r *storms.Result) {
	const format = "%-14s %-8s %8s %7s %5s %11s %10s %12s %12s %9s %9s %8s %8s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "topology", "members", "loss", "seed", "requests/s", "repairs/s", "repairs", "repairs", "polls/s", "others/s", "losses", "missing")
		fmt.Fprintf(w, format, "", "", "", "", "", "", "", "per request", "per packet", "", "", "", "")
	}
	ratio := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f", *v)
	}
	fmt.Fprintf(w, format, r.Protocol, r.Topology, fmt.Sprint(r.Members), percent(r.Loss), fmt.Sprint(r.Seed), fmt.Sprintf("%.2f", r.Requests), fmt.Sprintf("%.2f", r.Repairs),
		ratio(r.RepairsPerRequest), ratio(r.RepairsPerRecovery), fmt.Sprintf("%.2f", r.Polls), fmt.Sprintf("%.1f", r.Control), fmt.Sprint(r.Losses), fmt.Sprint(r.Missing))
}

// drawLabStorms draws requests and repairs against the size of the group.
func drawLabStorms(rows []storms.Result) []*figure.Figure {
	members := figure.Axis{Label: "members"}
	requests := &figure.Figure{Name: "storms_requests", Title: "Requests received by a member", X: members, Y: figure.Axis{Label: "requests per second", Zero: true}}
	repairs := &figure.Figure{Name: "storms_repairs", Title: "Repairs received by a member", X: members, Y: figure.Axis{Label: "repairs per second", Zero: true}}
	for _, r := range rows {
		name := r.Protocol + ", " + r.Topology
		requests.Observe(name, float64(r.Members), r.Requests)
		repairs.Observe(name, float64(r.Members), r.Repairs)
	}
	return []*figure.Figure{requests, repairs}
}
