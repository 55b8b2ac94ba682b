package vsync

import (
	"slices"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// Join begins to look for a group, and to be a member of it; *Installed tells of the first view. The node is one member of a group at most. Errors: ErrName, ErrOptions, ErrJoined, *LimitError, and those of Host.Subscribe.
func (m *Machine) Join(now protocol.Time, name string, options Options, out *protocol.Output) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := options.validate(); err != nil {
		return err
	}
	topic := TopicOf(name)
	if m.byTopic[topic] != nil {
		return ErrJoined
	}
	if len(m.groups) >= m.config.Groups {
		return &LimitError{What: "Groups", Limit: m.config.Groups}
	}
	if err := m.config.Host.Subscribe(now, topic, out); err != nil {
		return err
	}
	g := &group{m: m, name: name, topic: topic, id: uint64(bimodal.TopicOf(topic)), options: options, attempt: m.attempts}
	m.groups = append(m.groups, g)
	m.byTopic[topic], m.byID[g.id] = g, g
	if m.timers.At(timer{nil, taskCheck}) == protocol.Never {
		m.timers.Set(timer{nil, taskCheck}, now.Add(m.jitter(m.config.Check)))
	}
	g.look(now)
	return nil
}

// Leave ends a membership: Left tells when. Until then casts of others go on to be delivered. Errors: ErrUnknown, ErrLeaving.
func (m *Machine) Leave(now protocol.Time, name string, out *protocol.Output) error {
	g := m.byTopic[TopicOf(name)]
	switch {
	case g == nil:
		return ErrUnknown
	case g.leaving:
		return ErrLeaving
	}
	g.leave(now, out)
	return nil
}

// Cast sends a message to all members of the present view, this one included. The payload is copied. Errors: ErrUnknown, ErrNotMember, ErrNotPrimary, ErrBlocked, ErrFull, ErrLeaving, ErrTooLarge.
func (m *Machine) Cast(now protocol.Time, name string, payload []byte, out *protocol.Output) error {
	g := m.byTopic[TopicOf(name)]
	if g == nil {
		return ErrUnknown
	}
	if len(payload) > CastMax {
		return ErrTooLarge
	}
	return g.cast(now, payload, out)
}

// Flush asks to be told when all that this member has cast so far is stable and delivered here, by *Flushed of the number returned. It is over without that when the member is ejected or leaves. Errors: ErrUnknown,
// ErrNotMember, ErrNotReady, *LimitError.
func (m *Machine) Flush(now protocol.Time, name string, out *protocol.Output) (number uint64, err error) {
	g := m.byTopic[TopicOf(name)]
	switch {
	case g == nil:
		return 0, ErrUnknown
	case g.view == nil:
		return 0, ErrNotMember
	case !g.ready:
		return 0, ErrNotReady
	case len(g.flushes) >= FlushesMax:
		return 0, &LimitError{What: "flushes", Limit: FlushesMax}
	}
	g.flushNumber++
	g.flushes = append(g.flushes, flushWait{number: g.flushNumber, seq: g.streams[g.rank].have})
	g.activate(now)
	if g.answerFlushes(out); len(g.flushes) > 0 {
		g.setSooner(taskHurry, now)
	}
	return g.flushNumber, nil
}

// FlushesMax bounds the calls of Flush of a group that wait.
const FlushesMax = 4096

// Status tells how a group stands at this node.
type Status struct {
	Name        string
	Options     Options
	View        *View // nil while in none
	Rank        int
	Incarnation uint64
	Ready       bool // it has the state of the group
	Blocked     bool // the view is being changed
	Outside     bool // no majority can be reached
	Leaving     bool
	Held        int    // bytes of messages that are not known to be stable
	Queued      int    // bytes of deliveries that wait for the state
	Term        uint64 // of total order
	Sequencer   int    // rank of who orders, -1 where nobody does
	StateBytes  uint64 // of the state that has come so far
}

// Group returns how a group stands, false when it is not joined.
func (m *Machine) Group(name string) (Status, bool) {
	g := m.byTopic[TopicOf(name)]
	if g == nil {
		return Status{}, false
	}
	return g.status(), true
}

// Groups returns how all groups stand, in the order in which they were joined.
func (m *Machine) Groups() []Status {
	all := make([]Status, 0, len(m.groups))
	for _, g := range m.groups {
		all = append(all, g.status())
	}
	return all
}

func (g *group) status() Status {
	s := Status{
		Name: g.name, Options: g.options, View: g.view, Rank: g.rank, Incarnation: g.incarnation, Ready: g.ready, Blocked: g.blocked, Outside: g.outside, Leaving: g.leaving,
		Held: g.held, Queued: g.queueBytes, Sequencer: -1,
	}
	if g.view != nil && g.options.Order == OrderTotal {
		s.Term = g.total.active().number
		s.Sequencer = g.holder(s.Term)
	}
	if g.transfer != nil {
		s.StateBytes = g.transfer.offset
	}
	return s
}

// forget takes a group away.
func (m *Machine) forget(now protocol.Time, g *group, out *protocol.Output) {
	g.clear(out)
	for what := taskGossip; what <= taskState; what++ {
		g.cancel(what)
	}
	m.attempts = max(m.attempts, g.attempt)
	m.groups = slices.DeleteFunc(m.groups, func(other *group) bool { return other == g })
	delete(m.byTopic, g.topic)
	delete(m.byID, g.id)
	_ = m.config.Host.Unsubscribe(now, g.topic, out) // it is subscribed to
	if len(m.groups) == 0 {
		m.timers.Cancel(timer{nil, taskCheck})
	}
}
