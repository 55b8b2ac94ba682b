package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c := config{regions: 8, phase: 20 * time.Second, seed: 1}
	flag.IntVar(&c.regions, "regions", c.regions, "regions of the grid, an even number")
	flag.DurationVar(&c.phase, "phase", c.phase, "how long it is calm, storms, and is calm again")
	flag.Uint64Var(&c.seed, "seed", c.seed, "of loads, contracts and network")
	flag.Parse()
	if err := compare(ctx, c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "powergrid:", err)
		os.Exit(1)
	}
}

// compare runs the policies in equal worlds, and prints what they do.
func compare(ctx context.Context, c config, out io.Writer) error {
	if err := c.validate(); err != nil {
		return err
	}
	var results []*result
	for _, p := range []policy{byDistance, interest, everything, cut} {
		fmt.Fprintf(out, "simulating: %s\n", p.name)
		r, err := simulate(ctx, c, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		results = append(results, r)
	}
	fmt.Fprintln(out)
	return report(out, results)
}
