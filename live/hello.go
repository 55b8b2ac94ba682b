package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/relay"
	"spinglass/wire"
)

// What both ends say inside a TLS connection, before it is used for anything else: first the client, then the server.
const (
	helloVersion = 1
	helloMax     = 64 + identity.ChainSizeMax // bytes of a greeting without its length
)

// The kinds of greetings.
const (
	helloGreets  = 1
	helloRefuses = 2
)

// confirmation is what the client of a link says in the end: that it can open what the server seals.
const confirmation = 1

// hello is a greeting: who says it to whom, and by which index it knows the session that is being made.
type hello struct {
	from, to protocol.NodeID // to is 0 when the client does not know
	index    uint32          // 0 for a stream
	chain    identity.Chain
	refusal  refusalCode // instead of all that
}

// refusalCode tells the other end why it was refused, as far as it is its business.
type refusalCode uint64

// The reasons of refusals. Their numbers are part of encodings and stay.
const (
	refusalOther       refusalCode = 1
	refusalExpired     refusalCode = 2
	refusalNotYetValid refusalCode = 3
	refusalRevoked     refusalCode = 4
	refusalAuthority   refusalCode = 5
	refusalIdentity    refusalCode = 6
	refusalNotMeant    refusalCode = 7
	refusalBusy        refusalCode = 8
	refusalQuarantined refusalCode = 9
	refusalClients     refusalCode = 10
)

var refusalTexts = [...]string{
	refusalOther: "for a reason that it does not tell", refusalExpired: "our certificate has expired", refusalNotYetValid: "our certificate is not valid yet",
	refusalRevoked: "our certificate is revoked", refusalAuthority: "our certificate is of another fleet", refusalIdentity: "our certificate is for somebody else",
	refusalNotMeant: "it is not the node that was meant", refusalBusy: "it has too many sessions",
	refusalQuarantined: "it is proven that our key has signed different things for one place",
	refusalClients:     "it is the gateway of too many clients",
}

// refusalOf returns what the other end is told of an error.
func refusalOf(err error) refusalCode {
	for _, c := range []struct {
		err  error
		code refusalCode
	}{
		{identity.ErrExpired, refusalExpired}, {identity.ErrNotYetValid, refusalNotYetValid}, {identity.ErrRevoked, refusalRevoked},
		{identity.ErrAuthority, refusalAuthority}, {errKeyOther, refusalIdentity}, {errNodeOther, refusalIdentity}, {errNotMeant, refusalNotMeant},
		{errTable, refusalBusy}, {identity.ErrQuarantined, refusalQuarantined}, {relay.ErrClients, refusalClients},
	} {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return refusalOther
}

// append appends the greeting with its length.
func (h *hello) append(b []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, helloVersion)
	if h.refusal != 0 {
		b = wire.AppendUvarint(append(b, helloRefuses), uint64(h.refusal))
	} else {
		b = wire.AppendFixed64(append(b, helloGreets), uint64(h.from))
		b = wire.AppendFixed64(b, uint64(h.to))
		b = binary.BigEndian.AppendUint32(b, h.index)
		b = wire.AppendUvarint(b, uint64(h.chain.Size()))
		b = h.chain.Append(b)
	}
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start-2))
	return b
}

// decodeHello reads a greeting without its length. An error of the other end is one, too.
func decodeHello(b []byte) (hello, error) {
	r := wire.NewReader(b)
	version, kind := r.Byte(), r.Byte()
	switch {
	case r.Err() != nil:
		return hello{}, r.Err()
	case version != helloVersion:
		return hello{}, wire.ErrVersion
	case kind == helloRefuses:
		code := r.Uvarint()
		if err := r.Done(); err != nil {
			return hello{}, err
		}
		if code == 0 || code >= uint64(len(refusalTexts)) {
			code = uint64(refusalOther)
		}
		return hello{refusal: refusalCode(code)}, nil
	case kind != helloGreets:
		return hello{}, errHello
	}
	h := hello{from: protocol.NodeID(r.Fixed64()), to: protocol.NodeID(r.Fixed64())}
	if index := r.Take(4); index != nil {
		h.index = binary.BigEndian.Uint32(index)
	}
	encoded := r.Bytes(identity.ChainSizeMax)
	if err := r.Done(); err != nil {
		return hello{}, err
	}
	if h.from == 0 {
		return hello{}, wire.ErrRange
	}
	var err error
	h.chain, err = identity.DecodeChain(encoded)
	return h, err
}

// readHello reads a greeting. Who refuses is an error.
func readHello(conn io.Reader) (hello, error) {
	var b [2 + helloMax]byte
	if _, err := io.ReadFull(conn, b[:2]); err != nil {
		return hello{}, err
	}
	size := int(binary.BigEndian.Uint16(b[:2]))
	if size > helloMax {
		return hello{}, wire.ErrOversized
	}
	if _, err := io.ReadFull(conn, b[2:2+size]); err != nil {
		return hello{}, err
	}
	h, err := decodeHello(b[2 : 2+size])
	if err == nil && h.refusal != 0 {
		err = fmt.Errorf("%w: %s", errRefusedByIt, refusalTexts[h.refusal])
	}
	return h, err
}
