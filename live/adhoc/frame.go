package adhoc

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// hop leads a unicast (KindHop), and is all of an acknowledgement (KindHopAck).
type hop struct {
	to     protocol.NodeID
	number uint64
	ack    bool
}

func (h *hop) Kind() protocol.Kind {
	if h.ack {
		return wire.KindHopAck
	}
	return wire.KindHop
}

func (h *hop) Size() int  { return 8 + wire.UvarintSize(h.number) }
func (h *hop) Lent() bool { return false }

func (h *hop) Append(b []byte) []byte {
	return wire.AppendUvarint(wire.AppendFixed64(b, uint64(h.to)), h.number)
}

func decodeHop(kind protocol.Kind, body []byte) (hop, error) {
	r := wire.NewReader(body)
	h := hop{to: protocol.NodeID(r.Nonzero64()), number: r.Uvarint(), ack: kind == wire.KindHopAck}
	return h, r.Done()
}

// datagram returns the datagram of some frames.
func datagram(self protocol.NodeID, frames ...protocol.Message) []byte {
	b := wire.BeginDatagram(nil, self)
	for _, m := range frames {
		b = wire.AppendFrame(b, m)
	}
	wire.FinishDatagram(b)
	return b
}
