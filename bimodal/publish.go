package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Publish sends a message to the subscribers of a topic. The payload, of at most wire.MessageMax bytes, is copied. Messages of
// one batch of inputs share packets. Errors: ErrTooLarge, ErrTopicName, ErrTopicClash, ErrWouldBlock, *LimitError; nothing is
// published then.
func (m *Machine) Publish(now protocol.Time, name string, payload []byte, out *protocol.Output) error {
	if len(payload) > wire.MessageMax {
		return ErrTooLarge
	}
	t, err := m.publishable(now, name, out)
	if err != nil {
		return err
	}
	m.account(t, 1, wire.RecordSize(len(payload)))
	m.pack(now, t, payload, out)
	return nil
}

// PublishAll publishes the messages from number first on, at a fraction of the cost of as many calls of Publish, and returns the number behind
// the last one that was published. Errors are those of Publish; what is before the message that met one is published.
func (m *Machine) PublishAll(now protocol.Time, name string, messages *wire.Messages, first int, out *protocol.Output) (next int, err error) {
	for next = first; next < messages.Len(); {
		t, err := m.publishable(now, name, out)
		if err != nil {
			return next, err
		}
		count := messages.Len()
		if t.bucket.rate > 0 {
			count = 1 // each has to find tokens
		}
		packer := m.packerOf(t)
		run, behind := messages.Run(next, count, packer.Limit()-len(t.body))
		switch {
		case behind > next:
			m.open(now, t)
			m.account(t, behind-next, len(run))
			t.body = append(t.body, run...)
			t.count += uint64(behind - next)
			next = behind
		case len(t.body) > 0 && !packer.Cuts(len(messages.Message(next))):
			m.seal(now, t, false, out)
		default:
			message := messages.Message(next)
			if len(message) > wire.MessageMax {
				return next, ErrTooLarge
			}
			m.account(t, 1, wire.RecordSize(len(message)))
			m.pack(now, t, message, out)
			next++
		}
	}
	return next, nil
}

// publishable returns a topic that may be published to now.
func (m *Machine) publishable(now protocol.Time, name string, out *protocol.Output) (*topic, error) {
	t, err := m.topicNamed(now, name)
	if err != nil {
		return nil, err
	}
	if !t.bucket.ready(now) {
		m.stats.PublishesRefused++
		m.writable.Set(t, t.bucket.wait(now))
		return nil, ErrWouldBlock
	}
	if t.stream == nil {
		id := StreamID{Author: m.config.Self, Epoch: m.config.Epoch, Topic: t.id}
		t.stream = m.addStream(now, id, t, 1, out)
	}
	return t, nil
}

// account counts messages of so many bytes of records against the topic's rate.
func (m *Machine) account(t *topic, messages, bytes int) {
	t.bucket.take(bytes)
	t.flow.present.bytes += bytes
	m.stats.MessagesPublished += uint64(messages)
}

// pack adds a message to the packet being filled, and seals those that are full.
func (m *Machine) pack(now protocol.Time, t *topic, payload []byte, out *protocol.Output) {
	packer := m.packerOf(t)
	if !packer.Cuts(len(payload)) {
		if !packer.Fits(len(t.body), len(payload)) {
			m.seal(now, t, false, out)
		}
		m.open(now, t)
		t.body = wire.AppendRecord(t.body, wire.Record{Kind: wire.RecordWhole, Data: payload})
		t.count++
		return
	}
	for done := 0; done < len(payload); {
		room := packer.Room(len(t.body), len(payload), done)
		if room == 0 {
			m.seal(now, t, false, out)
			continue
		}
		m.open(now, t)
		t.body, t.pieces = wire.AppendPiece(t.body, payload, done, room), true
		if done += room; done == len(payload) {
			t.count++
			return
		}
		m.seal(now, t, false, out)
	}
}

// packerOf returns what says how much fits into the packet being filled.
func (m *Machine) packerOf(t *topic) wire.Packer {
	if len(t.body) == 0 && m.signed() {
		m.refreshTargets(t)
		t.proves = t.below > 0
	}
	if t.proves {
		return m.proven
	}
	return m.packer
}

// open sees to it that the packet being filled is sealed when the present batch of inputs is done.
func (m *Machine) open(now protocol.Time, t *topic) {
	if t.body == nil {
		t.body = m.ownArena.reserve(m.packer.Limit())
	}
	if t.opened {
		return
	}
	t.opened = true
	m.opened = append(m.opened, t)
	m.sealAt = min(m.sealAt, now)
}

// sealAll seals the packets being filled.
func (m *Machine) sealAll(now protocol.Time, out *protocol.Output) {
	for i, t := range m.opened {
		m.seal(now, t, true, out)
		m.coverSoon(now, t, out)
		t.opened = false
		m.opened[i] = nil
	}
	m.opened = m.opened[:0]
	m.sealAt = protocol.Never
}

// seal numbers the packet being filled, and launches it. last says that it is the last one of the present batch of inputs.
func (m *Machine) seal(now protocol.Time, t *topic, last bool, out *protocol.Output) {
	if len(t.body) == 0 {
		return
	}
	s := t.stream
	if m.signed() {
		m.refreshTargets(t) // of whom it depends which packets prove themselves
	}
	if m.signed() && m.coveredFully(t) && (!m.roomBeside(len(t.body), t.uncovered.count) || t.below.Wants(s.height(s.high+1))) {
		m.coverRest(now, t, out)
	}
	t.flow.present.packets++
	p := m.ownArena.packet()
	p.Stream, p.Seq, p.Age = s.id, s.high+1, s.age(now)
	p.Messages, p.Count = s.total, t.count
	p.whole = !t.pieces
	if len(t.body) >= m.packer.Limit()/2 {
		// A packet that is full keeps the memory that it was filled in.
		p.Body, p.pinned, t.body = t.body[:len(t.body):len(t.body)], cap(t.body)-len(t.body), nil
	} else {
		p.Body, t.body = m.ownArena.copy(t.body), t.body[:0]
	}
	t.count, t.pieces = 0, false
	if m.signed() {
		m.cover(now, t, p, last)
	}
	m.launch(now, t, p, out)
}

// launch keeps a packet of this node's own, spreads it, and delivers it here if the topic is subscribed to.
func (m *Machine) launch(now protocol.Time, t *topic, p *Packet, out *protocol.Output) {
	m.refreshTargets(t)
	if g := t.groupFor(p); g != nil {
		g.count(p)
	}
	m.spread(now, t, p, out)
	m.accept(now, t.stream, p, proven, out)
}
