package fec

import (
	"fmt"

	"spinglass/protocol"
)

// sentBlock is a block that is over, at its sender.
type sentBlock struct {
	number, first uint64
	packets       [][]byte
	parity        [][]byte
	next          int // symbol that is sent next: parity from k on, then packets from 0 on
	need          int // the greatest that was told since the latest repair
	repaired      protocol.Time
}

// Publish sends a packet to the group. It keeps the payload, which has PayloadMax bytes at most.
func (m *Machine) Publish(now protocol.Time, payload []byte, out *protocol.Output) {
	if len(payload) > PayloadMax {
		panic(fmt.Sprintf("fec: a payload of %d bytes", len(payload)))
	}
	m.stats.Published++
	m.spread(&Message{kind: KindData, Block: m.block, First: m.first, Index: len(m.open), Body: payload}, out)
	m.open = append(m.open, payload)
	m.timers.Cancel(dutyFlush)
	switch len(m.open) {
	case m.config.Data:
		m.close(now, out)
	case 1:
		m.timers.Set(dutyClose, now.Add(m.config.BlockAge))
	}
}

// close ends the open block, and sends the parity that goes unasked.
func (m *Machine) close(now protocol.Time, out *protocol.Output) {
	parity, err := m.code.encode(m.open)
	if err != nil {
		panic(err) // the code takes all blocks of up to k packets
	}
	b := &sentBlock{number: m.block, first: m.first, packets: m.open, parity: parity, next: m.config.Data, repaired: -protocol.Time(m.config.GRTT)}
	m.sent[b.number%uint64(len(m.sent))] = b
	m.block++
	m.first += uint64(len(m.open))
	m.open = nil
	for range m.config.Proactive {
		m.stats.Proactive++
		m.spread(m.symbol(b, KindParity), out)
	}
	m.flushes = m.config.Flushes
	m.timers.Cancel(dutyClose)
	m.timers.Set(dutyFlush, now.Add(m.times(2)))
}

// symbol returns the next symbol of a block.
func (m *Machine) symbol(b *sentBlock, kind protocol.Kind) *Message {
	v := &Message{kind: kind, Block: b.number, First: b.first, Count: len(b.packets), Index: b.next}
	b.next++
	if v.Index < len(b.packets) {
		v.Body = b.packets[v.Index]
		if b.next == len(b.packets) {
			b.next = m.config.Data
		}
		return v
	}
	v.Body = b.parity[v.Index-m.config.Data]
	if b.next == m.config.Data+m.config.Parity {
		b.next = 0
	}
	return v
}

// gather takes in what a receiver needs.
func (m *Machine) gather(now protocol.Time, v *Message) {
	for _, n := range v.Needs {
		b := m.sent[n.Block%uint64(len(m.sent))]
		if b == nil || b.number != n.Block {
			m.stats.Unheld++
			continue
		}
		if now.Sub(b.repaired) < m.times(1) || n.Count <= 0 {
			continue
		}
		if b.need == 0 {
			m.timers.Set(dutyBlock+duty(b.number), now.Add(m.times(m.config.Factor+1)))
		}
		b.need = max(b.need, min(n.Count, len(b.packets)))
	}
}

// repair sends as many symbols of a block as the receiver needs that lacks most.
func (m *Machine) repair(now protocol.Time, number uint64, out *protocol.Output) {
	b := m.sent[number%uint64(len(m.sent))]
	if b.number != number {
		return // no longer kept
	}
	for range b.need {
		m.stats.Repairs++
		m.spread(m.symbol(b, KindRepair), out)
	}
	b.need, b.repaired = 0, now
}

// flush repeats where the stream ends.
func (m *Machine) flush(now protocol.Time, out *protocol.Output) {
	if m.flushes == 0 {
		return
	}
	m.flushes--
	b := m.sent[(m.block-1)%uint64(len(m.sent))]
	m.spread(&Message{kind: KindFlush, Block: b.number, First: b.first, Count: len(b.packets)}, out)
	m.timers.Set(dutyFlush, now.Add(m.times(2)))
}
