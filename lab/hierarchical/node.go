package hierarchical

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"spinglass/lab/traditional"
	"spinglass/protocol"
)

// BacklogMax is how many messages a relay holds that the group below does not take.
const BacklogMax = 1 << 14

// ReasonBacklog is why a relay drops a message.
const ReasonBacklog protocol.Reason = "backlog"

// StampSize is the number of bytes that the source puts before each payload.
const StampSize = 16

// Stamp tells when the source has sent a message, and its number.
type Stamp struct {
	Number uint64
	Sent   protocol.Time
}

// Append appends the stamp.
func (s Stamp) Append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, s.Number), uint64(s.Sent))
}

// StampOf reads the stamp of a message; ok is false when there is none.
func StampOf(payload []byte) (s Stamp, ok bool) {
	if len(payload) < StampSize {
		return Stamp{}, false
	}
	return Stamp{binary.BigEndian.Uint64(payload), protocol.Time(binary.BigEndian.Uint64(payload[8:]))}, true
}

// Arrival hands a message to the application.
type Arrival struct {
	protocol.EventMark
	Stamp   Stamp
	Payload []byte // stamp included
}

// AppendTrace implements sim.Traced.
func (a *Arrival) AppendTrace(b []byte) []byte { return a.Stamp.Append(b) }

// Config describes a member of one or two groups.
type Config struct {
	Upper *traditional.Config // the group in which the member receives; nil for the source
	Lower *traditional.Config // the group in which it sends; nil for who is no relay
	Level int                 // of the group above; 0 for the source
	Delay time.Duration       // for each level, until messages are handed on and delivered; 0 for none
	Final bool                // Delay does not hold up what is handed on
}

// Stats counts what a member holds of the remedies.
type Stats struct {
	Waiting, WaitingMost int // bytes that wait for their delay, or for the group below
	Overflow             uint64
}

// Node is a member. It implements protocol.Machine.
type Node struct {
	config       Config
	upper, lower *traditional.Machine
	above        map[protocol.NodeID]bool // members of the group above
	delayed      []pending                // until their time, in order
	backlog      [][]byte                 // until the group below takes them
	stats        Stats
}

type pending struct {
	at      protocol.Time
	payload []byte
}

// New makes a member. The two groups have no other member in common.
func New(c Config) (*Node, error) {
	if c.Upper == nil && c.Lower == nil {
		return nil, errors.New("hierarchical: a member is in one group at least")
	}
	n := &Node{config: c, above: make(map[protocol.NodeID]bool)}
	var err error
	if c.Upper != nil {
		for _, id := range c.Upper.Members {
			n.above[id] = id != c.Upper.Self
		}
		if n.upper, err = traditional.New(*c.Upper); err != nil {
			return nil, err
		}
	}
	if c.Lower == nil {
		return n, nil
	}
	for _, id := range c.Lower.Members {
		if n.above[id] {
			return nil, fmt.Errorf("hierarchical: member %v is in both groups", id)
		}
	}
	n.lower, err = traditional.New(*c.Lower)
	return n, err
}

// Upper and Lower return the members of the two groups, nil where there is none.
func (n *Node) Upper() *traditional.Machine { return n.upper }

// Lower returns the member of the group below.
func (n *Node) Lower() *traditional.Machine { return n.lower }

// Stats returns the counters.
func (n *Node) Stats() Stats { return n.stats }

// Send multicasts a message from the source, which is queued if the group does not take it yet.
func (n *Node) Send(now protocol.Time, payload []byte, out *protocol.Output) {
	n.forward(now, payload, out)
}

// Start implements protocol.Machine.
func (n *Node) Start(now protocol.Time, out *protocol.Output) {
	n.each(now, out, func(m *traditional.Machine) { m.Start(now, out) })
}

// Receive implements protocol.Machine.
func (n *Node) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	mark := len(out.Effects)
	if n.upper != nil && (n.above[from] || n.lower == nil) {
		n.upper.Receive(now, from, m, out)
		n.take(now, n.upper, mark, out)
		return
	}
	n.lower.Receive(now, from, m, out)
	n.take(now, n.lower, mark, out)
}

