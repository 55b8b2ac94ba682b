package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"spinglass/wire"
)

func TestSignatureIsOfOneContext(t *testing.T) {
	key, message := newKey(1), make([]byte, StatementSize)
	for made := ContextZone; made.Known(); made++ {
		signature := Sign(key, made, message)
		for read := ContextZone; read.Known(); read++ {
			if err := Verify(key.Public(), read, message, signature); (err == nil) != (made == read) {
				t.Errorf("signed as %q, verified as %q: %v", made, read, err)
			}
		}
		public := key.Public()
		if ed25519.Verify(public[:], message, signature[:]) {
			t.Errorf("%q is a signature without context", made)
		}
		statement := SignStatement(key, made, 0, 0, nil)
		if Verify(key.Public(), made, statement.signed(), statement.Signature) == nil {
			t.Errorf("a statement of %q is a plain signature, too", made)
		}
		if err := statement.Verify(); err != nil {
			t.Error(err)
		}
	}
	plain := Signature(ed25519.Sign(key.Ed25519(), message))
	if Verify(key.Public(), ContextRow, message, plain) == nil || Verify(key.Public(), 0, message, plain) == nil {
		t.Error("a signature without context is accepted")
	}
}

func TestSignatureRefusesDamage(t *testing.T) {
	key, message := newKey(1), []byte("message")
	signature := Sign(key, ContextRow, message)
	for bit := range 8 * SignatureSize {
		flipped := signature
		flipped[bit/8] ^= 1 << (bit % 8)
		if err := Verify(key.Public(), ContextRow, message, flipped); !errors.Is(err, ErrSignature) {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
	}
}

func TestSignUnknownContext(t *testing.T) {
	for name, f := range map[string]func(){
		"sign":      func() { Sign(newKey(1), 0, nil) },
		"statement": func() { SignStatement(newKey(1), ContextGroup+1, 0, 0, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s in an unknown context", name)
				}
			}()
			f()
		}()
	}
}

// The curve of Ed25519 in the plainest arithmetic, to know the points of small order without the list.
var (
	prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curve = func() *big.Int { // d = -121665/121666
		d := new(big.Int).ModInverse(big.NewInt(121666), prime)
		return d.Mul(d, big.NewInt(-121665)).Mod(d, prime)
	}()
)

// smallOrder reports whether eight times the point of the ordinate y is the neutral element, and whether there is such a point.
func smallOrder(y *big.Int) (small, exists bool) {
	mod := func(v *big.Int) *big.Int { return v.Mod(v, prime) }
	mul := func(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }
	one := big.NewInt(1)
	square := mul(y, y)
	x := new(big.Int).ModSqrt(mul(mod(new(big.Int).Sub(square, one)), new(big.Int).ModInverse(mod(new(big.Int).Add(mul(curve, square), one)), prime)), prime)
	if x == nil {
		return false, false
	}
	for range 3 { // doubling: x' = 2xy/(1 + dxxyy), y' = (yy + xx)/(1 - dxxyy)
		xx, yy := mul(x, x), mul(y, y)
		k := mul(curve, mul(xx, yy))
		x, y = mul(mul(big.NewInt(2), mul(x, y)), new(big.Int).ModInverse(mod(new(big.Int).Add(one, k)), prime)),
			mul(new(big.Int).Add(yy, xx), new(big.Int).ModInverse(mod(new(big.Int).Sub(one, k)), prime))
	}
	return x.Sign() == 0 && y.Cmp(one) == 0, true
}

func ordinate(k PublicKey) *big.Int {
	k[31] &= 0x7f
	reversed := bytes.Clone(k[:])
	for i := range 16 {
		reversed[i], reversed[31-i] = reversed[31-i], reversed[i]
	}
	return new(big.Int).SetBytes(reversed)
}

func TestWeakKeysAreAllPointsOfSmallOrder(t *testing.T) {
	points := 0
	for _, weak := range weakOrdinates {
		small, exists := smallOrder(ordinate(weak))
		if !small || !exists {
			t.Errorf("%x is no point of small order", weak)
		}
		points += 2
		if y := ordinate(weak); y.Cmp(big.NewInt(1)) == 0 || y.Cmp(new(big.Int).Sub(prime, big.NewInt(1))) == 0 {
			points-- // x is 0
		}
	}
	if points != 8 {
		t.Errorf("%d points of an order that divides 8, there are 8", points)
	}
	for seed := range uint64(20) {
		public := newKey(seed).Public()
		if small, exists := smallOrder(ordinate(public)); small || !exists || public.Check() != nil {
			t.Errorf("%x is weak", public)
		}
	}
}

