package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/links"
)

func newLabLinks() *cobra.Command {
	grid, full, out := links.DefaultGrid(), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "links",
		Short: "How many copies of a packet and its repairs cross the links between sites, by protocol and size of the group",
		Long: "One member publishes 100 packets of 210 bytes a second to a group at several sites, each with one line to the others; every link loses some packets. It counts what crosses the lines of " +
			"the sites and the ports of the members, in both directions together.\n\n" +
			"Protocols that are made for multicast have it, bimodal and traditional have not. Members of bimodal know their own zone, a site, and three representatives of each other one (zones), or " +
			"all members and how far away they are (flat), or all members and nothing of where they are (blind).",
		Example: "  spinglass lab links --protocol bimodal,traditional --members 32,128\n  spinglass lab links --protocol srm --scoped --sites 4,8 --loss 0.001,0.01 --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[links.Config, links.Result]{
				full: &full, grid: grid.Runs,
				name:  func(c *links.Config) string { return fmt.Sprintf("%s, %d members", c.Protocol.Name, c.Members) },
				run:   links.Run,
				write: writeLabLinks, draw: drawLabLinks, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, "bimodal, srm, srm-adaptive, rmtp, fec, traditional")
	flags.IntSliceVar(&grid.Members, "members", grid.Members, "members of the group")
	flags.IntSliceVar(&grid.Sites, "sites", grid.Sites, "sites, of as many members each")
	flags.Float64SliceVar(&grid.Loss, "loss", grid.Loss, "part of the packets that every link loses")
	flags.StringSliceVar(&grid.Views, "view", grid.Views, "what members of bimodal know of each other: zones, flat, blind")
	flags.BoolVar(&grid.Multicast, "multicast", grid.Multicast, "the network has multicast for bimodal and traditional, too")
	flags.BoolVar(&grid.Scoped, "scoped", grid.Scoped, "members of srm and srm-adaptive ask their own site first")
	flags.IntVar(&grid.Seconds, "seconds", grid.Seconds, "for which is published; the first is not counted")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	full.flag(cmd, "larger groups, more sites, loss and views, and longer runs, where no others are given: takes hours")
	larger := links.FullGrid()
	fullValue(&full, "protocol", &grid.Protocols, larger.Protocols)
	fullValue(&full, "members", &grid.Members, larger.Members)
	fullValue(&full, "sites", &grid.Sites, larger.Sites)
	fullValue(&full, "loss", &grid.Loss, larger.Loss)
	fullValue(&full, "view", &grid.Views, larger.Views)
	fullValue(&full, "seconds", &grid.Seconds, larger.Seconds)
	out.flags(cmd)
	return cmd
}

func writeLabLinks(w io.Writer, first bool, r *links.Result) {
	const format = "%-14s %-6s %8s %6s %7s %5s %8s %8s %8s %10s %10s %10s %10s %8s %8s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "view", "members", "sites", "loss", "seed", "line", "", "", "", "busiest", "", "port", "busiest", "missing")
		fmt.Fprintf(w, format, "", "", "", "", "", "", "copies", "repairs", "at most", "packets/s", "packets/s", "bytes/s", "packets/s", "copies", "")
	}
	two := func(v float64) string { return fmt.Sprintf("%.2f", v) }
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	fmt.Fprintf(w, format, r.Protocol, r.View, fmt.Sprint(r.Members), fmt.Sprint(r.Sites), percent(r.Loss), fmt.Sprint(r.Seed), two(r.LineCopies), two(r.LineRepairs), two(r.LineCopiesMost),
		whole(r.LinePackets), whole(r.LineMost), whole(r.LineBytesMost), whole(r.PortPackets), two(r.PortCopiesMost), fmt.Sprint(r.Missing))
}

// drawLabLinks draws what crosses the lines of the sites against the size of the group.
func drawLabLinks(rows []links.Result) []*figure.Figure {
	members := figure.Axis{Label: "members", Log: true}
	copies := &figure.Figure{Name: "links", Title: "Copies of a packet on the line of a site", X: members, Y: figure.Axis{Label: "copies, repairs included", Log: true}}
	busiest := &figure.Figure{Name: "links_busiest", Title: "Copies of a packet on the busiest line", X: members, Y: figure.Axis{Label: "copies, repairs included", Log: true}}
	packets := &figure.Figure{Name: "links_load", Title: "All that crosses the line of a site", X: members, Y: figure.Axis{Label: "packets per second", Log: true}}
	several := map[string]map[any]bool{"sites": {}, "loss": {}}
	for _, r := range rows {
		several["sites"][r.Sites], several["loss"][r.Loss] = true, true
	}
	for _, r := range rows {
		name := r.Protocol
		if r.View != "" {
			name += ", " + r.View
		}
		if len(several["sites"]) > 1 {
			name += fmt.Sprintf(", %d sites", r.Sites)
		}
		if len(several["loss"]) > 1 {
			name += ", loss " + percent(r.Loss)
		}
		n := float64(r.Members)
		copies.Observe(name, n, r.LineCopies)
		busiest.Observe(name, n, r.LineCopiesMost)
		packets.Observe(name, n, r.LinePackets)
	}
	return []*figure.Figure{copies, busiest, packets}
}
