package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"spinglass/cmd/spinglass/internal/bench"
)

// benchMember is the hidden command that serves one member of a benchmark in a process of its own.
const benchMember = "bench-member"

type benchSettings struct {
	options   bench.Options
	sizes     []int
	processes bool
	json      bool
}

func newBench() *cobra.Command {
	var s benchSettings
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what a fleet on this machine sustains without loss",
		Long: "Starts a fleet on this machine, over real sockets, and finds the highest rate at which every receiver gets everything, in order, " +
			"without growing delay. Then it measures latency at half of that rate, and what healthy members receive while others sleep. " +
			"Afterwards plain UDP does the same without a protocol, for comparison.",
		Example: "  spinglass bench --size 100,1200,7168\n  spinglass bench --processes --perturbed 0.25 --sleep 0.9\n  spinglass bench --rate 10000",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("rate") && s.options.Rate == 0 {
				return usagef("--rate: 0 messages per second cannot be measured")
			}
			if s.processes {
				s.options.Process = []string{benchMember}
			}
			for _, size := range s.sizes {
				s.options.Size = size
				if err := s.options.Check(); err != nil {
					return &usageError{err}
				}
			}
			return s.run(cmd)
		},
	}
	flags, o := cmd.Flags(), &s.options
	flags.IntVar(&o.Members, "members", 8, "members of the fleet, the publisher among them")
	flags.IntSliceVar(&s.sizes, "size", []int{1200}, "bytes of a message; several give several results")
	flags.DurationVar(&o.Duration, "duration", 5*time.Second, "how long to measure, each time")
	flags.StringVar(&o.Spread, "spread", "auto", "how packets reach the receivers: auto, direct, tree or multicast")
	flags.IntVar(&o.Datagram, "datagram", 0, "bytes of the largest datagrams, such as 1344 as over an Ethernet (default as large as loopback allows)")
	flags.BoolVar(&o.Open, "open", false, "without identities, so that nothing is sealed or signed: to see what that costs")
	flags.IntVar(&o.Window, "window", 0, "messages ahead of the slowest receiver in the closed loop that the search begins with (default by the size)")
	flags.Float64Var(&o.Rate, "rate", 0, "messages per second to offer, instead of searching for the highest rate")
	flags.BoolVar(&s.processes, "processes", false, "run each member in a process of its own")
	flags.Float64Var(&o.Perturbed, "perturbed", 0, "part of the members that sleep, at half of the highest rate or at the offered one")
	flags.Float64Var(&o.Sleep, "sleep", 0.5, "part of the time that these are asleep")
	flags.BoolVar(&s.json, "json", false, "print one JSON object per size")
	return cmd
}

// newBenchMember is for bench --processes only.
func newBenchMember() *cobra.Command {
	return &cobra.Command{
		Use: benchMember, Hidden: true, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return bench.Serve(cmd.Context()) },
	}
}

func (s *benchSettings) run(cmd *cobra.Command) error {
	out := newOutput(cmd.OutOrStdout())
	progress := newProgress(cmd.ErrOrStderr())
	for i, size := range s.sizes {
		s.options.Size = size
		result, err := bench.Run(cmd.Context(), s.options, func(text string) {
			progress.show("messages of %d bytes, %d of %d: %s", size, i+1, len(s.sizes), text)
		})
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
	fmt.Fprintf(w, "%d members, messages of %d bytes:\n", r.Members, r.Size)
	switch {
	case r.Offered > 0 && r.Sustained:
		fmt.Fprintf(w, "  offered     %.0f per second, which was sustained\n", r.Offered)
	case r.Offered > 0:
		fmt.Fprintf(w, "  offered     %.0f per second, which was not sustained\n", r.Offered)
	case r.Sustained:
		fmt.Fprintf(w, "  sustained   %.0f per second, found in %d trials\n", r.Published, r.Steps)
	default:
		fmt.Fprintf(w, "  no rate was sustained in %d trials; the last one was at %.0f per second\n", r.Steps, r.Published)
	}
	if r.Limit != "" {
		fmt.Fprintf(w, "  beyond it   %s\n", r.Limit)
	}
	fmt.Fprintf(w, "  delivered   %.0f per second at each receiver, %.1f MB/s; %d lost\n", r.Delivered, r.Megabytes, r.Lost)
	at := r.Offered
	if at == 0 {
		at = r.HalfRate
	}
	fmt.Fprintf(w, "  latency     %.0f us at the median, %.0f us at the 99th percentile, at %.0f per second\n", r.P50, r.P99, at)
	fmt.Fprintf(w, "  cost        %.2f us of processor and %.4f allocations per delivery, %.1f MB per member\n", r.CPU, r.Allocations, r.Resident)
	if p := r.Perturbed; p != nil {
		fmt.Fprintf(w, "  perturbed   %d members asleep %.0f %% of the time, at %.0f per second:\n", p.Members, p.Sleep*100, p.Offered)
		fmt.Fprintf(w, "              healthy members got %.4f %% of all messages, at %.1f %% of the rate, %.1f %% in the worst 500 ms of any\n",
			p.HealthyDelivered*100, p.HealthyMean*100, p.HealthyWorst*100)
		fmt.Fprintf(w, "              perturbed members got %.4f %%; %d gaps told them of %d missing messages\n",
			p.PerturbedDelivered*100, p.Gaps, p.GapMessages)
	}
	fmt.Fprintf(w, "  plain UDP   %.0f per second at each receiver; this is %.1f %% of it\n", r.Raw, r.Ratio*100)
	if r.Single > 0 && r.Single != r.Raw {
		fmt.Fprintf(w, "              %.0f with one message a datagram; this is %.1f %% of it\n", r.Single, r.SingleRatio*100)
	}
}
