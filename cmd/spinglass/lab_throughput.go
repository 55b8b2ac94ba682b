package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"spinglass/bimodal"
	"spinglass/lab/figure"
	"spinglass/lab/throughput"
	"spinglass/vsync"
)

type labThroughputSettings struct {
	grid   throughput.Grid
	fault  string
	spread string
	orders []string
	ranks  string
	full   fullFlag
	labOutput
}

func newLabThroughput() *cobra.Command {
	s := labThroughputSettings{
		grid: throughput.DefaultGrid(), fault: throughput.FaultSleep.String(), spread: bimodal.SpreadAuto.String(), orders: []string{vsync.OrderFIFO.String()}, ranks: throughput.RanksSender.String(),
	}
	cmd := &cobra.Command{
		Use:   "throughput",
		Short: "At what rate healthy members are delivered messages while others are perturbed",
		Long: "One sender is eager to send. Some members are perturbed in randomly chosen intervals of 100 ms, each with a given probability: they sleep, or what they send and are sent is " +
			"delayed, or lost. Measured is the rate at a member that is not perturbed, over successive samples of 500 ms: the mean, the least of whole seconds, and the deviation.\n\n" +
			"The traditional protocol is virtual synchrony after Ensemble, whose sender waits for the slowest member; bimodal is the code that ships, with a topic of fixed rate; " +
			"vsync-bimodal is the virtual synchrony that ships, over such a topic. Of the orders fifo, causal, total the traditional protocol has the first and the last.\n\n" +
			"Each flag that takes several values multiplies the runs.",
		Example: "  spinglass lab throughput --members 32,96 --perturb 0,0.3,0.9\n  spinglass lab throughput --protocol traditional --window 50000,200000 --cost processor --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if s.grid.Fault, err = throughput.ParseFault(s.fault); err != nil {
				return usagef("--fault: %w", err)
			}
			if s.grid.Spread, err = bimodal.ParseSpread(s.spread); err != nil {
				return usagef("--spread: %w", err)
			}
			if s.grid.Ranks, err = throughput.ParseRanks(s.ranks); err != nil {
				return usagef("--ranks: %w", err)
			}
			if s.grid.Order, err = parseOrders(s.orders); err != nil {
				return usagef("--order: %w", err)
			}
			return s.run(cmd)
		},
	}
	flags, g := cmd.Flags(), &s.grid
	flags.StringSliceVar(&g.Protocol, "protocol", g.Protocol, strings.Join(throughput.Protocols(), ", "))
	flags.StringSliceVar(&s.orders, "order", s.orders, "of messages, of vsync-bimodal and traditional: fifo, causal, total")
	flags.StringVar(&s.ranks, "ranks", s.ranks, "who has the first ranks of these, of which the first one orders with total order, and changes the view: sender, perturbed")
	flags.IntSliceVar(&g.Members, "members", g.Members, "members of the group, the sender among them")
	flags.Float64SliceVar(&g.Perturb, "perturb", g.Perturb, "probability that an interval is perturbed")
	flags.IntVar(&g.Perturbed, "perturbed-members", g.Perturbed, "members that are perturbed")
	flags.StringVar(&s.fault, "fault", s.fault, "what happens to them: sleep, delay, loss")
	flags.IntVar(&g.Size, "size", g.Size, "bytes of a message")
	flags.StringVar(&s.spread, "spread", s.spread, "by which means bimodal, alone or below vsync, spreads packets: auto, as it ships, direct, tree")
	flags.IntVar(&g.Rate, "rate", g.Rate, "messages a second of the topic of these; 0 for as fast as the crowd allows, as it ships")
	flags.IntSliceVar(&g.Window, "window", g.Window, "bytes that a member may have been sent and not acknowledged, of traditional; 0 for no limit")
	flags.IntSliceVar(&g.Buffer, "buffer", g.Buffer, "bytes that the sender holds until all members are known to have them, of traditional")
	flags.IntVar(&g.Missed, "pings-missed", g.Missed, "pings without an echo after which a member is ejected, of traditional; 0 for never")
	flags.StringVar(&g.Cost, "cost", g.Cost, "what hosts take for datagrams: "+strings.Join(throughput.Costs(), ", "))
	flags.IntVar(&g.Samples, "samples", g.Samples, "samples of 500 ms")
	seedFlags(cmd, &g.Seeds, &g.Seed)
	s.full.flag(cmd, "more sizes, probabilities and seeds, where no other ones are given: takes several minutes")
	larger := throughput.FullGrid()
	fullValue(&s.full, "members", &g.Members, larger.Members)
	fullValue(&s.full, "perturb", &g.Perturb, larger.Perturb)
	fullValue(&s.full, "seeds", &g.Seeds, larger.Seeds)
	s.labOutput.flags(cmd)
	return cmd
}

