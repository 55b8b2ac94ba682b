package maodv

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/aodv"
	"spinglass/adhoc/internal/air"
	"spinglass/protocol"
)

const theGroup adhoc.Group = 77

// trees is a world of nodes 1 to n with what has arrived where.
type trees struct {
	*air.World
	t       *testing.T
	n       int
	arrived map[protocol.NodeID][]string
	members map[protocol.NodeID]bool
	sent    map[string]int
	changes []adhoc.TreeChanged
}

func newTrees(t *testing.T, n int, seed uint64) *trees {
	w := &trees{World: air.New(func() protocol.Decoder { return new(Decoder) }), t: t, n: n, arrived: map[protocol.NodeID][]string{}, members: map[protocol.NodeID]bool{}, sent: map[string]int{}}
	w.Observe = func(id protocol.NodeID, e protocol.Event) {
		switch v := e.(type) {
		case adhoc.MulticastArrival:
			w.arrived[id] = append(w.arrived[id], string(v.Payload))
		case adhoc.TreeChanged:
			w.changes = append(w.changes, v)
		}
	}
	w.Overhear = func(_, _ protocol.NodeID, m protocol.Message) { w.sent[fmt.Sprintf("%T", m)]++ }
	for i := range n {
		w.Add(protocol.NodeID(i+1), New(Config{Self: protocol.NodeID(i + 1), Rand: rand.New(rand.NewPCG(seed, uint64(i))), Jitter: aodv.JitterDefault}))
	}
	return w
}

func (w *trees) chain(n int) {
	for i := 1; i < n; i++ {
		w.Link(protocol.NodeID(i), protocol.NodeID(i+1))
	}
}

func (w *trees) node(id protocol.NodeID) *Machine { return w.Nodes[id].(*Machine) }

func (w *trees) group(id protocol.NodeID) *group {
	if g := w.node(id).known(theGroup); g != nil {
		return g
	}
	return &group{}
}

func (w *trees) join(ids ...protocol.NodeID) {
	for _, id := range ids {
		w.members[id] = true
		w.Do(id, func(out *protocol.Output) { w.node(id).Join(w.Now, theGroup, out) })
	}
}

func (w *trees) leave(id protocol.NodeID) {
	delete(w.members, id)
	w.Do(id, func(out *protocol.Output) { w.node(id).Leave(w.Now, theGroup, out) })
}

func (w *trees) send(from protocol.NodeID, payload string) {
	w.Do(from, func(out *protocol.Output) { w.node(from).Multicast(w.Now, theGroup, []byte(payload), out) })
}

