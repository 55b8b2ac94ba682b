package vsync

import (
	"encoding/binary"

	"spinglass/protocol"
)

// Events of a group, in one order. Between Joined by command and Left or Ejected, casts and views of a group come as: *Installed, then what is delivered in that view, then the next *Installed.
// A joiner of a group with a state gets *State and Ready between its first *Installed and the first *Delivery.
type (
	// Installed tells of a view. Casts that follow are of this view.
	Installed struct {
		protocol.EventMark
		Group   string
		View    *View
		Rank    int    // of this member
		Joiners []int  // ranks of who is new
		Joined  bool   // this member is new
		Blocked int64  // for how long this member could not cast because of the change, in nanoseconds
		Changes uint64 // installed by this member so far
	}
	// Delivery is a cast. Payload is for reading only, and may be kept.
	Delivery struct {
		protocol.EventMark
		Group   string
		View    ViewID
		Sender  protocol.NodeID
		Rank    int    // of the sender
		Seq     uint64 // of the sender in the view, ascending
		Payload []byte
	}
	// SnapshotWanted asks the application for its state as of this place in the stream of events. Machine.Snapshot and Machine.SnapshotEnd give it.
	SnapshotWanted struct {
		protocol.EventMark
		Group  string
		Number uint64
		For    protocol.NodeID
	}
	// SnapshotDropped tells that a snapshot is not wanted any longer.
	SnapshotDropped struct {
		protocol.EventMark
		Group  string
		Number uint64
	}
	// SnapshotWritable tells that more of a snapshot can be given.
	SnapshotWritable struct {
		protocol.EventMark
		Group  string
		Number uint64
	}
	// State is a piece of the state of the group, from Offset on. One of Offset 0 begins anew: what came before is void. The state is complete with Ready.
	State struct {
		protocol.EventMark
		Group  string
		Donor  protocol.NodeID
		Number uint64 // of the transfer, for Machine.StateTaken
		Offset uint64
		Data   []byte // to be kept by who wants it; nobody else does
	}
	// Ready tells that this member has the state of the group, and delivers from now on. Bytes is the size of the state. In a group without a state, and at its founder, it follows the first Installed at once.
	Ready struct {
		protocol.EventMark
		Group string
		Bytes uint64
	}
	// Blocked tells that the view is being changed, and nothing can be cast.
	Blocked struct {
		protocol.EventMark
		Group string
	}
	// Outside tells that no majority of the view can be reached. The member goes on looking; the next Installed or Ejected ends it.
	Outside struct {
		protocol.EventMark
		Group string
	}
	// Ejected tells that the group has gone on without this member. What it delivered since its last view that others share is void. It joins again by itself unless Options.Stay is set.
	Ejected struct {
		protocol.EventMark
		Group  string
		Reason EjectReason
	}
	// Left tells that this member is out of the group, as was asked for.
	Left struct {
		protocol.EventMark
		Group string
	}
	// Writable tells that Cast may succeed again, after ErrBlocked or ErrFull.
	Writable struct {
		protocol.EventMark
		Group string
	}
	// Flushed tells that all that this member had cast when Flush was asked for under this number has been delivered here, and will be at all members that stay.
	Flushed struct {
		protocol.EventMark
		Group  string
		Number uint64
	}
	// RecoveryEnded tells what the recovery of a group has come to that Machine.Recover began. Where that is RecoveryDone, the *Installed of it has come before.
	RecoveryEnded struct {
		protocol.EventMark
		Group   string
		Outcome RecoveryOutcome
		Member  protocol.NodeID // of RecoveryRefused: which one
	}
	// Suspected tells that a member is taken for failed: it is going to be out of the view.
	Suspected struct {
		protocol.EventMark
		Group  string
		Member protocol.NodeID
		Reason SuspectReason
	}
)

// EjectReason says why a member is out of its group. It serves as the label of a counter.
type EjectReason string

// The reasons of Ejected.
const (
	EjectView   EjectReason = "view"   // the others have installed a view without this member
	EjectGap    EjectReason = "gap"    // a message is lost for this member that others have delivered
	EjectOrder  EjectReason = "order"  // it delivered by an order that the others did not keep to
	EjectQueue  EjectReason = "queue"  // its state took longer than Config.QueueBytes hold
	EjectEpoch  EjectReason = "epoch"  // it goes on under a higher epoch of its node
	EjectMerged EjectReason = "merged" // the group was founded twice, and this one is the younger
)

// RecoveryOutcome says what a recovery has come to.
type RecoveryOutcome string

// The outcomes of RecoveryEnded.
const (
	RecoveryDone     RecoveryOutcome = "done"     // the group goes on with those that answered
	RecoveryRefused  RecoveryOutcome = "refused"  // a member that answered has not found that no majority can be reached
	RecoveryMajority RecoveryOutcome = "majority" // a majority has answered, and the group goes on by that
	RecoveryVoteless RecoveryOutcome = "voteless" // nobody that answered has a vote
	RecoveryLate     RecoveryOutcome = "late"     // nothing came of it in time
	RecoveryOut      RecoveryOutcome = "out"      // this member is out of the view
)

// SuspectReason says why a member is taken for failed. It serves as the label of a counter.
type SuspectReason string

// The reasons of Suspected.
const (
	SuspectDown    SuspectReason = "down"    // membership says that it is down, or has left
	SuspectRestart SuspectReason = "restart" // it runs in a later incarnation
	SuspectGone    SuspectReason = "gone"    // it says itself that it is not in the view
	SuspectStall   SuspectReason = "stall"   // nothing was heard of it for too long
	SuspectBehind  SuspectReason = "behind"  // it is further behind than the buffers reach
	SuspectMute    SuspectReason = "mute"    // it did not answer in a flush
	SuspectTold    SuspectReason = "told"    // another member says so
)

// AppendTrace implements sim.Traced.
func (e *Installed) AppendTrace(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(append(b, e.Group...), e.View.ID.Number), uint64(len(e.View.Members)))
}

// AppendTrace implements sim.Traced.
func (e *Delivery) AppendTrace(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(append(b, e.Group...), uint64(e.Sender)), e.Seq)
	return binary.AppendUvarint(b, e.View.Number)
}

// AppendTrace implements sim.Traced.
func (e Ejected) AppendTrace(b []byte) []byte { return append(append(b, e.Group...), e.Reason...) }

// AppendTrace implements sim.Traced.
func (e Suspected) AppendTrace(b []byte) []byte {
	return binary.AppendUvarint(append(append(b, e.Group...), e.Reason...), uint64(e.Member))
}

// AppendTrace implements sim.Traced.
func (e *State) AppendTrace(b []byte) []byte {
	return binary.AppendUvarint(append(append(b, e.Group...), e.Data...), e.Offset)
}
