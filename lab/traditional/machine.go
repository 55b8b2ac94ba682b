package traditional

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// timer names what is due at a time.
type timer uint8

const (
	timerRow timer = iota
	timerPing
	timerRetry
	timerFlush
	timerJoin
	timerJoiners // a flush for who waits to join
	timerOrder
	timerLeave
)

// peer is what a member knows of a member of its view.
type peer struct {
	failed bool
	row    []uint64 // up to where it has each stream
	acked  uint64   // bytes of the own stream that it has
	heard  uint64   // number of its latest ping; of the own rank: of the own one
	echoed uint64   // number of the own latest ping that it has heard
}

// Machine is a member of a group. It implements protocol.Machine.
type Machine struct {
	config  Config
	view    View
	rank    int
	streams []stream // by rank
	peers   []peer   // by rank
	targets []protocol.NodeID
	targetN int // failed ones when targets were made
	timers  protocol.Deadlines[timer]
	stats   Stats

	wanting bool          // the application was refused and waits for Writable
	blocked bool          // by a flush or while joining
	since   protocol.Time // of blocked

	orders    []place // whose messages have not arrived
	unordered []place // at the sequencer: arrived in this batch

	round   uint64
	lead    *flush // as the coordinator
	asked   agreement
	agreed  agreement
	cut     []uint64 // by rank; nil before it is known
	holders []int
	next    *Message // the view to install when this input is done
	short   bool     // no majority
	joining bool
	leaving bool
	joiners []protocol.NodeID
	latest  *Message // the present view
	taught  map[protocol.NodeID]protocol.Time
}

// New makes a member.
func New(c Config) (*Machine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Machine{config: c, taught: make(map[protocol.NodeID]protocol.Time)}, nil
}

// View returns the present view.
func (m *Machine) View() View { return m.view }

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Held returns the messages that this member holds, its own and those of others, because they are not known to be everywhere, and the bytes of their payload.
func (m *Machine) Held() (messages, bytes int) {
	for i := range m.streams {
		for j := range m.streams[i].held {
			if held := m.streams[i].held[j].message; held != nil {
				messages, bytes = messages+1, bytes+len(held.Payload)
			}
		}
	}
	return messages, bytes
}

// Blocked reports whether a change of the view, or the lack of one, keeps this member from sending.
func (m *Machine) Blocked() bool { return m.blocked }

// Start implements protocol.Machine. Members of the first view begin in it, others ask to join.
func (m *Machine) Start(now protocol.Time, out *protocol.Output) {
	first := m.config.Members[:m.config.first()]
	if !slices.Contains(first, m.config.Self) {
		m.block(now, out)
		m.joining = true
		m.timers.Set(timerJoin, now)
		return
	}
	numbers := make([]uint64, len(first))
	for i, id := range first {
		numbers[i] = uint64(id)
	}
	m.install(now, &Message{kind: KindView, View: ViewID{Number: 1}, Numbers: numbers}, out)
}

// Notify implements protocol.Machine.
func (m *Machine) Notify(protocol.Time, protocol.Event, *protocol.Output) {}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return m.timers.Next() }

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	for {
		due, ok := m.timers.Due(now)
		if !ok {
			return
		}
		switch due {
		case timerRow:
			m.tellRow(now, out)
		case timerPing:
			m.ping(now, out)
		case timerRetry:
			m.retry(now, out)
		case timerFlush:
			m.retryFlush(now, out)
		case timerJoin:
			m.askToJoin(now, out)
		case timerJoiners:
			if m.lead == nil && m.coordinator() == m.rank && len(m.joiners) > 0 {
				m.startFlush(now, out)
			}
		case timerOrder:
			m.tellOrder(now, out)
		case timerLeave:
			m.tellLeave(now, out)
		}
		m.settle(now, out)
	}
}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	d, ok := message.(*Message)
	if !ok {
		out.Drop(from, ReasonMalformed)
		return
	}
	switch d.kind {
	case KindView:
		m.receiveView(now, from, d, out)
		return
	case KindJoin:
		m.receiveJoin(now, from, out)
		m.settle(now, out)
		return
	}
	if m.joining || d.View != m.view.ID {
		m.teach(now, from, d.View, out)
		return
	}
	rank := m.view.Rank(from)
	switch {
	case rank < 0:
		out.Drop(from, ReasonStranger)
		return
	case m.peers[rank].failed:
		out.Drop(from, ReasonFailed)
		return
	}
	m.receive(now, rank, d, out)
	m.settle(now, out)
}

// receive takes a message of a member in the present view.
func (m *Machine) receive(now protocol.Time, from int, d *Message, out *protocol.Output) {
	switch d.kind {
	case KindData, KindRepair:
		m.receiveData(now, from, d, out)
	case KindNak:
		m.receiveNak(from, d, out)
	case KindAck:
		m.acked(from, d.High, out)
	case KindStatus:
		m.receiveStatus(now, from, d.High, out)
	case KindRow:
		m.receiveRow(now, from, d, out)
	case KindPing:
		m.receivePing(from, d, out)
	case KindSuspect:
		m.receiveSuspect(now, from, d, out)
	case KindFlush:
		m.receiveFlush(now, from, d, out)
	case KindFlushOk:
		m.receiveFlushOk(from, d, out)
	case KindCut:
		m.receiveCut(from, d, out)
	case KindCutOk:
		m.receiveCutOk(from, d, out)
	}
}

// settle ends an input that has completed a flush.
func (m *Machine) settle(now protocol.Time, out *protocol.Output) {
	switch {
	case m.short:
		m.leave(now, out)
	case m.next != nil:
		m.install(now, m.next, out)
	}
}

// others returns the members but this one and those taken for failed. The slice is immutable.
func (m *Machine) others() []protocol.NodeID {
	failed := 0
	for i := range m.peers {
		if m.peers[i].failed {
			failed++
		}
	}
	if m.targets == nil || failed != m.targetN {
		m.targets, m.targetN = make([]protocol.NodeID, 0, len(m.peers)), failed
		for i, id := range m.view.Members {
			if i != m.rank && !m.peers[i].failed {
				m.targets = append(m.targets, id)
			}
		}
	}
	return m.targets
}

// share returns the part i of n of a duration.
func share(d time.Duration, i, n int) time.Duration { return d * time.Duration(i) / time.Duration(n) }
