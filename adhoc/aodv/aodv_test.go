package aodv

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/internal/air"
	"spinglass/protocol"
)

// net is a world of nodes 1 to n with what has arrived where.
type net struct {
	*air.World
	t        *testing.T
	arrived  map[protocol.NodeID][]string
	returned map[protocol.NodeID]int
	sent     map[string]int
}

func newNet(t *testing.T, n int, change func(*Config)) *net {
	w := &net{World: air.New(func() protocol.Decoder { return new(Decoder) }), t: t, arrived: map[protocol.NodeID][]string{}, returned: map[protocol.NodeID]int{}, sent: map[string]int{}}
	w.Observe = func(id protocol.NodeID, e protocol.Event) {
		switch v := e.(type) {
		case adhoc.UnicastArrival:
			w.arrived[id] = append(w.arrived[id], string(v.Payload))
		case adhoc.Undeliverable:
			w.returned[id]++
		}
	}
	w.Overhear = func(_, _ protocol.NodeID, m protocol.Message) { w.sent[fmt.Sprintf("%T", m)]++ }
	for i := range n {
		c := Config{Self: protocol.NodeID(i + 1), Rand: rand.New(rand.NewPCG(1, uint64(i))), Jitter: JitterDefault}
		if change != nil {
			change(&c)
		}
		w.Add(c.Self, New(c))
	}
	return w
}

// chain links nodes 1 to n in a row.
func (w *net) chain(n int) {
	for i := 1; i < n; i++ {
		w.Link(protocol.NodeID(i), protocol.NodeID(i+1))
	}
}

func (w *net) node(id protocol.NodeID) *Machine { return w.Nodes[id].(*Machine) }

func (w *net) send(from, to protocol.NodeID, payload string) {
	w.Do(from, func(out *protocol.Output) { w.node(from).Send(w.Now, to, []byte(payload), out) })
}

func (w *net) route(from, to protocol.NodeID) Route {
	r, _ := w.node(from).Route(to)
	return r
}

func (w *net) give(id, from protocol.NodeID, m protocol.Message) (out protocol.Output) {
	w.node(id).Receive(w.Now, from, m, &out)
	return out
}

// "If the result of subtracting the currently stored sequence number from the value of the incoming sequence number is less than zero, then the information related to that destination in the AODV message MUST be discarded" (section 6.1): the
// difference is taken as a signed number, so that freshness survives rollover.
func TestSequenceRollover(t *testing.T) {
	for _, c := range []struct {
		a, b  uint32
		newer bool
	}{{1, 0, true}, {0, 1, false}, {5, 5, false}, {0, 1<<32 - 1, true}, {1<<32 - 1, 0, false}, {1 << 31, 1<<31 - 1, true}, {1<<31 - 1, 1 << 31, false}, {3, 1<<32 - 3, true}} {
		if newer(c.a, c.b) != c.newer {
			t.Errorf("newer(%d, %d) is %v", c.a, c.b, !c.newer)
		}
	}
}

// "A node disseminates a RREQ when it determines that it needs a route to a destination and does not have one available" (section 6.3); "the node consults its route table entry for the originating node to determine the next hop for the RREP packet, and then forwards the RREP towards the
// originator using the information in that route table entry" (6.7).
func TestRouteForms(t *testing.T) {
	w := newNet(t, 5, nil)
	w.chain(5)
	w.send(1, 5, "hello")
	w.Run(3 * time.Second)
	if got := w.arrived[5]; len(got) != 1 || got[0] != "hello" {
		t.Fatalf("arrived: %q", got)
	}
	for i := protocol.NodeID(1); i < 5; i++ {
		if r := w.route(i, 5); !r.Valid || r.Next != i+1 || r.Hops != int(5-i) || !r.SequenceKnown {
			t.Errorf("node %d: %+v", i, r)
		}
	}
	if r := w.route(5, 1); !r.Valid || r.Next != 4 || r.Hops != 4 {
		t.Errorf("reverse route: %+v", r)
	}
	before := w.sent["*aodv.Request"]
	w.send(5, 1, "back")
	w.Run(time.Second)
	if len(w.arrived[1]) != 1 || w.sent["*aodv.Request"] != before {
		t.Errorf("the reverse route was not used: %q, %d requests more", w.arrived[1], w.sent["*aodv.Request"]-before)
	}
}

