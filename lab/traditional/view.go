package traditional

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"spinglass/protocol"
)

// ViewID names a view: its number, and who made it.
type ViewID struct {
	Number      uint64
	Coordinator protocol.NodeID
}

// View is the membership that its members agree on. A member's rank is its position.
type View struct {
	ID      ViewID
	Members []protocol.NodeID
}

// Rank returns the rank of a member, -1 of others.
func (v *View) Rank(id protocol.NodeID) int { return slices.Index(v.Members, id) }

// The events of a member.
type (
	// Delivery hands a message to the application.
	Delivery struct {
		protocol.EventMark
		View    ViewID
		Origin  protocol.NodeID
		Seq     uint64 // of the origin in the view, from 1; messages of the sequencer about order have numbers, too
		Payload []byte
	}
	// Writable tells that Send may succeed again, after ErrFull or ErrBlocked.
	Writable struct{ protocol.EventMark }
	// Suspected tells of a member that has not echoed enough of this one's pings. It is going to be out of the view.
	Suspected struct {
		protocol.EventMark
		Member protocol.NodeID
	}
	// Blocked tells that a flush has begun: nothing is sent until the next view.
	Blocked struct{ protocol.EventMark }
	// Installed tells of a new view. Stopped is for how long this member could not send because of it.
	Installed struct {
		protocol.EventMark
		View    View
		Stopped time.Duration
	}
	// Ejected tells that the others, or too few of them, went on without this member, which asks to join again.
	Ejected struct{ protocol.EventMark }
	// Left tells that this member is out of the group, as was asked for.
	Left struct{ protocol.EventMark }
)

// AppendTrace implements sim.Traced.
func (d *Delivery) AppendTrace(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(d.Origin)), d.Seq)
}

// AppendTrace implements sim.Traced.
func (s Suspected) AppendTrace(b []byte) []byte { return binary.AppendUvarint(b, uint64(s.Member)) }

// AppendTrace implements sim.Traced.
func (e *Installed) AppendTrace(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, e.View.ID.Number), uint64(len(e.View.Members)))
}

// Errors of Send.
var (
	ErrFull    = errors.New("traditional: a member has not acknowledged enough, see Writable")
	ErrBlocked = errors.New("traditional: the view is changing, see Writable")
)

// Reasons for which input is dropped.
const (
	ReasonMalformed protocol.Reason = "malformed"
	ReasonView      protocol.Reason = "other_view"
	ReasonStranger  protocol.Reason = "stranger"
	ReasonFailed    protocol.Reason = "from_failed"
	ReasonDuplicate protocol.Reason = "duplicate"
	ReasonBeyond    protocol.Reason = "beyond_window"
)

// Stats counts what a member did and has.
type Stats struct {
	Sent, Delivered      uint64 // messages of the application
	Naks, NakNumbers     uint64 // sent, and the messages that they ask for
	Repairs              uint64 // sent
	Acks, Rows, Pings    uint64 // sent
	Full                 uint64 // times that Send returned ErrFull
	FullWindow           uint64 // of these: because of the window; else the buffer
	Suspicions           uint64 // of own pings
	Views                uint64 // installed, the first apart
	Ejections            uint64 // of this member
	Held, HeldMost       int    // bytes of all streams, not known to be stable
	OwnHeld, OwnHeldMost int    // of the own stream
	Undelivered          int    // messages that wait for their order
	UndeliveredMost      int
}
