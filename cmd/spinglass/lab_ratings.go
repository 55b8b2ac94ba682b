package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/ratings"
)

// ratingClass is a row of a run that has several.
type ratingClass struct {
	ratings.Config
	class int
}

func newLabRatings() *cobra.Command {
	grid, out := ratings.DefaultGrid(), labOutput{}
	cmd := &cobra.Command{
		Use:   "ratings",
		Short: "What members get of a topic and what that costs them, against how much of it they want, by protocol",
		Long: "One member publishes to classes of members with different ratings, the fractions of the messages that they want. There is a row for each class of a run: the fraction that its " +
			"members got, and what they sent and received.",
		Example: "  spinglass lab ratings --ratings 1,0.5,0.1 --members 60 --loss 0,0.2\n  spinglass lab ratings --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var rows []ratings.Result // of the run at hand
			return (&series[ratingClass, ratings.Result]{
				grid: func() ([]ratingClass, error) { return ratingClasses(&grid) },
				name: func(c *ratingClass) string { return c.Protocol.Name },
				run: func(ctx context.Context, c ratingClass, tell func(string)) (ratings.Result, error) {
					if c.class == 0 {
						var err error
						if rows, err = ratings.Run(ctx, c.Config, tell); err != nil {
							return ratings.Result{}, err
						}
					}
					return rows[c.class], nil
				},
				write: writeLabRatings, draw: drawLabRatings, out: out,
			}).do(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&grid.Protocols, "protocol", grid.Protocols, strings.Join(ratings.ProtocolNames(), ", "))
	flags.IntVar(&grid.Members, "members", grid.Members, "members of all classes together, the publisher included")
	flags.Float64SliceVar(&grid.Ratings, "ratings", grid.Ratings, "fractions that the classes want, the highest first")
	flags.Float64SliceVar(&grid.Loss, "loss", grid.Loss, "part of the datagrams that are lost")
	flags.IntVar(&grid.Rate, "rate", grid.Rate, "messages a second")
	flags.IntVar(&grid.Size, "size", grid.Size, "bytes of a message")
	flags.IntVar(&grid.Seconds, "seconds", grid.Seconds, "for which is published")
	seedFlags(cmd, &grid.Seeds, &grid.Seed)
	out.flags(cmd)
	return cmd
}

// ratingClasses returns the rows of all runs.
func ratingClasses(grid *ratings.Grid) (classes []ratingClass, err error) {
	runs, err := grid.Runs()
	for _, c := range runs {
		for i := range c.Ratings {
			classes = append(classes, ratingClass{c, i})
		}
	}
	return classes, err
}

func writeLabRatings(w io.Writer, first bool, r *ratings.Result) {
	const format = "%-14s %5s %5s %7s %10s %9s %12s %10s %9s %8s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "loss", "seed", "rating", "delivered", "bytes/s", "received/s", "packets/s", "copies", "mean ms")
	}
	fmt.Fprintf(w, format, r.Protocol, percent(r.Loss), fmt.Sprint(r.Seed), fmt.Sprint(r.Rating), fmt.Sprintf("%.3f", r.Delivered), fmt.Sprintf("%.0f", r.Bytes), fmt.Sprintf("%.0f", r.Received),
		fmt.Sprintf("%.1f", r.Packets), fmt.Sprintf("%.3f", r.Copies), fmt.Sprintf("%.0f", r.Mean))
}

// drawLabRatings draws what members get and pay against what they want.
func drawLabRatings(rows []ratings.Result) []*figure.Figure {
	rating := figure.Axis{Label: "rating", Zero: true}
	delivered := &figure.Figure{Name: "ratings", Title: "What a member gets", X: rating, Y: figure.Axis{Label: "part of the messages", Zero: true}}
	bytes := &figure.Figure{Name: "ratings_load", Title: "What a member pays", X: rating, Y: figure.Axis{Label: "bytes per second, sent and received", Zero: true}}
	copies := &figure.Figure{Name: "ratings_copies", Title: "Copies that a member hands on", X: rating, Y: figure.Axis{Label: "per message", Zero: true}}
	for _, r := range rows {
		name := r.Protocol + ", loss " + percent(r.Loss)
		delivered.Observe(name, r.Rating, r.Delivered)
		bytes.Observe(name, r.Rating, r.Bytes)
		copies.Observe(name, r.Rating, r.Copies)
	}
	return []*figure.Figure{delivered, bytes, copies}
}
