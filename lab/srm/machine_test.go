package srm

import (
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/lab/stream"
	"spinglass/protocol"
)

const d = 20 * time.Millisecond // distance of all members to each other

// member1 makes the machine of member 1, whose group is members 2 to n. Those up to near are near by.
func member1(t *testing.T, n, near int, change func(*Config)) *Machine {
	t.Helper()
	c := DefaultConfig()
	c.Self, c.Rand, c.SessionInterval = 1, rand.New(rand.NewPCG(1, 2)), time.Hour
	if change != nil {
		change(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out protocol.Output
	m.Start(0, &out)
	for id := 2; id <= n; id++ {
		apart := 0
		if id > near {
			apart = 1
		}
		m.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{ID: protocol.NodeID(id), RoundTrip: 2 * d, Distance: apart}}, &out)
	}
	return m
}

// receive gives a message to the machine and returns what it sends.
func receive(m *Machine, now time.Duration, from protocol.NodeID, v *Message) []protocol.Effect {
	var out protocol.Output
	m.Receive(protocol.Time(now), from, v, &out)
	return out.Effects
}

func timeout(m *Machine, now protocol.Time) []protocol.Effect {
	var out protocol.Output
	m.Timeout(now, &out)
	return out.Effects
}

func data(n uint64) *Message {
	return &Message{kind: KindData, Source: 2, Number: n, Payload: []byte("packet")}
}
func request(n uint64) *Message {
	return &Message{kind: KindRequest, Source: 2, Number: n, First: true, Distance: d}
}
func repair(n uint64) *Message {
	return &Message{kind: KindRepair, Source: 2, Number: n, First: true, Requester: 3, Distance: d, Payload: []byte("packet")}
}

func within(t *testing.T, what string, at protocol.Time, least, most time.Duration) {
	t.Helper()
	if got := time.Duration(at); got < least || got > most {
		t.Errorf("%s is at %v, not %v to %v", what, got, least, most)
	}
}

// "Request timer uniform in [C1*d, (C1+C2)*d], d = delay to the source, doubled on hearing another's request, multicast."
func TestRequests(t *testing.T) {
	var least, most protocol.Time = protocol.Never, 0
	for seed := range uint64(100) {
		m := member1(t, 5, 5, func(c *Config) { c.Rand = rand.New(rand.NewPCG(seed, 0)) })
		receive(m, 0, 2, data(1))
		receive(m, 0, 2, data(3))
		within(t, "the request", m.Deadline(), 2*d, 4*d)
		least, most = min(least, m.Deadline()), max(most, m.Deadline())
	}
	if least > protocol.Time(2.2*float64(d)) || most < protocol.Time(3.8*float64(d)) {
		t.Errorf("requests are drawn from %v to %v", least, most)
	}

	m := member1(t, 5, 5, nil)
	receive(m, 0, 2, data(1))
	receive(m, 0, 2, data(3))
	heard := 10 * time.Millisecond
	receive(m, heard, 3, request(2))
	again := m.Deadline()
	within(t, "the request after another's", again, heard+4*d, heard+8*d)
	receive(m, heard+time.Millisecond, 4, request(2))
	if m.Deadline() != again {
		t.Error("a second request within half of the interval was not ignored")
	}
	sent := timeout(m, again)
	if len(sent) != 1 || sent[0].Kind != protocol.EffectSpread || len(sent[0].Targets) != 4 || sent[0].Message.Kind() != KindRequest {
		t.Fatalf("at the end of the interval: %v", sent)
	}
	within(t, "the next request", m.Deadline(), time.Duration(again)+8*d, time.Duration(again)+16*d)
	got := receive(m, time.Duration(again)+d, 3, repair(2))
	if len(got) != 1 || got[0].Event.(*stream.Delivered).Number != 2 {
		t.Errorf("the repair brings %v", got)
	}
	for m.Deadline() < protocol.Time(time.Minute) {
		if sent := timeout(m, m.Deadline()); len(sent) > 0 {
			t.Errorf("after the repair: %v", sent)
		}
	}
}

// "Repair timer uniform in [D1*d', (D1+D2)*d']; repeats ignored for 3*d'."
func TestRepairs(t *testing.T) {
	m := member1(t, 5, 5, nil)
	receive(m, 0, 2, data(1))
	receive(m, 0, 3, request(1))
	at := m.Deadline()
	within(t, "the repair", at, d, 2*d)
	receive(m, 1, 4, request(1))
	if m.Deadline() != at {
		t.Error("a second request moves the repair")
	}
	if sent := timeout(m, at); len(sent) != 1 || sent[0].Message.Kind() != KindRepair || len(sent[0].Targets) != 4 {
		t.Fatalf("the repair is %v", sent)
	}
	receive(m, time.Duration(at)+3*d-1, 4, request(1))
	if m.Deadline() != at.Add(3*d) || len(timeout(m, m.Deadline())) > 0 {
		t.Error("a request within three distances of the repair is not ignored")
	}
	receive(m, time.Duration(at)+3*d+1, 4, request(1))
	within(t, "the repair of a later request", m.Deadline(), time.Duration(at)+4*d, time.Duration(at)+5*d+1)
	receive(m, time.Duration(at)+3*d+2, 5, repair(1))
	for m.Deadline() < protocol.Time(time.Minute) {
		if sent := timeout(m, m.Deadline()); len(sent) > 0 {
			t.Errorf("though another member has sent one: %v", sent)
		}
	}
}