// Notify implements protocol.Machine.
func (n *Node) Notify(protocol.Time, protocol.Event, *protocol.Output) {}

// Timeout implements protocol.Machine.
func (n *Node) Timeout(now protocol.Time, out *protocol.Output) {
	n.each(now, out, func(m *traditional.Machine) { m.Timeout(now, out) })
	for len(n.delayed) > 0 && n.delayed[0].at <= now {
		p := n.delayed[0]
		n.delayed = n.delayed[1:]
		n.wait(-len(p.payload))
		n.arrive(p.payload, out)
		if !n.config.Final {
			n.forward(now, p.payload, out)
		}
	}
}

// Deadline implements protocol.Machine.
func (n *Node) Deadline() protocol.Time {
	at := protocol.Never
	if n.upper != nil {
		at = n.upper.Deadline()
	}
	if n.lower != nil {
		at = min(at, n.lower.Deadline())
	}
	if len(n.delayed) > 0 {
		at = min(at, n.delayed[0].at)
	}
	return at
}

// each calls f for the members of the groups, and deals with what they tell.
func (n *Node) each(now protocol.Time, out *protocol.Output, f func(*traditional.Machine)) {
	for _, m := range [...]*traditional.Machine{n.upper, n.lower} {
		if m != nil {
			mark := len(out.Effects)
			f(m)
			n.take(now, m, mark, out)
		}
	}
}

// take deals with the events from mark on, which stay in the output.
func (n *Node) take(now protocol.Time, m *traditional.Machine, mark int, out *protocol.Output) {
	for i, end := mark, len(out.Effects); i < end; i++ {
		switch e := out.Effects[i].Event.(type) {
		case *traditional.Delivery:
			if m == n.upper {
				n.delivered(now, e.Payload, out)
			}
		case traditional.Writable:
			if m == n.lower {
				n.drain(now, out)
			}
		}
	}
}

// delivered takes a message of the group above.
func (n *Node) delivered(now protocol.Time, payload []byte, out *protocol.Output) {
	stamp, ok := StampOf(payload)
	if !ok {
		return
	}
	at := stamp.Sent.Add(time.Duration(n.config.Level) * n.config.Delay)
	hold := n.config.Delay > 0 && (!n.config.Final || n.lower == nil)
	if !hold || at <= now && len(n.delayed) == 0 {
		n.arrive(payload, out)
		n.forward(now, payload, out)
		return
	}
	if n.config.Final {
		n.forward(now, payload, out)
	}
	if k := len(n.delayed); k > 0 {
		at = max(at, n.delayed[k-1].at)
	}
	n.delayed = append(n.delayed, pending{at, payload})
	n.wait(len(payload))
}

func (n *Node) arrive(payload []byte, out *protocol.Output) {
	stamp, _ := StampOf(payload)
	out.Emit(&Arrival{Stamp: stamp, Payload: payload})
}

// forward multicasts a message in the group below, behind those that wait.
func (n *Node) forward(now protocol.Time, payload []byte, out *protocol.Output) {
	if n.lower == nil {
		return
	}
	if len(n.backlog) >= BacklogMax {
		n.stats.Overflow++
		out.Drop(n.config.Lower.Self, ReasonBacklog)
		return
	}
	n.backlog = append(n.backlog, payload)
	n.wait(len(payload))
	n.drain(now, out)
}

// drain sends what waits for the group below.
func (n *Node) drain(now protocol.Time, out *protocol.Output) {
	for len(n.backlog) > 0 {
		if err := n.lower.Send(now, n.backlog[0], out); err != nil {
			return // Writable comes
		}
		n.wait(-len(n.backlog[0]))
		n.backlog = n.backlog[1:]
	}
}

func (n *Node) wait(bytes int) {
	n.stats.Waiting += bytes
	n.stats.WaitingMost = max(n.stats.WaitingMost, n.stats.Waiting)
}
