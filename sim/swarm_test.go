package sim

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spinglass/protocol"
)

// gossipTrial is a trial of gossipers on a drawn network under drawn faults. It has converged when every host has heard something since
// the healing.
func gossipTrial(seed uint64) *Trial {
	r := Draw(seed)
	n := 2 + r.IntN(12)
	heard := make(map[protocol.NodeID]protocol.Time)
	var healed protocol.Time
	const safety = 5 * time.Second
	return &Trial{
		Config: Config{Seed: seed, Decoder: newToyDecoder, Content: true, Network: DrawNetwork(r), Cost: CommodityCost()},
		Build: func(w *World) {
			clear(heard)
			for i := range n {
				w.Add(HostConfig{ID: protocol.NodeID(i + 1), Build: func(b Boot) protocol.Machine {
					return &gossiper{boot: b, peers: n, period: 50 * time.Millisecond}
				}})
			}
			w.Observe(func(now protocol.Time, id protocol.NodeID, _ protocol.Event) { heard[id] = now })
			w.Sleep(1, 0.5, 100*time.Millisecond)
		},
		Faults: DrawFaults(r, safety), Safety: safety, Converge: time.Minute,
		Heal: func(w *World) { healed = w.Now() },
		Converged: func(w *World) error {
			for _, id := range w.Hosts() {
				if heard[id] <= healed {
					return fmt.Errorf("host %v has heard nothing", id)
				}
			}
			return nil
		},
	}
}

func TestSwarm(t *testing.T) {
	Swarm(t, 40, func(seed uint64) error { return gossipTrial(seed).Repeat() })
}

// The faults of 40 seeds together are of every kind, or the swarm shows nothing.
func TestSwarmMeetsEveryFault(t *testing.T) {
	var all Stats
	for seed := uint64(1); seed <= 40; seed++ {
		w, err := gossipTrial(seed).Run()
		if err != nil {
			t.Fatal(err)
		}
		s := w.Stats()
		for _, sum := range []struct{ all, one *uint64 }{
			{&all.Lost, &s.Lost}, {&all.Duplicated, &s.Duplicated}, {&all.Reordered, &s.Reordered}, {&all.Corrupted, &s.Corrupted},
			{&all.Cut, &s.Cut}, {&all.Clogged, &s.Clogged}, {&all.Down, &s.Down}, {&all.Crashes, &s.Crashes}, {&all.Pauses, &s.Pauses},
		} {
			*sum.all += *sum.one
		}
		for _, id := range w.Hosts() {
			if !w.Up(id) {
				t.Fatalf("seed %d: host %v is down after the healing", seed, id)
			}
		}
	}
	if all.Lost == 0 || all.Duplicated == 0 || all.Reordered == 0 || all.Corrupted == 0 || all.Cut == 0 || all.Clogged == 0 ||
		all.Down == 0 || all.Crashes == 0 || all.Pauses == 0 {
		t.Errorf("a kind of fault never occurred: %+v", all)
	}
}

// fakeTester notes what a swarm reports.
type fakeTester struct{ reports []string }

func (f *fakeTester) Helper()      {}
func (f *fakeTester) Name() string { return "TestX/case" }
func (f *fakeTester) Errorf(format string, args ...any) {
	f.reports = append(f.reports, fmt.Sprintf(format, args...))
}

func TestSwarmReportsReplay(t *testing.T) {
	t.Setenv(SeedVariable, "")
	t.Setenv(SeedsVariable, "")
	var f fakeTester
	var seeds []uint64
	Swarm(&f, 10, func(seed uint64) error {
		seeds = append(seeds, seed)
		switch {
		case seed == 3:
			return errors.New("broken")
		case seed > 5:
			panic("burst")
		}
		return nil
	})
	if len(seeds) != 7 || len(f.reports) != failuresMax {
		t.Fatalf("ran the seeds %v and reported %d failures", seeds, len(f.reports))
	}
	want := "seed 3: broken\nreplay: SPINGLASS_SEED=3 go test spinglass/sim -count=1 -run '^TestX$/^case$'"
	if f.reports[0] != want {
		t.Errorf("report %q, want %q", f.reports[0], want)
	}
	if !strings.Contains(f.reports[1], "panic: burst") || !strings.Contains(f.reports[1], "SPINGLASS_SEED=6") {
		t.Errorf("report %q, want the panic of seed 6", f.reports[1])
	}
}

