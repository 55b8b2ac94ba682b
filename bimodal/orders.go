package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// Bounds of the orders of others, and of packets that wait for one.
const (
	ordersKept     = 8       // complete ones of one sender and topic; the oldest give way. Twice as many as levels where there are ratings below 1
	ordersPending  = 4       // incomplete ones of one sender and topic; as many as levels where there are ratings below 1
	orderIDsMax    = 1 << 20 // ids in all of them
	bookCost       = 64      // what the orders of one sender and topic count for besides, in ids
	orderAsksMax   = 16      // orders asked for a round
	orderBytesMax  = 256 << 10
	relaysHeldMax  = 1024 // packets that wait for an order to be handed on by
	relayHoldLimit = 4    // rounds that they wait, and that an order may stay incomplete
)

// orderKey names the orders of one sender for one topic.
type orderKey struct {
	owner protocol.NodeID
	topic TopicID
}

// book holds the orders of one sender for one topic.
type book struct {
	key     orderKey
	trees   []*tree // the latest last
	pending []pending
	used    uint32 // round
	asked   uint32 // round in which an order was asked for last
	number  uint64 // of that order
}

// pending is an order of which parts are missing.
type pending struct {
	parts []*Order // ascending
	have  int      // ids in them
	from  protocol.NodeID
	since uint32 // round
}

// heldRelay is a packet that waits for an order to be handed on by.
type heldRelay struct {
	relay *Relay
	from  protocol.NodeID
	round uint32
}

func (r *Relay) key() orderKey { return orderKey{r.Owner, r.Packet.Stream.Topic} }

// orders are all the orders that a node knows, and what waits for those that it does not.
type orders struct {
	books   map[orderKey]*book
	list    []*book // as they were taken up
	ids     int     // in the orders of others
	pending int     // incomplete orders
	held    []heldRelay
	strays  strays
}

// findOrder returns an order, nil when it is not known.
func (m *Machine) findOrder(key orderKey, number uint64) *tree {
	b := m.orders.books[key]
	if b == nil {
		return nil
	}
	b.used = m.round
	return b.tree(number)
}

func (b *book) tree(number uint64) *tree {
	for i := len(b.trees) - 1; i >= 0; i-- {
		if b.trees[i].number == number {
			return b.trees[i]
		}
	}
	return nil
}

// book returns the book of a key, which it takes up if it is new.
func (m *Machine) book(key orderKey) *book {
	b := m.orders.books[key]
	if b == nil {
		b = &book{key: key, asked: m.round - 1}
		m.orders.books[key] = b
		m.orders.list = append(m.orders.list, b)
		m.charge(b, bookCost)
	}
	b.used = m.round
	return b
}

// charge accounts for ids in a book, and makes room at the cost of the book that was used least recently.
func (m *Machine) charge(b *book, ids int) {
	if b.key.owner == m.config.Self {
		return
	}
	m.orders.ids += ids
	for m.orders.ids > orderIDsMax && ids > 0 {
		oldest := -1
		for i, other := range m.orders.list {
			if other != b && other.key.owner != m.config.Self &&
				(oldest < 0 || m.round-other.used > m.round-m.orders.list[oldest].used) {
				oldest = i
			}
		}
		if oldest < 0 {
			return
		}
		m.removeBook(oldest)
	}
}

func (m *Machine) removeBook(i int) {
	b := m.orders.list[i]
	m.orders.ids -= bookCost
	for _, t := range b.trees {
		m.orders.ids -= t.size()
	}
	for range b.pending {
		m.dropPending(b, 0)
	}
	delete(m.orders.books, b.key)
	m.orders.list = slices.Delete(m.orders.list, i, i+1)
	m.stats.OrdersEvicted++
}

// forgetOrders forgets what concerns a topic that this node has nothing to do with any more: the orders of its own, which never give way to
// others, and what waits for orders, since there may be no rounds in which it would be given up.
func (m *Machine) forgetOrders(topic TopicID) {
	if own := m.orders.books[orderKey{m.config.Self, topic}]; own != nil {
		delete(m.orders.books, own.key)
		m.orders.list = slices.DeleteFunc(m.orders.list, func(b *book) bool { return b == own })
	}
	held := len(m.orders.held)
	m.orders.held = slices.DeleteFunc(m.orders.held, func(h heldRelay) bool {
		gone := h.relay.key().topic == topic
		if gone {
			m.countHeld(h.from, -1)
		}
		return gone
	})
	m.stats.RelaysExpired += uint64(held - len(m.orders.held))
}

