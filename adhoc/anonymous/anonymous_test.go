package anonymous

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/aodv"
	"spinglass/adhoc/internal/air"
	"spinglass/adhoc/maodv"
	"spinglass/protocol"
)

// Sentences in quotation marks are those of a summary of the publication, whose text was not at hand.

const theGroup adhoc.Group = 77

func unicast(payload []byte) adhoc.UnicastArrival {
	return adhoc.UnicastArrival{Origin: 7, Hops: 2, Payload: payload}
}

func multicast(payload []byte) adhoc.MulticastArrival {
	return adhoc.MulticastArrival{Group: theGroup, Origin: 7, Hops: 2, Payload: payload}
}

func newMachine(id protocol.NodeID, seed uint64, change func(*Config)) *Machine {
	c := DefaultConfig()
	c.Self, c.Epoch, c.Rand = id, 1, rand.New(rand.NewPCG(seed, uint64(id)))
	c.Routing = maodv.New(maodv.Config{Self: id, Rand: rand.New(rand.NewPCG(seed, uint64(id)+1000)), Jitter: aodv.JitterDefault})
	if change != nil {
		change(&c)
	}
	return New(c)
}

// band is a world of nodes with gossip.
type band struct {
	*air.World
	t         *testing.T
	delivered map[protocol.NodeID]map[place]string
	order     map[protocol.NodeID][]Delivery
	gaps      map[protocol.NodeID][]Gap
	walks     []Walk
	members   []protocol.NodeID
}

func newBand(t *testing.T, n int, seed uint64, change func(*Config)) *band {
	w := &band{World: air.New(func() protocol.Decoder { return &Decoder{Under: new(maodv.Decoder)} }), t: t,
		delivered: map[protocol.NodeID]map[place]string{}, order: map[protocol.NodeID][]Delivery{}, gaps: map[protocol.NodeID][]Gap{}}
	w.Observe = func(id protocol.NodeID, e protocol.Event) {
		switch v := e.(type) {
		case Delivery:
			at := place{v.Source, v.Number}
			if w.delivered[id] == nil {
				w.delivered[id] = map[place]string{}
			}
			if _, twice := w.delivered[id][at]; twice {
				t.Errorf("%d got %v twice", id, at)
			}
			w.delivered[id][at] = string(v.Payload)
			w.order[id] = append(w.order[id], v)
		case Gap:
			w.gaps[id] = append(w.gaps[id], v)
		case Walk:
			w.walks = append(w.walks, v)
		}
	}
	for i := range n {
		w.Add(protocol.NodeID(i+1), newMachine(protocol.NodeID(i+1), seed, change))
	}
	return w
}

func (w *band) chain(n int) {
	for i := 1; i < n; i++ {
		w.Link(protocol.NodeID(i), protocol.NodeID(i+1))
	}
}

func (w *band) node(id protocol.NodeID) *Machine { return w.Nodes[id].(*Machine) }

func (w *band) join(ids ...protocol.NodeID) {
	for _, id := range ids {
		w.members = append(w.members, id)
		w.Do(id, func(out *protocol.Output) {
			if err := w.node(id).Join(w.Now, theGroup, out); err != nil {
				w.t.Fatal(err)
			}
		})
	}
}

func (w *band) publish(id protocol.NodeID, text string) {
	w.Do(id, func(out *protocol.Output) {
		if _, err := w.node(id).Publish(w.Now, theGroup, []byte(text), out); err != nil {
			w.t.Fatal(err)
		}
	})
}

func (w *band) stats() (sum Stats) {
	for _, id := range w.members {
		s := w.node(id).Stats()
		sum.MessagesUseful += s.MessagesUseful
		sum.MessagesUseless += s.MessagesUseless
		sum.DeliveredRepaired += s.DeliveredRepaired
		sum.Delivered += s.Delivered
		sum.Lost += s.Lost
		sum.HintsTaken += s.HintsTaken
		sum.RequestsAnonymous += s.RequestsAnonymous
		sum.RequestsCached += s.RequestsCached
		sum.RepliesSent += s.RepliesSent
	}
	return sum
}

// lossy loses a part of all broadcasts, as a radio does, and of unicasts that part to the power of the link's tries.
func (w *band) lossy(seed uint64, part float64) {
	r := rand.New(rand.NewPCG(seed, 99))
	w.Lose = func(_, _ protocol.NodeID, _ protocol.Message, unicast bool) bool {
		if unicast {
			return r.Float64() < math.Pow(part, 7)
		}
		return r.Float64() < part
	}
}

