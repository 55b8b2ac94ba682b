package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"spinglass/lab/compare"
	"spinglass/lab/figure"
	"spinglass/lab/load"
)

// scaleMembersMax bounds the groups of the experiment: a member takes 150 KB.
const scaleMembersMax = 200_000

// scaleResult is a row.
type scaleResult struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"`
	Loss       float64 `json:"loss"`
	Seed       uint64  `json:"seed"`
	Bytes      float64 `json:"bytes_per_s_per_member"`
	Packets    float64 `json:"packets_per_s_per_member"`
	Busiest    float64 `json:"packets_per_s_p99"` // of members, that 99 of 100 do not exceed
	Rounds     float64 `json:"rounds_to_all"`     // of a message, in the mean
	RoundsMost float64 `json:"rounds_to_all_max"`
	Missing    uint64  `json:"missing"` // messages that members never got
}

func newLabScale() *cobra.Command {
	members, loss, seeds, seed, full, out := []int{100, 300, 1000, 3000}, []float64{0.001}, 1, uint64(1), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "scale",
		Short: "Load of a member, and rounds until all have a message, by the size of the group",
		Long: "Four members publish ten packets of 300 bytes a second each to a group in zones of 64, whose members know all of their zone and a few of each other one. It counts what a member " +
			"sends and receives, and the rounds of gossip until all members have a message.",
		Example: "  spinglass lab scale --members 100,10000 --loss 0.001,0.05 --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[load.Config, scaleResult]{
				full: &full, grid: func() ([]load.Config, error) { return scaleRuns(members, loss, seeds, seed) },
				name: func(c *load.Config) string { return fmt.Sprintf("%d members", c.Members) },
				run: func(ctx context.Context, c load.Config, tell func(string)) (scaleResult, error) {
					prepare(c.Members)
					tell(fmt.Sprintf("%v of virtual time", c.Warmup+c.Duration+10*time.Second))
					return runLabScale(ctx, c)
				},
				write: writeLabScale, draw: drawLabScale, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&members, "members", members, "members of the group")
	flags.Float64SliceVar(&loss, "loss", loss, "part of the datagrams that are lost")
	seedFlags(cmd, &seeds, &seed)
	full.flag(cmd, "100 to 100000 members, where no others are given: takes half an hour and 15 GB")
	fullValue(&full, "members", &members, []int{100, 1000, 10_000, 100_000})
	out.flags(cmd)
	return cmd
}

// scaleRuns returns the runs of the experiment.
func scaleRuns(members []int, loss []float64, seeds int, seed uint64) (runs []load.Config, err error) {
	for _, err := range []error{
		compare.Within("members", members, 4, scaleMembersMax), compare.Within("loss", loss, 0, 0.5), compare.Within("seeds", []int{seeds}, 1, compare.SeedsMax),
	} {
		if err != nil {
			return nil, err
		}
	}
	for _, l := range loss {
		for _, n := range members {
			for i := range seeds {
				c := load.DefaultConfig(n)
				c.Loss, c.Seed = l, seed+uint64(i)
				runs = append(runs, c)
			}
		}
	}
	return runs, nil
}

func runLabScale(ctx context.Context, c load.Config) (scaleResult, error) {
	if err := ctx.Err(); err != nil {
		return scaleResult{}, err
	}
	r, err := load.Run(c)
	return scaleResult{
		Experiment: "scale", Protocol: "bimodal", Members: c.Members, Loss: c.Loss, Seed: c.Seed, Bytes: r.Bytes.Mean, Packets: r.Packets.Mean, Busiest: r.Packets.P99,
		Rounds: r.Rounds.Mean, RoundsMost: r.Rounds.Most, Missing: r.Expected - r.Delivered,
	}, err
}

func writeLabScale(w io.Writer, first bool, r *scaleResult) {
	const format = "%8s %7s %5s %11s %11s %11s %14s %8s %8s\n"
	if first {
		fmt.Fprintf(w, format, "members", "loss", "seed", "packets/s", "p99", "bytes/s", "rounds to all", "at most", "missing")
	}
	fmt.Fprintf(w, format, fmt.Sprint(r.Members), percent(r.Loss), fmt.Sprint(r.Seed), fmt.Sprintf("%.1f", r.Packets), fmt.Sprintf("%.1f", r.Busiest), fmt.Sprintf("%.0f", r.Bytes),
		fmt.Sprintf("%.2f", r.Rounds), fmt.Sprintf("%.1f", r.RoundsMost), fmt.Sprint(r.Missing))
}

// drawLabScale draws the load of a member, and the rounds until all have a message.
func drawLabScale(rows []scaleResult) []*figure.Figure {
	members := figure.Axis{Label: "members", Log: true}
	packets := &figure.Figure{Name: "scale_load", Title: "Load of a member", X: members, Y: figure.Axis{Label: "packets per second", Zero: true}}
	rounds := &figure.Figure{Name: "scale_rounds", Title: "Rounds until all have a message", X: members, Y: figure.Axis{Label: "rounds", Zero: true}}
	for _, r := range rows {
		name := "bimodal, loss " + percent(r.Loss)
		packets.Observe(name, float64(r.Members), r.Packets)
		rounds.Observe(name, float64(r.Members), r.Rounds)
	}
	return []*figure.Figure{packets, rounds}
}