// "To prevent unnecessary network-wide dissemination of RREQs, the originating node SHOULD use an expanding ring search technique" (section 6.4): TTL_START, then TTL_INCREMENT more until TTL_THRESHOLD, then NET_DIAMETER.
func TestExpandingRing(t *testing.T) {
	w := newNet(t, 8, nil)
	w.Link(1, 2)
	var rings []int
	var at []time.Duration
	w.Overhear = func(from, _ protocol.NodeID, m protocol.Message) {
		if q, ok := m.(*Request); ok && from == 1 {
			rings, at = append(rings, q.TTL), append(at, time.Duration(w.Now))
		}
	}
	w.send(1, 8, "nobody hears this")
	w.Run(time.Minute)
	if got := fmt.Sprint(rings); got != "[1 3 5 7 35 35 35]" {
		t.Errorf("rings %v", got)
	}
	// "Each time, the timeout for receiving a RREP is RING_TRAVERSAL_TIME"; "Once TTL = NET_DIAMETER, the timeout for waiting for the RREP is set to NET_TRAVERSAL_TIME" (section 6.4); "For each additional attempt, the waiting time for the RREP
	// is multiplied by 2, so that the time conforms to a binary exponential backoff" (6.3).
	waits := []time.Duration{240, 400, 560, 720, 2800, 5600}
	for i, ms := range waits {
		if d := at[i+1] - at[i]; d != ms*time.Millisecond {
			t.Errorf("wait %d is %v, not %d ms", i, d, ms)
		}
	}
	// "If a route discovery has been attempted RREQ_RETRIES times at the maximum TTL without receiving any RREP, all data packets destined for the corresponding destination SHOULD be dropped from the buffer and a Destination Unreachable
	// message SHOULD be delivered to the application" (6.3). "Up to a maximum of RREQ_RETRIES times at the maximum TTL value" another one is broadcast: here that many follow the first one.
	if w.returned[1] != 1 || w.node(1).Stats().DiscoveriesFailed != 1 {
		t.Errorf("returned %d, %+v", w.returned[1], w.node(1).Stats())
	}
}

// "The Hop Count stored in an invalid routing table entry indicates the last known hop count to that destination in the routing table. When a new route to the same destination is required at a later time (e.g., upon route loss), the TTL in
// the RREQ IP header is initially set to the Hop Count plus TTL_INCREMENT" (section 6.4).
func TestRingOfKnownDistance(t *testing.T) {
	w := newNet(t, 5, nil)
	w.chain(5)
	w.send(1, 5, "a")
	w.Run(2*MyRouteTimeout + time.Second)
	if r := w.route(1, 5); r.Valid || r.Hops != 4 {
		t.Fatalf("%+v", r)
	}
	var rings []int
	w.Overhear = func(from, _ protocol.NodeID, m protocol.Message) {
		if q, ok := m.(*Request); ok && from == 1 {
			rings = append(rings, q.TTL)
		}
	}
	w.send(1, 5, "b")
	w.Run(time.Second)
	if got := fmt.Sprint(rings, w.arrived[5]); got != "[6] [a b]" {
		t.Errorf("rings and what arrived: %s", got)
	}
}

// "A node generates a RREP if either: (i) it is itself the destination, or (ii) it has an active route to the destination, the destination sequence number in the node's existing route table entry for the destination is valid and greater than
// or equal to the Destination Sequence Number of the RREQ (comparison using signed 32-bit arithmetic), and the "destination only" ('D') flag is NOT set" (section 6.6).
func TestIntermediateReplies(t *testing.T) {
	w := newNet(t, 5, nil)
	w.chain(5)
	w.send(2, 5, "first")
	w.Run(2 * time.Second)
	sequence := w.route(2, 5).Sequence
	stale := w.give(2, 1, &Request{TTL: 5, ID: 70, Destination: 5, DestinationSequence: sequence + 1, Origin: 1, OriginSequence: 1})
	if p := reply(&stale); p != nil {
		t.Errorf("a route that is not fresh enough was offered: %+v", p)
	}
	fresh := w.give(2, 1, &Request{TTL: 5, ID: 71, Destination: 5, DestinationSequence: sequence, Origin: 1, OriginSequence: 2})
	if p := reply(&fresh); p == nil || p.Hops != 3 || p.DestinationSequence != sequence {
		t.Errorf("no reply from the intermediate: %+v", p)
	}
	if only := w.give(2, 1, &Request{TTL: 5, ID: 72, Destination: 5, Unknown: true, DestinationOnly: true, Origin: 1, OriginSequence: 3}); reply(&only) != nil {
		t.Error("an intermediate answered what only the destination may")
	}
}

