package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"spinglass/protocol"
	"spinglass/wire"
)

// Sizes and limits of tokens.
const (
	TokenIDSize       = 8  // bytes
	TokenSecretSize   = 16 // bytes
	TokenAddressesMax = 4
	TokenTextMax      = 2048 // characters

	tokenPrefix       = "spinglass1."
	tokenChecksumSize = 4
)

// Errors of tokens, as they are read and as an issuer finds them.
var (
	ErrTokenText    = errors.New("not a join token: one begins with " + tokenPrefix + " and has no spaces")
	ErrTokenDamaged = errors.New("join token is damaged: characters are missing, wrong or too many; copy it again")
	ErrTokenUnknown = errors.New("join token is not known to this issuer; it may be another issuer's, or have been taken back")
	ErrTokenSecret  = errors.New("join request was not made with the secret of its token")
	ErrTokenSpent   = errors.New("join token is used up; ask for a new one")
)

// TokenID names a token. It is no secret.
type TokenID [TokenIDSize]byte

// TokenSecret is what makes a token one. It is never sent. It does not show itself when printed.
type TokenSecret [TokenSecretSize]byte

// Format hides the secret, whatever the verb.
func (s TokenSecret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "identity.TokenSecret(hidden)")
}

// Token lets its holder join: by the secret the issuer knows the holder, and by the anchor the holder knows the issuer.
type Token struct {
	ID        TokenID
	Secret    TokenSecret
	Expiry    Instant
	Anchor    Fingerprint
	Addresses []protocol.Address // where the issuer is reached, at most TokenAddressesMax
}

// Text returns the token as people copy it: spinglass1. and lower-case letters and digits, about 120. Whoever has the text has the secret. A token with more
// or longer addresses than the limits allow has no text that is read again.
func (t *Token) Text() string {
	b := append(append([]byte(nil), t.ID[:]...), t.Secret[:]...)
	b = append(appendInstant(b, t.Expiry), t.Anchor[:]...)
	b = wire.AppendUvarint(b, uint64(len(t.Addresses)))
	for _, address := range t.Addresses {
		b = wire.AppendBytes(b, address)
	}
	return tokenPrefix + letters.EncodeToString(binary.BigEndian.AppendUint32(b, tokenChecksum(b)))
}

// tokenChecksum tells a typing error from a wrong token. It protects from nothing else.
func tokenChecksum(b []byte) uint32 {
	sum := sha256.Sum256(append([]byte(tokenPrefix), b...))
	return binary.BigEndian.Uint32(sum[:tokenChecksumSize])
}

// ParseToken reads what Text returns; spaces and line ends around it do not matter. The error is an ErrTokenText, ErrTokenDamaged or ErrVersion.
func ParseToken(text string) (*Token, error) {
	text = strings.TrimSpace(text)
	if len(text) > TokenTextMax {
		return nil, ErrTokenText
	}
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		var version byte
		if n, _ := fmt.Sscanf(text, "spinglass%d.", &version); n == 1 && version != formatVersion {
			return nil, &VersionError{version}
		}
		return nil, ErrTokenText
	}
	b, err := letters.DecodeString(encoded)
	if err != nil || letters.EncodeToString(b) != encoded || len(b) < tokenChecksumSize {
		return nil, ErrTokenDamaged
	}
	b, sum := b[:len(b)-tokenChecksumSize], binary.BigEndian.Uint32(b[len(b)-tokenChecksumSize:])
	if tokenChecksum(b) != sum {
		return nil, ErrTokenDamaged
	}
	return decodeToken(b)
}

func decodeToken(b []byte) (*Token, error) {
	t := &Token{}
	in := wire.NewReader(b)
	readArray(&in, t.ID[:])
	readArray(&in, t.Secret[:])
	t.Expiry = readInstant(&in)
	readArray(&in, t.Anchor[:])
	for range in.Count(TokenAddressesMax, 2) {
		address := in.Bytes(protocol.AddressMax)
		if in.Err() != nil || len(address) == 0 {
			return nil, ErrTokenDamaged
		}
		t.Addresses = append(t.Addresses, protocol.Address(address))
	}
	if in.Done() != nil || t.check() != nil {
		return nil, ErrTokenDamaged
	}
	return t, nil
}

// check reports why the token's text would not be read again.
func (t *Token) check() error {
	if t.ID == (TokenID{}) || checkInstant(t.Expiry) != nil || len(t.Addresses) > TokenAddressesMax {
		return ErrMalformed
	}
	for _, address := range t.Addresses {
		if len(address) == 0 || len(address) > protocol.AddressMax {
			return ErrMalformed
		}
	}
	return nil
}
