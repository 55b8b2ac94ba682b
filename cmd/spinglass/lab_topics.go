package main

import (
	"context"
	"fmt"
	"io"
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
	Ratings    bool    `json:"ratings"`
	Seed       uint64  `json:"seed"`
	Bytes      float64 `json:"bytes_per_s_per_member"` // received
	Wanted     float64 `json:"wanted_per_s"`           // messages that a member wants
	Delivered  float64 `json:"delivered"`              // part of them
	Constant   float64 `json:"constant"`               // of the line through the members by what they want: bytes a second,
	Slope      float64 `json:"bytes_per_wanted"`       // and for each message
	Typical    float64 `json:"residual_rms"`           // how far members are from it, as a part of their bytes
	Residual   float64 `json:"residual_max"`
}

func newLabTopics() *cobra.Command {
	members, counts, seconds, seeds, seed, full, out := []int{100}, []int{10, 100, 1000, 10_000}, 10, 1, uint64(1), fullFlag{}, labOutput{}
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "What a member receives, by the number of topics in the mesh at fixed interests",
		Long: "Members subscribe to eight topics each, at ratings from 0.2 to 1, of ever more topics that members publish to, 20 messages of 500 bytes a second each. It counts the bytes that a member receives, with ratings and " +
			"without, and fits a line through the members by the messages that they want.",
		Example: "  spinglass lab topics --topics 10,1000 --seconds 100 --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&series[topics.Config, topicsResult]{
				full: &full, grid: func() ([]topics.Config, error) { return topicsRuns(members, counts, seconds, seeds, seed) },
				name: func(c *topics.Config) string { return fmt.Sprintf("%d members, %d topics", c.Members, c.Topics) },
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
	flags.IntSliceVar(&members, "members", members, "members, who all know each other")
	flags.IntSliceVar(&counts, "topics", counts, "topics in the mesh")
	flags.IntVar(&seconds, "seconds", seconds, "seconds for which bytes are counted: samples are the better the longer")
	seedFlags(cmd, &seeds, &seed)
	full.flag(cmd, "1000 members for 100 seconds, where no others are given: takes hours and 2 GB")
	fullValue(&full, "members", &members, []int{1000})
	fullValue(&full, "seconds", &seconds, 100)
	out.flags(cmd)
	return cmd
}

// topicsRuns returns the runs of the experiment.
func topicsRuns(members, counts []int, seconds, seeds int, seed uint64) (runs []topics.Config, err error) {
	for _, err := range []error{
		compare.Within("members", members, 2, topics.MembersMax), compare.Within("topics", counts, 8, topics.TopicsMax), compare.Within("seconds", []int{seconds}, 1, 3600),
		compare.Within("seeds", []int{seeds}, 1, compare.SeedsMax),
	} {
		if err != nil {
			return nil, err
		}
	}
	for _, n := range members {
		for _, plain := range []bool{false, true} {
			for _, count := range counts {
				for i := range seeds {
					c := topics.DefaultConfig(n, count)
					c.Plain, c.Duration, c.Seed = plain, time.Duration(seconds)*time.Second, seed+uint64(i)
					runs = append(runs, c)
				}
			}
		}
	}
	return runs, nil
}

func runLabTopics(ctx context.Context, c topics.Config) (topicsResult, error) {
	if err := ctx.Err(); err != nil {
		return topicsResult{}, err
	}
	r, err := topics.Run(c)
	return topicsResult{
		Experiment: "topics", Protocol: "gravity", Members: c.Members, Topics: c.Topics, Ratings: !c.Plain, Seed: c.Seed, Bytes: r.Bytes, Wanted: r.Wanted, Delivered: r.Delivered,
		Constant: r.Constant, Slope: r.Slope, Typical: r.Typical, Residual: r.Residual,
	}, err
}

func writeLabTopics(w io.Writer, first bool, r *topicsResult) {
	const format = "%8s %7s %8s %5s %9s %10s %10s %9s %10s %9s %9s\n"
	if first {
		fmt.Fprintf(w, format, "members", "topics", "ratings", "seed", "bytes/s", "wanted/s", "delivered", "constant", "bytes each", "residual", "farthest")
	}
	fmt.Fprintf(w, format, fmt.Sprint(r.Members), fmt.Sprint(r.Topics), fmt.Sprint(r.Ratings), fmt.Sprint(r.Seed), fmt.Sprintf("%.0f", r.Bytes), fmt.Sprintf("%.1f", r.Wanted), percent(r.Delivered),
		fmt.Sprintf("%.0f", r.Constant), fmt.Sprintf("%.0f", r.Slope), percent(r.Typical), percent(r.Residual))
}

// drawLabTopics draws what a member receives.
func drawLabTopics(rows []topicsResult) []*figure.Figure {
	f := &figure.Figure{
		Name: "topics", Title: "Received by a member that wants eight topics", X: figure.Axis{Label: "topics in the mesh", Log: true}, Y: figure.Axis{Label: "bytes per second", Zero: true},
	}
	for _, r := range rows {
		name := "all of each topic"
		if r.Ratings {
			name = "ratings of 0.2 to 1"
		}
		f.Observe(fmt.Sprintf("%s, %d members", name, r.Members), float64(r.Topics), r.Bytes)
	}
	return []*figure.Figure{f}
}