func (m *Machine) dropPending(b *book, i int) {
	m.charge(b, -b.pending[i].have)
	m.orders.pending--
	if b.pending = slices.Delete(b.pending, i, i+1); len(b.pending) == 0 {
		b.pending = nil
	}
}

// ordersOf returns how many orders are kept of a topic, which may have ratings below 1.
func (m *Machine) ordersOf(id TopicID, plain, rated int) int {
	if t := m.topics[id]; t != nil && t.levels != nil {
		return rated
	}
	return plain
}

// keepTree puts a complete order into its book.
func (m *Machine) keepTree(b *book, t *tree) {
	if len(b.trees) >= m.ordersOf(b.key.topic, ordersKept, 2*levelsMax) {
		m.charge(b, -b.trees[0].size())
		b.trees = slices.Delete(b.trees, 0, 1)
	}
	b.trees = append(b.trees, t)
	m.charge(b, t.size())
}

// receiveOrder takes in a part of an order of a peer. When the order is complete it is passed on in its own tree.
func (m *Machine) receiveOrder(from protocol.NodeID, o *Order, out *protocol.Output) {
	m.stats.OrderPartsReceived++
	t := m.topics[o.Topic]
	switch {
	case o.Owner == m.config.Self:
		out.Drop(from, ReasonOwn)
		return
	case !t.follows():
		out.Drop(from, ReasonUnwanted)
		return
	case m.peers[o.Owner] == nil:
		m.stats.StrangersRefused++
		out.Drop(from, ReasonStranger)
		return
	}
	b := m.book(orderKey{o.Owner, o.Topic})
	if b.tree(o.Number) != nil {
		return
	}
	i := m.pendingOrder(b, o)
	p := &b.pending[i]
	at, fits := p.place(o)
	if !fits {
		m.stats.OrderPartsRefused++
		out.Drop(from, ReasonOrder)
		return
	}
	if at < 0 {
		return
	}
	p.from, p.have = from, p.have+len(o.IDs)
	p.parts = slices.Insert(p.parts, at, o.keep())
	m.charge(b, len(o.IDs))
	if p.have == o.Total {
		parts := p.parts
		m.dropPending(b, i)
		m.learnOrder(b, parts, out)
	}
}

// pendingOrder returns the index of the incomplete order that a part belongs to.
func (m *Machine) pendingOrder(b *book, o *Order) int {
	for i := range b.pending {
		if b.pending[i].parts[0].Number == o.Number {
			return i
		}
	}
	if len(b.pending) >= m.ordersOf(b.key.topic, ordersPending, levelsMax) {
		m.dropPending(b, 0)
	}
	m.orders.pending++
	b.pending = append(b.pending, pending{since: m.round})
	return len(b.pending) - 1
}

// place returns at which index a part belongs, -1 when it is there already; false when it contradicts the others.
func (p *pending) place(o *Order) (at int, fits bool) {
	for i, part := range p.parts {
		if part.Arity != o.Arity || part.Fast != o.Fast || part.Zones != o.Zones || part.Total != o.Total {
			return 0, false
		}
		switch end := part.First + len(part.IDs); {
		case end <= o.First:
			at = i + 1
		case part.First == o.First && slices.Equal(part.IDs, o.IDs):
			return -1, true
		case part.First < o.First+len(o.IDs):
			return 0, false
		}
	}
	return at, true
}

// keep returns o itself if it may be kept, and a copy of it if it is lent.
func (o *Order) keep() *Order {
	if !o.lent {
		return o
	}
	c := *o
	c.lent, c.IDs = false, slices.Clone(o.IDs)
	return &c
}

