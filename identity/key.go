package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
)

// Sizes of keys and what is made with them, in bytes.
const (
	KeySize         = ed25519.PublicKeySize
	SeedSize        = ed25519.SeedSize
	SignatureSize   = ed25519.SignatureSize
	FingerprintSize = 20
	PrivateKeySize  = 1 + SeedSize + checksumSize // of what PrivateKey.Append appends
)

// letters is base32 in lower case without padding: it survives case-insensitive file names, and a double click selects all of it.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// PublicKey is an Ed25519 key. Keys are equal when their bytes are. The zero key is weak, and stands for no key.
type PublicKey [KeySize]byte

// Signature is an Ed25519 signature with a context. One message can have several valid ones: never identify anything by it.
type Signature [SignatureSize]byte

// Fingerprint is the short form of a key that people compare and tokens carry: SHA-256 truncated to 160 bits, so that to find another key with
// the same takes 2^160 tries.
type Fingerprint [FingerprintSize]byte

// String returns the key as 52 letters and digits.
func (k PublicKey) String() string { return letters.EncodeToString(k[:]) }

// ParsePublicKey reads the form that String writes. The error is an ErrText or an ErrWeakKey.
func ParsePublicKey(s string) (PublicKey, error) {
	var k PublicKey
	if err := parseLetters(k[:], s, "public key"); err != nil {
		return PublicKey{}, err
	}
	return k, k.Check()
}

// Fingerprint returns the fingerprint of the key.
func (k PublicKey) Fingerprint() Fingerprint {
	sum := sha256.Sum256(append([]byte("spinglass 1 key\x00"), k[:]...))
	return Fingerprint(sum[:FingerprintSize])
}

// String returns the fingerprint as 32 letters and digits.
func (f Fingerprint) String() string { return letters.EncodeToString(f[:]) }

// ParseFingerprint reads the form that String writes. The error is an ErrText.
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	if err := parseLetters(f[:], s, "fingerprint"); err != nil {
		return Fingerprint{}, err
	}
	return f, nil
}

// parseLetters fills into from s, which must be exactly what encoding it gives.
func parseLetters(into []byte, s, what string) error {
	if len(s) == letters.EncodedLen(len(into)) {
		if b, err := letters.DecodeString(s); err == nil && letters.EncodeToString(b) == s {
			copy(into, b)
			return nil
		}
	}
	return fmt.Errorf("%s %.80q is not %d letters a-z and digits 2-7: %w", what, s, letters.EncodedLen(len(into)), ErrText)
}

// weakOrdinates are the y coordinates of the eight points whose order divides 8. A signature by such a key says nothing: one signature holds for
// many messages.
var weakOrdinates = [...]PublicKey{
	mustKey("0000000000000000000000000000000000000000000000000000000000000000"),
	mustKey("0100000000000000000000000000000000000000000000000000000000000000"),
	mustKey("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
	mustKey("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	mustKey("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}

func mustKey(text string) (k PublicKey) {
	if n, err := hex.Decode(k[:], []byte(text)); err != nil || n != len(k) {
		panic("identity: malformed constant")
	}
	return k
}

// Check refuses keys of small order, and coordinates that are not in their shortest form, since one key would have two encodings: ErrWeakKey.
// It does not tell whether the bytes are a point of the curve; such a key verifies nothing.
func (k PublicKey) Check() error {
	k[KeySize-1] &= 0x7f // the sign of x
	for _, weak := range weakOrdinates {
		if k == weak {
			return ErrWeakKey
		}
	}
	if k[KeySize-1] != 0x7f || k[0] < 0xed { // 2^255 - 19 is ed ff ... ff 7f
		return nil
	}
	for _, b := range k[1 : KeySize-1] {
		if b != 0xff {
			return nil
		}
	}
	return ErrWeakKey
}

// PrivateKey is an Ed25519 private key. It does not show itself when printed.
type PrivateKey struct {
	key ed25519.PrivateKey
}

// GenerateKey draws a key from entropy, of which it reads SeedSize bytes; its error is that of entropy.
func GenerateKey(entropy io.Reader) (PrivateKey, error) {
	var seed [SeedSize]byte
	if _, err := io.ReadFull(entropy, seed[:]); err != nil {
		return PrivateKey{}, fmt.Errorf("identity: drawing a key: %w", err)
	}
	return NewPrivateKey(seed), nil
}

// NewPrivateKey returns the key of a secret seed.
func NewPrivateKey(seed [SeedSize]byte) PrivateKey {
	return PrivateKey{ed25519.NewKeyFromSeed(seed[:])}
}

// Public returns the public key.
func (k PrivateKey) Public() PublicKey { return PublicKey(k.key[SeedSize:]) }

// Seed returns the secret that the key is made of.
func (k PrivateKey) Seed() [SeedSize]byte { return [SeedSize]byte(k.key[:SeedSize]) }

// Append appends the encoding of the key to b, for keeping it. It holds the secret.
func (k PrivateKey) Append(b []byte) []byte {
	seed := k.Seed()
	return appendChecksum(append(append(b, formatVersion), seed[:]...))
}

// DecodePrivateKey reads the encoding of a key, which must fill b. The error is one of package wire, ErrVersion or ErrDamaged.
func DecodePrivateKey(b []byte) (PrivateKey, error) {
	in, err := readChecked(b)
	if err != nil {
		return PrivateKey{}, err
	}
	var seed [SeedSize]byte
	readArray(&in, seed[:])
	if err := in.Done(); err != nil {
		return PrivateKey{}, err
	}
	return NewPrivateKey(seed), nil
}

// Ed25519 returns the key in the standard library's form, for TLS. Its signatures without context are none of this package's.
func (k PrivateKey) Ed25519() ed25519.PrivateKey { return append(ed25519.PrivateKey(nil), k.key...) }

// Format hides the key, whatever the verb.
func (k PrivateKey) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "identity.PrivateKey(hidden)")
}

// Sign signs message as a statement of the given context. It panics on the zero key and on an unknown context.
func Sign(private PrivateKey, context Context, message []byte) Signature {
	if !context.Known() {
		panic("identity: signing in an unknown context")
	}
	return sign(private, contextTexts[context], message)
}

func sign(private PrivateKey, context string, message []byte) Signature {
	signature, err := private.key.Sign(nil, message, &ed25519.Options{Context: context})
	if err != nil {
		panic(err) // a process that allows FIPS 140 algorithms only has no Ed25519 with context
	}
	return Signature(signature)
}

// Verify reports why signature is not that of public for message in the given context: ErrWeakKey or ErrSignature.
func Verify(public PublicKey, context Context, message []byte, signature Signature) error {
	if !context.Known() {
		return ErrSignature
	}
	return verify(public, contextTexts[context], message, signature)
}

func verify(public PublicKey, context string, message []byte, signature Signature) error {
	if err := public.Check(); err != nil {
		return err
	}
	if ed25519.VerifyWithOptions(public[:], message, signature[:], &ed25519.Options{Context: context}) != nil {
		return ErrSignature
	}
	return nil
}
