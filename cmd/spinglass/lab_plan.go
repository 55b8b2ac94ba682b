package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
	"spinglass/lab/plan"
)

type labPlanSettings struct {
	members                []int
	loss                   []float64
	zone                   int
	rate, target           float64
	size                   int
	latency, remoteLatency time.Duration
	round                  time.Duration
	fanout, life, bufferer int
	verify                 bool
	messages               int
	seed                   uint64
	labOutput
}

// planRow is what lab plan prints. Times are in milliseconds.
type planRow struct {
	Experiment    string  `json:"experiment"`
	Protocol      string  `json:"protocol"`
	Members       int     `json:"members"`
	Zone          int     `json:"zone"`
	Loss          float64 `json:"loss"`
	Rate          float64 `json:"rate"`
	Size          int     `json:"size"`
	Target        float64 `json:"target"`
	Latency       float64 `json:"latency_ms"`
	RemoteLatency float64 `json:"remote_latency_ms"`
	Seed          uint64  `json:"seed"`

	Round       float64 `json:"round_ms"`
	Fanout      int     `json:"fanout"`
	Life        int     `json:"life_rounds"`
	Bufferers   int     `json:"bufferers"`
	FailTimeout float64 `json:"fail_timeout_ms"`
	Unmet       string  `json:"unmet_conditions"`

	PredictedP50    float64 `json:"predicted_p50_ms"`
	PredictedP99    float64 `json:"predicted_p99_ms"`
	PredictedP999   float64 `json:"predicted_p999_ms"`
	PredictedBytes  float64 `json:"predicted_bytes_per_s"`
	PredictedMemory float64 `json:"predicted_memory_bytes"`
	PredictedMiss   float64 `json:"predicted_miss_probability"`
	PredictedEach   float64 `json:"predicted_member_miss_probability"`
	PublishedMiss   float64 `json:"published_chain_miss_probability"`

	SimulatedMessages int      `json:"simulated_messages,omitempty"`
	SimulatedP50      *float64 `json:"simulated_p50_ms,omitempty"`
	SimulatedP99      *float64 `json:"simulated_p99_ms,omitempty"`
	SimulatedP999     *float64 `json:"simulated_p999_ms,omitempty"`
	SimulatedP50Low   *float64 `json:"simulated_p50_low_ms,omitempty"`
	SimulatedP50High  *float64 `json:"simulated_p50_high_ms,omitempty"`
	SimulatedP99Low   *float64 `json:"simulated_p99_low_ms,omitempty"`
	SimulatedP99High  *float64 `json:"simulated_p99_high_ms,omitempty"`
	SimulatedP999Low  *float64 `json:"simulated_p999_low_ms,omitempty"`
	SimulatedP999High *float64 `json:"simulated_p999_high_ms,omitempty"`
	SimulatedBytes    *float64 `json:"simulated_bytes_per_s,omitempty"`
	SimulatedMemory   *float64 `json:"simulated_memory_bytes,omitempty"`
	SimulatedMiss     *float64 `json:"simulated_miss_probability,omitempty"`
	SimulatedEach     *float64 `json:"simulated_member_miss_probability,omitempty"`
	MissError         *float64 `json:"simulated_miss_standard_error,omitempty"`
}

// planRun is one run of lab plan.
type planRun struct {
	setting    plan.Setting
	parameters plan.Parameters
	simulation plan.Simulation
	verify     bool
}

func newLabPlan() *cobra.Command {
	d := plan.DefaultSetting(1000)
	s := labPlanSettings{members: []int{d.Members}, loss: []float64{d.Loss}, rate: d.Rate, size: d.Size, target: d.Target, latency: d.Latency[0], remoteLatency: d.Latency[1], seed: 1}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Which parameters a group needs, and what reliability, latency and load they lead to",
		Long: "Says how to set round, fanout, life, bufferers and T_fail so that messages of one publisher reach all members with a probability, and predicts from a model how long messages " +
			"take, how many bytes a member sends and receives, how much memory it needs, and how likely a message does not reach all. With --verify the code that ships runs with these " +
			"parameters in a simulated network, and what it does is printed beside the prediction. docs/LABORATORY.md says what a network has to be like for the predictions to hold; " +
			"unmet_conditions names what is known not to be.\n\n" +
			"Each flag that takes several values multiplies the runs.",
		Example: "  spinglass lab plan --members 1000 --loss 0.01 --rate 10 --size 300 --target 0.99999\n  spinglass lab plan --members 50,500 --loss 0.01,0.05 --verify --json --out results\n" +
			"  spinglass lab plan --members 50 --loss 0.2 --life 2 --verify",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd)
		},
	}
	s.flags(cmd)
	return cmd
}

