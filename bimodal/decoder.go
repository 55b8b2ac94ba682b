package bimodal

import (
	"errors"

	"spinglass/protocol"
	"spinglass/wire"
)

// ErrKind says that a kind of message is not one of this package.
var ErrKind = errors.New("bimodal: not a kind of this protocol")

// Kinds returns the kinds of messages that the machine of this package owns.
func Kinds() []protocol.Kind {
	return []protocol.Kind{wire.KindData, wire.KindRepair, wire.KindDigest, wire.KindRequest, wire.KindPoll,
		wire.KindRelay, wire.KindOrder, wire.KindOrderRequest, wire.KindMulticastProbe, wire.KindMulticastHeard, wire.KindShared,
		wire.KindTopicName, wire.KindReceipt}
}

// Decoder turns bodies into messages, which are lent: they alias the body and are overwritten by the next Decode. The zero
// value is ready for use.
type Decoder struct {
	packet  Packet
	proof   Manifest
	repair  Repair
	shared  Shared
	digest  Digest
	request Request
	poll    Poll
	probe   MulticastProbe
	heard   MulticastHeard
	relay   Relay
	order   Order
	ask     OrderRequest
	name    TopicName
	receipt Receipt
	ranges  []Range
	memory  int // bytes that keeping a part of what is decoded keeps alive and nobody has accounted for yet
	kept    bool
}

// Keep implements protocol.Keeper: packets refer to bodies in memory that may be kept, instead of lending them.
func (d *Decoder) Keep(size int) { d.memory, d.kept = size, size > 0 }

// lend prepares the packet for what is decoded next: whether its body may be kept is known only of the memory at hand.
func (d *Decoder) lend() {
	d.packet.lent, d.packet.memory = true, nil
	if d.kept {
		d.packet.memory = &d.memory
	}
}

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	switch kind {
	case wire.KindData, wire.KindRepair, wire.KindShared:
		d.lend()
		if err := d.packet.decode(body, &d.proof); err != nil {
			return nil, err
		}
		return d.dress(kind), nil
	case wire.KindDigest:
		d.digest.lent = true
		ranges, err := d.digest.decode(body, d.ranges[:0])
		d.ranges = ranges
		if err != nil {
			return nil, err
		}
		return &d.digest, nil
	case wire.KindRequest:
		d.request.lent = true
		ranges, err := d.request.decode(body, d.ranges[:0])
		d.ranges = ranges
		if err != nil {
			return nil, err
		}
		return &d.request, nil
	case wire.KindPoll:
		d.poll.lent = true
		ranges, err := d.poll.decode(body, d.ranges[:0])
		d.ranges = ranges
		if err != nil {
			return nil, err
		}
		return &d.poll, nil
	}
	if kind <= wire.KindOrderRequest || kind >= wire.KindTopicName {
		return d.decodeTree(kind, body)
	}
	return d.decodeMulticast(kind, body)
}

// dress returns the packet that was decoded as the message that it came as.
func (d *Decoder) dress(kind protocol.Kind) protocol.Message {
	switch kind {
	case wire.KindRepair:
		d.repair.Packet = &d.packet
		return &d.repair
	case wire.KindShared:
		d.shared.Packet = &d.packet
		return &d.shared
	}
	return &d.packet
}

func (d *Decoder) decodeMulticast(kind protocol.Kind, body []byte) (protocol.Message, error) {
	switch kind {
	case wire.KindMulticastProbe:
		d.probe.lent = true
		if err := d.probe.decode(body); err != nil {
			return nil, err
		}
		return &d.probe, nil
	case wire.KindMulticastHeard:
		d.heard.lent = true
		if err := d.heard.decode(body); err != nil {
			return nil, err
		}
		return &d.heard, nil
	}
	return nil, ErrKind
}

func (d *Decoder) decodeTree(kind protocol.Kind, body []byte) (protocol.Message, error) {
	switch kind {
	case wire.KindRelay:
		d.lend()
		d.relay.lent = true
		if err := d.relay.decode(body, &d.packet, &d.proof); err != nil {
			return nil, err
		}
		return &d.relay, nil
	case wire.KindOrder:
		d.order.lent = true
		if err := d.order.decode(body); err != nil {
			return nil, err
		}
		return &d.order, nil
	case wire.KindOrderRequest:
		d.ask.lent = true
		if err := d.ask.decode(body); err != nil {
			return nil, err
		}
		return &d.ask, nil
	case wire.KindTopicName:
		d.name.lent = true
		if err := d.name.decode(body); err != nil {
			return nil, err
		}
		return &d.name, nil
	case wire.KindReceipt:
		d.receipt.lent = true
		if err := d.receipt.decode(body); err != nil {
			return nil, err
		}
		return &d.receipt, nil
	}
	return nil, ErrKind
}