func reply(out *protocol.Output) *Reply {
	for _, e := range out.Effects {
		if p, ok := e.Message.(*Reply); ok {
			return p
		}
	}
	return nil
}

// It "checks to determine whether it has received a RREQ with the same Originator IP Address and RREQ ID within at least the last PATH_DISCOVERY_TIME. If such a RREQ has been received, the node silently discards the newly received RREQ"
// (section 6.5).
func TestRequestOnce(t *testing.T) {
	w := newNet(t, 1, func(c *Config) { c.Jitter = 0 })
	q := &Request{TTL: 5, ID: 1, Destination: 9, Unknown: true, Origin: 3, OriginSequence: 1}
	first, second := w.give(1, 2, q), w.give(1, 4, q)
	if len(first.Effects) != 1 || first.Effects[0].Kind != protocol.EffectBroadcast {
		t.Errorf("the first was not handed on: %+v", first.Effects)
	}
	if len(second.Effects) != 1 || second.Effects[0].Reason != ReasonSeen {
		t.Errorf("the second was: %+v", second.Effects)
	}
	last := w.give(1, 2, &Request{TTL: 1, ID: 2, Destination: 9, Unknown: true, Origin: 3, OriginSequence: 2})
	if len(last.Effects) != 1 || last.Effects[0].Reason != ReasonTTL {
		t.Errorf("beyond its ring: %+v", last.Effects)
	}
}

// "the route is only updated if the new sequence number is either (i) higher than the destination sequence number in the route table, or (ii) the sequence numbers are equal, but the hop count (of the new information) plus one, is
// smaller than the existing hop count in the routing table, or (iii) the sequence number is unknown" (section 6.2).
func TestUpdateRule(t *testing.T) {
	m := New(Config{Self: 1, Rand: rand.New(rand.NewPCG(1, 1))})
	step := func(sequence uint32, via protocol.NodeID, hops int, taken bool) {
		t.Helper()
		if m.update(0, news{destination: 9, sequence: sequence, next: via, hops: hops, lifetime: time.Second}) != taken {
			t.Errorf("sequence %d over %d hops: taken is %v", sequence, hops, !taken)
		}
	}
	m.neighbour(0, 9)
	step(1<<32-1, 2, 5, true) // unknown before
	step(1<<32-1, 3, 5, false)
	step(1<<32-1, 3, 4, true)
	step(1<<32-2, 4, 1, false)
	step(0, 5, 9, true) // rollover
	m.invalidate(0, m.table.find(9))
	step(0, 6, 12, true) // the same number, but the route is inactive
	if r, _ := m.Route(9); r.Next != 6 || r.Hops != 12 || !r.Valid {
		t.Errorf("%+v", r)
	}
}

// "If the generating node is the destination itself, it MUST increment its own sequence number by one if the sequence number in the RREQ packet is equal to that incremented value" (section 6.6.1); "Immediately before a destination node originates a RREP in response to a RREQ,
// it MUST update its own sequence number to the maximum of its current sequence number and the destination sequence number in the RREQ packet" (6.1).
func TestDestinationSequence(t *testing.T) {
	w := newNet(t, 1, func(c *Config) { c.Sequence = 1<<32 - 1 })
	for _, c := range []struct{ asked, answered uint32 }{{7, 7}, {3, 7}, {8, 8}} {
		out := w.give(1, 2, &Request{TTL: 1, ID: c.asked + 100, Destination: 1, DestinationSequence: c.asked, Origin: 3, OriginSequence: 1})
		if p := reply(&out); p == nil || p.DestinationSequence != c.answered {
			t.Errorf("asked for %d: %+v", c.asked, p)
		}
	}
}

