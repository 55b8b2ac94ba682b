package bimodal

import (
	"slices"
	"testing"

	"spinglass/protocol"
)

// orderOf is an order of sender 9 in which member 1 stands first of the given number of members, in parts of 100 ids.
func orderOf(number uint64, members int) []*Order {
	head := Order{Owner: 9, Topic: TopicOf("t"), Number: number, Arity: arity, Fast: members, Total: members}
	ids := []protocol.NodeID{1}
	for i := range members - 1 {
		ids = append(ids, protocol.NodeID(100+i))
	}
	var parts []*Order
	for first := 0; first < members; first += 100 {
		part := head
		part.First, part.IDs = first, ids[first:min(first+100, members)]
		parts = append(parts, &part)
	}
	return parts
}

func relayed(number, seq uint64) *Relay { return &Relay{Number: number, Owner: 9, Packet: packet(seq)} }

// orderedMachine is member 1 with peers 9, the author, and other.
func orderedMachine(t *testing.T) *solo {
	s := soloMachine(t, nil)
	s.up(9, 0, 0)
	s.receive(packet(1)) // rounds begin
	return s
}

// inside returns a packet from seq on that member 1 relays by an order.
func inside(s *solo, number, seq uint64) uint64 {
	t := s.findOrder(orderKey{9, TopicOf("t")}, number)
	for !t.relays(seq) {
		seq++
	}
	return seq
}

// receivers returns to whom the latest input had messages of one type sent.
func receivers[M protocol.Message](s *solo) (ids []protocol.NodeID) {
	for _, e := range s.out.Effects {
		if _, ok := e.Message.(M); !ok {
			continue
		}
		if e.Kind == protocol.EffectSend {
			ids = append(ids, e.To)
		}
		ids = append(ids, e.Targets...)
	}
	return ids
}

// "A relay that lacks the order asks the one it got the packet from", from the next round on, and hands the packet on when the order is there.
// An order is passed on in its own tree.
func TestRelayWaitsForItsOrder(t *testing.T) {
	s := orderedMachine(t)
	parts := orderOf(5, 260)
	tree := newTree(parts, 1)
	seq := uint64(2)
	for !tree.relays(seq) {
		seq++
	}
	s.receive(relayed(5, seq))
	if len(receivers[*Relay](s)) > 0 || s.Stats().RelaysHeld != 1 || s.Stats().RelaysDelayed != 1 {
		t.Errorf("without an order: sent to %v, %+v", receivers[*Relay](s), s.Stats())
	}
	s.rounds(1)
	if asked := sent[*OrderRequest](s); len(asked) != 1 || *asked[0] != (OrderRequest{Owner: 9, Topic: TopicOf("t"), Number: 5}) ||
		!slices.Equal(receivers[*OrderRequest](s), []protocol.NodeID{other}) {
		t.Errorf("asked %+v of %v", asked, receivers[*OrderRequest](s))
	}
	s.receive(parts[1])
	s.receive(parts[0])
	if len(receivers[*Relay](s)) > 0 || len(receivers[*Order](s)) > 0 {
		t.Error("two of three parts make an order")
	}
	s.receive(parts[2])
	c := tree.children(seq)
	if got := receivers[*Relay](s); len(got) != c.count() || c.count() == 0 {
		t.Errorf("handed on to %v, %d expected", got, c.count())
	}
	passed := tree.children(5)
	if got := receivers[*Order](s); len(got) != 3*passed.count() {
		t.Errorf("parts of the order passed on to %v, %d expected", got, 3*passed.count())
	}
	if held := s.Stats().RelaysHeld; held != 0 {
		t.Errorf("%d packets wait", held)
	}
}

// A packet is handed on once, however often it comes; one that came by repair is handed on all the same when its turn comes.
func TestPacketsAreHandedOnOnce(t *testing.T) {
	s := orderedMachine(t)
	s.receive(orderOf(5, 90)[0])
	seq := inside(s, 5, 2)
	s.receive(packet(seq).again())
	for times := range 3 {
		s.receive(relayed(5, seq))
		if got := len(receivers[*Relay](s)); (got > 0) != (times == 0) {
			t.Errorf("time %d: handed on to %d", times, got)
		}
	}
	if got := s.Stats().PacketsRelayed; got == 0 {
		t.Error("nothing was counted")
	}
	// Nor is one that this node itself has begun to hand on, or has published.
	s.receive(&Relay{Number: 5, Owner: 1, Packet: packet(seq + 1)})
	if len(receivers[*Relay](s)) > 0 {
		t.Error("a packet that came in a circle is handed on")
	}
}

