package protocol

// Decoder turns the body of a frame into a message. What it returns is lent: it aliases body and is reused by the next Decode.
// An error says that the body is malformed or the kind unknown; it is one of a fixed set of values.
type Decoder interface {
	Decode(kind Kind, body []byte) (Message, error)
}

// Keeper is a Decoder that can be told about memory that is never written again. What it returns is lent all the same, but a machine may keep
// the parts of the body that it aliases without copying them.
type Keeper interface {
	Decoder
	// Keep says that the bodies decoded from now on lie in size bytes of memory that is never written again. Who keeps a part of them keeps all of
	// them alive, and accounts for that. A size of 0 says that the memory is lent, as it is at first.
	Keep(size int)
}