// leaders returns the members that lead, in order.
func (w *trees) leaders() (ids []protocol.NodeID) {
	for id := protocol.NodeID(1); int(id) <= w.n; id++ {
		if w.group(id).leads(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// component returns the nodes that are reached from a node over links.
func (w *trees) component(id protocol.NodeID) map[protocol.NodeID]bool {
	in, todo := map[protocol.NodeID]bool{id: true}, []protocol.NodeID{id}
	for len(todo) > 0 {
		a := todo[0]
		todo = todo[1:]
		for b := protocol.NodeID(1); int(b) <= w.n; b++ {
			if !in[b] && w.Linked(a, b) && w.Linked(b, a) {
				in[b] = true
				todo = append(todo, b)
			}
		}
	}
	return in
}

// broken returns what is wrong with the trees, "" if each part of the network with members has one tree without loops, with one leader, that all members of the part are on, and with no leaves that are no members.
func (w *trees) broken() string {
	done := map[protocol.NodeID]bool{}
	for id := protocol.NodeID(1); int(id) <= w.n; id++ {
		if done[id] {
			continue
		}
		part := w.component(id)
		var first protocol.NodeID
		nodes, edges, leaders := 0, 0, 0
		for n := protocol.NodeID(1); int(n) <= w.n; n++ {
			if !part[n] {
				continue
			}
			done[n] = true
			g := w.group(n)
			if !g.onTree() {
				continue
			}
			nodes++
			edges += len(g.edges)
			if g.leads(n) {
				leaders++
			}
			if w.members[n] && first == 0 {
				first = n
			}
			if !w.members[n] && len(g.edges) < 2 {
				return fmt.Sprintf("%d is a leaf and no member", n)
			}
			ups := 0
			for _, e := range g.edges {
				other := w.group(e.node).find(n)
				if other == nil {
					return fmt.Sprintf("edge %d-%d is known to one end only", n, e.node)
				}
				if other.up == e.up {
					return fmt.Sprintf("edge %d-%d has no direction", n, e.node)
				}
				if e.up {
					ups++
				}
			}
			if want := 1; g.leads(n) && ups != 0 || !g.leads(n) && ups != want {
				return fmt.Sprintf("%d has %d ways up", n, ups)
			}
		}
		if first == 0 && nodes == 0 {
			continue
		}
		if leaders != 1 {
			return fmt.Sprintf("%d leaders in the part of %d", leaders, id)
		}
		if edges != 2*(nodes-1) {
			return fmt.Sprintf("%d nodes on the tree and %d ends of edges", nodes, edges)
		}
	}
	return ""
}

// settle runs until the trees are as they should be.
func (w *trees) settle(most time.Duration) {
	w.t.Helper()
	for end := w.Now.Add(most); ; {
		wrong := w.broken()
		if wrong == "" {
			return
		}
		if w.Now >= end {
			w.t.Fatalf("after %v: %s; leaders %v", w.Now, wrong, w.leaders())
		}
		w.Run(100 * time.Millisecond)
	}
}

// check has every member of a part get what a member sends.
func (w *trees) check(from protocol.NodeID, payload string) {
	w.t.Helper()
	w.send(from, payload)
	w.Run(500 * time.Millisecond)
	for id := range w.component(from) {
		if want := id != from && w.members[id]; slices.Contains(w.arrived[id], payload) != want {
			w.t.Errorf("at %v %q at %d: arrived is %v", w.Now, payload, id, !want)
		}
	}
}

// "If a RREP is not received after RREQ_RETRIES additional requests, the node may assume that there are no other members of that particular group within the connected portion of the network. If it wanted to join the multicast group, it then
// becomes the multicast group leader for that multicast group and initializes the sequence number of the multicast group" (section 9.2).
func TestFirstMemberLeads(t *testing.T) {
	w := newTrees(t, 3, 1)
	w.chain(3)
	w.join(2)
	w.Run(15 * time.Second)
	if got := w.leaders(); !slices.Equal(got, []protocol.NodeID{2}) {
		t.Fatalf("leaders %v", got)
	}
	// "any node which is a group leader for a multicast group broadcasts such a GRPH across the network every GROUP_HELLO_INTERVAL milliseconds", with "One plus the last known sequence number of the multicast group" (9.12).
	before, sequence := w.node(2).Stats().GroupHellosSent, w.group(2).sequence
	w.Run(GroupHelloInterval * 10)
	if sent := w.node(2).Stats().GroupHellosSent - before; sent != 10 || w.group(2).sequence != sequence+10 {
		t.Errorf("%d group hellos, sequence %d after %d", sent, w.group(2).sequence, sequence)
	}
	if w.node(3).Stats().GroupHellosPassed != 0 && w.node(1).Stats().GroupHellosPassed == 0 {
		t.Error("the flood is not handed on")
	}
}

// "If the 'J' flag is set, the node can only respond if it is a member of the multicast tree for the indicated multicast group, and if its record of the multicast group sequence number is at least as great as that contained in the RREQ"
// (section 9.3); "When the node receives a MACT selecting it as the next hop, it unicasts its own MACT to the node it has chosen as its next hop, and so on up the tree, until a node which was already a part of the multicast tree is
// reached" (9.6).
func TestTreeForms(t *testing.T) {
	w := newTrees(t, 7, 2)
	w.chain(7)
	w.join(1)
	w.Run(12 * time.Second)
	w.join(4, 7)
	w.Run(3 * time.Second)
	w.settle(time.Second)
	for i, id := range []protocol.NodeID{1, 4, 7} {
		w.check(id, fmt.Sprint("from ", i))
	}
	if g := w.group(7); g.leader != 1 || g.hops != 6 || g.upstream().node != 6 {
		t.Errorf("%+v", g)
	}
	if len(w.group(5).edges) != 2 || w.group(5).member {
		t.Errorf("router: %+v", w.group(5))
	}
}

// A node is reached once a route to it is known, and until it expires.
func TestReaches(t *testing.T) {
	w := newTrees(t, 3, 13)
	w.chain(3)
	if w.node(1).Reaches(w.Now, 3) {
		t.Error("a node is reached without a route")
	}
	w.Do(1, func(out *protocol.Output) { w.node(1).Unicast(w.Now, 3, []byte("x"), out) })
	w.Run(time.Second)
	if !w.node(1).Reaches(w.Now, 3) {
		t.Error("a node to which there is a route is not reached")
	}
	if w.Run(3 * aodv.ActiveRouteTimeout); w.node(1).Reaches(w.Now, 3) {
		t.Error("a node is reached over a route that has expired")
	}
}

// "The RREP containing the largest destination sequence number is chosen to be the branch added to the multicast tree"; "In the event that a node receives more than one RREP with the same (largest) sequence number, it selects the first one
// with the smallest hop count, i.e., the shortest distance to a member of the multicast tree" (section 9.6).
func TestBestOffer(t *testing.T) {
	fresh := offer{leader: 1, sequence: 5, hops: 4, total: 9}
	for _, c := range []struct {
		name   string
		o      offer
		better bool
	}{
		{"fresher and farther", offer{leader: 1, sequence: 6, hops: 7, total: 9}, true},
		{"older and nearer", offer{leader: 1, sequence: 4, hops: 1, total: 2}, false},
		{"rolled over", offer{leader: 1, sequence: 5 + 1<<31 - 1, hops: 9, total: 9}, true},
		{"as fresh and nearer", offer{leader: 1, sequence: 5, hops: 3, total: 20}, true},
		{"as fresh and near, the leader nearer", offer{leader: 1, sequence: 5, hops: 4, total: 8}, true},
		{"the same", fresh, false},
	} {
		if c.o.better(&fresh) != c.better {
			t.Errorf("%s: better is %v", c.name, !c.better)
		}
	}
}

// "Hence, it is necessary to activate only one of the routes created by the RREP messages" (section 9.6): a multicast goes over each node once, and nodes that only offered one are not on it.
func TestOneBranch(t *testing.T) {
	w := newTrees(t, 6, 3)
	w.Link(1, 2, 6)
	w.Link(1, 3, 6)
	w.Link(1, 4, 5, 6)
	w.join(1)
	w.Run(12 * time.Second)
	w.join(6)
	w.Run(3 * time.Second)
	w.settle(time.Second)
	if n := len(w.group(6).edges); n != 1 || w.group(6).hops != 2 {
		t.Errorf("%d edges, %d hops", n, w.group(6).hops)
	}
	before := w.sent["*maodv.Packet"]
	w.check(1, "once")
	if sent := w.sent["*maodv.Packet"] - before; sent != 2 {
		t.Errorf("%d transmissions over two hops", sent)
	}
}

// "If the removal of the sending node causes this node to become a leaf node, and if this node is also not a member of the multicast group, it may in turn prune itself by sending its own MACT message up the tree" (section 9.7): a member
// leaves, and the branch goes with it, up to the next member.
func TestPrune(t *testing.T) {
	w := newTrees(t, 6, 4)
	w.chain(6)
	w.join(1)
	w.Run(12 * time.Second)
	w.join(3, 6)
	w.Run(3 * time.Second)
	w.settle(time.Second)
	w.leave(6)
	w.Run(time.Second)
	for id := protocol.NodeID(4); id <= 6; id++ {
		if w.group(id).onTree() {
			t.Errorf("%d is still on the tree", id)
		}
	}
	w.settle(0)
	w.check(1, "still")
	// "it can only actually leave the multicast tree if it is not a tree router for any other nodes in the multicast group" (9.7).
	w.join(5)
	w.Run(3 * time.Second)
	w.leave(3)
	w.Run(time.Second)
	w.settle(0)
	if len(w.group(3).edges) != 2 {
		t.Errorf("%+v", w.group(3))
	}
	w.check(5, "over the router")
}

// "Otherwise, if the group leader is not a leaf node, it may not prune itself from the tree. It takes the actions described in Section 9.9, where it selects one of its next hops and unicasts to it the MACT with set 'G' flag" (section 9.7).
func TestLeaderLeaves(t *testing.T) {
	for _, n := range []protocol.NodeID{1, 3} { // a leaf, and one in the middle
		w := newTrees(t, 5, 5)
		w.chain(5)
		w.join(n)
		w.Run(12 * time.Second)
		w.join(1, 3, 5)
		w.Run(3 * time.Second)
		w.settle(time.Second)
		w.leave(n)
		w.Run(time.Second)
		w.settle(5 * time.Second)
		if got := w.leaders(); len(got) != 1 || got[0] == n {
			t.Errorf("leaders %v after %d left", got, n)
		}
		w.check(5, "again")
	}
}

// "The node downstream of the break (i.e., the node which is further from the multicast group leader) is responsible for initiating the repair of the broken link"; its RREQ has the J flag, and "The Multicast Group Hop Count field of this
// extension is set to the distance of the source node from the multicast group leader" (section 9.8).
func TestRepairByDownstream(t *testing.T) {
	w := newTrees(t, 6, 6)
	w.chain(4)
	w.Link(2, 5, 3)
	w.join(1)
	w.Run(12 * time.Second)
	w.join(4)
	w.Run(3 * time.Second)
	w.settle(time.Second)
	var repairs []*JoinRequest
	var who []protocol.NodeID
	w.Overhear = func(from, _ protocol.NodeID, m protocol.Message) {
		if q, ok := m.(*JoinRequest); ok && q.Origin == from {
			repairs, who = append(repairs, q), append(who, from)
		}
	}
	w.Cut(2, 3) // 3 is a router with 4 downstream
	w.Run(6 * time.Second)
	w.settle(4 * time.Second)
	if len(who) == 0 || slices.Contains(who, 2) || !repairs[0].Repair || repairs[0].LeaderHops != 2 || repairs[0].Leader != 1 {
		t.Errorf("repairs by %v: %+v", who, repairs[0])
	}
	// "the original RREQ is broadcast with a TTL (time to live) field value equal to TTL_INCREMENT plus the Multicast Group Hop Count" (9.8).
	if repairs[0].TTL != aodv.TTLIncrement+2 {
		t.Errorf("the first ring has %d hops", repairs[0].TTL)
	}
	if got := w.leaders(); !slices.Equal(got, []protocol.NodeID{1}) {
		t.Errorf("leaders %v", got)
	}
	w.check(1, "repaired")
}

// "A node MUST have a hop count to the multicast group leader less than or equal to the indicated value in order to respond. This hop count requirement prevents nodes on the same side of the break as the node initiating the repair from
// replying to the RREQ" (section 9.8).
func TestRepairAnswers(t *testing.T) {
	m := New(Config{Self: 9, Rand: rand.New(rand.NewPCG(1, 1))})
	g := m.group(theGroup)
	g.member, g.leader, g.sequence, g.known, g.hops, g.attached = true, 1, 10, true, 3, true
	m.connect(0, g, 2, true)
	number := uint32(0)
	answers := func(change func(*JoinRequest)) (bool, protocol.Reason) {
		number++
		q := &JoinRequest{TTL: 1, ID: number, Group: theGroup, Origin: 5, Repair: true, LeaderHops: 3, Leader: 1, Known: true, Sequence: 10}
		change(q)
		var out protocol.Output
		m.Receive(0, 7, q, &out)
		for _, e := range out.Effects {
			if _, ok := e.Message.(*JoinReply); ok {
				return true, ""
			}
			if e.Kind == protocol.EffectDrop {
				return false, e.Reason
			}
		}
		return false, ""
	}
	for _, c := range []struct {
		name   string
		change func(*JoinRequest)
		want   bool
		reason protocol.Reason
	}{
		{"as near", func(q *JoinRequest) {}, true, ""},
		{"nearer asks", func(q *JoinRequest) { q.LeaderHops = 2 }, false, ReasonFarther},
		{"fresher asked for", func(q *JoinRequest) { q.Sequence = 11 }, false, ReasonFarther},
		{"another tree", func(q *JoinRequest) { q.Leader = 3 }, false, ReasonTTL},
		{"upstream asks", func(q *JoinRequest) { q.Origin = 2 }, false, ReasonFarther},
	} {
		if got, reason := answers(c.change); got != c.want || reason != c.reason {
			t.Errorf("%s: answers is %v, %q", c.name, got, reason)
		}
	}
	g.attached = false
	if got, _ := answers(func(*JoinRequest) {}); got {
		t.Error("a node that has no way to the leader offers one")
	}
}

// "if the node which initiated the route rebuilding is a multicast group member, it becomes the new multicast group leader for its part of the multicast tree partition"; if it is none and has several next hops, "It instead selects one of its
// next hops and unicasts a MACT with the 'G' flag set to that node. This flag indicates that the next group member to receive this message should become the new group leader" (section 9.9). "the multicast tree remains partitioned until the
// two parts of the network become connected once again" (9.10): then one leader is left.
func TestPartitionAndMerge(t *testing.T) {
	for name, members := range map[string][]protocol.NodeID{"member at the break": {1, 2, 4, 6}, "router at the break": {1, 2, 6}, "routers on both sides": {1, 7, 6}} {
		t.Run(name, func(t *testing.T) {
			w := newTrees(t, 7, 7)
			w.chain(7)
			w.join(members[0])
			w.Run(12 * time.Second)
			w.join(members[1:]...)
			w.Run(3 * time.Second)
			w.settle(time.Second)
			w.Cut(3, 4)
			w.Run(20 * time.Second)
			w.settle(5 * time.Second)
			if got := w.leaders(); len(got) != 2 {
				t.Fatalf("leaders %v", got)
			}
			w.check(members[0], "in one part")
			w.check(members[len(members)-1], "in the other part")
			w.Link(3, 4)
			w.Run(GroupHelloInterval + 3*time.Second)
			w.settle(15 * time.Second)
			if got := w.leaders(); len(got) != 1 {
				t.Fatalf("leaders %v", got)
			}
			w.check(members[0], "to all")
			w.check(members[len(members)-1], "to all again")
		})
	}
}

// "The multicast group leader with the lower IP address initiates the tree repair"; the other one is "the group leader which becomes the leader of the reconnected multicast tree" (section 9.10).
func TestMergeGreaterStays(t *testing.T) {
	w := newTrees(t, 5, 8)
	w.Link(1, 2)
	w.Link(4, 5)
	w.join(1, 2, 4, 5)
	w.Run(30 * time.Second)
	w.settle(0)
	leaders := w.leaders()
	w.Link(2, 3, 4)
	w.Run(2 * GroupHelloInterval)
	w.settle(10 * time.Second)
	if got := w.leaders(); len(got) != 1 || got[0] != slices.Max(leaders) {
		t.Errorf("leaders %v of %v", got, leaders)
	}
	w.check(1, "x")
}

// "Each node on the multicast tree MUST keep track of its neighbors which are next hops on the multicast tree" (section 9.11): those that move away in silence are missed by their hellos.
func TestSilentNeighbour(t *testing.T) {
	w := newTrees(t, 3, 9)
	w.chain(3)
	w.join(1, 3)
	w.Run(20 * time.Second)
	w.settle(10 * time.Second)
	w.Cut(2, 3)
	w.Run(helloLife + 1500*time.Millisecond)
	if w.group(2).find(3) != nil || w.group(3).find(2) != nil {
		t.Errorf("still neighbours: %+v, %+v", w.group(2), w.group(3))
	}
}

// "A node participating in the multicast tree that reboots (or restarts the routing daemon) loses all of its multicast tree information" (section 9.13): an edge that only one end believes in ends, as hellos tell, without the draft's message
// for it.
func TestStrayEdge(t *testing.T) {
	w := newTrees(t, 3, 10)
	w.chain(3)
	w.join(1)
	w.Run(12 * time.Second)
	w.join(3)
	w.Run(3 * time.Second)
	w.settle(time.Second)
	fresh := New(Config{Self: 2, Rand: rand.New(rand.NewPCG(9, 9)), Jitter: aodv.JitterDefault, Sequence: 1000})
	w.Nodes[2] = fresh
	w.Do(2, func(out *protocol.Output) { fresh.Start(w.Now, out) })
	w.Run(20 * time.Second)
	w.settle(20 * time.Second)
	w.check(1, "after")
}

// A loop is found: distances grow in it, and nobody hears the leader.
func TestLoopEnds(t *testing.T) {
	w := newTrees(t, 4, 11)
	w.Link(1, 2, 3, 1)
	w.join(1, 2, 3)
	for id := protocol.NodeID(1); id <= 3; id++ {
		g, next, before := w.group(id), id%3+1, (id+1)%3+1
		m := w.node(id)
		m.endSearch(g)
		g.leader, g.sequence, g.known, g.attached, g.hops = 4, 100, true, true, int(id)
		m.connect(w.Now, g, next, true)
		m.connect(w.Now, g, before, false)
	}
	w.Run(time.Minute)
	w.settle(30 * time.Second)
	w.check(1, "out of the loop")
}

// Anonymous Gossip: what hop X is told is one more than the least of what the other hops told, and of 0 where this node is a member; changes travel in a MODIFY message.
func TestDistances(t *testing.T) {
	w := newTrees(t, 6, 12)
	w.chain(6)
	w.join(1)
	w.Run(12 * time.Second)
	w.join(6)
	w.Run(4 * time.Second)
	w.settle(time.Second)
	distance := func(id, next protocol.NodeID) int {
		for _, h := range w.node(id).NextHops(w.Now, theGroup, nil) {
			if h.Node == next {
				return h.Distance
			}
		}
		return -1
	}
	expect := func(what string, id, next protocol.NodeID, want int) {
		t.Helper()
		if got := distance(id, next); got != want {
			t.Errorf("%s: %d sees the nearest member beyond %d in %d hops, not %d", what, id, next, got, want)
		}
	}
	expect("two members", 1, 2, 5)
	expect("two members", 3, 2, 2)
	expect("two members", 3, 4, 3)
	w.Lose = func(_, _ protocol.NodeID, m protocol.Message, _ bool) bool { _, ok := m.(*TreeHello); return ok }
	before := w.sent["*maodv.Distance"]
	w.join(4)
	w.Run(100 * time.Millisecond)
	expect("a third", 3, 4, 1)
	expect("a third", 1, 2, 3)
	expect("a third", 6, 5, 2)
	if w.sent["*maodv.Distance"]-before != 5 { // 4 to 3, 3 to 2, 2 to 1, 4 to 5, 5 to 6
		t.Errorf("%d messages", w.sent["*maodv.Distance"]-before)
	}
}

// Whatever moves, when it stops, each part has one tree: no loops, one leader, all members.
func TestSwarm(t *testing.T) {
	seeds := uint64(40)
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 5))
		const n = 12
		w := newTrees(t, n, seed)
		for a := protocol.NodeID(1); a <= n; a++ {
			for b := a + 1; b <= n; b++ {
				if r.Float64() < 0.25 {
					w.Link(a, b)
				}
			}
		}
		w.Lose = func(_, _ protocol.NodeID, _ protocol.Message, _ bool) bool { return r.Float64() < 0.05 }
		for range 40 {
			a, b := protocol.NodeID(r.IntN(n)+1), protocol.NodeID(r.IntN(n)+1)
			switch r.IntN(6) {
			case 0, 1:
				w.Link(a, b)
			case 2, 3:
				w.Cut(a, b)
			case 4:
				w.join(a)
			default:
				if w.members[a] {
					w.leave(a)
				}
			}
			w.Run(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
		w.Lose = nil
		w.Run(30 * time.Second)
		for end := w.Now.Add(2 * time.Minute); w.broken() != ""; w.Run(time.Second) {
			if w.Now > end {
				t.Fatalf("seed %d: %s", seed, w.broken())
			}
		}
		for id := protocol.NodeID(1); id <= n; id++ {
			if w.members[id] {
				w.check(id, fmt.Sprint("seed ", seed, " from ", id))
			}
		}
	}
}

// Whatever is heard, tables stay within their limits, and what does not fit is counted. Who finds no room for an edge is told so.
func TestLimits(t *testing.T) {
	m := New(Config{Self: 1, Rand: rand.New(rand.NewPCG(1, 1))})
	var out protocol.Output
	m.Join(0, theGroup, &out)
	for i := range protocol.NodeID(StraysMax + 3) {
		m.Receive(0, 100+i, &TreeHello{Group: theGroup, Leader: 100 + i, Edges: []EdgeInfo{{Node: 1}}}, &out)
	}
	out.Reset()
	for i := range protocol.NodeID(EdgesMax + 2) {
		m.Receive(0, 200+i, &Activation{Action: ActionJoin, Group: theGroup, Origin: 200 + i, ID: 1}, &out)
	}
	var refused []protocol.NodeID
	for _, e := range out.Effects {
		if a, ok := e.Message.(*Activation); ok && a.Action == ActionPrune {
			refused = append(refused, e.To)
		}
	}
	if !slices.Equal(refused, []protocol.NodeID{200 + EdgesMax, 201 + EdgesMax}) {
		t.Errorf("told that there is no room: %v", refused)
	}
	g := m.known(theGroup)
	m.endSearch(g)
	m.rise(0, g)
	if g.answers(1) {
		t.Error("a branch is offered, for which there is no room")
	}
	if g.disconnect(200); !g.answers(1) {
		t.Error("no branch is offered, and there is room")
	}
	m.connect(0, g, 200, false)
	for i := range adhoc.Group(2 * GroupsMax) {
		m.Receive(0, 9, &JoinReply{Group: 1000 + i, Origin: 8, Node: 9, Leader: 9}, &out)
	}
	if s := m.Stats(); s.GroupsRefused != 0 || len(m.groups) != GroupsMax || m.known(theGroup) == nil {
		t.Errorf("%d groups, %+v", len(m.groups), s)
	}
	for i := range adhoc.Group(GroupsMax + 1) { // one of them too many, and that of the test
		m.Join(0, 5000+i, &out)
	}
	if s := m.Stats(); s.GroupsRefused != 2 || s.StraysRefused != 3 || s.EdgesRefused != 2 || s.Edges != EdgesMax || s.Trees != GroupsMax {
		t.Errorf("%+v", s)
	}
}

// Equal runs are equal.
func TestDeterminism(t *testing.T) {
	run := func() uint64 {
		w := newTrees(t, 8, 3)
		w.chain(8)
		w.Link(2, 7)
		w.join(1, 4, 8, 6)
		w.Run(20 * time.Second)
		w.Cut(2, 7)
		w.send(1, "a")
		w.Run(30 * time.Second)
		return w.Hash()
	}
	if first, second := run(), run(); first != second {
		t.Error("two equal runs differ")
	}
}