// "Each time a route is used to forward a data packet, its Active Route Lifetime field of the source, destination and the next hop on the path to the destination is updated to be no less than the current time plus ACTIVE_ROUTE_TIMEOUT"
// (section 6.2). One that is not used expires, and "SHOULD NOT be expunged before (current_time + DELETE_PERIOD)" (6.4).
func TestRouteExpires(t *testing.T) {
	w := newNet(t, 3, nil)
	w.chain(3)
	w.send(1, 3, "0")
	for i := range 20 {
		w.Run(time.Second)
		w.send(1, 3, fmt.Sprint(i+1))
	}
	w.Run(time.Second)
	if requests := w.node(1).Stats().RequestsSent; requests > 2 {
		t.Errorf("%d requests while the route was used", requests)
	}
	sequence := w.route(1, 3).Sequence
	w.Run(2 * ActiveRouteTimeout)
	if r := w.route(1, 3); r.Valid || r.Sequence != sequence+1 {
		t.Errorf("the route is still there, or its number is not one more than %d: %+v", sequence, r)
	}
	w.Run(DeletePeriod + time.Second)
	if _, found := w.node(1).Route(3); found {
		t.Error("the entry is still there after DELETE_PERIOD")
	}
	if len(w.arrived[3]) != 21 {
		t.Errorf("%d arrived", len(w.arrived[3]))
	}
}

// "A node initiates processing for a RERR message in three situations: (i) if it detects a link break for the next hop of an active route in its routing table while transmitting data" (section 6.11), and tells the precursors, so that the
// origin finds another route.
func TestBreakAndRepair(t *testing.T) {
	w := newNet(t, 6, nil)
	w.chain(4)
	w.Link(2, 5, 6, 4) // a longer way
	w.send(1, 4, "a")
	w.Run(2 * time.Second)
	if r := w.route(1, 4); r.Hops != 3 {
		t.Fatalf("%+v", r)
	}
	w.Cut(3, 4)
	w.send(1, 4, "lost")
	w.Run(50 * time.Millisecond)
	if r := w.route(1, 4); r.Valid {
		t.Errorf("the origin was not told: %+v", r)
	}
	w.send(1, 4, "b")
	w.Run(3 * time.Second)
	if got := fmt.Sprint(w.arrived[4]); got != "[a b]" {
		t.Errorf("arrived %v", got)
	}
	if r := w.route(1, 4); !r.Valid || r.Hops != 4 {
		t.Errorf("%+v", r)
	}
}

// "The neighboring node(s) that should receive the RERR are all those that belong to a precursor list of at least one of the unreachable destination(s)" (section 6.11): a link that breaks is told of for all routes over it, also where they
// are more than one Error names.
func TestBreakOfManyRoutes(t *testing.T) {
	m := New(Config{Self: 1, Rand: rand.New(rand.NewPCG(1, 1))})
	const routes = 2*ErrorMax + 10
	for i := range protocol.NodeID(routes) {
		m.update(0, news{destination: 10 + i, sequence: 1, next: 2, hops: 3, lifetime: time.Second})
		if i%2 == 0 { // of the others nobody makes use
			m.precursor(m.table.find(10+i), 3)
			m.precursor(m.table.find(10+i), 4+i%4)
		}
	}
	var out protocol.Output
	m.Broken(0, 2, &out)
	told := map[protocol.NodeID]bool{}
	for _, e := range out.Effects {
		failure := e.Message.(*Error)
		if e.Kind != protocol.EffectBroadcast || len(failure.Unreachable) > ErrorMax {
			t.Errorf("%+v", e)
		}
		for _, u := range failure.Unreachable {
			told[u.Destination] = true
		}
	}
	if len(told) != routes/2 || len(out.Effects) != 2 {
		t.Errorf("%d of %d destinations told, by %d errors", len(told), routes/2, len(out.Effects))
	}
}

