package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of the tokens that an issuer keeps.
const (
	TokensMax     = 256
	TokenUsesMax  = 1024
	TokenSizeMax  = 64 + TokenUsesMax*useSize // bytes of one token's record
	TokensSizeMax = TokensMax * TokenSizeMax
	// TokenMemory is how long an expired token is kept, so that its holder hears that it expired.
	TokenMemory = 7 * 24 * time.Hour
)

// ErrTokensFull says that an issuer keeps as many tokens as it can.
var ErrTokensFull = errors.New("as many join tokens are kept as the limit allows; take some back, or wait until they expire")

const useSize = 16

// use names who used a token: the beginning of the hash of name, NodeID and key.
type use [useSize]byte

func useOf(r *JoinRequest) use {
	b := wire.AppendFixed64(wire.AppendBytes(nil, r.Name), uint64(r.NodeID))
	sum := sha256.Sum256(append(b, r.Key[:]...))
	return use(sum[:useSize])
}

// tokenRecord is what the issuer keeps of a token.
type tokenRecord struct {
	id     TokenID
	secret TokenSecret
	expiry Instant
	limit  uint64 // uses, 1 to TokenUsesMax
	uses   []use  // in the order in which they came
}

// TokenState is what can be shown of a token.
type TokenState struct {
	ID     TokenID
	Expiry Instant
	Uses   int
	Limit  int
}

// Tokens are the join tokens that an issuer gave out. The zero value is empty.
type Tokens struct {
	records []tokenRecord // by ID
}

func (t *Tokens) find(id TokenID) (int, bool) {
	return slices.BinarySearchFunc(t.records, id, func(r tokenRecord, id TokenID) int { return bytes.Compare(r.id[:], id[:]) })
}

// New draws a token from entropy, good for uses joins (1 to TokenUsesMax) until expiry. The error is an ErrTokensFull, an ErrMalformed, or that of
// entropy.
func (t *Tokens) New(entropy io.Reader, anchor Fingerprint, uses int, expiry Instant, addresses ...protocol.Address) (*Token, error) {
	if uses < 1 || uses > TokenUsesMax {
		return nil, fmt.Errorf("%d uses of a join token, the range is 1 to %d: %w", uses, TokenUsesMax, ErrMalformed)
	}
	if len(t.records) >= TokensMax {
		return nil, ErrTokensFull
	}
	token := &Token{Expiry: expiry, Anchor: anchor, Addresses: slices.Clone(addresses)}
	for _, part := range [][]byte{token.ID[:], token.Secret[:]} {
		if _, err := io.ReadFull(entropy, part); err != nil {
			return nil, fmt.Errorf("identity: drawing a token: %w", err)
		}
	}
	i, taken := t.find(token.ID)
	if err := token.check(); err != nil || taken {
		return nil, ErrMalformed
	}
	t.records = slices.Insert(t.records, i, tokenRecord{id: token.ID, secret: token.Secret, expiry: expiry, limit: uint64(uses)})
	return token, nil
}

// Check reports why the request's token is not good at now, and changes nothing: ErrTokenUnknown, ErrTokenSecret, an *ExpiredError or ErrTokenSpent. Only
// who has the secret hears more of a token than that it is known. Whoever used a token may use it again for the same name, NodeID and key, since answers
// get lost.
func (t *Tokens) Check(request *JoinRequest, now Instant) error {
	_, err := t.check(request, now)
	return err
}

func (t *Tokens) check(request *JoinRequest, now Instant) (*tokenRecord, error) {
	i, found := t.find(request.Token)
	if !found {
		return nil, ErrTokenUnknown
	}
	record := &t.records[i]
	proof := request.proof(record.secret)
	switch {
	case !hmac.Equal(proof[:], request.Proof[:]):
		return nil, ErrTokenSecret
	case now > record.expiry:
		return nil, &ExpiredError{Since: record.expiry, Now: now}
	case uint64(len(record.uses)) >= record.limit && !slices.Contains(record.uses, useOf(request)):
		return nil, ErrTokenSpent
	}
	return record, nil
}

// Redeem uses the request's token once; Authority.Admit does. The error is one of Check. The tokens have to be made durable before the certificate is handed
// out.
func (t *Tokens) Redeem(request *JoinRequest, now Instant) error {
	record, err := t.check(request, now)
	if err != nil {
		return err
	}
	if who := useOf(request); !slices.Contains(record.uses, who) {
		record.uses = append(record.uses, who)
	}
	return nil
}

// Remove takes a token back, and reports whether it was there.
func (t *Tokens) Remove(id TokenID) bool {
	i, found := t.find(id)
	if found {
		t.records = slices.Delete(t.records, i, i+1)
	}
	return found
}

// Expire drops tokens that expired TokenMemory ago or longer, and returns how many.
func (t *Tokens) Expire(now Instant) int {
	before := len(t.records)
	t.records = slices.DeleteFunc(t.records, func(r tokenRecord) bool { return now.Sub(r.expiry) >= TokenMemory })
	return before - len(t.records)
}

// States returns what can be shown of the tokens, in ascending order of IDs.
func (t *Tokens) States() []TokenState {
	states := make([]TokenState, 0, len(t.records))
	for _, r := range t.records {
		states = append(states, TokenState{ID: r.id, Expiry: r.expiry, Uses: len(r.uses), Limit: int(r.limit)})
	}
	return states
}

// Append appends the encoding of the tokens to b, for keeping them. It holds the secrets.
func (t *Tokens) Append(b []byte) []byte {
	b = append(b, formatVersion)
	b = wire.AppendUvarint(b, uint64(len(t.records)))
	for _, r := range t.records {
		b = append(append(b, r.id[:]...), r.secret[:]...)
		b = wire.AppendUvarint(appendInstant(b, r.expiry), r.limit)
		b = wire.AppendUvarint(b, uint64(len(r.uses)))
		for _, u := range r.uses {
			b = append(b, u[:]...)
		}
	}
	return appendChecksum(b)
}

// DecodeTokens reads the encoding of tokens, which must fill b. The error is one of package wire, ErrVersion, ErrMalformed, ErrOrder or ErrTooLarge.
func DecodeTokens(b []byte) (*Tokens, error) {
	if len(b) > TokensSizeMax {
		return nil, ErrTooLarge
	}
	in, err := readChecked(b)
	if err != nil {
		return nil, err
	}
	t := &Tokens{}
	for range in.Count(TokensMax, TokenIDSize+TokenSecretSize) {
		record := readTokenRecord(&in)
		last := len(t.records) - 1
		if in.Err() == nil && last >= 0 && bytes.Compare(t.records[last].id[:], record.id[:]) >= 0 {
			in.Fail(ErrOrder)
		}
		if in.Err() != nil {
			break
		}
		t.records = append(t.records, record)
	}
	if err := in.Done(); err != nil {
		return nil, err
	}
	return t, nil
}

func readTokenRecord(in *wire.Reader) (r tokenRecord) {
	readArray(in, r.id[:])
	readArray(in, r.secret[:])
	r.expiry, r.limit = readInstant(in), in.UvarintMax(TokenUsesMax)
	for range in.Count(int(r.limit), useSize) {
		var u use
		readArray(in, u[:])
		if in.Err() == nil && slices.Contains(r.uses, u) {
			in.Fail(ErrOrder)
		}
		r.uses = append(r.uses, u)
	}
	if in.Err() == nil && (r.limit == 0 || r.id == TokenID{}) {
		in.Fail(ErrMalformed)
	}
	return r
}
