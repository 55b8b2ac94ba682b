package fec

import (
	"slices"

	"spinglass/lab/stream"
	"spinglass/protocol"
)

// block is a block at a receiver.
type block struct {
	number uint64
	first  uint64   // number of its first packet, 0 while nothing of it is here
	count  int      // packets, 0 while that is not known
	data   [][]byte // packets by index, nil while missing
	parity [][]byte
	have   int // of both
	over   bool
	done   bool // all packets are here
	asked  int  // the greatest need that others told in this cycle
}

// receive takes in a symbol, or word of the stream's end. It returns why it refuses it.
func (m *Machine) receive(now protocol.Time, v *Message, out *protocol.Output) protocol.Reason {
	if v.Index >= m.config.Data+m.config.Parity || v.Count > m.config.Data || v.Index >= m.config.Data && v.Count == 0 {
		return "malformed"
	}
	if m.begin == 0 && !m.start(v) {
		return ""
	}
	if v.Block < m.begin {
		m.stats.Duplicates++
		return ""
	}
	m.reach(v.Block)
	b := m.at(v.Block)
	if b == nil {
		m.stats.Duplicates++ // given up
		return ""
	}
	b.first = v.First
	if v.Count > 0 {
		b.count = v.Count
		b.over = true
	}
	if v.kind != KindFlush {
		m.take(b, v, out)
	}
	m.wake(now)
	return ""
}

// start has a late receiver begin with the first block of which it hears the first packet, or with the next one after one that is over.
func (m *Machine) start(v *Message) bool {
	switch {
	case v.kind == KindData && v.Index == 0:
		m.begin, m.high = v.Block, v.Block-1
	case v.kind == KindParity:
		m.begin, m.high = v.Block+1, v.Block
		return false
	}
	return m.begin > 0
}

// reach takes note that the stream has come to a block: those before are over.
func (m *Machine) reach(number uint64) {
	if number <= m.high {
		return
	}
	for n := m.high + 1; n <= number; n++ {
		if size := uint64(len(m.blocks)); number-n >= size { // a leap: none of these is kept
			m.stats.Lost += number - size + 1 - n
			n = number - size + 1
		}
		slot := &m.blocks[n%uint64(len(m.blocks))]
		if *slot != nil && !(*slot).done {
			m.stats.Lost++
		}
		*slot = &block{number: n, data: make([][]byte, m.config.Data), parity: make([][]byte, m.config.Parity), over: n < number}
	}
	if b := m.at(m.high); b != nil {
		b.over = true
	}
	m.high = number
}

// at returns a block, nil when it is not kept.
func (m *Machine) at(number uint64) *block {
	if b := m.blocks[number%uint64(len(m.blocks))]; b != nil && b.number == number {
		return b
	}
	return nil
}

// take puts a symbol into its block.
func (m *Machine) take(b *block, v *Message, out *protocol.Output) {
	if b.done || b.symbol(v.Index) != nil {
		m.stats.Duplicates++
		return
	}
	body := v.kept()
	if body == nil {
		body = []byte{} // it is here, and empty
	}
	b.have++
	if v.Index < len(b.data) {
		b.data[v.Index] = body
		m.deliver(b, v.Index, body, out)
	} else {
		b.parity[v.Index-len(b.data)] = body
	}
	m.complete(b, out)
}

// symbol returns a symbol, nil when it is not here.
func (b *block) symbol(index int) []byte {
	if index < len(b.data) {
		return b.data[index]
	}
	return b.parity[index-len(b.data)]
}

func (m *Machine) deliver(b *block, index int, packet []byte, out *protocol.Output) {
	m.stats.Delivered++
	out.Emit(&stream.Delivered{Source: m.config.Sender, Number: b.first + uint64(index), Payload: packet})
}

// complete decodes a block, once that is possible and needed.
func (m *Machine) complete(b *block, out *protocol.Output) {
	count := b.count
	if count == 0 {
		count = m.config.Data
	}
	if b.have < count {
		return
	}
	if slices.ContainsFunc(b.data[:count], func(packet []byte) bool { return packet == nil }) {
		found, err := m.code.decode(b.data, b.parity, count)
		if err != nil {
			return // symbols that do not belong together: no more of this block will come
		}
		for i, packet := range found {
			if packet != nil {
				m.stats.Decoded++
				m.deliver(b, i, packet, out)
			}
		}
	}
	b.done, b.data, b.parity = true, nil, nil
}

// need returns how many symbols a block lacks.
func (m *Machine) need(b *block) int {
	switch {
	case b.done || !b.over:
		return 0
	case b.count == 0: // all that is known of it is that it is over
		return m.config.Data - b.have
	}
	return max(0, b.count-b.have)
}