// Members of a lossy network have everything after a while, with gossip, and far from it without (the control).
func TestRepairs(t *testing.T) {
	for _, gossip := range []bool{true, false} {
		w := newBand(t, 9, 3, func(c *Config) { c.Gossip = gossip })
		w.chain(9)
		w.join(1)
		w.Run(12 * time.Second)
		w.join(3, 5, 9)
		w.Run(4 * time.Second)
		w.lossy(1, 0.1)
		const count = 300
		for i := range count {
			w.publish(1, fmt.Sprint(i))
			w.Run(200 * time.Millisecond)
		}
		w.Run(15 * time.Second)
		least := count
		for _, id := range []protocol.NodeID{3, 5, 9} {
			least = min(least, len(w.delivered[id]))
		}
		s := w.stats()
		if gossip && (least < count || s.Goodput() < 0.9 || s.DeliveredRepaired == 0) {
			t.Errorf("with gossip: the worst member got %d of %d, goodput %.3f, %+v", least, count, s.Goodput(), s)
		}
		if !gossip && (least > count*8/10 || s.DeliveredRepaired != 0) {
			t.Errorf("without gossip: the worst member got %d of %d; the control does not bite", least, count)
		}
	}
}

// "who accepts looks up the lost numbers and everything from expected on": the last messages, behind which nothing came, are repaired too; and so is a source that nobody here has heard of.
func TestTailAndUnknownSource(t *testing.T) {
	w := newBand(t, 3, 4, nil)
	w.chain(3)
	w.join(1, 2, 3)
	w.Run(15 * time.Second)
	w.Lose = func(from, to protocol.NodeID, m protocol.Message, _ bool) bool {
		_, data := m.(*maodv.Packet)
		return data && to == 3
	}
	w.publish(1, "a")
	w.publish(2, "b")
	w.Run(10 * time.Second)
	w.publish(1, "tail")
	w.Run(10 * time.Second)
	if got := len(w.delivered[3]); got != 3 {
		t.Errorf("%d of 3 arrived: %v", got, w.delivered[3])
	}
	for _, d := range w.order[3] {
		if !d.Repaired {
			t.Errorf("%+v", d)
		}
	}
}

// A member that was away in silence asks for what it misses when it is back, at most NumbersMax lost ones a request.
func TestAway(t *testing.T) {
	w := newBand(t, 4, 5, nil)
	w.chain(4)
	w.join(1, 2, 4)
	w.Run(20 * time.Second)
	w.Cut(3, 4)
	for i := range 60 {
		w.publish(1, fmt.Sprint(i))
		w.Run(200 * time.Millisecond)
	}
	if got := len(w.delivered[4]); got > 5 {
		t.Fatalf("%d arrived in spite of the cut", got)
	}
	w.Link(3, 4)
	w.Run(30 * time.Second)
	if got := len(w.delivered[4]); got != 60 {
		t.Errorf("%d of 60 arrived", got)
	}
}

// Losses are told: what nobody has any more is given up after LostLife, and Delivered and Lost add up.
func TestGap(t *testing.T) {
	w := newBand(t, 2, 6, func(c *Config) { c.History, c.LostLife = 5, 10*time.Second })
	w.chain(2)
	w.join(1, 2)
	w.Run(15 * time.Second)
	lose := true
	w.Lose = func(_, to protocol.NodeID, m protocol.Message, _ bool) bool { return lose && to == 2 }
	for i := range 20 {
		w.publish(1, fmt.Sprint(i))
	}
	w.Run(100 * time.Millisecond)
	lose = false
	w.Run(10 * time.Second)
	w.publish(1, "last")
	w.Run(20 * time.Second)
	s := w.node(2).Stats()
	gone := uint64(0)
	for _, g := range w.gaps[2] {
		gone += g.Count
	}
	if s.Delivered+s.Lost != 21 || gone != s.Lost || s.Lost == 0 {
		t.Errorf("%d delivered, %d lost, told of %d: %+v", s.Delivered, s.Lost, gone, w.gaps[2])
	}
}

// stub is a routing that does nothing but answer.
type stub struct {
	hops    []adhoc.NextHop
	sent    []protocol.NodeID
	learned []adhoc.Hint
	routes  []protocol.NodeID
}

