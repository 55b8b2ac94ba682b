package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// favours are what a node does for others in a round. Each has a limit, which sources share: a member that asks for all of it leaves something for others.
type favours struct {
	answers protocol.Share // to polls
	probes  protocol.Share // of groups, answered
	leaps   protocol.Share // packets found missing
	orders  protocol.Share // bytes of orders sent on request
	strays  protocol.Share // packets handed on that are not kept
	names   protocol.Share // of topics, told
}

// portions are what one source has had of each.
type portions struct {
	answers, probes, leaps, orders, strays, names protocol.Portion
}

func newFavours() favours {
	return favours{
		answers: protocol.Share{Limit: pollAnswersMax},
		probes:  protocol.Share{Limit: probeAnswersMax},
		leaps:   protocol.Share{Limit: leapMax},
		orders:  protocol.Share{Limit: orderBytesMax},
		strays:  protocol.Share{Limit: straysKept},
		names:   protocol.Share{Limit: namesAnswered},
	}
}

// begin begins a round. Strays have periods of their own.
func (f *favours) begin() {
	f.answers.Begin()
	f.probes.Begin()
	f.leaps.Begin()
	f.orders.Begin()
	f.names.Begin()
}

// portions returns what a sender has had. All who are no peers are one source.
func (m *Machine) portions(from protocol.NodeID) *portions {
	p := m.peers[from]
	if p == nil {
		return &m.strangers
	}
	if p.portions == nil {
		p.portions = new(portions)
	}
	return p.portions
}

// countHeld counts packets that wait for an order against who sent them.
func (m *Machine) countHeld(from protocol.NodeID, n int) {
	if p := m.peers[from]; p != nil {
		p.held = max(0, p.held+n)
	}
}

// displaceHeld makes room for a packet that waits for its order at the cost of who has the most waiting, if that is not the one who asks. It reports whether
// there is room.
func (m *Machine) displaceHeld(from protocol.NodeID) bool {
	asking := m.peers[from]
	if len(m.orders.held) < relaysHeldMax {
		return true
	}
	if asking == nil || asking.held > relaysHeldMax/2 {
		return false
	}
	last, most := -1, asking.held+1
	for i := range m.orders.held {
		if p := m.peers[m.orders.held[i].from]; p != nil && p.held >= most {
			last, most = i, p.held
		}
	}
	if last < 0 || most <= asking.held+1 {
		return false
	}
	m.countHeld(m.orders.held[last].from, -1)
	m.stats.RelaysRefused++
	m.orders.held = slices.Delete(m.orders.held, last, last+1)
	return true
}

// regionRoom returns how many bytes of the round's budget a repair for the whole region may take: while several ask, no more than what is left of the share of
// the one whose request brings it about, so that nobody has others wait by asking for one packet many times.
func (m *Machine) regionRoom(to *peer) int {
	if !m.repairs.contended() {
		return m.budget
	}
	return min(m.budget, m.roundBudget()/requesterPart-to.line.spent)
}
