package vsync

import (
	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/wire"
)

// Carrier is Bimodal Multicast and the groups over it as one machine. Its fields are for reading, and for commands.
type Carrier struct {
	Bimodal *bimodal.Machine
	Groups  *Machine
}

// NewCarrier makes groups over a multicast. config needs no Host.
func NewCarrier(config Config, multicast *bimodal.Machine) (*Carrier, error) {
	config.Host = carrierHost{multicast}
	groups, err := New(config)
	if err != nil {
		return nil, err
	}
	return &Carrier{Bimodal: multicast, Groups: groups}, nil
}

// carrierHost gives groups the commands of a multicast.
type carrierHost struct{ *bimodal.Machine }

// Start implements protocol.Machine.
func (c *Carrier) Start(now protocol.Time, out *protocol.Output) {
	c.Bimodal.Start(now, out)
	c.Groups.Start(now, out)
}

// Receive implements protocol.Machine.
func (c *Carrier) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	if kind := m.Kind(); kind >= wire.KindGroupFirst && kind <= wire.KindGroupLast {
		c.Groups.Receive(now, from, m, out)
		return
	}
	mark := len(out.Effects)
	c.Bimodal.Receive(now, from, m, out)
	c.hand(now, mark, out)
}

// Notify implements protocol.Machine.
func (c *Carrier) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	mark := len(out.Effects)
	c.Bimodal.Notify(now, e, out)
	c.hand(now, mark, out)
	c.Groups.Notify(now, e, out)
}

// Timeout implements protocol.Machine. What groups publish goes out at once.
func (c *Carrier) Timeout(now protocol.Time, out *protocol.Output) {
	if c.Groups.Deadline() <= now {
		c.Groups.Timeout(now, out)
	}
	if c.Bimodal.Deadline() <= now {
		mark := len(out.Effects)
		c.Bimodal.Timeout(now, out)
		c.hand(now, mark, out)
	}
}

// Deadline implements protocol.Machine.
func (c *Carrier) Deadline() protocol.Time { return min(c.Bimodal.Deadline(), c.Groups.Deadline()) }

// hand gives the groups what the multicast has told since mark.
func (c *Carrier) hand(now protocol.Time, mark int, out *protocol.Output) {
	for i := mark; i < len(out.Effects); i++ {
		switch e := out.Effects[i].Event.(type) {
		case *bimodal.Delivery, *bimodal.Gap, *bimodal.Writable:
			c.Groups.Notify(now, e, out)
		}
	}
}