// learnOrder takes up a complete order: passes it on, and hands on what waited for it.
func (m *Machine) learnOrder(b *book, parts []*Order, out *protocol.Output) {
	t := newTree(parts, m.config.Self)
	m.stats.OrdersLearned++
	m.keepTree(b, t)
	m.announce(t, out)
	kept := m.orders.held[:0]
	for _, h := range m.orders.held {
		if h.relay.Number == t.number && h.relay.key() == t.key {
			m.stats.PacketsRelayed += uint64(m.handOn(t, h.relay, out))
			m.countHeld(h.from, -1)
			continue
		}
		kept = append(kept, h)
	}
	clear(m.orders.held[len(kept):])
	m.orders.held = kept
}

// announce sends an order to the children that this node has in it.
func (m *Machine) announce(t *tree, out *protocol.Output) {
	c := t.children(t.number)
	for _, run := range c.members {
		if len(run) == 0 {
			continue
		}
		for _, part := range t.parts {
			out.Spread(run, part)
		}
		m.stats.OrderPartsSent += uint64(len(run) * len(t.parts))
	}
}

// hold keeps a packet whose order is not known until it is.
func (m *Machine) hold(r *Relay, from protocol.NodeID, out *protocol.Output) {
	t := m.topics[r.Packet.Stream.Topic]
	switch {
	case !t.follows():
		m.stats.RelaysRefused++ // its order is not learned here, and the packet was counted as unwanted
	case m.peers[r.Owner] == nil:
		m.stats.RelaysRefused++
		out.Drop(from, ReasonStranger)
	case !m.displaceHeld(from):
		m.stats.RelaysRefused++
		out.Drop(from, ReasonRelays)
	default:
		m.stats.RelaysDelayed++
		m.countHeld(from, 1)
		m.orders.held = append(m.orders.held, heldRelay{relay: r, from: from, round: m.round})
	}
}

// sweepOrders asks for the orders that packets wait for, and for those that stay incomplete, and gives up what has waited for too long. The
// order is on its way, as a rule, when the first packet comes; so it is asked for in the rounds that follow.
func (m *Machine) sweepOrders(out *protocol.Output) {
	asks := orderAsksMax
	kept := m.orders.held[:0]
	for _, h := range m.orders.held {
		if m.round-h.round > relayHoldLimit {
			m.stats.RelaysExpired++
			m.countHeld(h.from, -1)
			continue
		}
		kept = append(kept, h)
		m.askOrder(m.book(h.relay.key()), h.relay.Number, h.from, &asks, out)
	}
	clear(m.orders.held[len(kept):])
	m.orders.held = kept
	if m.orders.pending == 0 {
		return
	}
	for _, b := range m.orders.list {
		for i := len(b.pending) - 1; i >= 0; i-- {
			switch p := &b.pending[i]; {
			case m.round-p.since > relayHoldLimit:
				m.dropPending(b, i)
			case m.round-p.since > 1:
				m.askOrder(b, p.parts[0].Number, p.from, &asks, out)
			}
		}
	}
}

func (m *Machine) askOrder(b *book, number uint64, from protocol.NodeID, left *int, out *protocol.Output) {
	if *left == 0 || b.asked == m.round && b.number == number {
		return
	}
	*left--
	b.asked, b.number = m.round, number
	m.stats.OrderRequestsSent++
	out.Send(from, &OrderRequest{Owner: b.key.owner, Topic: b.key.topic, Number: number})
}

// receiveOrderRequest sends an order that somebody lacks. What that costs a round has a limit, which one order may exceed.
func (m *Machine) receiveOrderRequest(from protocol.NodeID, q *OrderRequest, out *protocol.Output) {
	m.stats.OrderRequestsReceived++
	if m.stranger(from, out) {
		return
	}
	t := m.findOrder(orderKey{q.Owner, q.Topic}, q.Number)
	if t == nil {
		m.stats.OrdersUnheld++
		return
	}
	portion := &m.portions(from).orders
	if m.favours.orders.Ask(portion, 1) != protocol.Granted {
		m.stats.OrderRequestsRefused++
		out.Drop(from, ReasonOrders)
		return
	}
	for _, part := range t.parts {
		m.favours.orders.Spend(portion, part.Size())
		out.Send(from, part)
	}
	m.stats.OrderPartsSent += uint64(len(t.parts))
}