func (s *stub) Start(protocol.Time, *protocol.Output)                                      {}
func (s *stub) Receive(protocol.Time, protocol.NodeID, protocol.Message, *protocol.Output) {}
func (s *stub) Notify(protocol.Time, protocol.Event, *protocol.Output)                     {}
func (s *stub) Timeout(protocol.Time, *protocol.Output)                                    {}
func (s *stub) Deadline() protocol.Time                                                    { return protocol.Never }
func (s *stub) Join(protocol.Time, adhoc.Group, *protocol.Output)                          {}
func (s *stub) Leave(protocol.Time, adhoc.Group, *protocol.Output)                         {}
func (s *stub) Multicast(protocol.Time, adhoc.Group, []byte, *protocol.Output)             {}
func (s *stub) Reaches(_ protocol.Time, to protocol.NodeID) bool {
	return slices.Contains(s.routes, to)
}
func (s *stub) Freshness() uint32 { return 5 }
func (s *stub) Unicast(_ protocol.Time, to protocol.NodeID, _ []byte, _ *protocol.Output) {
	s.sent = append(s.sent, to)
}
func (s *stub) NextHops(_ protocol.Time, _ adhoc.Group, hops []adhoc.NextHop) []adhoc.NextHop {
	return append(hops, s.hops...)
}
func (s *stub) Learn(_ protocol.Time, h adhoc.Hint) bool {
	s.learned = append(s.learned, h)
	return true
}

func stubbed(change func(*Config), hops ...adhoc.NextHop) (*Machine, *stub) {
	s := &stub{hops: hops}
	return newMachine(1, 1, func(c *Config) {
		c.Routing = s
		if change != nil {
			change(c)
		}
	}), s
}

// walkTo gives a request to a machine and returns where it went on to, 0 if nowhere.
func walkTo(m *Machine, from protocol.NodeID, q *Request) protocol.NodeID {
	var out protocol.Output
	m.Receive(0, from, q, &out)
	for _, e := range out.Effects {
		if _, ok := e.Message.(*Request); ok {
			return e.To
		}
	}
	return 0
}

// "a non-member forwards to a next hop other than the arrival."
func TestNonMemberForwards(t *testing.T) {
	m, _ := stubbed(nil, adhoc.NextHop{Node: 2, Distance: 1}, adhoc.NextHop{Node: 3, Distance: 1}, adhoc.NextHop{Node: 4, Distance: 1})
	seen := map[protocol.NodeID]int{}
	for range 300 {
		seen[walkTo(m, 2, &Request{TTL: 9, Group: theGroup, Initiator: 8})]++
	}
	if seen[0] != 0 || seen[2] != 0 || seen[3] < 100 || seen[4] < 100 {
		t.Errorf("went to %v", seen)
	}
	dead, _ := stubbed(nil, adhoc.NextHop{Node: 2, Distance: 1})
	if to := walkTo(dead, 2, &Request{TTL: 9, Group: theGroup, Initiator: 8}); to != 0 || dead.Stats().RequestsDeadEnds != 1 {
		t.Errorf("a dead end went to %d", to)
	}
	if to := walkTo(m, 2, &Request{TTL: 1, Group: theGroup, Initiator: 8}); to != 0 {
		t.Error("it walks on for ever")
	}
}

// A member does not search its history for a walk that goes on in any case: whoever sends walks would have all members on their way do so.
func TestHistoryIsNotSearchedForWalksThatGoOn(t *testing.T) {
	allocations := func(held int) float64 {
		m, _ := stubbed(func(c *Config) { c.Settle, c.Accept = 0, 1e-12 }, adhoc.NextHop{Node: 3, Distance: 1})
		var out protocol.Output
		if err := m.Join(0, theGroup, &out); err != nil {
			t.Fatal(err)
		}
		for range held {
			if _, err := m.Publish(0, theGroup, []byte("x"), &out); err != nil {
				t.Fatal(err)
			}
		}
		q := &Request{TTL: 9, Group: theGroup, Initiator: 8, All: true}
		return testing.AllocsPerRun(100, func() {
			if walkTo(m, 2, q) != 3 {
				t.Error("the walk does not go on")
			}
		})
	}
	if none, many := allocations(0), allocations(RepliesMax); many != none {
		t.Errorf("a walk that goes on takes %v allocations where nothing is held, and %v where %d messages are", none, many, RepliesMax)
	}
}

