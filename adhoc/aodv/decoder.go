package aodv

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Decoder turns bodies into messages of this package, which are lent. The zero value is ready for use.
type Decoder struct {
	request Request
	reply   Reply
	failure Error
	hello   Hello
	packet  Packet
}

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	var m interface {
		protocol.Message
		decode([]byte) error
	}
	switch kind {
	case wire.KindRouteRequest:
		m = &d.request
	case wire.KindRouteReply:
		m = &d.reply
	case wire.KindRouteError:
		m = &d.failure
	case wire.KindRouteHello:
		m = &d.hello
	case wire.KindRoutedPacket:
		m = &d.packet
	default:
		return nil, wire.ErrKind
	}
	if err := m.decode(body); err != nil {
		return nil, err
	}
	return m, nil
}
