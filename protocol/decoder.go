package protocol

// Decoder turns the body of a frame into a message. What it returns is lent: it aliases body and is reused by the next Decode.
// An error says that the body is malformed or the kind unknown; it is one of a fixed set of values.
type Decoder interface {
	Decode(kind Kind, body []byte) (Message, error)
}
