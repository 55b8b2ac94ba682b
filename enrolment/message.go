package enrolment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"spinglass/identity"
	"spinglass/wire"
)

// Kinds of messages. Their numbers are part of the protocol and stay.
const (
	kindHello   = 1 // issuer: who it is, and what time it is there
	kindJoin    = 2 // client: a join request
	kindRenew   = 3 // client: a chain for the key that it proved
	kindToken   = 4 // client: a chain for the key that it proved, and what token it wants
	kindGrant   = 5 // issuer: anchor and chain
	kindIssued  = 6 // issuer: the text of a token
	kindRefusal = 7 // issuer: why not
)

// ErrMessage says that the other end sent what is no message of the protocol, or not the one that was due.
var ErrMessage = errors.New("malformed message")

const headerSize = 3 // kind, length

// hello is what an issuer says first.
type hello struct {
	Now   identity.Instant
	Chain identity.Chain // to the key that it proved
}

// tokenRequest asks for a join token.
type tokenRequest struct {
	Chain identity.Chain
	Uses  uint64
	Life  uint64 // seconds
}

// refusal is what an issuer says instead of what it is asked for.
type refusal struct {
	Code Code
	Text string // for people: one line of printable UTF-8
}

func (h *hello) append(b []byte) []byte {
	return h.Chain.Append(wire.AppendUvarint(b, uint64(h.Now)))
}

func decodeHello(b []byte) (*hello, error) {
	in := wire.NewReader(b)
	now := identity.Instant(in.UvarintMax(uint64(identity.InstantMax)))
	chain, err := restChain(&in)
	return &hello{Now: now, Chain: chain}, err
}

func (r *tokenRequest) append(b []byte) []byte {
	return r.Chain.Append(wire.AppendUvarint(wire.AppendUvarint(b, r.Uses), r.Life))
}

func decodeTokenRequest(b []byte) (*tokenRequest, error) {
	in := wire.NewReader(b)
	r := &tokenRequest{Uses: in.UvarintMax(identity.TokenUsesMax), Life: in.UvarintMax(uint64(TokenLifeMax.Seconds()))}
	var err error
	r.Chain, err = restChain(&in)
	return r, err
}

// restChain reads a chain that takes all that is left.
func restChain(in *wire.Reader) (identity.Chain, error) {
	rest := in.Rest()
	if err := in.Err(); err != nil {
		return nil, err
	}
	return identity.DecodeChain(rest)
}

func appendGrant(b []byte, bundle *identity.Bundle) []byte {
	return bundle.Chain.Append(append(b, bundle.Anchor[:]...))
}

func decodeGrant(b []byte) (*identity.Bundle, error) {
	in := wire.NewReader(b)
	bundle := &identity.Bundle{}
	copy(bundle.Anchor[:], in.Take(identity.FingerprintSize))
	var err error
	bundle.Chain, err = restChain(&in)
	return bundle, err
}

func (r *refusal) append(b []byte) []byte {
	return wire.AppendBytes(append(b, byte(r.Code)), r.Text)
}

func decodeRefusal(b []byte) (*refusal, error) {
	in := wire.NewReader(b)
	r := &refusal{Code: Code(in.Byte()), Text: string(in.Bytes(RefusalTextMax))}
	if err := in.Done(); err != nil {
		return nil, err
	}
	if r.Text != printable(r.Text) {
		return nil, fmt.Errorf("text of a refusal: %w", ErrMessage)
	}
	return r, nil
}

// writeMessage sends kind, length and body in one write.
func writeMessage(w io.Writer, kind byte, body []byte) error {
	b := binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(body)))
	_, err := w.Write(append(b, body...))
	return err
}

// readMessage reads one message. Its memory grows with what arrives, whatever length was declared.
func readMessage(r io.Reader) (kind byte, body []byte, err error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	size := int64(binary.BigEndian.Uint16(header[1:]))
	if size > MessageSizeMax {
		return 0, nil, fmt.Errorf("message of %d bytes, the limit is %d: %w", size, MessageSizeMax, ErrMessage)
	}
	var buffer bytes.Buffer
	n, err := io.Copy(&buffer, io.LimitReader(r, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return header[0], buffer.Bytes(), err
}
