package stream

import (
	"encoding/binary"

	"spinglass/protocol"
)

// Delivered hands a packet of a stream to the application, once. Payload is for reading only.
type Delivered struct {
	protocol.EventMark
	Source  protocol.NodeID
	Number  uint64
	Payload []byte
}

// AppendTrace appends what tells the event from others, for the simulator.
func (d *Delivered) AppendTrace(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(d.Source)), d.Number)
	return append(b, d.Payload...)
}