func (s *labPlanSettings) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntSliceVar(&s.members, "members", s.members, "members that want the messages")
	flags.IntVar(&s.zone, "zone", 0, "members of a leaf zone, at most (default 64, or as many as it takes for 128 zones)")
	flags.Float64SliceVar(&s.loss, "loss", s.loss, "part of the datagrams that are lost")
	flags.Float64Var(&s.rate, "rate", s.rate, "messages a second")
	flags.IntVar(&s.size, "size", s.size, "bytes of a message")
	flags.Float64Var(&s.target, "target", s.target, "probability that a message is to reach all members")
	flags.DurationVar(&s.latency, "latency", s.latency, "mean time that a datagram takes within a zone; it varies from half of that to one and a half")
	flags.DurationVar(&s.remoteLatency, "remote-latency", s.remoteLatency, "the same between zones")
	flags.DurationVar(&s.round, "round", 0, "round of gossip (default as planned)")
	flags.IntVar(&s.fanout, "fanout", 0, "digests a round (default as planned)")
	flags.IntVar(&s.life, "life", 0, "rounds for which packets are kept (default as planned)")
	flags.IntVar(&s.bufferer, "bufferers", 0, "members of a zone that keep packets for their life (default as planned)")
	flags.BoolVar(&s.verify, "verify", false, "simulate the same, and print what comes of it beside the prediction")
	flags.IntVar(&s.messages, "messages", 0, "messages that are measured with --verify (default as many as make three million deliveries, from 200 to 10000)")
	flags.Uint64Var(&s.seed, "seed", s.seed, "seed of the simulation")
	s.labOutput.flags(cmd)
}

// Deliveries that a simulation measures where nothing is said, and bounds of the messages that this takes.
const (
	planDeliveries  = 3_000_000
	planMessagesMin = 200
	planMessagesMax = 10_000
)

