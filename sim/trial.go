package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Trial is one run: faults strike, then the world heals, then it must converge, and no checker may object.
type Trial struct {
	Config Config
	// Build adds the hosts, the checkers and the script. It must derive everything from the world's seed, as it is called for each run.
	Build  func(w *World)
	Faults Faults
	Safety time.Duration // how long faults strike
	// Heal, where given, is called after World.Heal, such as to calm the links; what it changes, Build must set again for the next run.
	Heal func(w *World)
	// Converged says what is still missing, nil when the world has come to rest as it should. It is asked every Poll (1 s where 0) until
	// Converge has passed since the healing; nil for a trial of safety alone.
	Converged func(w *World) error
	Converge  time.Duration
	Poll      time.Duration
}

// Run runs the trial and returns the world as it ended. It adds the checkers of this package.
func (t *Trial) Run() (*World, error) {
	w := New(t.Config)
	w.Check(new(Clock))
	w.Check(new(Crashes))
	w.Check(NewStreamOrder(w))
	w.Check(NewAccount(w))
	t.Build(w)
	safe := w.now.Add(t.Safety)
	w.Strike(t.Faults, safe)
	w.Run(safe)
	w.Heal()
	if t.Heal != nil {
		t.Heal(w)
	}
	return w, errors.Join(t.converge(w), w.Finish())
}

func (t *Trial) converge(w *World) error {
	if t.Converged == nil {
		return nil
	}
	poll := t.Poll
	if poll <= 0 {
		poll = time.Second
	}
	end := w.now.Add(t.Converge)
	err := t.Converged(w)
	for err != nil && w.now < end {
		w.Run(min(end, w.now.Add(poll)))
		err = t.Converged(w)
	}
	if err != nil {
		return fmt.Errorf("not converged %v after the healing: %w", t.Converge, err)
	}
	return nil
}

// Repeat runs the trial twice, and with a Decoder once more with Wire the other way, and says whether all went well and gave the same
// trace.
func (t *Trial) Repeat() error {
	w, err := t.Run()
	if err != nil {
		return err
	}
	again, err := t.Run()
	if err != nil {
		return fmt.Errorf("second run: %w", err)
	}
	if again.Hash() != w.Hash() {
		return fmt.Errorf("two runs differ: %s", difference(t, t))
	}
	if t.Config.Decoder == nil {
		return nil
	}
	other := *t
	other.Config.Wire = !t.Config.Wire
	encoded, err := other.Run()
	if err != nil {
		return fmt.Errorf("run with wire %v: %w", other.Config.Wire, err)
	}
	if encoded.Hash() != w.Hash() {
		return fmt.Errorf("wire on and off differ: %s", difference(t, &other))
	}
	return nil
}

// Draw returns the generator that the parameters of a trial are drawn from.
func Draw(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(combine(seed, purposeTrial, 0, 0, 0), seed))
}

// DrawNetwork draws a network: a distribution of latency, and each fault of links present or not. Latencies have a median of up to
// 50 ms, loss is up to 20 %.
func DrawNetwork(r *rand.Rand) Network {
	median := Exponential{Min: 100 * time.Microsecond, Mean: 10 * time.Millisecond}.Draw(r)
	median = min(median, 50*time.Millisecond)
	link := &Link{Latency: [...]Latency{
		Constant(median),
		Uniform{Min: median / 2, Max: median * 3 / 2},
		Exponential{Min: median / 4, Mean: median},
		LogNormal{Min: median / 4, Median: median, Sigma: 0.2 + r.Float64()},
		Pareto{Min: median / 2, Alpha: 1.2 + r.Float64(), Max: 100 * median},
	}[r.IntN(5)]}
	share := func(most float64) float64 {
		present, p := r.IntN(2) == 0, most*r.Float64()
		if !present {
			return 0
		}
		return p
	}
	link.Loss, link.Duplicate, link.Corrupt, link.Reorder = share(0.2), share(0.1), share(0.02), share(0.2)
	link.ReorderDelay = Exponential{Mean: 5 * median}
	return Network{Topology: Flat{Link: link}}
}

// DrawFaults draws which faults strike and how often, for a trial whose faults strike for the given time.
func DrawFaults(r *rand.Rand, safety time.Duration) Faults {
	mean := func() time.Duration {
		present, times := r.IntN(3) > 0, 1+r.IntN(20)
		if !present {
			return 0
		}
		return safety / time.Duration(times)
	}
	return Faults{
		Pause: mean(), Crash: mean(), Partition: mean(), Clog: mean(),
		Longest: safety / time.Duration(2+r.IntN(10)), DiskKept: float64(r.IntN(3)) / 2,
	}
}
