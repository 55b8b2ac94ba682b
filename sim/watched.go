package sim

import "spinglass/protocol"

// Watched is a machine of which something takes what it does, after each input and at once, as an application does that a driver hands events in their order.
type Watched struct {
	protocol.Machine
	// Take is told of which index on the effects are new. It may change these and add others.
	Take func(now protocol.Time, mark int, out *protocol.Output)
}

// Start implements protocol.Machine.
func (m *Watched) Start(now protocol.Time, out *protocol.Output) {
	mark := len(out.Effects)
	m.Machine.Start(now, out)
	m.Take(now, mark, out)
}

// Receive implements protocol.Machine.
func (m *Watched) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	mark := len(out.Effects)
	m.Machine.Receive(now, from, message, out)
	m.Take(now, mark, out)
}

// Notify implements protocol.Machine.
func (m *Watched) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	mark := len(out.Effects)
	m.Machine.Notify(now, e, out)
	m.Take(now, mark, out)
}

// Timeout implements protocol.Machine.
func (m *Watched) Timeout(now protocol.Time, out *protocol.Output) {
	mark := len(out.Effects)
	m.Machine.Timeout(now, out)
	m.Take(now, mark, out)
}
