package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"spinglass/cmd/spinglass/internal/bench"
)

const benchWarmUp = 500 * time.Millisecond

type benchSettings struct {
	members  int
	sizes    []int
	duration time.Duration
	spread   string
	window   int
	json     bool
}

func newBench() *cobra.Command {
	var s benchSettings
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what a fleet on this machine sustains without loss",
		Long: "Starts a fleet on this machine, over real sockets. One member publishes as fast as the slowest of the others " +
			"receives. Afterwards plain UDP does the same without a protocol, for comparison.",
		Example: "  spinglass bench --size 100,1200,7168",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, size := range s.sizes {
				options := s.options(size)
				if err := options.Check(); err != nil {
					return &usageError{err}
				}
			}
			return s.run(cmd)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&s.members, "members", 8, "members of the fleet, the publisher among them")
	flags.IntSliceVar(&s.sizes, "size", []int{1200}, "bytes of a message; several give several results")
	flags.DurationVar(&s.duration, "duration", 5*time.Second, "how long to measure")
	flags.StringVar(&s.spread, "spread", string(bench.SpreadAuto), "how packets reach the receivers: auto, direct, tree or multicast")
	flags.IntVar(&s.window, "window", 0, "messages that the publisher may be ahead of the slowest receiver (default by the size)")
	flags.BoolVar(&s.json, "json", false, "print one JSON object per size")
	return cmd
}

func (s *benchSettings) options(size int) bench.Options {
	return bench.Options{
		Members: s.members, Size: size, Duration: s.duration, WarmUp: benchWarmUp, Spread: bench.Spread(s.spread), Window: s.window,
	}
}

func (s *benchSettings) run(cmd *cobra.Command) error {
	out := newOutput(cmd.OutOrStdout())
	progress := newProgress(cmd.ErrOrStderr())
	for i, size := range s.sizes {
		progress.show("measuring messages of %d bytes, %d of %d", size, i+1, len(s.sizes))
		result, err := bench.Run(cmd.Context(), s.options(size))
		progress.clear()
		if err != nil {
			return err
		}
		if s.json {
			err = out.object(&result)
		} else {
			writeBenchResult(out, &result)
		}
		if err != nil {
			return err
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
	return nil
}

func writeBenchResult(w io.Writer, r *bench.Result) {
	fmt.Fprintf(w, "%d members, messages of %d bytes, window of %d messages:\n", r.Members, r.Size, r.Window)
	fmt.Fprintf(w, "  published   %.0f per second\n", r.Published)
	fmt.Fprintf(w, "  delivered   %.0f per second at each receiver, %.1f MB/s; %d lost\n", r.Delivered, r.Megabytes, r.Lost)
	fmt.Fprintf(w, "  latency     %.0f us at the median, %.0f us at the 99th percentile\n", r.P50, r.P99)
	fmt.Fprintf(w, "  cost        %.2f us of processor and %.4f allocations per delivery, %.1f MB per member\n", r.CPU, r.Allocations, r.Resident)
	fmt.Fprintf(w, "  plain UDP   %.0f deliveries per second in all; this is %.1f %% of it\n", r.Raw, r.Ratio*100)
}
