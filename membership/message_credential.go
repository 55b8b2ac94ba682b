package membership

import (
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// CredentialRequest asks who has handed on something of a member, perhaps of another zone, for that member's certificates.
type CredentialRequest struct {
	Member protocol.NodeID
	lent   bool
}

// Kind implements protocol.Message.
func (q *CredentialRequest) Kind() protocol.Kind { return wire.KindCredentialRequest }

// Lent implements protocol.Message.
func (q *CredentialRequest) Lent() bool { return q.lent }

// Size implements protocol.Message.
func (q *CredentialRequest) Size() int { return 8 }

// Append implements protocol.Message.
func (q *CredentialRequest) Append(b []byte) []byte { return wire.AppendFixed64(b, uint64(q.Member)) }

func (q *CredentialRequest) decode(body []byte) error {
	r := wire.NewReader(body)
	*q = CredentialRequest{Member: protocol.NodeID(r.Fixed64()), lent: true}
	if q.Member == 0 {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}

// Certificates answers a CredentialRequest.
type Certificates struct {
	Member protocol.NodeID
	Epoch  uint64 // the latest in which the sender knows that the member had the key; 1 or more
	Chain  []byte // certificates after the root's
	lent   bool
}

// Kind implements protocol.Message.
func (c *Certificates) Kind() protocol.Kind { return wire.KindCredential }

// Lent implements protocol.Message.
func (c *Certificates) Lent() bool { return c.lent }

// Size implements protocol.Message.
func (c *Certificates) Size() int {
	return 8 + wire.UvarintSize(c.Epoch) + wire.BytesSize(len(c.Chain))
}

// Append implements protocol.Message.
func (c *Certificates) Append(b []byte) []byte {
	return wire.AppendBytes(wire.AppendUvarint(wire.AppendFixed64(b, uint64(c.Member)), c.Epoch), c.Chain)
}

func (c *Certificates) decode(body []byte) error {
	r := wire.NewReader(body)
	*c = Certificates{Member: protocol.NodeID(r.Fixed64()), Epoch: r.Uvarint(), Chain: r.Bytes(identity.ChainSizeMax), lent: true}
	if r.Err() == nil && (c.Member == 0 || c.Epoch == 0 || len(c.Chain) == 0) {
		r.Fail(wire.ErrRange)
	}
	return r.Done()
}