// A payload of this node's own that the first hop does not take waits for another route.
func TestOwnPayloadIsRescued(t *testing.T) {
	w := newNet(t, 4, nil)
	w.Link(1, 2, 4)
	w.Link(1, 3, 4)
	w.send(1, 4, "a")
	w.Run(time.Second)
	next := w.route(1, 4).Next
	w.Cut(1, next)
	w.send(1, 4, "b")
	w.Run(3 * time.Second)
	if got := fmt.Sprint(w.arrived[4]); got != "[a b]" {
		t.Errorf("arrived %v", got)
	}
	if s := w.node(1).Stats(); s.PacketsResent != 1 || s.LinksBroken != 1 {
		t.Errorf("%+v", s)
	}
}

// "A node SHOULD NOT originate more than RREQ_RATELIMIT RREQ messages per second" (section 6.3); "a node SHOULD NOT generate more than RERR_RATELIMIT RERR messages per second" (6.11).
func TestRateLimits(t *testing.T) {
	w := newNet(t, 1, nil)
	var requests, errors []protocol.Time
	w.Overhear = func(_, _ protocol.NodeID, m protocol.Message) {
		switch m.(type) {
		case *Request:
			requests = append(requests, w.Now)
		case *Error:
			errors = append(errors, w.Now)
		}
	}
	for i := range 30 {
		w.send(1, protocol.NodeID(100+i), "x")
		w.Do(1, func(out *protocol.Output) {
			w.node(1).Receive(w.Now, 2, &Packet{TTL: 5, Origin: 3, Destination: protocol.NodeID(200 + i), Payload: []byte("x")}, out)
		})
	}
	w.Run(10 * time.Second)
	if len(requests) < 30 {
		t.Errorf("only %d requests: postponed ones are not sent", len(requests))
	}
	for i := RequestRateLimit; i < len(requests); i++ {
		if requests[i].Sub(requests[i-RequestRateLimit]) < time.Second {
			t.Fatalf("more than %d requests in a second", RequestRateLimit)
		}
	}
	if len(errors) != ErrorRateLimit || w.node(1).Stats().ErrorsSuppressed != 20 {
		t.Errorf("%d errors, %+v", len(errors), w.node(1).Stats())
	}
}

// "If, within the past DELETE_PERIOD, it has received a Hello message from a neighbor, and then for that neighbor does not receive any packets (Hello messages or otherwise) for more than ALLOWED_HELLO_LOSS * HELLO_INTERVAL milliseconds, the
// node SHOULD assume that the link to this neighbor is currently lost" (section 6.9).
func TestHello(t *testing.T) {
	w := newNet(t, 3, func(c *Config) { c.Hello = true })
	w.chain(3)
	w.send(1, 3, "a")
	w.Run(2500 * time.Millisecond)
	if w.sent["*aodv.Hello"] == 0 {
		t.Fatal("no hello was sent")
	}
	w.Cut(1, 2)
	w.Run(HelloLife + 100*time.Millisecond)
	if s := w.node(1).Stats(); s.LinksSilent != 1 || s.LinksBroken != 0 {
		t.Errorf("%+v", s)
	}
	if r := w.route(1, 2); r.Valid {
		t.Errorf("%+v", r)
	}
	// "A node SHOULD only use hello messages if it is part of an active route."
	w.Run(time.Minute)
	before := w.sent["*aodv.Hello"]
	w.Run(time.Minute)
	if w.sent["*aodv.Hello"] != before {
		t.Error("hellos without routes")
	}
}

// "When a node detects that its transmission of a RREP message has failed, it remembers the next-hop of the failed RREP in a "blacklist" set"; "A node ignores all RREQs received from any node in its blacklist set" (section 6.8).
func TestBlackList(t *testing.T) {
	w := newNet(t, 4, nil)
	w.OneWay(1, 2, true) // 2 hears 1, and 1 does not hear 2
	w.Link(1, 3, 4, 2)
	w.send(1, 2, "a")
	w.Run(5 * time.Second)
	if got := w.arrived[2]; len(got) != 1 {
		t.Errorf("arrived %q by the way in both directions", got)
	}
	if w.Drops(ReasonBlackList) == 0 {
		t.Error("the neighbour was not ignored")
	}
}