func TestKeyCheck(t *testing.T) {
	for _, weak := range weakOrdinates {
		for _, sign := range []byte{0, 0x80} {
			weak[31] ^= sign
			if err := weak.Check(); !errors.Is(err, ErrWeakKey) {
				t.Errorf("%x: %v", weak, err)
			}
		}
	}
	for first := 0; first < 256; first++ { // around 2^255 - 19
		key := PublicKey(bytes.Repeat([]byte{0xff}, 32))
		key[0], key[31] = byte(first), 0x7f
		if wrong := key.Check() != nil; wrong != (ordinate(key).Cmp(new(big.Int).Sub(prime, big.NewInt(1))) >= 0) {
			t.Errorf("%x refused: %v", key, wrong)
		}
		key[9] = 0
		if key.Check() != nil {
			t.Errorf("%x is refused", key)
		}
	}
}

// A control: without the check, one signature by a key of small order holds for every message.
func TestWeakKeyWouldSignEverything(t *testing.T) {
	var forged Signature
	forged[0] = 1 // R is the neutral element, S is 0
	neutral := PublicKey{1}
	for _, message := range []string{"one", "another"} {
		if ed25519.VerifyWithOptions(neutral[:], []byte(message), forged[:], &ed25519.Options{Context: ContextRow.String()}) != nil {
			t.Error("the control does not hold")
		}
		if err := Verify(neutral, ContextRow, []byte(message), forged); !errors.Is(err, ErrWeakKey) {
			t.Errorf("verified: %v", err)
		}
	}
}

func TestKeyText(t *testing.T) {
	key := newKey(5).Public()
	if got, err := ParsePublicKey(key.String()); err != nil || got != key {
		t.Errorf("%v, %v", got, err)
	}
	fingerprint := key.Fingerprint()
	if got, err := ParseFingerprint(fingerprint.String()); err != nil || got != fingerprint || len(fingerprint.String()) != 32 {
		t.Errorf("%v, %v", got, err)
	}
	text := key.String()
	last := strings.IndexByte("abcdefghijklmnopqrstuvwxyz234567", text[51]) | 1 // bits that no key has
	for _, wrong := range []string{"", text[:51], text + "a", strings.ToUpper(text), text[:51] + string("abcdefghijklmnopqrstuvwxyz234567"[last]), text[:50] + "\n\n"} {
		if _, err := ParsePublicKey(wrong); !errors.Is(err, ErrText) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := ParsePublicKey((PublicKey{}).String()); !errors.Is(err, ErrWeakKey) {
		t.Errorf("the zero key: %v", err)
	}
	if newKey(1).Public().Fingerprint() == newKey(2).Public().Fingerprint() {
		t.Error("two keys of one fingerprint")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	key := newKey(6)
	seed := key.Seed()
	if NewPrivateKey(seed).Public() != key.Public() {
		t.Error("the seed makes another key")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
		shown := fmt.Sprintf(verb, key)
		for _, form := range []string{fmt.Sprintf("%x", seed[:4]), fmt.Sprint(seed[:4])[1:8], string(seed[:4])} {
			if strings.Contains(shown, form) || !strings.Contains(shown, "hidden") {
				t.Errorf("%s shows %s", verb, shown)
			}
		}
	}
	if _, err := GenerateKey(bytes.NewReader(seed[:31])); err == nil {
		t.Error("a key of too little entropy")
	}
}

func TestInstant(t *testing.T) {
	if got := noon.String(); got != "2023-11-14T22:13:20Z" {
		t.Error(got)
	}
	if InstantOf(time.Unix(int64(noon), 999)) != noon {
		t.Error("seconds are not whole")
	}
	for _, c := range []struct {
		from Instant
		add  time.Duration
		want Instant
	}{{5, 1500 * time.Millisecond, 6}, {5, -time.Hour, 0}, {InstantMax, time.Hour, InstantMax}} {
		if got := c.from.Add(c.add); got != c.want {
			t.Errorf("%d + %s = %d", c.from, c.add, got)
		}
	}
	if InstantMax.Sub(0) <= 0 || Instant(0).Sub(InstantMax) >= 0 || noon.Sub(noon-60) != time.Minute {
		t.Error("differences")
	}
}

func TestKeptKey(t *testing.T) {
	seed := [SeedSize]byte{31: 7}
	content := append([]byte{1}, seed[:]...)
	sum := sha256.Sum256(content)
	want := append(content, sum[:8]...)
	if got := NewPrivateKey(seed).Append(nil); !bytes.Equal(got, want) || len(got) != PrivateKeySize {
		t.Errorf("%x, want %x", got, want)
	}
	if key, err := DecodePrivateKey(want); err != nil || key.Seed() != seed {
		t.Error(err)
	}
	for size, want := range map[int]error{SeedSize - 1: wire.ErrShort, SeedSize + 1: wire.ErrTrailing} {
		if _, err := DecodePrivateKey(appendChecksum(append([]byte{1}, make([]byte, size)...))); !errors.Is(err, want) {
			t.Errorf("seed of %d bytes: %v", size, err)
		}
	}
}
