package maodv

import (
	"spinglass/adhoc/aodv"
	"spinglass/protocol"
	"spinglass/wire"
)

// Decoder turns bodies into messages of this package and of aodv, which are lent. The zero value is ready for use.
type Decoder struct {
	routes     aodv.Decoder
	request    JoinRequest
	reply      JoinReply
	activation Activation
	hello      GroupHello
	tree       TreeHello
	distance   Distance
	packet     Packet
}

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	var m interface {
		protocol.Message
		decode([]byte) error
	}
	switch kind {
	case wire.KindJoinRequest:
		m = &d.request
	case wire.KindJoinReply:
		m = &d.reply
	case wire.KindActivation:
		m = &d.activation
	case wire.KindGroupHello:
		m = &d.hello
	case wire.KindTreeHello:
		m = &d.tree
	case wire.KindDistance:
		m = &d.distance
	case wire.KindTreePacket:
		m = &d.packet
	default:
		return d.routes.Decode(kind, body)
	}
	if err := m.decode(body); err != nil {
		return nil, err
	}
	return m, nil
}
