package traditional

import "spinglass/protocol"

// streamMax is how many messages of a stream may be beyond the stable ones: its sender waits for that.
const streamMax = 1 << 16

// aheadMax is the same for a receiver, who may learn a little later what is stable.
const aheadMax = 4 * streamMax

// nakMax is how many messages one Nak asks for.
const nakMax = 64

// stream is what a member has of one sender in the present view.
type stream struct {
	floor  uint64   // messages up to it are known to be everywhere, and gone
	held   []packet // from floor+1 on
	next   uint64   // messages up to it are here
	high   uint64   // the highest heard of
	asked  uint64   // the highest asked for since the last retry
	unsaid int      // bytes that arrived and were not acknowledged
	total  uint64   // bytes of all messages up to next, with overhead
	queue  []*Message
}

// packet is a message; without one it is missing.
type packet struct {
	message *Message
	total   uint64 // bytes of all messages up to it, once it is below next
}

func cost(m *Message) int { return len(m.Payload) + overhead }

func (s *stream) at(seq uint64) *packet {
	if seq <= s.floor || seq > s.floor+uint64(len(s.held)) {
		return nil
	}
	return &s.held[seq-s.floor-1]
}

func (s *stream) get(seq uint64) *Message {
	if p := s.at(seq); p != nil {
		return p.message
	}
	return nil
}

// put stores a message and reports whether it is new.
func (s *stream) put(seq uint64, m *Message) bool {
	if seq <= s.floor || s.get(seq) != nil {
		return false
	}
	for s.at(seq) == nil {
		s.held = append(s.held, packet{})
	}
	s.at(seq).message = m
	s.high = max(s.high, seq)
	return true
}

// totalAt returns how many bytes the messages up to seq take, of one that is here.
func (s *stream) totalAt(seq uint64) uint64 {
	switch p := s.at(seq); {
	case seq >= s.next:
		return s.total
	case p == nil:
		return 0
	default:
		return p.total
	}
}

// forget drops the messages up to seq, which are here, and returns how many bytes that were.
func (s *stream) forget(seq uint64) (bytes int) {
	seq = min(seq, s.next)
	if seq <= s.floor {
		return 0
	}
	n := int(seq - s.floor)
	for i := range n {
		bytes += cost(s.held[i].message)
	}
	clear(s.held[:n])
	s.held, s.floor = s.held[n:], seq
	return bytes
}

// truncate drops what is above seq, if that is not below a gap: nobody can have delivered it.
func (s *stream) truncate(seq uint64) {
	if keep := max(seq, s.next); keep < s.floor+uint64(len(s.held)) {
		clear(s.held[keep-s.floor:])
		s.held = s.held[:keep-s.floor]
	}
}

// missing returns up to nakMax numbers above from that are missing and below or at high.
func (s *stream) missing(from uint64) (numbers []uint64) {
	for seq := max(from, s.next) + 1; seq <= s.high && len(numbers) < nakMax; seq++ {
		if s.get(seq) == nil {
			numbers = append(numbers, seq)
		}
	}
	return numbers
}

// receiveData takes a message or the repair of one.
func (m *Machine) receiveData(now protocol.Time, from int, d *Message, out *protocol.Output) {
	if d.Origin >= uint64(len(m.streams)) || d.Low == 0 {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	origin, s := int(d.Origin), &m.streams[d.Origin]
	switch {
	case m.peers[origin].failed && (m.cut == nil || d.Low > m.cut[origin]):
		// All members stop at the same message of it: at the cut, which covers what any of them had when it was asked.
		out.Drop(m.view.Members[from], ReasonFailed)
		return
	case d.Low > s.floor+aheadMax:
		out.Drop(m.view.Members[from], ReasonBeyond)
		return
	case d.Low <= s.floor || s.get(d.Low) != nil:
		out.Drop(m.view.Members[from], ReasonDuplicate)
		return
	}
	s.put(d.Low, d.kept())
	m.advance(now, origin, out)
	if s.high > s.next {
		m.askNew(now, origin, out)
	}
	m.checkCut(out)
}

// advance takes up what has no gap before it any more.
func (m *Machine) advance(now protocol.Time, origin int, out *protocol.Output) {
	s := &m.streams[origin]
	for p := s.at(s.next + 1); p != nil && p.message != nil; p = s.at(s.next + 1) {
		s.next++
		s.total += uint64(cost(p.message))
		p.total = s.total
		s.unsaid += cost(p.message)
		m.hold(origin, cost(p.message))
		m.arrived(now, origin, p.message, out)
	}
	m.acknowledge(origin, out)
}

// hold counts bytes that are held until they are stable.
func (m *Machine) hold(origin, bytes int) {
	m.stats.Held += bytes
	m.stats.HeldMost = max(m.stats.HeldMost, m.stats.Held)
	if origin == m.rank {
		m.stats.OwnHeld += bytes
		m.stats.OwnHeldMost = max(m.stats.OwnHeldMost, m.stats.OwnHeld)
	}
}

// askNew asks for what was found missing only now. All else waits for the next retry.
func (m *Machine) askNew(now protocol.Time, origin int, out *protocol.Output) {
	s := &m.streams[origin]
	m.ask(origin, s.missing(s.asked), out)
	s.asked = max(s.asked, s.high)
	m.retryAt(now)
}

// ask sends a Nak to who has the messages: their sender, or who has them by the cut.
func (m *Machine) ask(origin int, numbers []uint64, out *protocol.Output) {
	if len(numbers) == 0 {
		return
	}
	to := origin
	if m.holders != nil {
		to = m.holders[origin]
	}
	if to == m.rank || m.peers[to].failed {
		return // the flush finds out who has them
	}
	m.stats.Naks++
	m.stats.NakNumbers += uint64(len(numbers))
	out.Send(m.view.Members[to], &Message{kind: KindNak, View: m.view.ID, Origin: uint64(origin), Numbers: numbers})
}

func (m *Machine) receiveNak(from int, n *Message, out *protocol.Output) {
	if n.Origin >= uint64(len(m.streams)) || len(n.Numbers) > nakMax {
		out.Drop(m.view.Members[from], ReasonMalformed)
		return
	}
	s := &m.streams[n.Origin]
	for _, seq := range n.Numbers {
		if d := s.get(seq); d != nil && seq <= s.next {
			m.stats.Repairs++
			again := *d
			again.kind = KindRepair
			out.Send(m.view.Members[from], &again)
		}
	}
}

// retryAt sets the timer for what is to be said again, if it is not set.
func (m *Machine) retryAt(now protocol.Time) {
	if m.timers.At(timerRetry) == protocol.Never {
		m.timers.Set(timerRetry, now.Add(m.config.RetryInterval))
	}
}

// retry asks again for all that is missing, and for acknowledgements that keep this member from sending.
func (m *Machine) retry(now protocol.Time, out *protocol.Output) {
	again := false
	for origin := range m.streams {
		s := &m.streams[origin]
		if s.high > s.next {
			m.ask(origin, s.missing(0), out)
			s.asked = s.high
			again = true
		}
	}
	if m.wanting && !m.blocked {
		m.probe(out)
		again = true
	}
	if again {
		m.retryAt(now)
	}
}
