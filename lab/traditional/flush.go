package traditional

import (
	"slices"

	"spinglass/protocol"
)

// flush is a change of the view as the member sees it that makes it.
type flush struct {
	round    uint64
	joiners  []protocol.NodeID
	prefixes [][]uint64 // by rank, of who has answered
	cut      *Message   // nil until all have
	done     []bool     // by rank: has all up to the cut
}

// agreement is what a member has last agreed to: the view that comes of it holds for it.
type agreement struct {
	coordinator protocol.NodeID
	round       uint64
}

// startFlush begins a view change as the coordinator, or begins it again because more have failed.
func (m *Machine) startFlush(now protocol.Time, out *protocol.Output) {
	m.round++
	n := len(m.peers)
	m.lead = &flush{round: m.round, joiners: slices.Clone(m.joiners), prefixes: make([][]uint64, n), done: make([]bool, n)}
	m.block(now, out)
	m.cut, m.holders = nil, nil
	m.sendFlush(m.others(), out)
	m.lead.prefixes[m.rank] = m.row()
	m.checkFlush(out)
	m.timers.Set(timerFlush, now.Add(m.config.RetryInterval))
}

func (m *Machine) sendFlush(to []protocol.NodeID, out *protocol.Output) {
	out.Spread(to, &Message{kind: KindFlush, View: m.view.ID, Low: m.lead.round, Numbers: m.failed()})
}

// block stops sending until the next view.
func (m *Machine) block(now protocol.Time, out *protocol.Output) {
	if !m.blocked {
		m.blocked, m.since = true, now
		out.Emit(Blocked{})
	}
}

// receiveFlush answers the coordinator by what is here. From then on nothing of who has failed is taken.
func (m *Machine) receiveFlush(now protocol.Time, from int, f *Message, out *protocol.Output) {
	if slices.Contains(f.Numbers, uint64(m.rank)) {
		out.Drop(m.view.Members[from], ReasonFailed)
		return // a view without this member tells it
	}
	if _, ok := m.adopt(f.Numbers); !ok {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	if m.coordinator() != from {
		out.Drop(m.view.Members[from], ReasonFailed)
		return
	}
	m.lead = nil
	if len(m.failed()) > len(f.Numbers) {
		m.suspected(now, true, out)
		return
	}
	m.block(now, out)
	if a := (agreement{m.view.Members[from], f.Low}); m.asked != a {
		m.asked, m.cut, m.holders = a, nil, nil
	}
	out.Send(m.view.Members[from], &Message{kind: KindFlushOk, View: m.view.ID, Low: f.Low, Numbers: m.row()})
}

func (m *Machine) receiveFlushOk(from int, f *Message, out *protocol.Output) {
	if m.lead == nil || f.Low != m.lead.round || len(f.Numbers) != len(m.peers) {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	if m.lead.prefixes[from] == nil {
		m.lead.prefixes[from] = slices.Clone(f.Numbers)
		m.checkFlush(out)
	}
}

// checkFlush makes the cut once all members have answered: of each stream the most that any of them has.
func (m *Machine) checkFlush(out *protocol.Output) {
	for i := range m.peers {
		if !m.peers[i].failed && m.lead.prefixes[i] == nil {
			return
		}
	}
	n := len(m.peers)
	numbers := make([]uint64, 2*n)
	for origin := range n {
		for i := range n {
			prefix := m.lead.prefixes[i]
			if !m.peers[i].failed && (prefix[origin] > numbers[origin] || i == origin) {
				numbers[origin], numbers[n+origin] = max(numbers[origin], prefix[origin]), uint64(i)
			}
		}
	}
	m.lead.cut = &Message{kind: KindCut, View: m.view.ID, Low: m.lead.round, Numbers: numbers}
	out.Spread(m.others(), m.lead.cut)
	m.asked = agreement{m.config.Self, m.lead.round}
	m.takeCut(numbers, out)
}

// receiveCut fetches what this member lacks of the view.
func (m *Machine) receiveCut(from int, c *Message, out *protocol.Output) {
	if len(c.Numbers) != 2*len(m.peers) || m.asked != (agreement{m.view.Members[from], c.Low}) {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	m.takeCut(slices.Clone(c.Numbers), out)
}

func (m *Machine) takeCut(numbers []uint64, out *protocol.Output) {
	n := len(m.peers)
	for _, holder := range numbers[n:] {
		if holder >= uint64(n) {
			out.Drop(m.asked.coordinator, ReasonMalformed)
			return
		}
	}
	m.cut, m.holders = numbers[:n], make([]int, n)
	for origin := range n {
		m.holders[origin] = int(numbers[n+origin])
		s := &m.streams[origin]
		if m.peers[origin].failed {
			s.truncate(m.cut[origin])
		}
		if s.high = max(s.next, m.cut[origin]); s.high > s.next {
			m.ask(origin, s.missing(0), out)
			s.asked = s.high
		}
	}
	m.checkCut(out)
}

// checkCut tells the coordinator once this member has all of the view.
func (m *Machine) checkCut(out *protocol.Output) {
	if m.cut == nil {
		return
	}
	for origin := range m.streams {
		if m.streams[origin].next < m.cut[origin] {
			return
		}
	}
	m.agreed = m.asked
	if m.asked.coordinator == m.config.Self {
		m.lead.done[m.rank] = true
		m.checkDone(out)
		return
	}
	out.Send(m.asked.coordinator, &Message{kind: KindCutOk, View: m.view.ID, Low: m.asked.round})
}

func (m *Machine) receiveCutOk(from int, c *Message, out *protocol.Output) {
	if m.lead == nil || c.Low != m.lead.round || m.lead.cut == nil {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	m.lead.done[from] = true
	m.checkDone(out)
}

// checkDone makes the new view once all members have all of the old one.
func (m *Machine) checkDone(out *protocol.Output) {
	var members []protocol.NodeID
	for i := range m.peers {
		if m.peers[i].failed {
			continue
		}
		if !m.lead.done[i] {
			return
		}
		members = append(members, m.view.Members[i])
	}
	for _, id := range m.lead.joiners {
		if !slices.Contains(members, id) {
			members = append(members, id)
		}
	}
	if 2*len(members) <= m.config.first() {
		m.short = true // Timeout leaves: there is no majority
		return
	}
	numbers := make([]uint64, len(members))
	for i, id := range members {
		numbers[i] = uint64(id)
	}
	v := &Message{
		kind: KindView, View: ViewID{m.view.ID.Number + 1, m.config.Self}, Origin: m.view.ID.Number, High: uint64(m.view.ID.Coordinator), Low: m.lead.round, Numbers: numbers,
	}
	out.Spread(slices.DeleteFunc(slices.Clone(members), func(id protocol.NodeID) bool { return id == m.config.Self }), v)
	m.next = v
}

// retryFlush says again what members have not answered.
func (m *Machine) retryFlush(now protocol.Time, out *protocol.Output) {
	if m.lead == nil {
		return
	}
	m.timers.Set(timerFlush, now.Add(m.config.RetryInterval))
	var late []protocol.NodeID
	for i := range m.peers {
		if i != m.rank && !m.peers[i].failed && (m.lead.prefixes[i] == nil || m.lead.cut != nil && !m.lead.done[i]) {
			late = append(late, m.view.Members[i])
		}
	}
	switch {
	case len(late) == 0:
	case m.lead.cut == nil:
		m.sendFlush(late, out)
	default:
		out.Spread(late, m.lead.cut)
	}
	if m.cut != nil {
		m.retry(now, out)
	}
}
