package bimodal

import (
	"cmp"
	"slices"

	"spinglass/gravity"
	"spinglass/protocol"
)

// Constants of a sender's own orders.
const (
	directMax    = 32   // targets up to which SpreadAuto sends to each directly
	orderUrgent  = 1    // rounds between orders, when members inside have left or become slow
	orderLazy    = 10   // rounds between orders otherwise
	orderShare   = 2000 // members for each of which orders are a round rarer
	dispatchIdle = 600  // rounds without a packet after which a sender gives up its order

	dispatchesMax = 64  // orders of one topic that a sender has at a time: for each level, and each depth at which packets enter its zone
	orderReview   = 10  // rounds between looks at members whose standing changes with time
	newcomersMax  = 16  // members who are not in the order yet and get copies from the sender
	newcomerWait  = 50  // rounds for which a new member is left out of orders: others may not know how to reach it yet
	slowMemory    = 100 // rounds for which a member that was slow counts as slow
)

// dispatch is how this node has packets of a topic handed on as their sender: as their author, or as the contact through which packets of
// others enter a zone.
type dispatch struct {
	// depth is 0 for one that includes everybody. Otherwise it includes the own zone and those zones that lie deeper than depth.
	depth int
	// above is below the ratings of those that it includes: packets of each level have an order of their own.
	above    gravity.Rating
	current  *tree
	next     *tree  // announced, and used from the round after made on
	made     uint32 // round of the latest order
	used     uint32 // round of the latest packet
	outdated bool   // the order may not be what it should be any more

	fast, slow []protocol.NodeID // members of the current order, ascending
	outside    []protocol.NodeID // who is not in it and gets copies; immutable
	known      bool              // outside is up to date
}

// composition is what an order should be.
type composition struct {
	members []protocol.NodeID
	zones   []protocol.NodeID
	fast    int
	urgent  bool // the present order relies on who has left or is slow
}

// spreadTree sends a packet on its way by a dispatch's order.
func (m *Machine) spreadTree(t *topic, to *audience, depth int, p *Packet, out *protocol.Output) {
	d := m.dispatchFor(t, depth, to.above)
	if d.current == nil {
		c := m.compose(t, d)
		if len(c.members)+len(c.zones) == 0 {
			return
		}
		m.adopt(d, m.makeOrder(t, d, c, out))
	}
	if !d.known {
		d.outside, d.known = m.outsiders(t, d), true
	}
	r := m.arena.relay()
	r.Number, r.Owner, r.Packet = d.current.number, m.config.Self, p
	copies := m.handOn(d.current, r, out) + len(d.outside)
	if len(d.outside) > 0 {
		out.Spread(d.outside, p)
	}
	if p.Stream.Author == m.config.Self {
		m.stats.PacketsSpread += uint64(copies)
	} else {
		m.stats.PacketsRelayed += uint64(copies)
	}
}

// dispatchFor returns the dispatch of a depth for ratings above one, which it takes up if it is new.
func (m *Machine) dispatchFor(t *topic, depth int, above gravity.Rating) *dispatch {
	for _, d := range t.dispatches {
		if d.depth == depth && d.above == above {
			d.used = m.round
			return d
		}
	}
	if t.seed == 0 {
		t.seed, t.order = m.config.Rand.Uint64()|1, 1+m.config.Rand.Uint64N(orderNumberMax/2)
	}
	if len(t.dispatches) >= dispatchesMax {
		m.stats.DispatchesEnded++
		oldest := slices.MaxFunc(t.dispatches, func(a, b *dispatch) int { return cmp.Compare(m.round-a.used, m.round-b.used) })
		t.dispatches = slices.DeleteFunc(t.dispatches, func(d *dispatch) bool { return d == oldest })
	}
	d := &dispatch{depth: depth, above: above, used: m.round}
	t.dispatches = append(t.dispatches, d)
	return d
}

// has reports whether a member is in the current order.
func (d *dispatch) has(id protocol.NodeID) bool {
	_, fast := slices.BinarySearch(d.fast, id)
	_, slow := slices.BinarySearch(d.slow, id)
	return fast || slow
}

// adopt has a dispatch go on by an order.
func (m *Machine) adopt(d *dispatch, t *tree) {
	d.current, d.next, d.known = t, nil, false
	d.fast, d.slow = slices.Clone(t.members[:t.fast]), slices.Clone(t.members[t.fast:])
	slices.Sort(d.fast)
	slices.Sort(d.slow)
}

// outsiders returns those members of the own zone that want a topic and are not in the current order, as many as get copies.
func (m *Machine) outsiders(t *topic, d *dispatch) []protocol.NodeID {
	var outside []protocol.NodeID
	for _, p := range m.peerOrder {
		if p.regional && p.wants(t.id) && m.includes(t, d, p) && !d.has(p.id) {
			if outside = append(outside, p.id); len(outside) == newcomersMax {
				break
			}
		}
	}
	return outside
}