// "a member accepts or forwards at random"; where it ends, a member accepts.
func TestMemberAcceptsAtRandom(t *testing.T) {
	m, s := stubbed(func(c *Config) { c.Settle = 0 }, adhoc.NextHop{Node: 2, Distance: 1}, adhoc.NextHop{Node: 3, Distance: 1})
	var out protocol.Output
	if err := m.Join(0, theGroup, &out); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Publish(0, theGroup, []byte("x"), &out); err != nil {
		t.Fatal(err)
	}
	for range 400 {
		walkTo(m, 2, &Request{TTL: 9, Group: theGroup, Initiator: 8, All: true})
	}
	if st := m.Stats(); st.RequestsAccepted < 150 || st.RequestsAccepted > 250 || st.RequestsAccepted+st.RequestsForwarded != 400 || len(s.sent) != int(st.RequestsAccepted) || s.sent[0] != 8 {
		t.Errorf("%+v, %d replies", st, len(s.sent))
	}
	before := m.Stats().RequestsAccepted
	for range 20 {
		walkTo(m, 2, &Request{TTL: 1, Group: theGroup, Initiator: 8})
	}
	if got := m.Stats().RequestsAccepted - before; got != 20 {
		t.Errorf("%d of 20 accepted at the end of the walk", got)
	}
	if walkTo(m, 2, &Request{TTL: 9, Group: theGroup, Initiator: 1}) != 0 {
		t.Error("the initiator handed its own request on")
	}
}

// A choosy member that has nothing of what a walk asks for hands it on, and accepts it where it ends; as published, it accepts at random whatever it has (the control).
func TestChoosy(t *testing.T) {
	for _, choosy := range []bool{true, false} {
		m, _ := stubbed(func(c *Config) { c.Choosy, c.Settle = choosy, 0 }, adhoc.NextHop{Node: 2, Distance: 1}, adhoc.NextHop{Node: 3, Distance: 1})
		var out protocol.Output
		if err := m.Join(0, theGroup, &out); err != nil {
			t.Fatal(err)
		}
		m.hearMulticast(0, multicast(appendMulticast(nil, &Message{Source: Source{7, 1}, Number: 4})), &out)
		accepts := func(ttl int, lost ...uint64) (count uint64) {
			before := m.Stats().RequestsAccepted
			for range 200 {
				walkTo(m, 2, &Request{TTL: ttl, Group: theGroup, Initiator: 8, All: true, Entries: []Entry{{Source: Source{7, 1}, Expected: 9, Lost: lost}}})
			}
			return m.Stats().RequestsAccepted - before
		}
		with, without, end := accepts(9, 3, 4), accepts(9, 3, 5), accepts(1, 3, 5)
		if with < 70 || with > 130 || end != 200 || choosy && without != 0 || !choosy && (without < 70 || without > 130) {
			t.Errorf("choosy %v: of 200 accepted %d with one of two lost messages, %d with none, %d at the end", choosy, with, without, end)
		}
	}
}

// "nearer sides are chosen with higher probability, with some far contacts kept"; sides without members are left out.
func TestLocality(t *testing.T) {
	hops := []adhoc.NextHop{{Node: 2, Distance: 1}, {Node: 3, Distance: 4}, {Node: 4, Distance: adhoc.DistanceNone}}
	for _, c := range []struct{ locality, near float64 }{{0, 0.5}, {1, 0.8}, {2, 16.0 / 17}} {
		m, _ := stubbed(func(config *Config) { config.Locality = c.locality }, hops...)
		seen := map[protocol.NodeID]float64{}
		for range 4000 {
			seen[walkTo(m, 9, &Request{TTL: 9, Group: theGroup, Initiator: 8})]++
		}
		if near := seen[2] / 4000; math.Abs(near-c.near) > 0.03 || seen[4] != 0 || seen[3] == 0 {
			t.Errorf("locality %v: %.3f went to the near side, not %.3f; %v", c.locality, near, c.near, seen)
		}
	}
	m, _ := stubbed(nil, hops[2])
	if walkTo(m, 9, &Request{TTL: 9, Group: theGroup, Initiator: 8}) != 4 {
		t.Error("nothing else, and it is not tried")
	}
}

