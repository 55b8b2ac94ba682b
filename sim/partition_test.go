package sim

import (
	"math"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
)

func ids(n ...protocol.NodeID) []protocol.NodeID { return n }

func TestCut(t *testing.T) {
	for _, twoWay := range []bool{false, true} {
		w := pair(Link{Latency: Constant(10 * time.Millisecond)})
		say(w, 1, 2, 1, 0) // under way when the cut comes
		w.Run(ms(5))
		p := w.Cut(ids(1), ids(2), twoWay)
		say(w, 1, 2, 2, 0)
		say(w, 2, 1, 3, 0)
		w.Run(ms(50))
		p.Heal()
		p.Heal()
		say(w, 1, 2, 4, 0)
		w.Run(ms(100))
		if got := actorOf(w, 2).numbers; !slices.Equal(got, []uint64{4}) {
			t.Errorf("two ways %v: host 2 received %v, want 4", twoWay, got)
		}
		if got := len(actorOf(w, 1).numbers); got != map[bool]int{false: 1, true: 0}[twoWay] {
			t.Errorf("two ways %v: host 1 received %d messages", twoWay, got)
		}
		if want := map[bool]uint64{false: 2, true: 3}[twoWay]; w.Stats().Cut != want {
			t.Errorf("two ways %v: %d cut, want %d", twoWay, w.Stats().Cut, want)
		}
	}
}

// A partition stands from the moment of Cut to that of Heal, for those who were there.
func TestHostsAddedLaterAreNotCut(t *testing.T) {
	w := New(Config{})
	cast(w, 2, actor{})
	w.Isolate(1)
	w.Add(HostConfig{ID: 3, Build: func(Boot) protocol.Machine { return &actor{deadline: protocol.Never} }})
	say(w, 1, 3, 1, 0)
	w.Run(1)
	if len(actorOf(w, 3).numbers) != 1 {
		t.Error("a partition holds a host that was added later")
	}
}

func TestClog(t *testing.T) {
	w := pair(Link{Latency: Constant(10 * time.Millisecond)})
	say(w, 1, 2, 1, 0) // under way, not held back
	w.Run(ms(5))
	w.Clog(ids(1), ids(2), 100*time.Millisecond)
	say(w, 1, 2, 2, 0)
	w.Run(ms(50))
	say(w, 1, 2, 3, 0)
	say(w, 2, 1, 4, 0)
	w.Run(seconds(1))
	if got, want := actorOf(w, 2).times, []protocol.Time{ms(10), ms(115), ms(115)}; !slices.Equal(got, want) {
		t.Errorf("received at %v, want %v", got, want)
	}
	if got := actorOf(w, 1).times; !slices.Equal(got, []protocol.Time{ms(60)}) {
		t.Errorf("the other direction received at %v, want 60ms", got)
	}
	if w.Stats().Clogged != 2 || len(w.barriers) != 0 {
		t.Errorf("%d clogged, %d barriers left", w.Stats().Clogged, len(w.barriers))
	}
}

// ticker ticks every millisecond and counts.
func ticker() actor {
	next := func(a *actor, now protocol.Time, _ *protocol.Output) { a.deadline = now + ms(1) }
	return actor{start: next, timeout: next}
}

// "In each slot asleep with that probability."
func TestSleepFraction(t *testing.T) {
	const slots = 20000
	for _, fraction := range []float64{0.1, 0.5, 0.9, 1} {
		w := New(Config{Seed: 5})
		cast(w, 1, ticker())
		w.Sleep(1, fraction, 100*time.Millisecond)
		w.Run(seconds(slots / 10))
		// Ticks are lost while asleep: 100 for each slot awake.
		awake := float64(len(actorOf(w, 1).timeouts)) / 100
		if bound := 6*math.Sqrt(slots*fraction*(1-fraction)) + 2; math.Abs(awake-slots*(1-fraction)) > bound {
			t.Errorf("fraction %v: awake in %.0f of %d slots, want %.0f +- %.0f", fraction, awake, slots, slots*(1-fraction), bound)
		}
	}
}

// The draws of a sleeper depend on the seed and the host only.
func TestSleepersDoNotShiftEachOther(t *testing.T) {
	run := func(others bool) []protocol.Time {
		w := New(Config{Seed: 5})
		cast(w, 2, ticker())
		if others {
			w.Sleep(2, 0.5, 10*time.Millisecond)
		}
		w.Sleep(1, 0.5, 10*time.Millisecond)
		w.Run(seconds(2))
		return actorOf(w, 1).timeouts
	}
	if !slices.Equal(run(false), run(true)) {
		t.Error("one sleeper more shifts the other's sleep")
	}
}

func TestSleepEndsAtOnceAndOutlastsRestarts(t *testing.T) {
	w := New(Config{Seed: 5})
	cast(w, 1, ticker())
	w.Sleep(1, 1, 10*time.Millisecond)
	w.Run(seconds(1))
	w.Restart(1, true)
	w.Run(seconds(2))
	if got := len(actorOf(w, 1).timeouts); got != 0 {
		t.Errorf("%d ticks of a sleeper that was restarted, want none", got)
	}
	w.Sleep(1, 0, 10*time.Millisecond)
	w.Run(seconds(3))
	if got := len(actorOf(w, 1).timeouts); got < 995 {
		t.Errorf("%d ticks in the second after the sleep ended, want 1000", got)
	}
}

func TestPausesAddUp(t *testing.T) {
	w := New(Config{Cost: Cost{Cores: 2, Verify: 2 * time.Millisecond}})
	cast(w, 1, actor{})
	w.Run(1)
	w.Pause(1, 10*time.Millisecond)
	w.Pause(1, 10*time.Millisecond)
	do(w, 1, &protocol.Verify{})
	w.Run(seconds(1))
	if got := actorOf(w, 1).notified; !slices.Equal(got, []protocol.Time{1 + ms(22)}) {
		t.Errorf("verified at %v, want 22ms", got)
	}
}
