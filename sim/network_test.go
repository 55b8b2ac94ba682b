package sim

import (
	"math"
	"testing"
	"time"

	"spinglass/protocol"
)

// pair is a world of two actors with one link.
func pair(link Link) *World {
	w := New(Config{Seed: 1, Network: Network{Topology: Flat{&link}}})
	cast(w, 2, actor{})
	return w
}

// within fails unless got lies within six standard deviations of a binomial distribution.
func within(t *testing.T, what string, got uint64, n int, p float64) {
	t.Helper()
	if math.Abs(float64(got)-float64(n)*p) > 6*math.Sqrt(float64(n)*p*(1-p)) {
		t.Errorf("%s: %d of %d, want about %.0f", what, got, n, float64(n)*p)
	}
}

func TestLinkFaultsOccurAsOftenAsConfigured(t *testing.T) {
	const n = 20000
	w := pair(Link{Loss: 0.1, Duplicate: 0.05, Reorder: 0.2, ReorderDelay: Constant(time.Second), Corrupt: 0.03})
	for i := range n {
		w.At(ms(float64(i)), func() { say(w, 1, 2, uint64(i), 0) })
	}
	w.Run(seconds(60))
	s := w.Stats()
	within(t, "lost", s.Lost, n, 0.1)
	within(t, "duplicated", s.Duplicated, n, 0.9*0.05)
	within(t, "reordered", s.Reordered, n, 0.9*0.2)
	within(t, "corrupted", s.Corrupted, n, 0.9*0.03*1.05)
	if late := inversions(actorOf(w, 2).numbers); late < n/10 {
		t.Errorf("%d messages were overtaken, want about a fifth of %d", late, n)
	}
	if err := NewAccount(w).Finish(); err != nil {
		t.Error(err)
	}
}

// inversions counts the messages that came after one with a higher number.
func inversions(numbers []uint64) int {
	late, highest := 0, uint64(0)
	for _, n := range numbers {
		if n < highest {
			late++
		}
		highest = max(highest, n)
	}
	return late
}

// "Adding a fault does not shift unrelated draws": with loss added, what still arrives arrives at the same times.
func TestAddedLossLeavesLatenciesAlone(t *testing.T) {
	run := func(loss float64) map[uint64]protocol.Time {
		w := pair(Link{Latency: Exponential{Mean: 10 * time.Millisecond}, Loss: loss})
		for i := range 200 {
			w.At(ms(float64(i)), func() { say(w, 1, 2, uint64(i), 0) })
		}
		w.Run(seconds(5))
		arrived := make(map[uint64]protocol.Time)
		for i, number := range actorOf(w, 2).numbers {
			arrived[number] = actorOf(w, 2).times[i]
		}
		return arrived
	}
	all, some := run(0), run(0.3)
	if len(all) != 200 || len(some) == 200 || len(some) < 100 {
		t.Fatalf("%d and %d messages arrived", len(all), len(some))
	}
	for number, at := range some {
		if all[number] != at {
			t.Errorf("message %d arrived at %v, without loss at %v", number, at, all[number])
		}
	}
}

func TestBandwidthOfEgressAndLink(t *testing.T) {
	// A body of 8+951 bytes makes a datagram of 13+1+2+959 = 975, or 1003 with Overhead: 1.003 ms at 10^6 bytes per second.
	const body, datagram = 951, 1003 * time.Microsecond
	for name, network := range map[string]Network{
		"egress": {Egress: 1e6, EgressQueue: 5000},
		"link":   {Topology: Flat{&Link{Bandwidth: 1e6, Queue: 5000}}},
	} {
		w := New(Config{Network: network})
		cast(w, 2, actor{})
		for i := range 10 {
			say(w, 1, 2, uint64(i), body)
		}
		w.Run(seconds(1))
		a := actorOf(w, 2)
		if len(a.times) != 5 { // the sixth finds 5015 bytes waiting
			t.Errorf("%s: %d of 10 datagrams passed a queue of 5000 bytes, want 5", name, len(a.times))
		}
		for i, at := range a.times {
			if want := protocol.Time(i+1) * protocol.Time(datagram); at != want {
				t.Errorf("%s: datagram %d arrived at %v, want %v", name, i, at, want)
			}
		}
		if s := w.Stats(); s.EgressFull+s.LinkFull != 5 {
			t.Errorf("%s: %d refused, want 5", name, s.EgressFull+s.LinkFull)
		}
	}
}

