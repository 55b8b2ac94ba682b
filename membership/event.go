package membership

import (
	"time"

	"spinglass/protocol"
)

// NameConflict tells that another member that is alive has the own name. Both keep working; a person has to rename one.
type NameConflict struct {
	protocol.EventMark
	Name string
	Peer protocol.NodeID
}

// ZoneFull tells that a row was refused because the zone holds as many as its limit allows. It is told once a minute at most.
type ZoneFull struct {
	protocol.EventMark
	Limit int // rows
}

// EpochNotStored tells that the boot counter could not be made durable, so that the member cannot announce itself; it tries again
// after Retry.
type EpochNotStored struct {
	protocol.EventMark
	Err   error
	Retry time.Duration
}

// Reasons for dropping input.
const (
	ReasonSelf         protocol.Reason = "own_message"
	ReasonNotStarted   protocol.Reason = "not_started"
	ReasonLeft         protocol.Reason = "left"
	ReasonAnswerBudget protocol.Reason = "answer_budget"
	ReasonZoneFull     protocol.Reason = "zone_full"
	ReasonRowTooLarge  protocol.Reason = "row_too_large"
	ReasonResurrection protocol.Reason = "row_of_the_dead"
	ReasonUnknownType  protocol.Reason = "unknown_message_type"
)