func (s *labThroughputSettings) run(cmd *cobra.Command) error {
	return (&series[throughput.Config, throughput.Result]{
		full: &s.full, grid: s.grid.Runs,
		name: func(c *throughput.Config) string {
			return fmt.Sprintf("%s, %v, %d members, perturbed %s", c.Protocol, c.Order, c.Members, percent(c.Perturb))
		},
		run: func(ctx context.Context, c throughput.Config, progress func(string)) (throughput.Result, error) {
			progress("running")
			return throughput.Run(ctx, c)
		},
		write: writeLabThroughput, draw: drawLabThroughput, out: s.labOutput,
	}).do(cmd)
}

// parseOrders reads the names of orders.
func parseOrders(names []string) (orders []vsync.Order, err error) {
	for _, name := range names {
		order, err := vsync.ParseOrder(name)
		if err != nil {
			return nil, fmt.Errorf("%q is none of fifo, causal, total", name)
		}
		orders = append(orders, order)
	}
	return orders, nil
}

// drawLabThroughput draws the rate against the probability, a line for each protocol, order, size of group, window and buffer; and below it the least of whole seconds.
func drawLabThroughput(rows []throughput.Result) []*figure.Figure {
	x := figure.Axis{Label: "part of the time perturbed"}
	mean := figure.Figure{Name: "throughput", Title: "Throughput at a healthy member", X: x, Y: figure.Axis{Label: "messages per second", Zero: true}}
	least := figure.Figure{Name: "throughput_min", Title: "Worst second at a healthy member", X: x, Y: figure.Axis{Label: "messages per second", Zero: true}}
	windows, buffers, orders := map[int]bool{}, map[int]bool{}, map[string]bool{}
	for _, r := range rows {
		if r.Order != "" {
			orders[r.Order] = true
		}
		if r.Protocol == throughput.Traditional {
			windows[r.Window], buffers[r.Buffer] = true, true
		}
	}
	for _, r := range rows {
		name := fmt.Sprintf("%s, %d members", r.Protocol, r.Members)
		if len(orders) > 1 && r.Order != "" {
			name = fmt.Sprintf("%s, %s, %d members", r.Protocol, r.Order, r.Members)
		}
		if len(windows) > 1 && r.Protocol == throughput.Traditional {
			name += fmt.Sprintf(", window %d", r.Window)
		}
		if len(buffers) > 1 && r.Protocol == throughput.Traditional {
			name += fmt.Sprintf(", buffer %d", r.Buffer)
		}
		mean.Observe(name, r.Perturb, r.Mean)
		least.Observe(name, r.Perturb, r.Min)
	}
	return []*figure.Figure{&mean, &least}
}

// writeLabThroughput writes a result for people, the first one with a header before it.
func writeLabThroughput(w io.Writer, first bool, r *throughput.Result) {
	const format = "%-13s %6s %8s %9s %6s %10s %5s %10s %10s %10s %10s %11s %10s %8s %9s\n"
	if first {
		fmt.Fprintf(w, format, "protocol", "order", "members", "perturbed", "fault", "time", "seed", "mean", "worst", "deviation", "worst", "perturbed", "window", "ejected", "until")
		fmt.Fprintf(w, format, "", "", "", "members", "", "perturbed", "", "/s", "second", "/s", "of any", "members /s", "bytes", "at s", "then /s")
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	order := cmp.Or(r.Order, "-")
	window, optional := "-", func(v *float64) string {
		if v == nil {
			return "-"
		}
		return number(*v)
	}
	if r.Protocol == throughput.Traditional {
		window = strconv.Itoa(r.Window)
	}
	fmt.Fprintf(w, format, r.Protocol, order, strconv.Itoa(r.Members), strconv.Itoa(r.PerturbedMembers), r.Fault, percent(r.Perturb), strconv.FormatUint(r.Seed, 10),
		number(r.Mean), number(r.Min), number(r.Stddev), number(r.MinAny), number(r.PerturbedMean), window, optional(r.EjectedAt), optional(r.UntilEjection))
}
