package sim

import (
	"strings"
	"testing"
	"time"

	"spinglass/protocol"
)

// bites fails unless err tells of what the checker is there for.
func bites(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("a planted bug: %v, want an error that contains %q", err, part)
	}
}

// Each checker is shown a world with a bug planted by hand. That they keep quiet otherwise is what all trials show.

func TestClockBites(t *testing.T) {
	w := gossipWorld(Config{}, 3)
	w.Check(new(Clock))
	w.Run(seconds(1))
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	w.queue, w.now, w.hosts[0].free = queue{}, ms(10), 0
	say(w, 1, 2, 1, 0)
	w.Run(ms(20))
	bites(t, w.Finish(), "after something that happened")
}

func TestCrashesBites(t *testing.T) {
	w := gossipWorld(Config{}, 3)
	w.Check(new(Crashes))
	w.Run(seconds(1))
	h := w.must(2)
	m := h.machine
	w.Crash(2)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	h.machine, h.incarnation = m, h.incarnation-1 // it lives on
	say(w, 1, 2, 1, 0)
	w.Run(seconds(2))
	bites(t, w.Finish(), "after its crash")

	w = gossipWorld(Config{}, 1)
	w.Check(new(Crashes))
	w.inputs[w.hosts[0].head].kind = InputCommand // its start is taken for something else
	w.inputs[w.hosts[0].head].aside = &aside{command: func(protocol.Time, protocol.Machine, *protocol.Output) {}}
	w.Run(1)
	bites(t, w.Finish(), "out of turn")
}

func TestStreamOrderBites(t *testing.T) {
	build := func(tamper func(*World, *end)) error {
		w := New(Config{Seed: 1, Network: Network{Topology: Flat{&Link{Latency: Uniform{Max: 50 * time.Millisecond}}}}})
		w.Check(NewStreamOrder(w))
		cast(w, 2, writer(1<<20, 1<<16))
		w.Trace(func(*Step) {
			if e := w.must(1).stream(5); e != nil {
				tamper(w, e)
			}
		})
		w.Run(seconds(60))
		return w.Finish()
	}
	if err := build(func(*World, *end) {}); err != nil {
		t.Fatal(err)
	}
	overtaking := func(_ *World, e *end) {
		if !e.closing {
			e.arrival = 0
		}
	}
	bites(t, build(overtaking), "not the next ones")
	truncating := func(_ *World, e *end) {
		if e.pending != nil {
			e.pending, e.closing = nil, true
		}
	}
	bites(t, build(truncating), "still to come")
}

func TestAccountBites(t *testing.T) {
	w := gossipWorld(Config{Network: restless()}, 5)
	w.Run(seconds(5))
	if err := NewAccount(w).Finish(); err != nil {
		t.Fatal(err)
	}
	w.stats.Lost-- // a datagram that vanishes uncounted
	bites(t, NewAccount(w).Finish(), "datagrams sent")
}

func TestEveryInboxLossIsAccountedFor(t *testing.T) {
	w := gossipWorld(Config{Network: restless(), FlightMax: 8, Cost: Cost{InboxPackets: 3, ReceivePacket: 20 * time.Millisecond}}, 20)
	for i := range 20 {
		w.At(ms(float64(i)*200), func() { w.Restart(protocol.NodeID(i+1), true) })
	}
	w.Run(seconds(5))
	s := w.Stats()
	if s.InboxFull == 0 || s.InboxLost == 0 || s.FlightFull == 0 {
		t.Fatalf("a loss did not occur: %+v", s)
	}
	if err := NewAccount(w).Finish(); err != nil {
		t.Error(err)
	}
}
