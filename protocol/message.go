package protocol

// Kind tells the messages of a datagram apart. Kinds are allotted in package wire, in one table.
type Kind uint8

// Message is what a machine says to machines of other nodes. A Message is immutable once it was emitted; the simulator
// passes it by reference, the real driver encodes it.
type Message interface {
	// Kind returns the kind under which the message travels.
	Kind() Kind
	// Size returns the exact number of bytes that Append adds.
	Size() int
	// Append appends the encoded body of the message to b, without kind and length, and returns the extended slice.
	Append(b []byte) []byte
	// Lent reports whether the message, or memory that it refers to, belongs to the driver and is reused after Receive
	// returns. A decoder lends; an emitted message is never lent.
	Lent() bool
}
