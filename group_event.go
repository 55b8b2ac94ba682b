package spinglass

import (
	"fmt"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/vsync"
)

// GroupEvent is one thing that happens in a group, as one member sees it: a [GroupMessage], a [GroupView], or one of the others of this file.
type GroupEvent interface {
	// String describes the event in a line.
	String() string
	groupEvent()
}

// ViewID names a view of a group. It only grows from one view to the next, and so serves as a fencing token: who acts on something outside of the group under its primary view hands the token over, and what is acted on refuses
// one that is less than the latest it has seen. [vsync.ViewID.Less] compares: first the epoch, then the number.
type ViewID = vsync.ViewID

// GroupMember is a member of a view.
type GroupMember struct {
	ID     protocol.NodeID
	Name   string // or the id in hexadecimal while its row is not known here
	Weight int    // in majorities
	Since  uint64 // number of the view that it came with
}

type (
	// GroupView tells of a view: from here on these are the members, and messages are of this view. All members that install this view and the one before it have got the same messages between them.
	GroupView struct {
		ID      ViewID
		Members []GroupMember // by rank: who is in longest first. To be read only.
		Rank    int           // of this member
		Joined  bool          // this member is new in it
		Joiners []int         // ranks of all who are
		Blocked time.Duration // for how long nothing could be cast because of the change
	}
	// GroupMessage is a message of a member, also of this one.
	GroupMessage struct {
		View     ViewID
		From     string // the sender's name, or its id in hexadecimal
		FromID   protocol.NodeID
		Sequence uint64 // of the sender in the view: ascending, with gaps
		Payload  []byte // for reading only; may be kept
	}
	// GroupState tells of the state that this member is given: how many bytes have come so far.
	GroupState struct {
		From   string // the member that gives it
		FromID protocol.NodeID
		Bytes  uint64
	}
	// GroupReady tells that this member has the state of the group, if that has one, and takes part.
	GroupReady struct{ Bytes uint64 } // of the state
	// GroupChanging tells that the view is being changed: what is cast waits.
	GroupChanging struct{}
	// GroupOutside tells that this member cannot reach a majority of its view: it must not act. It goes on looking for the others; the next view, or an ejection, ends it.
	GroupOutside struct{}
	// GroupEjected tells that the group has gone on without this member. What this member got since its last view need not have come to the others, and what it cast and did not get need not come to anybody.
	// Unless [StayOut] is set it joins again.
	GroupEjected struct{ Err error } // an ErrEjected, whose text says why; an ErrSlow as well where the application was too slow
	// GroupSuspected tells that a member is taken for failed, so that it is going to be out of the view.
	GroupSuspected struct {
		Name   string
		ID     protocol.NodeID
		Reason string // a short constant text, such as stall
	}
)

func (GroupView) groupEvent()      {}
func (GroupMessage) groupEvent()   {}
func (GroupState) groupEvent()     {}
func (GroupReady) groupEvent()     {}
func (GroupChanging) groupEvent()  {}
func (GroupOutside) groupEvent()   {}
func (GroupEjected) groupEvent()   {}
func (GroupSuspected) groupEvent() {}

func (e GroupView) String() string {
	return fmt.Sprintf("view %s of %d members, this one is of rank %d", e.ID, len(e.Members), e.Rank)
}
func (e GroupMessage) String() string {
	return fmt.Sprintf("message of %d bytes from %s in view %s", len(e.Payload), e.From, e.View)
}
func (e GroupState) String() string {
	return fmt.Sprintf("%d bytes of the state from %s", e.Bytes, e.From)
}
func (e GroupReady) String() string {
	return fmt.Sprintf("this member has the state (%d bytes)", e.Bytes)
}
func (e GroupChanging) String() string  { return "the view is being changed" }
func (e GroupOutside) String() string   { return "no majority of the view can be reached" }
func (e GroupEjected) String() string   { return e.Err.Error() }
func (e GroupSuspected) String() string { return e.Name + " is taken for failed: " + e.Reason }

// Member returns the member of a rank, the zero value where there is none.
func (e GroupView) Member(rank int) (m GroupMember) {
	if rank >= 0 && rank < len(e.Members) {
		m = e.Members[rank]
	}
	return m
}

// groupView returns a view as the application sees it.
func (n *Node) groupView(v *vsync.View, rank int) GroupView {
	view := GroupView{ID: v.ID, Rank: rank, Members: make([]GroupMember, len(v.Members))}
	for i := range v.Members {
		m := &v.Members[i]
		view.Members[i] = GroupMember{ID: m.ID, Name: n.names.of(m.ID), Weight: int(m.Weight), Since: m.Since}
	}
	return view
}

// groupEvent returns an event of the protocol as the application sees it, nil when it is none of its business. It may be called from any goroutine.
func (n *Node) groupEvent(e any) GroupEvent {
	switch e := e.(type) {
	case *vsync.Installed:
		view := n.groupView(e.View, e.Rank)
		view.Joined, view.Joiners, view.Blocked = e.Joined, slices.Clone(e.Joiners), time.Duration(e.Blocked)
		return view
	case *vsync.Delivery:
		return GroupMessage{View: e.View, From: n.names.of(e.Sender), FromID: e.Sender, Sequence: e.Seq, Payload: e.Payload}
	case *vsync.State:
		return GroupState{From: n.names.of(e.Donor), FromID: e.Donor, Bytes: e.Offset + uint64(len(e.Data))}
	case vsync.Ready:
		return GroupReady{Bytes: e.Bytes}
	case vsync.Blocked:
		return GroupChanging{}
	case vsync.Outside:
		return GroupOutside{}
	case vsync.Suspected:
		return GroupSuspected{Name: n.names.of(e.Member), ID: e.Member, Reason: string(e.Reason)}
	case vsync.Ejected:
		return GroupEjected{Err: fmt.Errorf("%w: %s", ErrEjected, ejectTexts[e.Reason])}
	case slowApplication:
		return GroupEjected{Err: fmt.Errorf("%w: %w", ErrEjected, ErrSlow)}
	}
	return nil
}

// ejectTexts say why a member is out of its group.
var ejectTexts = map[vsync.EjectReason]string{
	vsync.EjectView:   "the others have gone on without it",
	vsync.EjectGap:    "a message that others have got is lost for it",
	vsync.EjectOrder:  "it has got messages in an order that the others did not keep to",
	vsync.EjectQueue:  "its state took so long to come that too much had to wait",
	vsync.EjectEpoch:  "the node goes on under another epoch",
	vsync.EjectMerged: "the group was founded twice, and this one is the younger",
}
