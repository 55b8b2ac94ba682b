package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/topics"
)

// topicsResult is a row.
type topicsResult struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Members    int     `json:"members"`
	Topics     int     `json:"topics"`
	Seed       uint64  `json:"seed"`
	Bytes      float64 `json:"bytes_per_s_per_member"` // received
	Wanted     float64 `json:"wanted_per_s"`           // messages that a member wants
	Delivered  float64 `json:"delivered"`              // part of those that it is to be sent
	Constant   float64 `json:"constant"`               // of the line through the members by what they want: bytes a second,
	Slope      float64 `json:"bytes_per_wanted"`       // and for each message
	Typical    float64 `json:"residual_rms"`           // how far members are from it, as a part of their bytes
	Residual   float64 `json:"residual_max"`
	Even       float64 `json:"residual_max_by_delivered"` // the same from the line by what they were delivered
}

func newLabTopics() *cobra.Command {
	grid, full, out := topics.DefaultGrid(), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "What a member receives, by the number of topics in the mesh at fixed interests",
		Long: "Members want eight topics each, at ratings from 0.2 to 1, of ever more topics that members publish to, 20 messages of 500 bytes a second each. It counts the bytes that a member receives and fits a line through the " +
			"members by the messages that they want: with ratings (gravity), with subscriptions to whole topics (plain), with a mesh for each topic (meshes), and where everything is sent to all (uniform). Worlds that are too large " +
			"are left out: uniform beyond 200 topics with 100 members, meshes of more than 789 members with 10 topics.",
		Example: "  spinglass lab topics --protocol gravity --topics 10,1000 --seconds 200 --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[topics.Config, topicsResult]{
				full: &full, grid: grid.Runs,
				name: func(c *topics.Config) string {
					return fmt.Sprintf("%s, %d members, %d topics", c.Protocol, c.Members, c.Topics)
				},
				run: func(ctx context.Context, c topics.Config, tell func(string)) (topicsResult, error) {
					prepare(c.Members)
					tell(fmt.Sprintf("%v of virtual time", c.Warmup+c.Duration))
					return runLabTopics(ctx, c)
				},
				write: writeLabTopics, draw: drawLabTopics, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, strings.Join(topics.Names(), ", "))
	flags.IntSliceVar(&grid.Members, "members", grid.Members, "members, who all know each other")
	flags.IntSliceVar(&grid.Topics, "topics", grid.Topics, "topics in the mesh")
	flags.IntVar(&grid.Seconds, "seconds", grid.Seconds, "seconds for which bytes are counted: samples are the better the longer")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	full.flag(cmd, "1000 members for 200 seconds with protocol gravity, where no others are given: takes a quarter of an hour and 2 GB")
	larger := topics.FullGrid()
	fullValue(&full, "protocol", &grid.Protocols, larger.Protocols)
	fullValue(&full, "members", &grid.Members, larger.Members)
	fullValue(&full, "seconds", &grid.Seconds, larger.Seconds)
	out.flags(cmd)
	return cmd
}

func runLabTopics(ctx context.Context, c topics.Config) (topicsResult, error) {
	if err := ctx.Err(); err != nil {
		return topicsResult{}, err
	}
	r, err := topics.Run(c)
	return topicsResult{
		Experiment: "topics", Protocol: string(c.Protocol), Members: c.Members, Topics: c.Topics, Seed: c.Seed, Bytes: r.Bytes, Wanted: r.Wanted, Delivered: r.Delivered,
		Constant: r.Constant, Slope: r.Slope, Typical: r.Typical, Residual: r.Residual, Even: r.Even,
	}, err
}

func writeLabTopics(w io.Writer, first bool, r *topicsResult) {
	const format = "%-9s %8s %7s %5s %10s %9s %10s %10s %11s %9s %9s %13s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "members", "topics", "seed", "bytes/s", "wanted/s", "delivered", "constant", "bytes each", "residual", "farthest", "by delivered")
	}
	fmt.Fprintf(w, format, r.Protocol, fmt.Sprint(r.Members), fmt.Sprint(r.Topics), fmt.Sprint(r.Seed), fmt.Sprintf("%.0f", r.Bytes), fmt.Sprintf("%.1f", r.Wanted), percent(r.Delivered),
		fmt.Sprintf("%.0f", r.Constant), fmt.Sprintf("%.0f", r.Slope), percent(r.Typical), percent(r.Residual), percent(r.Even))
}

// drawLabTopics draws what a member receives.
func drawLabTopics(rows []topicsResult) []*figure.Figure {
	f := &figure.Figure{
		Name: "topics", Title: "Received by a member that wants eight topics", X: figure.Axis{Label: "topics in the mesh", Log: true}, Y: figure.Axis{Label: "bytes per second", Log: true},
	}
	for _, r := range rows {
		f.Observe(fmt.Sprintf("%s, %d members", r.Protocol, r.Members), float64(r.Topics), r.Bytes)
	}
	return []*figure.Figure{f}
}