// What waits for routes is bounded, and what has no room is given back and counted.
func TestBufferBound(t *testing.T) {
	w := newNet(t, 1, nil)
	for range BufferMax + 7 {
		w.send(1, 2, "x")
	}
	if s := w.node(1).Stats(); s.PacketsOverflowed != 7 || w.returned[1] != 7 {
		t.Errorf("%+v, returned %d", s, w.returned[1])
	}
	for i := range DiscoveriesMax {
		w.send(1, protocol.NodeID(100+i), "x")
	}
	if s := w.node(1).Stats(); s.PacketsOverflowed != 8 {
		t.Errorf("%+v", s)
	}
}

// The table is bounded, and so are its timers: invalid routes go first.
func TestTableBound(t *testing.T) {
	m := New(Config{Self: 1, Rand: rand.New(rand.NewPCG(1, 1))})
	for i := range RoutesMax + 10 {
		m.update(0, news{destination: protocol.NodeID(10 + i), sequence: 1, next: 2, hops: 3, lifetime: time.Second})
		if i == 5 {
			m.invalidate(0, m.table.find(15))
		}
	}
	if s := m.Stats(); s.Routes != RoutesMax || s.RoutesEvicted != 10 {
		t.Errorf("%+v", s)
	}
	if _, found := m.Route(15); found {
		t.Error("the invalid route is still there")
	}
	if timers := m.timers.Len(); timers != RoutesMax {
		t.Errorf("%d timers of %d routes", timers, RoutesMax)
	}
}

// A hint is a reverse route: taken when it is fresher, and what waits is sent over it.
func TestLearn(t *testing.T) {
	w := newNet(t, 3, nil)
	w.chain(3)
	w.Lose = func(_, _ protocol.NodeID, m protocol.Message, _ bool) bool { _, ok := m.(*Request); return ok }
	w.send(1, 3, "a")
	w.Run(100 * time.Millisecond)
	w.node(2).neighbour(w.Now, 3)
	if !w.node(1).Learn(w.Now, adhoc.Hint{Node: 3, Sequence: 1, Via: 2, Hops: 2}) || w.node(1).Learn(w.Now, adhoc.Hint{Node: 3, Sequence: 1, Via: 2, Hops: 2}) {
		t.Error("the hint was not taken, or taken twice")
	}
	w.Run(10 * time.Millisecond)
	if len(w.arrived[3]) != 1 {
		t.Error("what waited was not sent")
	}
}

// Routes have no loops, whatever moves: at every instant, who follows next hops with one destination comes to an end.
func TestNoLoops(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		const n = 12
		w := newNet(t, n, func(c *Config) { c.Rand = rand.New(rand.NewPCG(seed, uint64(c.Self))) })
		w.Lose = func(_, _ protocol.NodeID, _ protocol.Message, _ bool) bool { return r.Float64() < 0.1 }
		for range 150 {
			a, b := protocol.NodeID(r.IntN(n)+1), protocol.NodeID(r.IntN(n)+1)
			if r.IntN(2) == 0 {
				w.Link(a, b)
			} else {
				w.Cut(a, b)
			}
			if a != b {
				w.send(a, b, "x")
			}
			w.Run(time.Duration(r.IntN(400)) * time.Millisecond)
			checkLoops(t, w, n, seed)
		}
	}
}

func checkLoops(t *testing.T, w *net, n int, seed uint64) {
	for d := protocol.NodeID(1); int(d) <= n; d++ {
		for a := protocol.NodeID(1); int(a) <= n; a++ {
			at, steps := a, 0
			for at != d && at != 0 {
				next, _, ok := w.node(at).NextHop(d)
				if !ok {
					break
				}
				if at, steps = next, steps+1; steps > n {
					t.Fatalf("seed %d: a loop from %d to %d at %v", seed, a, d, w.Now)
				}
			}
		}
	}
}

// Equal runs are equal.
func TestDeterminism(t *testing.T) {
	run := func() uint64 {
		w := newNet(t, 6, nil)
		w.chain(6)
		w.send(1, 6, "a")
		w.Run(2 * time.Second)
		w.Cut(3, 4)
		w.send(6, 1, "b")
		w.Run(time.Minute)
		return w.Hash()
	}
	if first, second := run(), run(); first != second {
		t.Error("two equal runs differ")
	}
}
