package replica

import (
	"io"

	"spinglass/protocol"
	"spinglass/vsync"
)

// StateMachine is a state that a group replicates. One goroutine at a time calls its methods.
type StateMachine interface {
	// Apply carries out a command, and returns its result for the member that proposed it; others drop that. It is deterministic: equal states and commands give equal states and results. It must not wait for the group
	// that it is of.
	Apply(c Command) (result any)
	// Snapshot returns what writes the state as it is now, which Apply must not change from then on: it is written while further commands are carried out, by another goroutine, perhaps not at all.
	// A [bytes.Reader] of the encoded state is enough for a small one.
	Snapshot() (io.WriterTo, error)
	// Restore replaces the whole state by what a snapshot wrote; r ends with it. After an error of r, which is returned, another Restore follows.
	Restore(r io.Reader) error
}

// Command is one command of a state machine.
type Command struct {
	Index   uint64          // how many commands the state has carried out with this one
	View    vsync.ViewID    // in which it was cast
	From    protocol.NodeID // who proposed it
	Payload []byte          // for reading only; may be kept
}
