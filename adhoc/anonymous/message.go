package anonymous

import (
	"spinglass/adhoc"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// The first byte of what the routing carries says what it is.
const (
	payloadMessage = 1 // to a group: a Message
	payloadReply   = 2 // to one node: what it has asked for
	payloadRequest = 3 // to one node: a cached Request
	payloadChain   = 4 // to a group, or to one node: certificates of a member of the group
)

// numberMax bounds numbers of messages, and epochs.
const numberMax = 1<<62 - 1

// Source is a run of a node that publishes.
type Source struct {
	Node  protocol.NodeID
	Epoch uint64
}

// before puts sources in order.
func (s Source) before(t Source) bool {
	return s.Node < t.Node || s.Node == t.Node && s.Epoch < t.Epoch
}

func (s Source) size() int { return 8 + wire.UvarintSize(s.Epoch) }

func (s Source) append(b []byte) []byte {
	return wire.AppendUvarint(wire.AppendFixed64(b, uint64(s.Node)), s.Epoch)
}

func readSource(r *wire.Reader) Source {
	return Source{protocol.NodeID(r.Nonzero64()), r.UvarintMax(numberMax)}
}

// Message is one message of a source to a group.
type Message struct {
	Source    Source
	Number    uint64 // from 1 on
	Payload   []byte
	Signature []byte // empty, or of identity.SignatureSize bytes

	arrived protocol.Time // at this node
}

func (m *Message) size() int {
	return m.Source.size() + wire.UvarintSize(m.Number) + wire.BytesSize(len(m.Payload)) + wire.BytesSize(len(m.Signature))
}

func (m *Message) append(b []byte) []byte {
	b = wire.AppendUvarint(m.Source.append(b), m.Number)
	return wire.AppendBytes(wire.AppendBytes(b, m.Payload), m.Signature)
}

const signatureSize = identity.SignatureSize

// readMessage reads a message, which aliases the input.
func readMessage(r *wire.Reader) Message {
	m := Message{Source: readSource(r), Number: r.UvarintMax(numberMax), Payload: r.Bytes(MessageMax), Signature: r.Bytes(signatureSize)}
	if m.Number == 0 || len(m.Signature) != 0 && len(m.Signature) != signatureSize {
		r.Fail(wire.ErrRange)
	}
	return m
}

// messageSizeMin is the size of the shortest message.
const messageSizeMin = 8 + 1 + 1 + 1 + 1

// appendMulticast appends the payload of a multicast that carries a message.
func appendMulticast(b []byte, m *Message) []byte { return m.append(append(b, payloadMessage)) }

func decodeMulticast(b []byte) (Message, error) {
	r := wire.NewReader(b)
	if r.Byte() != payloadMessage {
		r.Fail(wire.ErrKind)
	}
	m := readMessage(&r)
	return m, r.Done()
}

// reply is what a member sends back to an initiator.
type reply struct {
	group    adhoc.Group
	messages []Message
}

func (p *reply) append(b []byte) []byte {
	b = wire.AppendFixed64(append(b, payloadReply), uint64(p.group))
	b = wire.AppendUvarint(b, uint64(len(p.messages)))
	for i := range p.messages {
		b = p.messages[i].append(b)
	}
	return b
}

// replyHead is the most that a reply takes besides its messages.
const replyHead = 1 + 8 + 1

func decodeReply(b []byte) (reply, error) {
	r := wire.NewReader(b)
	if r.Byte() != payloadReply {
		r.Fail(wire.ErrKind)
	}
	p := reply{group: adhoc.Group(r.Fixed64())}
	for range r.Count(RepliesMax, messageSizeMin) {
		p.messages = append(p.messages, readMessage(&r))
	}
	if len(p.messages) == 0 || p.group == 0 {
		r.Fail(wire.ErrRange)
	}
	return p, r.Done()
}

// appendChain appends a payload with the certificates of a member, all but the root's.
func appendChain(b []byte, group adhoc.Group, certificates []byte) []byte {
	return append(wire.AppendFixed64(append(b, payloadChain), uint64(group)), certificates...)
}

// chainHead is what such a payload takes besides them.
const chainHead = 1 + 8

func decodeChain(b []byte) (group adhoc.Group, certificates []byte, err error) {
	r := wire.NewReader(b)
	if r.Byte() != payloadChain {
		r.Fail(wire.ErrKind)
	}
	group = adhoc.Group(r.Nonzero64())
	certificates = r.Rest()
	return group, certificates, r.Done()
}
