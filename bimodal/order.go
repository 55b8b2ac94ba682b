package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of orders. A decoder refuses more.
const (
	// OrderMembersMax is the most members and zones that one order has.
	OrderMembersMax = 1 << 16
	orderPartMin    = 64 // ids in each part but the last, so that a part costs little besides them
	orderNumberMax  = 1<<34 - 1
)

// ZoneID stands for a zone in an order: the FNV-1a hash of its path, in 64 bits.
type ZoneID uint64

// Order is a part of a sender's order of those who want a topic. The sender is the author of a stream, or the contact through which
// packets of others enter a zone.
type Order struct {
	Owner  protocol.NodeID // the sender
	Topic  TopicID
	Number uint64 // of the order: 1 to 2^34-1, ascending, from a random number on
	Arity  int    // copies that each may hand on: 1 to 64
	Fast   int    // so many members come first and are rotated
	Zones  int    // so many zones come last
	Total  int    // of members and zones: 1 to OrderMembersMax
	First  int    // index of the first one in this part
	// IDs are NodeIDs of members, and ZoneIDs in the last Zones places of the order.
	IDs []protocol.NodeID

	lent bool
}

// Kind implements protocol.Message.
func (o *Order) Kind() protocol.Kind { return wire.KindOrder }

// Lent implements protocol.Message.
func (o *Order) Lent() bool { return o.lent }

// orderOverheadMax is the most that an order adds to its ids, in bytes.
const orderOverheadMax = 8 + 8 + 5 + 1 + 3 + 3 + 3 + 3 + 3

// Size implements protocol.Message.
func (o *Order) Size() int {
	return 8 + 8 + wire.UvarintSize(o.Number) + wire.UvarintSize(uint64(o.Arity)) + wire.UvarintSize(uint64(o.Fast)) +
		wire.UvarintSize(uint64(o.Zones)) + wire.UvarintSize(uint64(o.Total)) + wire.UvarintSize(uint64(o.First)) +
		wire.UvarintSize(uint64(len(o.IDs))) + 8*len(o.IDs)
}

// Append implements protocol.Message.
func (o *Order) Append(b []byte) []byte {
	b = wire.AppendFixed64(b, uint64(o.Owner))
	b = wire.AppendFixed64(b, uint64(o.Topic))
	b = wire.AppendUvarint(b, o.Number)
	b = wire.AppendUvarint(b, uint64(o.Arity))
	b = wire.AppendUvarint(b, uint64(o.Fast))
	b = wire.AppendUvarint(b, uint64(o.Zones))
	b = wire.AppendUvarint(b, uint64(o.Total))
	b = wire.AppendUvarint(b, uint64(o.First))
	b = wire.AppendUvarint(b, uint64(len(o.IDs)))
	for _, id := range o.IDs {
		b = wire.AppendFixed64(b, uint64(id))
	}
	return b
}

// decode reads what Append wrote into o, whose memory it reuses.
func (o *Order) decode(b []byte) error {
	r := wire.NewReader(b)
	o.Owner, o.Topic = protocol.NodeID(r.Fixed64()), TopicID(r.Fixed64())
	o.Number = r.UvarintMax(orderNumberMax)
	o.Arity = int(r.UvarintMax(arityMax))
	o.Fast = int(r.UvarintMax(OrderMembersMax))
	o.Zones = int(r.UvarintMax(OrderMembersMax))
	o.Total = int(r.UvarintMax(OrderMembersMax))
	o.First = int(r.UvarintMax(OrderMembersMax))
	o.IDs = o.IDs[:0]
	count := r.Count(OrderMembersMax, 8)
	if err := r.Err(); err != nil {
		return err
	}
	whole := count >= orderPartMin || o.First+count == o.Total
	if !whole || o.Owner == 0 || o.Number == 0 || o.Arity == 0 || o.Fast+o.Zones > o.Total || count == 0 || o.First+count > o.Total {
		return wire.ErrRange
	}
	for range count {
		id := protocol.NodeID(r.Fixed64())
		if id == 0 {
			r.Fail(wire.ErrRange)
		}
		o.IDs = append(o.IDs, id)
	}
	return r.Done()
}

// OrderRequest asks for an order that a packet names.
type OrderRequest struct {
	Owner  protocol.NodeID
	Topic  TopicID
	Number uint64

	lent bool
}

// Kind implements protocol.Message.
func (q *OrderRequest) Kind() protocol.Kind { return wire.KindOrderRequest }

// Lent implements protocol.Message.
func (q *OrderRequest) Lent() bool { return q.lent }

// Size implements protocol.Message.
func (q *OrderRequest) Size() int { return 8 + 8 + wire.UvarintSize(q.Number) }

// Append implements protocol.Message.
func (q *OrderRequest) Append(b []byte) []byte {
	b = wire.AppendFixed64(b, uint64(q.Owner))
	b = wire.AppendFixed64(b, uint64(q.Topic))
	return wire.AppendUvarint(b, q.Number)
}

func (q *OrderRequest) decode(b []byte) error {
	r := wire.NewReader(b)
	q.Owner, q.Topic, q.Number = protocol.NodeID(r.Fixed64()), TopicID(r.Fixed64()), r.UvarintMax(orderNumberMax)
	if q.Owner == 0 || q.Number == 0 {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}