func TestSwarmObeysTheEnvironment(t *testing.T) {
	run := func() (seeds []uint64, f fakeTester) {
		Swarm(&f, 2, func(seed uint64) error { seeds = append(seeds, seed); return nil })
		return seeds, f
	}
	t.Setenv(SeedVariable, "")
	t.Setenv(SeedsVariable, "4")
	if seeds, _ := run(); len(seeds) != 4 {
		t.Errorf("ran %v, want four seeds", seeds)
	}
	t.Setenv(SeedVariable, "42")
	if seeds, _ := run(); len(seeds) != 1 || seeds[0] != 42 {
		t.Errorf("ran %v, want 42", seeds)
	}
	t.Setenv(SeedVariable, "x")
	if seeds, f := run(); len(seeds) != 0 || len(f.reports) != 1 {
		t.Errorf("ran %v and reported %v for a seed that is no number", seeds, f.reports)
	}
}

// calls is shared by all machines, which no machine may do.
var calls uint64

func TestRepeatBites(t *testing.T) {
	shared := Trial{Config: Config{Seed: 1}, Safety: time.Second, Build: func(w *World) {
		cast(w, 2, actor{start: func(_ *actor, _ protocol.Time, out *protocol.Output) {
			calls++
			out.Send(2, &toyMessage{body: make([]byte, calls)})
		}})
	}}
	bites(t, shared.Repeat(), "two runs differ: step 0 is\n  0s host 0000000000000001/0 start; send to 0000000000000002 *sim.toyMessage")
	silent := Trial{Config: Config{Seed: 1}, Build: func(w *World) { cast(w, 2, actor{}) }, Converge: time.Minute,
		Converged: func(w *World) error { return errors.New("nothing was heard") }}
	bites(t, silent.Repeat(), "not converged 1m0s after the healing: nothing was heard")
}

// One kind of fault more does not move the others.
func TestFaultsDoNotShiftEachOther(t *testing.T) {
	crashes := func(f Faults) (at []protocol.Time) {
		w := New(Config{Seed: 9})
		cast(w, 5, actor{})
		w.Trace(func(s *Step) {
			if s.Input == InputCrash {
				at = append(at, s.Now)
			}
		})
		f.Crash, f.Longest = time.Second, time.Second
		w.Strike(f, seconds(30))
		w.Run(seconds(60))
		return at
	}
	alone, among := crashes(Faults{}), crashes(Faults{Pause: time.Second, Partition: time.Second, Clog: time.Second})
	if len(alone) < 5 || fmt.Sprint(alone) != fmt.Sprint(among) {
		t.Errorf("crashes at %v, with other faults at %v", alone, among)
	}
	if alone[len(alone)-1] >= seconds(30) {
		t.Errorf("a fault struck at %v, after the end", alone[len(alone)-1])
	}
}

func TestFaultsLeaveTheUntouchedAlone(t *testing.T) {
	w := New(Config{Seed: 2})
	cast(w, 4, actor{})
	w.Trace(func(s *Step) {
		if s.Input == InputCrash && s.Host == 1 {
			t.Error("a host that must not be touched crashed")
		}
	})
	w.Strike(Faults{Crash: time.Second, DownMax: 4, Longest: time.Second, Untouched: []protocol.NodeID{1}}, seconds(60))
	w.Run(seconds(60))
	if w.Stats().Crashes < 20 {
		t.Errorf("%d crashes in a minute of one a second", w.Stats().Crashes)
	}
}