// compose finds out what the order of a dispatch should be: the members in the own zone, shuffled by a seed, the slow ones last, and the
// zones. Members that are new wait outside, unless they are too many.
func (m *Machine) compose(t *topic, d *dispatch) (c composition) {
	var fast, slow, fresh []protocol.NodeID
	kept := 0
	m.refreshTargets(t)
	for _, p := range m.peerOrder {
		if !p.regional || !p.wants(t.id) || !m.includes(t, d, p) {
			continue
		}
		inside := d.current != nil && d.has(p.id)
		if inside {
			kept++
		}
		switch {
		case d.current != nil && !inside && m.round-p.since < newcomerWait:
			fresh = append(fresh, p.id)
		case m.slow(p):
			slow = append(slow, p.id)
			if _, relies := slices.BinarySearch(d.fast, p.id); relies {
				c.urgent = true
			}
		default:
			fast = append(fast, p.id)
		}
	}
	if len(fresh) > newcomersMax {
		fast, c.urgent = append(fast, fresh...), true
	}
	if kept < len(d.fast)+len(d.slow) {
		c.urgent = true
	}
	for i := range t.entrances {
		if e := &t.entrances[i]; e.depth > d.depth && e.rating > d.above {
			c.zones = append(c.zones, protocol.NodeID(e.zone))
		}
	}
	c.zones = c.zones[:min(len(c.zones), OrderMembersMax)]
	shuffle(fast, t.seed)
	shuffle(slow, t.seed)
	c.members = append(fast, slow...)
	if most := OrderMembersMax - len(c.zones); len(c.members) > most {
		m.stats.MembersUnordered += uint64(len(c.members) - most)
		c.members = c.members[:most]
	}
	c.fast = min(len(fast), len(c.members))
	return c
}

// includes reports whether packets of a dispatch are for a member that wants the topic.
func (m *Machine) includes(t *topic, d *dispatch, p *peer) bool {
	return t.levels == nil || m.ratingOf(p, t) > d.above
}

// shuffle sorts members by a hash. Two orders with one seed differ in no more than in who is in them.
func shuffle(members []protocol.NodeID, seed uint64) {
	slices.SortFunc(members, func(a, b protocol.NodeID) int {
		return cmp.Compare(mix(uint64(a)^seed), mix(uint64(b)^seed))
	})
}

// is reports whether an order is what it should be.
func (t *tree) is(c *composition) bool {
	return t.fast == c.fast && slices.Equal(t.members, c.members) && slices.Equal(t.zones, c.zones)
}

// makeOrder makes an order and announces it.
func (m *Machine) makeOrder(t *topic, d *dispatch, c composition, out *protocol.Output) *tree {
	t.order++
	d.made, d.outdated = m.round, false
	head := Order{
		Owner: m.config.Self, Topic: t.id, Number: t.order, Arity: arity, Fast: c.fast, Zones: len(c.zones),
		Total: len(c.members) + len(c.zones),
	}
	ids := append(c.members, c.zones...)
	room := (m.messageRoom() - orderOverheadMax) / 8
	var parts []*Order
	for first := 0; first < len(ids); first += room {
		part := head
		part.First, part.IDs = first, ids[first:min(first+room, len(ids))]
		parts = append(parts, &part)
	}
	made := newTree(parts, m.config.Self)
	m.stats.OrdersMade++
	m.keepTree(m.book(made.key), made)
	m.announce(made, out)
	return made
}

// reviewDispatches goes over to orders that were announced a round ago, and makes new ones where they are due.
func (m *Machine) reviewDispatches(out *protocol.Output) {
	unsettled := m.round%orderReview == 0 && int32(m.round-m.settled) <= orderReview
	for _, t := range m.topicOrder {
		if len(t.dispatches) == 0 {
			continue
		}
		kept := t.dispatches[:0]
		for _, d := range t.dispatches {
			if m.round-d.used > dispatchIdle {
				continue
			}
			kept = append(kept, d)
			m.review(t, d, unsettled, out)
		}
		clear(t.dispatches[len(kept):])
		t.dispatches = kept
	}
}

func (m *Machine) review(t *topic, d *dispatch, unsettled bool, out *protocol.Output) {
	if d.next != nil {
		m.adopt(d, d.next)
	}
	if d.current == nil || !d.outdated && !unsettled {
		return
	}
	c := m.compose(t, d)
	if len(c.members)+len(c.zones) == 0 {
		d.current, d.outdated = nil, false
		return
	}
	if d.current.is(&c) {
		d.outdated = false
		return
	}
	wait := orderLazy
	if c.urgent {
		wait = orderUrgent
	}
	if int(m.round-d.made) < wait+len(c.members)/orderShare {
		d.outdated = true
		return
	}
	d.next = m.makeOrder(t, d, c, out)
}
