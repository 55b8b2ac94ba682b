package fec

import (
	"time"

	"spinglass/lab/stream"
	"spinglass/protocol"
)

// duty is what a timer is for: the receiver's process of asking, the end of the open block, the repetition of the end of the stream, or, from dutyBlock on, the repair of a block.
type duty uint64

const (
	dutyNak duty = iota
	dutyClose
	dutyFlush
	dutyBlock
)

// Machine is the protocol at one member.
type Machine struct {
	config Config
	code   *code
	group  stream.Group
	timers protocol.Deadlines[duty]
	stats  Stats

	// At the sender: blocks by number modulo Config.Blocks.
	sent    []*sentBlock
	open    [][]byte // packets of the block that is not over
	block   uint64   // its number
	first   uint64   // number of its first packet
	flushes int      // left

	// At a receiver: the same.
	blocks []*block
	begin  uint64 // the first block that is wanted; 0 while that is not known
	high   uint64 // the highest block heard of
	asking asking
}

// New returns a machine.
func New(c Config) (*Machine, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	code, err := newCode(c.Data, c.Parity)
	if err != nil {
		return nil, err
	}
	m := &Machine{config: c, code: code, block: 1, first: 1, begin: 1}
	if c.Late {
		m.begin = 0
	}
	if c.Self == c.Sender {
		m.sent = make([]*sentBlock, c.Blocks)
	} else {
		m.blocks = make([]*block, c.Blocks)
	}
	return m, nil
}

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Held returns the symbols that are kept, and the bytes of their bodies: those of all blocks kept at the sender, at a receiver those of the blocks that are not complete.
func (m *Machine) Held() (symbols, bytes int) {
	add := func(list [][]byte) {
		for _, body := range list {
			if body != nil {
				symbols, bytes = symbols+1, bytes+len(body)
			}
		}
	}
	add(m.open)
	for _, b := range m.sent {
		if b != nil {
			add(b.packets)
			add(b.parity)
		}
	}
	for _, b := range m.blocks {
		if b != nil {
			add(b.data)
			add(b.parity)
		}
	}
	return symbols, bytes
}

// Start implements protocol.Machine.
func (m *Machine) Start(protocol.Time, *protocol.Output) {}

// Notify implements protocol.Machine.
func (m *Machine) Notify(_ protocol.Time, e protocol.Event, _ *protocol.Output) { m.group.Notify(e) }

func (m *Machine) spread(v *Message, out *protocol.Output) {
	if to := m.group.All(); len(to) > 0 {
		out.Spread(to, v)
	}
}

// times returns a number of GRTT.
func (m *Machine) times(n int) time.Duration { return time.Duration(n) * m.config.GRTT }

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	v, ok := message.(*Message)
	switch {
	case !ok || !m.group.Has(from):
		out.Drop(from, "stranger")
	case v.kind == KindNak && m.sent != nil:
		m.gather(now, v)
	case v.kind == KindNak:
		m.overhear(v)
	case from != m.config.Sender:
		out.Drop(from, "not_the_sender")
	default:
		if reason := m.receive(now, v, out); reason != "" {
			out.Drop(from, reason)
		}
	}
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	for {
		due, ok := m.timers.Due(now)
		if !ok {
			return
		}
		switch due {
		case dutyNak:
			m.ask(now, out)
		case dutyClose:
			m.close(now, out)
		case dutyFlush:
			m.flush(now, out)
		default:
			m.repair(now, uint64(due-dutyBlock), out)
		}
	}
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return m.timers.Next() }