// A walk whose next hop does not take it goes elsewhere, a few times.
func TestWalkIsRescued(t *testing.T) {
	m, _ := stubbed(nil, adhoc.NextHop{Node: 2, Distance: 1}, adhoc.NextHop{Node: 3, Distance: 1}, adhoc.NextHop{Node: 4, Distance: 1}, adhoc.NextHop{Node: 5, Distance: 1})
	var out protocol.Output
	m.Receive(0, 2, &Request{TTL: 9, Group: theGroup, Initiator: 8}, &out)
	tried := []protocol.NodeID{2}
	for {
		i := slices.IndexFunc(out.Effects, func(e protocol.Effect) bool { return e.Kind == protocol.EffectSend })
		if i < 0 {
			break
		}
		e := out.Effects[i]
		if slices.Contains(tried, e.To) {
			t.Fatalf("%d again after %v", e.To, tried)
		}
		tried = append(tried, e.To)
		out.Reset()
		m.Notify(0, protocol.LinkBroken{To: e.To, Message: e.Message}, &out)
	}
	if len(tried) != 1+walkTriesMax || m.Stats().RequestsBroken != walkTriesMax {
		t.Errorf("tried %v, %+v", tried, m.Stats())
	}
}

// "with probability p_anon an anonymous request to a tree next hop, otherwise cached gossip, a unicast to a random cached member."
func TestAnonymousOrCached(t *testing.T) {
	m, s := stubbed(nil, adhoc.NextHop{Node: 2, Distance: 1})
	var out protocol.Output
	if err := m.Join(0, theGroup, &out); err != nil {
		t.Fatal(err)
	}
	now := protocol.Time(0)
	rounds := func(n int) {
		for range n {
			now = m.Deadline()
			m.Timeout(now, &out)
		}
	}
	rounds(100)
	if st := m.Stats(); st.RequestsAnonymous != 100 || st.RequestsCached != 0 {
		t.Errorf("with an empty cache: %+v", st)
	}
	m.hear(now, adhoc.MemberSeen{Group: theGroup, Node: 6, Hops: 2}, &out)
	rounds(100)
	if st := m.Stats(); st.RequestsAnonymous != 200 || st.RequestsCached != 0 {
		t.Errorf("with a cached member to which there is no route: %+v", st)
	}
	s.routes = []protocol.NodeID{6}
	rounds(1000)
	if st := m.Stats(); st.RequestsCached < 240 || st.RequestsCached > 360 || len(s.sent) != int(st.RequestsCached) || s.sent[0] != 6 {
		t.Errorf("%+v", st)
	}
	if perRound := now.Sub(0) / 1200; perRound < 950*time.Millisecond || perRound > 1050*time.Millisecond {
		t.Errorf("a round takes %v", perRound)
	}
	s.hops, s.routes = nil, nil
	before := m.Stats().RequestsCached
	rounds(50)
	if got := m.Stats().RequestsCached - before; got != 50 {
		t.Errorf("%d of 50 went to the cache without next hops", got)
	}
	m.hear(now, adhoc.Undeliverable{To: 6}, &out)
	rounds(5)
	if st := m.Stats(); st.RequestsUnsent != 5 || st.Cached != 0 {
		t.Errorf("%+v", st)
	}
}

// What has only just arrived is sent to who misses it, and to who knows nothing of it once it has settled.
func TestWhatMayBeOnItsWayIsNotSent(t *testing.T) {
	for _, settle := range []time.Duration{0, time.Second} {
		m, s := stubbed(func(c *Config) { c.Settle = settle })
		var out protocol.Output
		if err := m.Join(0, theGroup, &out); err != nil {
			t.Fatal(err)
		}
		source := Source{7, 1}
		for number := range uint64(3) {
			m.hearMulticast(0, multicast(appendMulticast(nil, &Message{Source: source, Number: number + 1})), &out)
		}
		ask := func(now protocol.Time, entries ...Entry) int {
			s.sent = nil
			before := m.Stats().MessagesReplied
			q := &Request{Group: theGroup, Initiator: 5, All: true, Entries: entries}
			m.accept(now, m.members[0], q, m.lookUp(now, m.members[0], q), &out)
			return int(m.Stats().MessagesReplied - before)
		}
		at := protocol.Time(settle)
		early := at - 1
		if lost := ask(0, Entry{Source: source, Expected: 9, Lost: []uint64{1, 2}}); lost != 2 {
			t.Errorf("settle %v: %d of 2 lost ones were sent", settle, lost)
		}
		if behind, new := ask(at, Entry{Source: source, Expected: 2}), ask(at); behind != 2 || new != 3 {
			t.Errorf("settle %v: %d of 2 behind the expected one, %d of 3 of a new source", settle, behind, new)
		}
		if behind, new := ask(early, Entry{Source: source, Expected: 2}), ask(early); settle > 0 && behind+new > 0 {
			t.Errorf("settle %v: %d and %d were sent at once", settle, behind, new)
		}
	}
}