// What waits, and for how long, has a limit.
func TestHeldRelaysAreBounded(t *testing.T) {
	s := orderedMachine(t)
	for seq := range uint64(relaysHeldMax + 10) {
		s.receive(relayed(5, seq+2))
	}
	if stats := s.Stats(); stats.RelaysHeld != relaysHeldMax || stats.RelaysRefused != 10 {
		t.Errorf("%d wait, %d refused", stats.RelaysHeld, stats.RelaysRefused)
	}
	asked := 0
	for range relayHoldLimit + 1 {
		s.rounds(1)
		asked += len(sent[*OrderRequest](s))
	}
	if stats := s.Stats(); stats.RelaysHeld != 0 || stats.RelaysExpired != relaysHeldMax || asked != relayHoldLimit {
		t.Errorf("after %d rounds %d wait and %d are given up; asked %d times", relayHoldLimit+1, stats.RelaysHeld, stats.RelaysExpired, asked)
	}
	s.receive(&Relay{Number: 5, Owner: 4711, Packet: packet(5000)})
	if stats := s.Stats(); stats.RelaysHeld != 0 {
		t.Error("a packet waits for the order of a stranger")
	}
}

// Parts that contradict those before them, orders of strangers, of this node, and for topics that are not wanted are refused.
func TestOrdersRefused(t *testing.T) {
	parts := orderOf(5, 260)
	change := func(change func(*Order)) *Order { o := *parts[1]; change(&o); return &o }
	for name, test := range map[string]struct {
		order  *Order
		reason protocol.Reason
	}{
		"another length":   {change(func(o *Order) { o.Total++ }), ReasonOrder},
		"another share":    {change(func(o *Order) { o.Fast-- }), ReasonOrder},
		"an overlap":       {change(func(o *Order) { o.First-- }), ReasonOrder},
		"a stranger":       {change(func(o *Order) { o.Owner = 4711 }), ReasonStranger},
		"this node":        {change(func(o *Order) { o.Owner = 1 }), ReasonOwn},
		"an unknown topic": {change(func(o *Order) { o.Topic++ }), ReasonUnwanted},
	} {
		s := orderedMachine(t)
		s.receive(parts[0])
		s.receive(test.order)
		if e := s.out.Effects; len(e) != 1 || e[0].Kind != protocol.EffectDrop || e[0].Reason != test.reason {
			t.Errorf("%s: %+v", name, e)
		}
		s.rounds(relayHoldLimit + 2)
		if stats := s.Stats(); stats.OrdersPending != 0 || stats.OrdersLearned != 0 {
			t.Errorf("%s: %d orders stay incomplete", name, stats.OrdersPending)
		}
	}
}

// Who is asked for an order sends it; what that costs a round has a limit.
func TestOrderRequests(t *testing.T) {
	s := orderedMachine(t)
	for _, part := range orderOf(5, 1000) {
		s.receive(part)
	}
	s.rounds(1)
	request := &OrderRequest{Owner: 9, Topic: TopicOf("t"), Number: 5}
	parts := 0
	for range 100 {
		s.receive(request)
		parts += len(sent[*Order](s))
	}
	// Half is for others.
	if most := orderBytesMax / 2 / 8000; parts < 10*most || parts > 11*most+10 || s.Stats().OrderRequestsRefused == 0 {
		t.Errorf("%d parts sent, %d requests refused", parts, s.Stats().OrderRequestsRefused)
	}
	s.rounds(1)
	s.receive(&OrderRequest{Owner: 9, Topic: TopicOf("t"), Number: 6})
	if len(s.out.Effects) != 0 || s.Stats().OrdersUnheld != 1 {
		t.Errorf("asked for an order that is not there: %+v", s.out.Effects)
	}
	s.out.Reset()
	s.Receive(s.now, 4711, request, &s.out)
	if len(sent[*Order](s)) > 0 {
		t.Error("a stranger gets an order")
	}
}

// The orders of all senders together have a limit, and so have those of each.
func TestOrdersAreBounded(t *testing.T) {
	s := orderedMachine(t)
	for number := range uint64(2 * ordersKept) {
		s.receive(orderOf(number+1, 90)[0])
	}
	if got := len(s.orders.books[orderKey{9, TopicOf("t")}].trees); got != ordersKept {
		t.Errorf("%d orders of one sender", got)
	}
	const senders, members = 40, 60_000
	for sender := range protocol.NodeID(senders) {
		s.up(10_000+sender, 0, 0)
		for first := 0; first < members; first += 1000 {
			part := &Order{Owner: 10_000 + sender, Topic: TopicOf("t"), Number: 1, Arity: 8, Fast: members, Total: members, First: first}
			for i := range 1000 {
				part.IDs = append(part.IDs, protocol.NodeID(first+i+1))
			}
			s.receive(part)
		}
	}
	stats := s.Stats()
	if s.orders.ids > orderIDsMax || s.orders.ids < orderIDsMax/2 || stats.OrdersEvicted < senders/2 || stats.OrdersLearned < senders {
		t.Errorf("%d ids in all, %d senders forgotten", s.orders.ids, stats.OrdersEvicted)
	}
	sum := 0
	for _, b := range s.orders.list {
		sum += bookCost
		for _, tree := range b.trees {
			sum += tree.size()
		}
	}
	if sum != s.orders.ids {
		t.Errorf("%d ids by the account, %d there", s.orders.ids, sum)
	}
}