func TestEgressOfOneHost(t *testing.T) {
	w := New(Config{Network: Network{Egress: 1e6}})
	for id, egress := range []int64{0, 1e5} {
		w.Add(HostConfig{ID: protocol.NodeID(id + 1), Egress: egress, Build: func(Boot) protocol.Machine {
			return &actor{deadline: protocol.Never}
		}})
	}
	say(w, 1, 2, 1, 951)
	say(w, 2, 1, 2, 951)
	w.Run(seconds(1))
	if fast, slow := actorOf(w, 2).times[0], actorOf(w, 1).times[0]; fast != ms(1.003) || slow != ms(10.03) {
		t.Errorf("1003 bytes took %v and %v, want 1.003ms at a megabyte per second and 10.03ms at a tenth", fast, slow)
	}
}

// Queues before links that nobody uses any more are forgotten.
func TestIdleLinksAreForgotten(t *testing.T) {
	link := &Link{Bandwidth: 1e9}
	w := New(Config{Network: Network{Topology: Flat{link}}})
	cast(w, 2, actor{})
	for i := range uint64(linksKept) {
		w.links[linkKey{link, 1<<40 + i}] = &linkState{}
	}
	say(w, 1, 2, 1, 0)
	w.Run(1)
	if len(w.links) != 1 {
		t.Errorf("%d links kept, want the one in use", len(w.links))
	}
}

func TestTreeAddsUpLatency(t *testing.T) {
	w := New(Config{Network: Network{Topology: Tree{Degree: 2, Link: &Link{Latency: Constant(time.Millisecond)}}}})
	cast(w, 7, actor{}) // 1 above 2 and 3; 2 above 4 and 5; 3 above 6 and 7
	for _, c := range []struct {
		from, to protocol.NodeID
		links    float64
	}{{1, 1, 0}, {1, 3, 1}, {4, 5, 2}, {4, 2, 1}, {4, 7, 4}, {1, 6, 2}, {6, 2, 3}} {
		begun := w.Now()
		say(w, c.from, c.to, 1, 0)
		w.Run(begun + seconds(1))
		a := actorOf(w, c.to)
		if got := a.times[len(a.times)-1] - begun; got != ms(c.links) {
			t.Errorf("from %d to %d took %v, want %v ms", c.from, c.to, got, c.links)
		}
	}
}

func TestZoneDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"/eu/fra", "/eu/fra", 0}, {"/eu/fra", "/eu/par", 1}, {"/eu/fra", "/us/nyc", 2}, {"/eu", "/eu/fra", 1}, {"/eu/fra/x", "/eu", 2},
		{"/", "/", 0}, {"/eu", "/us", 1}, {"", "/eu", 1}, {"/e", "/eu", 1}, {"/eu/a", "/eu/ab", 1}, {"/", "/eu/fra", 2},
	} {
		if got := zoneDistance(c.a, c.b); got != c.want {
			t.Errorf("zoneDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := zoneDistance(c.b, c.a); got != c.want {
			t.Errorf("zoneDistance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestZonesLatency(t *testing.T) {
	class := func(d time.Duration) *Link { return &Link{Latency: Constant(d)} }
	w := New(Config{Network: Network{Topology: Zones{[]*Link{class(time.Millisecond), class(10 * time.Millisecond)}}}})
	for i, zone := range []string{"/eu/fra", "/eu/fra", "/eu/par", "/us/nyc"} {
		w.Add(HostConfig{ID: protocol.NodeID(i + 1), Zone: zone, Build: func(Boot) protocol.Machine { return &actor{deadline: protocol.Never} }})
	}
	for to, want := range map[protocol.NodeID]float64{2: 1, 3: 10, 4: 10} {
		say(w, 1, to, 1, 0)
		w.Run(seconds(1))
		if at := actorOf(w, to).times[0]; at != ms(want) && at != seconds(1)+ms(want) {
			t.Errorf("to host %d: arrived at %v, want %v ms", to, at, want)
		}
		w = w.again(t)
	}
}

// again returns a fresh world like w.
func (w *World) again(t *testing.T) *World {
	t.Helper()
	next := New(w.config)
	for _, h := range w.hosts {
		next.Add(HostConfig{ID: h.place.ID, Zone: h.place.Zone, Address: h.address, Build: h.build})
	}
	return next
}

// Multicast: a Spread "is lost there for all receivers behind that link or for none".
func TestMulticastLosesWholeSubtrees(t *testing.T) {
	w := New(Config{Seed: 1, Network: Network{Multicast: true, Topology: Tree{Degree: 2, Link: &Link{Loss: 0.2}}}})
	cast(w, 7, actor{})
	const n = 2000
	for i := range n {
		w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
			out.Spread([]protocol.NodeID{2, 3, 4, 5, 6, 7}, &toyMessage{number: uint64(i)})
		})
	}
	w.Run(seconds(1))
	got := func(id protocol.NodeID) map[uint64]bool {
		set := make(map[uint64]bool)
		for _, number := range actorOf(w, id).numbers {
			set[number] = true
		}
		return set
	}
	parent, child, other := got(2), got(4), got(5)
	within(t, "received one link away", uint64(len(parent)), n, 0.8)
	within(t, "received two links away", uint64(len(child)), n, 0.64)
	both := 0
	for number := range child {
		if !parent[number] {
			t.Fatalf("message %d passed the upper link for one receiver and not for another", number)
		}
		if other[number] {
			both++
		}
	}
	within(t, "received by both children", uint64(both), n, 0.8*0.64)
}

func TestMulticastCostsOneTransmission(t *testing.T) {
	for multicast, want := range map[bool]protocol.Time{true: 1, false: 3} {
		w := New(Config{Network: Network{Multicast: multicast}, Cost: Cost{SendPacket: time.Millisecond}})
		cast(w, 4, actor{})
		w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
			out.Spread([]protocol.NodeID{2, 3, 4}, &toyMessage{})
		})
		w.Run(seconds(1))
		if at := actorOf(w, 4).times[0]; at != ms(float64(want)) {
			t.Errorf("multicast %v: the last receiver got it at %v, want %d ms", multicast, at, want)
		}
	}
}

func TestUnknownTargetsAreCounted(t *testing.T) {
	w := New(Config{})
	cast(w, 2, actor{})
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
		out.Send(99, &toyMessage{})
		out.Send(1<<60, &toyMessage{})
		out.SendAddress("nowhere", &toyMessage{})
		out.SendAddress("b", &toyMessage{number: 7})
		out.Send(2, &toyMessage{number: 8, body: make([]byte, 2000)})
		out.Send(2, &toyMessage{number: 9, body: make([]byte, 70000)})
		out.Drop(2, "bad_thing")
		out.Drop(2, "bad_thing")
	})
	w.Run(1)
	s := w.Stats()
	if s.NoHost != 2 || s.NoAddress != 1 || s.Oversized != 2 || s.TooLarge != 1 {
		t.Errorf("counted %+v", s)
	}
	if got := actorOf(w, 2).numbers; len(got) != 2 || got[0] != 7 || got[1] != 8 {
		t.Errorf("host 2 received %v, want 7 and 8", got)
	}
	if w.Dropped("bad_thing") != 2 || len(w.Drops()) != 1 || w.Dropped("other") != 0 {
		t.Errorf("drops: %v", w.Drops())
	}
	if err := NewAccount(w).Finish(); err != nil {
		t.Error(err)
	}
}