// runs returns a run for each number of members and loss.
func (s *labPlanSettings) runs(cmd *cobra.Command) ([]planRun, error) {
	var runs []planRun
	for _, members := range s.members {
		for _, loss := range s.loss {
			r := planRun{setting: plan.DefaultSetting(members), verify: s.verify}
			r.setting.Loss, r.setting.Rate, r.setting.Size, r.setting.Target = loss, s.rate, s.size, s.target
			r.setting.Latency = [2]time.Duration{s.latency, s.remoteLatency}
			if cmd.Flags().Changed("zone") {
				r.setting.Zone = s.zone
			}
			if err := s.plan(cmd, &r); err != nil {
				var out *plan.RangeError
				if errors.As(err, &out) {
					return nil, usagef("--%s", out)
				}
				return nil, err
			}
			r.simulation = plan.Simulation{Messages: min(max(planDeliveries/members, planMessagesMin), planMessagesMax), Seed: s.seed}
			if cmd.Flags().Changed("messages") {
				r.simulation.Messages = s.messages
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// plan chooses the parameters of a run, but for those that are given.
func (s *labPlanSettings) plan(cmd *cobra.Command, r *planRun) error {
	err := r.setting.Validate()
	if err != nil {
		return err
	}
	if r.parameters, err = plan.Choose(r.setting); err != nil {
		return err
	}
	p := &r.parameters
	for flag, take := range map[string]func(){
		"round": func() { p.Round = s.round }, "fanout": func() { p.Fanout = s.fanout }, "life": func() { p.Life = s.life }, "bufferers": func() { p.Bufferers = s.bufferer },
	} {
		if cmd.Flags().Changed(flag) {
			take()
		}
	}
	if err := p.Validate(); err != nil || !cmd.Flags().Changed("messages") {
		return err
	}
	return (&plan.Simulation{Messages: s.messages}).Validate()
}

func (s *labPlanSettings) run(cmd *cobra.Command) error {
	return (&series[planRun, planRow]{
		grid: func() ([]planRun, error) { return s.runs(cmd) },
		name: func(r *planRun) string { return fmt.Sprintf("%d members", r.setting.Members) },
		run: func(ctx context.Context, r planRun, progress func(string)) (planRow, error) {
			row, err := r.predict()
			if err != nil || !r.verify {
				return row, err
			}
			prepare(r.setting.Members)
			return row, r.simulate(ctx, &row, progress)
		},
		write: writeLabPlan, draw: func([]planRow) []*figure.Figure { return nil }, out: s.labOutput,
	}).do(cmd)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (r *planRun) predict() (planRow, error) {
	s, p := &r.setting, &r.parameters
	published, err := plan.Published(*s, *p)
	if err != nil {
		return planRow{}, err
	}
	f := plan.Predict(*s, *p)
	return planRow{
		Experiment: "plan", Protocol: "bimodal", Members: s.Members, Zone: s.Zone, Loss: s.Loss, Rate: s.Rate, Size: s.Size, Target: s.Target,
		Latency: milliseconds(s.Latency[0]), RemoteLatency: milliseconds(s.Latency[1]), Seed: r.simulation.Seed,
		Round: milliseconds(p.Round), Fanout: p.Fanout, Life: p.Life, Bufferers: p.Bufferers, FailTimeout: milliseconds(p.FailTimeout),
		Unmet:        strings.Join(plan.Conditions(*s, *p), "; "),
		PredictedP50: milliseconds(f.P50), PredictedP99: milliseconds(f.P99), PredictedP999: milliseconds(f.P999),
		PredictedBytes: f.Bytes, PredictedMemory: f.Memory, PredictedMiss: f.Miss, PredictedEach: f.MissEach, PublishedMiss: published,
	}, nil
}

func (r *planRun) simulate(ctx context.Context, row *planRow, progress func(string)) error {
	o, err := plan.Simulate(ctx, r.setting, r.parameters, r.simulation, progress)
	if err != nil {
		return err
	}
	take := func(v float64) *float64 { return &v }
	row.SimulatedMessages = o.Messages
	row.SimulatedP50, row.SimulatedP99, row.SimulatedP999 = take(milliseconds(o.P50)), take(milliseconds(o.P99)), take(milliseconds(o.P999))
	row.SimulatedP50Low, row.SimulatedP50High = take(milliseconds(o.Interval50.Low)), take(milliseconds(o.Interval50.High))
	row.SimulatedP99Low, row.SimulatedP99High = take(milliseconds(o.Interval99.Low)), take(milliseconds(o.Interval99.High))
	row.SimulatedP999Low, row.SimulatedP999High = take(milliseconds(o.Interval999.Low)), take(milliseconds(o.Interval999.High))
	row.SimulatedBytes, row.SimulatedMemory = take(o.Bytes), take(o.Memory)
	row.SimulatedMiss, row.SimulatedEach, row.MissError = take(o.Miss), take(o.MissEach), take(o.MissError(row.PredictedMiss))
	return nil
}

// writeLabPlan writes a plan for people, the first one without an empty line before it.
func writeLabPlan(w io.Writer, first bool, r *planRow) {
	if !first {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d members in zones of up to %d, %s loss, %s messages/s of %d bytes\n", r.Members, r.Zone, percent(r.Loss), strconv.FormatFloat(r.Rate, 'g', -1, 64), r.Size)
	fmt.Fprintf(w, "  set  round %gms  fanout %d  life %d rounds  bufferers %d  T_fail %gms\n", r.Round, r.Fanout, r.Life, r.Bufferers, r.FailTimeout)
	line := func(what, format string, predicted float64, simulated ...*float64) {
		fmt.Fprintf(w, "  %-32s %12s", what, fmt.Sprintf(format, predicted))
		if len(simulated) > 0 && simulated[0] != nil {
			fmt.Fprintf(w, "   simulated "+format, *simulated[0])
		}
		if len(simulated) > 2 && simulated[1] != nil {
			fmt.Fprintf(w, ", "+format+" to "+format, *simulated[1], *simulated[2])
		}
		if len(simulated) == 2 && simulated[1] != nil {
			fmt.Fprintf(w, ", standard error "+format, *simulated[1])
		}
		fmt.Fprintln(w)
	}
	line("latency, median, ms", "%.2f", r.PredictedP50, r.SimulatedP50, r.SimulatedP50Low, r.SimulatedP50High)
	line("latency, 99 of 100, ms", "%.1f", r.PredictedP99, r.SimulatedP99, r.SimulatedP99Low, r.SimulatedP99High)
	line("latency, 999 of 1000, ms", "%.1f", r.PredictedP999, r.SimulatedP999, r.SimulatedP999Low, r.SimulatedP999High)
	line("bytes a second, sent and received", "%.0f", r.PredictedBytes, r.SimulatedBytes)
	line("memory for packets, bytes", "%.0f", r.PredictedMemory, r.SimulatedMemory)
	line("messages that not all get", "%.2g", r.PredictedMiss, r.SimulatedMiss, r.MissError)
	line("the same, of one member", "%.2g", r.PredictedEach, r.SimulatedEach)
	line("the same by the published chain", "%.2g", r.PublishedMiss)
	if r.Unmet != "" {
		fmt.Fprintf(w, "  predictions may be wrong: %s\n", r.Unmet)
	}
}
