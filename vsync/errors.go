package vsync

import (
	"errors"
	"fmt"

	"spinglass/protocol"
)

// Errors of commands.
var (
	// ErrName says that a group's name is empty, longer than NameMax bytes, or has a level that is a wildcard.
	ErrName = fmt.Errorf("vsync: name of a group is empty, exceeds %d bytes, or has a level that is a wildcard", NameMax)
	// ErrOptions says that Options are out of range.
	ErrOptions = errors.New("vsync: options of a group are out of range")
	// ErrJoined says that this node has joined the group already.
	ErrJoined = errors.New("vsync: the group is joined already")
	// ErrUnknown says that this node has not joined the group.
	ErrUnknown = errors.New("vsync: the group is not joined")
	// ErrNotMember says that this node is in no view: it has not been taken in yet, or was ejected.
	ErrNotMember = errors.New("vsync: not in a view of the group")
	// ErrNotReady says that this member has not got the state of the group yet.
	ErrNotReady = errors.New("vsync: the state of the group is not here yet")
	// ErrNotPrimary says that this member cannot reach a majority of its view: it can read and must not act.
	ErrNotPrimary = errors.New("vsync: no majority of the view can be reached")
	// ErrBlocked says that the view is being changed; Writable tells when that is over.
	ErrBlocked = errors.New("vsync: the view is being changed")
	// ErrFull says that too much of what this member sent is not stable, or that the rate of the topic leaves no room; Writable tells when there is.
	ErrFull = errors.New("vsync: too much of what was sent is under way")
	// ErrLeaving says that this member is leaving.
	ErrLeaving = errors.New("vsync: this member is leaving the group")
	// ErrTooLarge says that a cast exceeds CastMax.
	ErrTooLarge = fmt.Errorf("vsync: a cast exceeds the limit of %d bytes", CastMax)
	// ErrSnapshot says that no snapshot of this number is wanted any longer.
	ErrSnapshot = errors.New("vsync: the snapshot is not wanted")
	// ErrMajority says that there is nothing to recover: this member is not outside.
	ErrMajority = errors.New("vsync: this member has not found that no majority of the view can be reached")
	// ErrRecovering says that a recovery is under way.
	ErrRecovering = errors.New("vsync: the group is being recovered already")
	// ErrRecoveries says that a group was recovered too often.
	ErrRecoveries = fmt.Errorf("vsync: the group was recovered %d times, which is the limit", RecoveriesMax)
	// ErrOffset says that more of a state is said to be taken than was handed over.
	ErrOffset = errors.New("vsync: more of the state than was handed over")
	// ErrStateless says that a group has no state.
	ErrStateless = errors.New("vsync: the group has no state")
)

// LimitError says that a limit of the configuration is reached.
type LimitError struct {
	What  string // the field of Config, such as Groups
	Limit int
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("vsync: limit of %d reached (Config.%s)", e.Limit, e.What)
}

// Reasons for which input is dropped.
const (
	ReasonMalformed protocol.Reason = "group_malformed"    // makes no sense in the view that it names
	ReasonStranger  protocol.Reason = "group_stranger"     // from who is not in the view
	ReasonView      protocol.Reason = "group_other_view"   // of another view
	ReasonUnknown   protocol.Reason = "group_unknown"      // of a group that this node has not joined
	ReasonFailed    protocol.Reason = "group_from_failed"  // from a member that is taken for failed, or that takes this one for failed
	ReasonStale     protocol.Reason = "group_stale"        // of an attempt that is over
	ReasonRoom      protocol.Reason = "group_buffers_full" // there is no room for it
	ReasonParts     protocol.Reason = "group_parts"        // too many messages come in parts at once
)
