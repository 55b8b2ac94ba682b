package anonymous

import (
	"spinglass/adhoc"
	"spinglass/protocol"
)

// Delivery hands a message to the application. Payload may be kept and must not be changed.
type Delivery struct {
	protocol.EventMark
	Group    adhoc.Group
	Source   Source
	Number   uint64
	Payload  []byte
	Hops     int  // that it came
	Repaired bool // by gossip
}

// GapReason says why messages were lost. It serves as the label of a counter.
type GapReason string

// The reasons of gaps.
const (
	GapExpired GapReason = "expired" // nobody repaired them in time
	GapTable   GapReason = "table"   // too many were missing, or of too many sources
)

// Gap tells that Count messages of a source from First to Last are lost for this member. What lies between them may have been delivered, or still be.
type Gap struct {
	protocol.EventMark
	Group  adhoc.Group
	Source Source
	First  uint64
	Last   uint64
	Count  uint64
	Reason GapReason
}

// Walk tells of a step of an anonymous request, for pictures: from this node to a neighbour, or to where it was accepted (To is this node).
type Walk struct {
	protocol.EventMark
	Group     adhoc.Group
	Initiator protocol.NodeID
	To        protocol.NodeID
	Hops      int
}
