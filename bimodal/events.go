package bimodal

import (
	"slices"

	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Delivery hands messages of one stream to the application, in order. It holds Count messages, numbered First, First+1 and so
// on; a stream's messages are numbered from 1.
//
// A Delivery and the payloads that it yields are for reading only and may be kept. Payloads share memory with other packets, up
// to arenaChunk bytes of which stay alive with each; who keeps a few bytes for long copies them.
type Delivery struct {
	protocol.EventMark
	Author protocol.NodeID
	Epoch  uint64
	Topic  string
	First  uint64
	Count  int
	// Height is that of the packet that the messages came in, the highest where a message came in several: who wants less than this node passes over what is too high.
	Height gravity.Height

	records []byte // whole records
	cut     []byte // or one message that was cut
}

// Size returns how many bytes the messages take, with the few that tell them apart.
func (d *Delivery) Size() int { return len(d.records) + len(d.cut) }

// Detach copies the messages, so that they share memory with nothing else.
func (d *Delivery) Detach() { d.records, d.cut = slices.Clone(d.records), slices.Clone(d.cut) }

// Messages calls yield with the number and the payload of each message, until it returns false. It is for use in a range loop.
func (d *Delivery) Messages(yield func(number uint64, payload []byte) bool) {
	for c := d.Begin(); c.Next(); {
		if !yield(c.Number, c.Payload) {
			return
		}
	}
}

// Begin returns a cursor before the first message.
func (d *Delivery) Begin() Cursor {
	return Cursor{Number: d.First - 1, records: d.records, cut: d.cut, whole: d.cut != nil}
}

// Cursor goes through the messages of a delivery: the way for those to whom the calls of Messages matter.
type Cursor struct {
	Number  uint64 // of the message that Next has come to
	Payload []byte

	records []byte // behind it
	cut     []byte // the one message of a delivery that is a message that was cut
	whole   bool   // that cut is still to come
}

// Next goes to the next message and reports whether there was one.
func (c *Cursor) Next() bool {
	switch {
	case len(c.records) > 0:
		c.Payload, c.records = wire.NextMessage(c.records)
	case c.whole:
		c.Payload, c.whole = c.cut, false
	default:
		return false
	}
	c.Number++
	return true
}

// GapReason says why messages were lost. It serves as the label of a counter.
type GapReason string

// The reasons of gaps.
const (
	GapExpired    GapReason = "expired"    // no member repaired the packets in time
	GapBehind     GapReason = "behind"     // this node was away so long that the stream has moved on
	GapBuffer     GapReason = "buffer"     // the buffer was full
	GapReassembly GapReason = "reassembly" // a cut message could not be put together again
)

// Gap tells that messages First to Last of a stream, Count in number, are lost for this node. Deliveries of the stream go on
// behind it.
type Gap struct {
	protocol.EventMark
	Author protocol.NodeID
	Epoch  uint64
	Topic  string
	First  uint64
	Last   uint64
	Count  uint64
	Reason GapReason
}

// Corruption tells that a peer has handed on a packet that its author has not made. It comes once for several of them.
type Corruption struct {
	protocol.EventMark
	Peer   protocol.NodeID
	Author protocol.NodeID
	Epoch  uint64
	Seq    uint64
}

// Writable tells that a topic takes messages again, after Publish returned ErrWouldBlock.
type Writable struct {
	protocol.EventMark
	Topic string
}

// StreamRefused tells that messages of an author are not delivered because Config.Streams others are. It comes at most once a
// round.
type StreamRefused struct {
	protocol.EventMark
	Author protocol.NodeID
	Epoch  uint64
	Topic  string
}
