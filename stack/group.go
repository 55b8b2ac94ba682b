package stack

import (
	"errors"

	"spinglass/protocol"
	"spinglass/vsync"
)

// ErrNoGroups tells that a member was configured without groups.
var ErrNoGroups = errors.New("stack: this member was configured without groups")

// JoinGroup begins to look for a group, and to be a member of it; see vsync.Machine.Join. It fails with the error of membership when the row of this member has no room to announce its topic.
func (n *Node) JoinGroup(now protocol.Time, name string, options vsync.Options, out *protocol.Output) error {
	mark := len(out.Effects)
	err := n.group(now, out, func() error { return n.Groups.Join(now, name, options, out) })
	if err != nil {
		return err
	}
	if err = interestRefused(out, mark); err != nil {
		_ = n.LeaveGroup(now, name, out) // it is joined
	}
	return err
}

// LeaveGroup ends JoinGroup; see vsync.Machine.Leave.
func (n *Node) LeaveGroup(now protocol.Time, name string, out *protocol.Output) error {
	return n.group(now, out, func() error { return n.Groups.Leave(now, name, out) })
}

// Cast sends a message to a group; see vsync.Machine.Cast.
func (n *Node) Cast(now protocol.Time, name string, payload []byte, out *protocol.Output) error {
	return n.group(now, out, func() error { return n.Groups.Cast(now, name, payload, out) })
}

// FlushGroup asks to be told when what was cast is stable; see vsync.Machine.Flush.
func (n *Node) FlushGroup(now protocol.Time, name string, out *protocol.Output) (number uint64, err error) {
	err = n.group(now, out, func() (err error) {
		number, err = n.Groups.Flush(now, name, out)
		return err
	})
	return number, err
}

// RecoverGroup has a group go on of which a majority is lost; see vsync.Machine.Recover.
func (n *Node) RecoverGroup(now protocol.Time, name string, out *protocol.Output) error {
	return n.group(now, out, func() error { return n.Groups.Recover(now, name, out) })
}

// Snapshot gives a piece of the state of a group; see vsync.Machine.Snapshot.
func (n *Node) Snapshot(now protocol.Time, number uint64, piece []byte, out *protocol.Output) error {
	return n.group(now, out, func() error { return n.Groups.Snapshot(now, number, piece, out) })
}

// SnapshotEnd ends Snapshot; see vsync.Machine.SnapshotEnd.
func (n *Node) SnapshotEnd(now protocol.Time, number uint64, complete bool, out *protocol.Output) error {
	return n.group(now, out, func() error { return n.Groups.SnapshotEnd(now, number, complete, out) })
}

// StateTaken tells how much of a state the application has taken; see vsync.Machine.StateTaken.
func (n *Node) StateTaken(now protocol.Time, name string, number, offset uint64, out *protocol.Output) error {
	return n.group(now, out, func() error { return n.Groups.StateTaken(now, name, number, offset, out) })
}

// group carries out a command of groups, and routes what comes of it.
func (n *Node) group(now protocol.Time, out *protocol.Output, command func() error) error {
	if n.Groups == nil {
		return ErrNoGroups
	}
	mark := len(out.Effects)
	err := command()
	n.route(now, indexBimodal, mark, len(out.Effects), out)
	return err
}