// A request names at most 10 lost numbers, and a reply is bounded whatever is asked for.
func TestBounds(t *testing.T) {
	m, s := stubbed(func(c *Config) { c.Settle = 0 }, adhoc.NextHop{Node: 2, Distance: 1})
	var out protocol.Output
	if err := m.Join(0, theGroup, &out); err != nil {
		t.Fatal(err)
	}
	for range 90 {
		if _, err := m.Publish(0, theGroup, make([]byte, 100), &out); err != nil {
			t.Fatal(err)
		}
	}
	all := &Request{Group: theGroup, Initiator: 5, All: true}
	m.accept(0, m.members[0], all, m.lookUp(0, m.members[0], all), &out)
	if st := m.Stats(); st.MessagesReplied != RepliesMax || len(s.sent) != 3 {
		t.Errorf("%d messages in %d replies", st.MessagesReplied, len(s.sent))
	}
	m.hearMulticast(0, multicast(appendMulticast(nil, &Message{Source: Source{7, 1}, Number: 90})), &out)
	q := m.request(m.members[0])
	if len(q.Entries) != 1 || len(q.Entries[0].Lost) != NumbersMax || q.Entries[0].Expected != 91 || q.Sequence != 5 || !q.All {
		t.Errorf("%+v", q)
	}
	if _, err := m.Publish(0, theGroup, make([]byte, MessageMax+1), &out); err != ErrSize {
		t.Error(err)
	}
	if _, err := m.Publish(0, theGroup+1, nil, &out); err != ErrMember {
		t.Error(err)
	}
	for i := range uint64(2 * SourcesMax) {
		m.hearMulticast(0, multicast(appendMulticast(nil, &Message{Source: Source{protocol.NodeID(100 + i), 1}, Number: 1})), &out)
	}
	if st := m.Stats(); st.Sources != SourcesMax || st.SourcesRefused != SourcesMax+1 {
		t.Errorf("%+v", st)
	}
	if q := m.request(m.members[0]); len(q.Entries) != EntriesMax || q.All {
		t.Errorf("%d entries, all %v", len(q.Entries), q.All)
	}
	for i := range GroupsMax - 1 {
		if err := m.Join(0, adhoc.Group(1000+i), &out); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Join(0, 5000, &out); err != ErrGroups {
		t.Error(err)
	}
}

// A source that has been silent for long makes room for another one, and what was missing of it is told as lost.
func TestSourceMakesRoom(t *testing.T) {
	m, _ := stubbed(func(c *Config) { c.LostLife = time.Hour })
	var out protocol.Output
	if err := m.Join(0, theGroup, &out); err != nil {
		t.Fatal(err)
	}
	hear := func(at time.Duration, id protocol.NodeID, number uint64) (gaps []Gap) {
		before := len(out.Effects)
		m.hearMulticast(protocol.Time(at), multicast(appendMulticast(nil, &Message{Source: Source{id, 1}, Number: number})), &out)
		for _, e := range out.Effects[before:] {
			if g, ok := e.Event.(Gap); ok {
				gaps = append(gaps, g)
			}
		}
		return gaps
	}
	hear(0, 100, 1)
	hear(0, 100, 7) // 2 to 6 are missing
	for id := range protocol.NodeID(SourcesMax - 1) {
		hear(time.Minute, 101+id, 1)
	}
	if hear(sourceForget-1, 300, 1); m.Stats().SourcesRefused != 1 {
		t.Errorf("%+v", m.Stats())
	}
	gaps := hear(sourceForget, 300, 1)
	if len(gaps) != 1 || gaps[0].Source.Node != 100 || gaps[0].First != 2 || gaps[0].Last != 6 || gaps[0].Count != 5 {
		t.Errorf("gaps %+v", gaps)
	}
	if s := m.Stats(); s.SourcesForgotten != 1 || s.Lost != 5 || s.Missing != 5 || s.Wanted != 0 {
		t.Errorf("%+v", s)
	}
	// It comes back: what was delivered, or told as lost, is not delivered again, and it goes on where it was.
	before := m.Stats().Delivered
	for _, number := range []uint64{7, 4} {
		if hear(3*sourceForget, 100, number); m.Stats().Delivered != before {
			t.Errorf("%d is delivered again", number)
		}
	}
	if hear(3*sourceForget, 100, 9); m.Stats().Delivered != before+1 || m.Stats().Wanted != 1 {
		t.Errorf("%+v", m.Stats())
	}
	for id := range protocol.NodeID(ForgottenMax) {
		hear(time.Duration(5+2*id)*sourceForget, 1000+id, 1)
	}
	s := m.Stats()
	if s.ForgottenEvicted != s.SourcesForgotten-ForgottenMax-1 || len(m.members[0].past) != ForgottenMax {
		t.Errorf("%d are remembered; %+v", len(m.members[0].past), s)
	}
}

// Routing is offered the way back to initiators, and with it replies need fewer searches for routes; switched off, nothing is offered.
func TestHints(t *testing.T) {
	searches := func(hints bool) (uint64, Stats) {
		w := newBand(t, 8, 7, func(c *Config) { c.Hints = hints })
		w.chain(8)
		w.join(1)
		w.Run(12 * time.Second)
		w.join(4, 8)
		w.Run(4 * time.Second)
		w.lossy(2, 0.1)
		for i := range 200 {
			w.publish(1, fmt.Sprint(i))
			w.Run(200 * time.Millisecond)
		}
		var requests uint64
		for id := protocol.NodeID(1); id <= 8; id++ {
			requests += w.node(id).Routing().(*maodv.Machine).Routes().Stats().RequestsSent
		}
		return requests, w.stats()
	}
	with, taken := searches(true)
	without, none := searches(false)
	if taken.HintsTaken == 0 || none.HintsTaken != 0 || with*2 > without {
		t.Errorf("%d requests for routes with hints, %d without; taken %d and %d", with, without, taken.HintsTaken, none.HintsTaken)
	}
	m, s := stubbed(nil, adhoc.NextHop{Node: 3, Distance: 1})
	walkTo(m, 2, &Request{TTL: 9, Hops: 3, Group: theGroup, Initiator: 8, Sequence: 70})
	if !slices.Equal(s.learned, []adhoc.Hint{{Node: 8, Sequence: 70, Via: 2, Hops: 4}}) {
		t.Errorf("%+v", s.learned)
	}
}

// Whatever the loss and the moves, messages arrive at most once and as they were; once all is quiet nothing within the histories is missing.
func TestSwarm(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 17))
		const n = 10
		w := newBand(t, n, seed, nil)
		w.chain(n)
		w.join(1, 3, 5, 6, 9)
		w.Run(20 * time.Second)
		w.lossy(seed, 0.15)
		sent := map[place]string{}
		for step := range 80 {
			from := w.members[r.IntN(len(w.members))]
			text := fmt.Sprint(seed, " ", step)
			w.publish(from, text)
			sent[place{Source{from, 1}, w.node(from).members[0].number}] = text
			if a := protocol.NodeID(1 + r.IntN(n-1)); r.IntN(8) == 0 {
				w.Cut(a, a+1)
				w.Link(a, a+2)
			} else if r.IntN(4) == 0 {
				w.Link(a, a+1)
			}
			w.Run(time.Duration(r.IntN(500)) * time.Millisecond)
		}
		w.chain(n)
		w.lossy(seed, 0.05)
		w.Run(50 * time.Second)
		for _, id := range w.members {
			for at, text := range sent {
				if got, found := w.delivered[id][at]; at.source.Node != id && (!found || got != text) {
					t.Errorf("seed %d: %d has %q of %v: %v", seed, id, got, at, found)
				}
			}
		}
	}
}

// Equal runs are equal.
func TestDeterminism(t *testing.T) {
	run := func() uint64 {
		w := newBand(t, 6, 3, nil)
		w.chain(6)
		w.join(1, 4, 6)
		w.Run(15 * time.Second)
		w.lossy(1, 0.2)
		for i := range 50 {
			w.publish(4, fmt.Sprint(i))
			w.Run(200 * time.Millisecond)
		}
		return w.Hash()
	}
	if first, second := run(), run(); first != second {
		t.Error("two equal runs differ")
	}
}
