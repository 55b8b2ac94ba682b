package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spinglass/lab/compare"
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

// topicsFlags are the settings of the experiment.
type topicsFlags struct {
	protocols       []string
	members, topics []int
	seconds, seeds  int
	seed            uint64
}

func newLabTopics() *cobra.Command {
	f := topicsFlags{protocols: topics.Names(), members: []int{100}, topics: []int{10, 100, 1000, 10_000}, seconds: 30, seeds: 1, seed: 1}
	full, out := fullFlag{}, labOutput{}
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
				full: &full, grid: f.runs,
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
	flags.StringSliceVar(&f.protocols, "protocol", f.protocols, strings.Join(topics.Names(), ", "))
	flags.IntSliceVar(&f.members, "members", f.members, "members, who all know each other")
	flags.IntSliceVar(&f.topics, "topics", f.topics, "topics in the mesh")
	flags.IntVar(&f.seconds, "seconds", f.seconds, "seconds for which bytes are counted: samples are the better the longer")
	seedFlags(cmd, &f.seeds, &f.seed)
	full.flag(cmd, "1000 members for 200 seconds with protocol gravity, where no others are given: takes a quarter of an hour and 2 GB")
	fullValue(&full, "protocol", &f.protocols, []string{string(topics.Gravity)})
	fullValue(&full, "members", &f.members, []int{1000})
	fullValue(&full, "seconds", &f.seconds, 200)
	out.flags(cmd)
	return cmd
}

// runs returns the runs of the experiment, without those that are too large.
func (f *topicsFlags) runs() (runs []topics.Config, err error) {
	for _, err := range []error{
		compare.Within("members", f.members, 2, topics.MembersMax), compare.Within("topics", f.topics, 8, topics.TopicsMax), compare.Within("seconds", []int{f.seconds}, 1, 3600),
		compare.Within("seeds", []int{f.seeds}, 1, compare.SeedsMax),
	} {
		if err != nil {
			return nil, err
		}
	}
	for _, name := range f.protocols {
		if !slices.Contains(topics.Names(), name) {
			return nil, fmt.Errorf("--protocol: %q is none of %s", name, strings.Join(topics.Names(), ", "))
		}
		for _, n := range f.members {
			for _, count := range f.topics {
				c := topics.DefaultConfig(n, count)
				c.Protocol, c.Duration = topics.Protocol(name), time.Duration(f.seconds)*time.Second
				if large := c.Fits(); large != nil {
					err = large
					continue
				}
				for i := range f.seeds {
					c.Seed = f.seed + uint64(i)
					runs = append(runs, c)
				}
			}
		}
	}
	if len(runs) > 0 {
		err = nil
	}
	return runs, err
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
