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
	t, err := m.topicNamed(now, name)
	if err != nil {
		return err
	}
	if !t.bucket.ready(now) {
		m.stats.PublishesRefused++
		m.writable.Set(t, t.bucket.wait(now))
		return ErrWouldBlock
	}
	if t.stream == nil {
		id := StreamID{Author: m.config.Self, Epoch: m.config.Epoch, Topic: t.id}
		t.stream = m.addStream(now, id, t, 1, out)
	}
	size := wire.RecordSize(len(payload))
	t.bucket.take(size)
	t.flow.present.bytes += size
	m.stats.MessagesPublished++
	m.pack(now, t, payload, out)
	return nil
}

// pack adds a message to the packet being filled, and seals those that are full.
func (m *Machine) pack(now protocol.Time, t *topic, payload []byte, out *protocol.Output) {
	if !m.packer.Cuts(len(payload)) {
		if !m.packer.Fits(len(t.body), len(payload)) {
			m.seal(now, t, out)
		}
		m.open(now, t)
		t.body = wire.AppendRecord(t.body, wire.Record{Kind: wire.RecordWhole, Data: payload})
		t.count++
		return
	}
	for done := 0; done < len(payload); {
		room := m.packer.Room(len(t.body), len(payload), done)
		if room == 0 {
			m.seal(now, t, out)
			continue
		}
		m.open(now, t)
		t.body, t.pieces = wire.AppendPiece(t.body, payload, done, room), true
		if done += room; done == len(payload) {
			t.count++
			return
		}
		m.seal(now, t, out)
	}
}

// open sees to it that the packet being filled is sealed when the present batch of inputs is done.
func (m *Machine) open(now protocol.Time, t *topic) {
	if t.opened {
		return
	}
	if t.body == nil {
		t.body = make([]byte, 0, m.packer.Limit())
	}
	t.opened = true
	m.opened = append(m.opened, t)
	m.sealAt = min(m.sealAt, now)
}

// sealAll seals the packets being filled.
func (m *Machine) sealAll(now protocol.Time, out *protocol.Output) {
	for i, t := range m.opened {
		m.seal(now, t, out)
		t.opened = false
		m.opened[i] = nil
	}
	m.opened = m.opened[:0]
	m.sealAt = protocol.Never
}

// seal numbers the packet being filled, keeps it, spreads it, and delivers it here if the topic is subscribed to.
func (m *Machine) seal(now protocol.Time, t *topic, out *protocol.Output) {
	if len(t.body) == 0 {
		return
	}
	s := t.stream
	t.flow.present.packets++
	p := m.arena.packet()
	p.Stream, p.Seq, p.Age = s.id, s.high+1, s.age(now)
	p.Messages, p.Count = s.total, t.count
	p.Body = m.arena.copy(t.body)
	p.whole = !t.pieces
	t.body, t.count, t.pieces = t.body[:0], 0, false
	t.group.count(p)
	m.spread(t, p, out)
	m.accept(now, s, p, out)
}