// A request for a packet of which nothing was heard tells that it exists; this member then waits as if it had asked.
func TestRequestTellsOfAPacket(t *testing.T) {
	m := member1(t, 5, 5, nil)
	receive(m, 0, 3, request(1))
	within(t, "the request", m.Deadline(), 4*d, 8*d)
}

// A packet that was only late is not asked for.
func TestLatePacket(t *testing.T) {
	m := member1(t, 5, 5, nil)
	receive(m, 0, 2, data(2))
	if got := receive(m, d, 2, data(1)); len(got) != 1 {
		t.Errorf("a late packet brings %v", got)
	}
	if m.Deadline() < protocol.Time(10*time.Minute) {
		t.Errorf("something is due at %v", m.Deadline())
	}
}

// Requests scoped by TTL: the first one and its repair go to the members near by, the next to all.
func TestScope(t *testing.T) {
	m := member1(t, 9, 4, func(c *Config) { c.Scope = 1 })
	receive(m, 0, 2, data(1))
	receive(m, 0, 2, data(3))
	for i, targets := range []int{3, 8, 8} {
		sent := timeout(m, m.Deadline())
		if len(sent) != 1 || len(sent[0].Targets) != targets || sent[0].Message.(*Message).Scoped != (i == 0) {
			t.Fatalf("request %d: %v", i, sent)
		}
	}
	m = member1(t, 9, 4, func(c *Config) { c.Scope = 1 })
	receive(m, 0, 2, data(1))
	asked := request(1)
	asked.Scoped = true
	receive(m, time.Second, 3, asked)
	if sent := timeout(m, protocol.Time(time.Second+2*d)); len(sent) != 1 || sent[0].Message.Kind() != KindRepair || len(sent[0].Targets) != 3 {
		t.Fatalf("the repair is %v", sent)
	}
}

// Members measure their distance by the clocks in session messages.
func TestDistance(t *testing.T) {
	hour := func(c *Config) { c.SessionInterval = time.Second }
	a, b := member1(t, 2, 2, hour), member1(t, 2, 2, func(c *Config) { c.Self = 2; c.SessionInterval = time.Second })
	b.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{ID: 1}}, new(protocol.Output))
	const way = 70 * time.Millisecond // far from what they begin with
	for range 40 {
		from, to, id := a, b, protocol.NodeID(1)
		if b.Deadline() < a.Deadline() {
			from, to, id = b, a, 2
		}
		at := from.Deadline()
		for _, e := range timeout(from, at) {
			to.Receive(at.Add(way), id, e.Message, new(protocol.Output))
		}
	}
	for _, got := range []time.Duration{a.distance(2), b.distance(1)} {
		if got < way*99/100 || got > way*101/100 {
			t.Errorf("members %v apart take themselves to be %v apart", way, got)
		}
	}
}

// Duplicates widen an adaptive interval and delays without them narrow it, within the published bounds.
func TestAdaptive(t *testing.T) {
	c := Config{Adaptive: true, Request: Interval{2, 2}}
	for _, duplicates := range []int{5, 0} {
		timer := requestTimer(&c)
		for range 1000 {
			timer.first(3*d, d) // one and a half round trips
			timer.duplicates = duplicates
			timer.begin(50)
		}
		if duplicates > 0 && timer.Interval != (Interval{2, 50}) || duplicates == 0 && timer.Interval != (Interval{0.5, 1}) {
			t.Errorf("%d duplicates lead to %v", duplicates, timer.Interval)
		}
	}
	timer := repairTimer(&c)
	timer.grow(1000)
	if timer.Start < 2.99 || timer.Width < 2.99 || timer.Start > 3.01 {
		t.Errorf("repairs begin with %v, not log10 of 1000", timer.Interval)
	}
	fixed := requestTimer(&Config{Request: Interval{2, 2}})
	fixed.first(3*d, d)
	fixed.duplicates = 9
	fixed.begin(50)
	fixed.sent()
	if fixed.Interval != (Interval{2, 2}) {
		t.Errorf("a fixed interval becomes %v", fixed.Interval)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for i, wrong := range []func(*Config){
		func(c *Config) { c.Self = 0 }, func(c *Config) { c.Rand = nil }, func(c *Config) { c.Request.Width = 0 }, func(c *Config) { c.Repair.Start = -1 },
		func(c *Config) { c.SessionInterval = 0 }, func(c *Config) { c.Distance = 0 }, func(c *Config) { c.Kept = 0 }, func(c *Config) { c.Kept = stream.WindowMax + 1 },
	} {
		c := DefaultConfig()
		c.Self, c.Rand = 1, rand.New(rand.NewPCG(0, 0))
		if wrong(&c); c.validate() == nil {
			t.Errorf("configuration %d is taken", i)
		}
	}
}
