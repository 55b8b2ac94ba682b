package identity

import (
	"bytes"
	"errors"
	"testing"

	"spinglass/wire"
)

// sample is one encoded value, with what its receiver does: decode, and verify where there is something to verify.
type sample struct {
	encoded []byte
	accept  func([]byte) error
	again   func([]byte) []byte // decodes and encodes, without verifying; nil when it does not decode
}

// sampleOf builds the sample of a type from its decoder, its encoder, and its verification.
func sampleOf[T any](encoded []byte, decode func([]byte) (T, error), encode func(T) []byte, verify func(T) error) sample {
	return sample{
		encoded: encoded,
		accept: func(b []byte) error {
			v, err := decode(b)
			if err != nil {
				return err
			}
			return verify(v)
		},
		again: func(b []byte) []byte {
			v, err := decode(b)
			if err != nil {
				return nil
			}
			return encode(v)
		},
	}
}

func samples(t testing.TB) map[string]sample {
	f := newFleet(t)
	policy := f.policy(noon)
	verify := func(c Chain) error {
		_, err := policy.Verify(c)
		return err
	}
	above := f.zone.Chain()
	certificate := func(c *Certificate) error { return verify(append(above[:len(above):len(above)], c)) }
	appendCertificate := func(c *Certificate) []byte { return c.Append(nil) }
	withFields := resign(f.member(t), f.zoneKey, func(c *Certificate) { c.Fields = []Field{{Tag: 9, Value: []byte("later")}} })
	token := newToken(t, &Tokens{}, 2, noon)
	tokens := &Tokens{}
	newToken(t, tokens, 2, noon)
	request := must[*JoinRequest](t)(NewJoinRequest(f.memberKey, "/eu/web-1", 7, token))
	if err := tokens.Redeem(request, noon); err != nil {
		t.Fatal(err)
	}
	list := must[*RevocationList](t)(f.zone.Revoke(noon, Revocation{Serial: 5}, Revocation{Key: f.userKey.Public(), Before: noon}))
	beacon := must[*Beacon](t)(f.zone.Beacon(noon))
	proof := must[*Equivocation](t)(NewEquivocation(SignStatement(f.memberKey, ContextRow, 1, 2, nil), SignStatement(f.memberKey, ContextRow, 1, 2, []byte{1})))
	anchor := f.root.Anchor()
	bundle := &Bundle{Anchor: anchor, Chain: f.member(t)}

	return map[string]sample{
		"member":       sampleOf(withFields.Leaf().Append(nil), DecodeCertificate, appendCertificate, certificate),
		"client":       sampleOf(f.client(t, Grant{VerbPublish, "a*"}).Leaf().Append(nil), DecodeCertificate, appendCertificate, certificate),
		"function":     sampleOf(f.function(t).Leaf().Append(nil), DecodeCertificate, appendCertificate, certificate),
		"chain":        sampleOf(f.member(t).Append(nil), DecodeChain, func(c Chain) []byte { return c.Append(nil) }, verify),
		"revocations":  sampleOf(list.Append(nil), DecodeRevocationList, func(l *RevocationList) []byte { return l.Append(nil) }, (*RevocationList).Verify),
		"beacon":       sampleOf(beacon.Append(nil), DecodeBeacon, func(b *Beacon) []byte { return b.Append(nil) }, func(b *Beacon) error { return b.Verify(noon) }),
		"equivocation": sampleOf(proof.Append(nil), DecodeEquivocation, func(e *Equivocation) []byte { return e.Append(nil) }, (*Equivocation).Verify),
		"request": sampleOf(request.Append(nil), DecodeJoinRequest, func(r *JoinRequest) []byte { return r.Append(nil) },
			func(r *JoinRequest) error { return r.Verify(anchor) }),
		"token": sampleOf([]byte(token.Text()), func(b []byte) (*Token, error) { return ParseToken(string(b)) },
			func(t *Token) []byte { return []byte(t.Text()) }, func(*Token) error { return nil }),
		"key":      sampleOf(newKey(1).Append(nil), DecodePrivateKey, func(k PrivateKey) []byte { return k.Append(nil) }, func(PrivateKey) error { return nil }),
		"tokens":   sampleOf(tokens.Append(nil), DecodeTokens, func(t *Tokens) []byte { return t.Append(nil) }, func(*Tokens) error { return nil }),
		"register": sampleOf(f.zone.Register().Append(nil), DecodeRegister, func(r *Register) []byte { return r.Append(nil) }, func(*Register) error { return nil }),
		"bundle": sampleOf(bytes.TrimSpace(bundle.Text()), ParseBundle, func(b *Bundle) []byte { return bytes.TrimSpace(b.Text()) },
			func(b *Bundle) error {
				if b.Anchor != anchor {
					return ErrAuthority
				}
				return verify(b.Chain)
			}),
		"request file": sampleOf(bytes.TrimSpace(request.Text()), ParseJoinRequest, func(r *JoinRequest) []byte { return bytes.TrimSpace(r.Text()) },
			func(r *JoinRequest) error { return r.Verify(anchor) }),
		"revocations file": sampleOf(bytes.TrimSpace(list.Text()), ParseRevocationList, func(l *RevocationList) []byte { return bytes.TrimSpace(l.Text()) },
			(*RevocationList).Verify),
	}
}

// "Every single-bit flip and truncation of every message type: all rejected, no panic".
func TestDamageIsRejected(t *testing.T) {
	for name, s := range samples(t) {
		if err := s.accept(s.encoded); err != nil || !bytes.Equal(s.again(s.encoded), s.encoded) {
			t.Errorf("%s: the undamaged: %v", name, err)
			continue
		}
		for n := range s.encoded {
			if s.accept(s.encoded[:n]) == nil {
				t.Errorf("%s: cut to %d of %d bytes", name, n, len(s.encoded))
			}
		}
		if s.accept(append(bytes.Clone(s.encoded), 0)) == nil {
			t.Errorf("%s: a byte too many", name)
		}
		for bit := range 8 * len(s.encoded) {
			flipped := bytes.Clone(s.encoded)
			flipped[bit/8] ^= 1 << (bit % 8)
			if s.accept(flipped) == nil {
				t.Errorf("%s: bit %d flipped", name, bit)
			}
			if again := s.again(flipped); again != nil && !bytes.Equal(again, flipped) {
				t.Errorf("%s: bit %d flipped: two encodings of one value", name, bit)
			}
		}
	}
}

// A file that nobody signs is held by its checksum alone, which makes its decoder hard to reach for a fuzzer: this one gets the checksum right.
func TestKeptFilesRefuseNonsense(t *testing.T) {
	checked := func(b ...byte) []byte { return appendChecksum(append([]byte{formatVersion}, b...)) }
	for _, b := range [][]byte{checked(), checked(1), checked(255), checked(0, 0), checked(1, 2, 3), checked(bytes.Repeat([]byte{1}, 200)...)} {
		if _, err := DecodePrivateKey(b); err == nil {
			t.Errorf("key %x", b)
		}
		if _, err := DecodeTokens(b); err == nil {
			t.Errorf("tokens %x", b)
		}
		if _, err := DecodeRegister(b); err == nil {
			t.Errorf("register %x", b)
		}
	}
	if _, err := DecodeTokens([]byte{1}); !errors.Is(err, wire.ErrShort) {
		t.Error(err)
	}
}
