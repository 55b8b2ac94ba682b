package views

import (
	"spinglass/protocol"
	"spinglass/sim"
)

// The protocols.
const (
	Vsync       = "vsync-bimodal" // the groups that ship, in whole nodes
	Traditional = "traditional"
)

// Protocols are all of them.
func Protocols() []string { return []string{Vsync, Traditional} }

// group is a protocol in a run. What its members say it hands to the run, in the words of that.
type group interface {
	build(sim.Boot) protocol.Machine
	// observe tells the run what an event says.
	observe(now protocol.Time, id protocol.NodeID, e protocol.Event)
	// proposes reports whether a message proposes the next view.
	proposes(protocol.Message) bool
	// cast, leave and join are commands of a member; cast reports whether the message was taken.
	cast(now protocol.Time, m protocol.Machine, payload []byte, out *protocol.Output) bool
	leave(now protocol.Time, m protocol.Machine, out *protocol.Output)
	join(now protocol.Time, m protocol.Machine, out *protocol.Output)
}