// "The sender decides the order ... its members in zone, sorted by a seed, the slow, unreachable and low-capacity ones last." Whoever is
// reported to lag, suspected or unreachable is last in the next order, for some time after that ends.
func TestSlowMembersComeLast(t *testing.T) {
	s := soloMachine(t, nil)
	for i := range protocol.NodeID(60) {
		s.up(100+i, 0, 0)
	}
	publish := func() *tree {
		if err := s.Publish(s.now, "t", nil, &s.out); err != nil {
			t.Fatal(err)
		}
		s.rounds(1)
		return s.topics[TopicOf("t")].dispatches[0].current
	}
	publish()
	slow := []protocol.NodeID{100, 101, 102}
	peer := func(id protocol.NodeID) *protocol.Peer { return &protocol.Peer{ID: id} }
	s.Notify(s.now, protocol.PeerUnreachable{Peer: peer(100)}, &s.out)
	s.Notify(s.now, protocol.PeerSuspect{Peer: peer(101)}, &s.out)
	own := s.topics[TopicOf("t")].stream
	own.crowd = &crowd{reports: []report{{member: 102, round: s.round, lag: Lag{Packets: 1000}}, {member: 103, round: s.round}}}
	s.accuse(own)
	lasts := func(tree *tree) (last []protocol.NodeID) {
		last = slices.Clone(tree.members[tree.fast:])
		slices.Sort(last)
		return last
	}
	publish()
	publish()
	if got := lasts(publish()); !slices.Equal(got, slow) {
		t.Errorf("last in the order: %v", got)
	}
	s.Notify(s.now, protocol.PeerReachable{Peer: peer(100)}, &s.out)
	s.Notify(s.now, protocol.PeerAlive{Peer: peer(101)}, &s.out)
	for range slowMemory / 2 {
		publish()
	}
	if got := lasts(publish()); !slices.Equal(got, slow) {
		t.Errorf("last in the order soon after they recovered: %v", got)
	}
	for range slowMemory + laggingMemory {
		publish()
	}
	if got := lasts(publish()); len(got) != 0 {
		t.Errorf("last in the order long after they recovered: %v", got)
	}
}

// "A new order is sent along before it is used", by a round. Until then who is new gets copies from the sender, and so does whoever has come too
// lately to be in an order.
func TestNewOrdersAreAnnounced(t *testing.T) {
	s := soloMachine(t, nil)
	for i := range protocol.NodeID(60) {
		s.up(100+i, 0, 0)
	}
	publish := func() (number uint64, announced []uint64, direct []protocol.NodeID) {
		s.rounds(1)
		for _, o := range sent[*Order](s) {
			announced = append(announced, o.Number)
		}
		s.out.Reset()
		if err := s.Publish(s.now, "t", nil, &s.out); err != nil {
			t.Fatal(err)
		}
		s.Timeout(s.now, &s.out)
		return sent[*Relay](s)[0].Number, announced, receivers[*Packet](s)
	}
	if err := s.Publish(s.now, "t", nil, &s.out); err != nil {
		t.Fatal(err)
	}
	s.Timeout(s.now, &s.out)
	first, _, _ := publish()
	s.Notify(s.now, protocol.PeerDown{Peer: &protocol.Peer{ID: 120}}, &s.out)
	number, announced, _ := publish()
	if number != first || !slices.Equal(announced, []uint64{first + 1}) {
		t.Errorf("order %d in use, %v announced, after order %d", number, announced, first)
	}
	if number, _, _ = publish(); number != first+1 {
		t.Errorf("order %d in use a round after order %d was announced", number, first+1)
	}
	s.up(300, 0, 0)
	for n := range newcomerWait - 1 {
		if number, announced, direct := publish(); number != first+1 || len(announced) > 0 || !slices.Equal(direct, []protocol.NodeID{300}) {
			t.Fatalf("%d rounds after a member came: order %d in use, %v announced, copies to %v", n, number, announced, direct)
		}
	}
	for range 2 * orderReview {
		number, _, direct := publish()
		if number == first+2 && len(direct) == 0 {
			return
		}
	}
	t.Error("a member that has come stays outside the order")
}
