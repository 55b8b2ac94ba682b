package protocol

// Machine is a protocol of one node. See the package documentation for the contract that it keeps.
type Machine interface {
	// Start is the first input, given once.
	Start(now Time, out *Output)
	// Receive hands over a message that arrived from a peer. from is who sent this datagram, not who wrote what it carries.
	Receive(now Time, from NodeID, m Message, out *Output)
	// Notify hands over an event from a sibling machine of the same node or from the driver. Events that do not concern
	// the machine are ignored.
	Notify(now Time, e Event, out *Output)
	// Timeout tells that time has passed. It does what is due and nothing else.
	Timeout(now Time, out *Output)
	// Deadline returns when Timeout is wanted next; Never when the machine is idle.
	Deadline() Time
}
