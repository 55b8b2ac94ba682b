package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// Sizes of secrets, in bytes.
const (
	SecretSize = 32 // of what both ends have agreed upon
	keySize    = 16
	nonceSize  = 12
)

// Labels of the two directions. They are fixed for good.
const (
	labelInitiator = "spinglass 1 datagrams of the initiator"
	labelResponder = "spinglass 1 datagrams of the responder"
)

// ErrSecret says that a secret is too short to derive keys from.
var ErrSecret = errors.New("seal: secret of fewer than 32 bytes")

// Key seals and opens the datagrams of one direction.
type Key struct {
	key  [keySize]byte
	mask [nonceSize]byte // what counters are combined with to make nonces, as TLS 1.3 does
}

// Keys are the keys of one end of a session.
type Keys struct {
	Send, Receive Key
}

// Derive returns the keys of one end from a secret of SecretSize bytes or more that nobody but both ends knows, and that no other session
// has. The error is ErrSecret.
func Derive(secret []byte, initiator bool) (Keys, error) {
	if len(secret) < SecretSize {
		return Keys{}, ErrSecret
	}
	first, err := deriveKey(secret, labelInitiator)
	if err != nil {
		return Keys{}, err
	}
	second, err := deriveKey(secret, labelResponder)
	if err != nil {
		return Keys{}, err
	}
	if initiator {
		return Keys{Send: first, Receive: second}, nil
	}
	return Keys{Send: second, Receive: first}, nil
}

func deriveKey(secret []byte, label string) (k Key, err error) {
	b, err := hkdf.Expand(sha256.New, secret, label, keySize+nonceSize)
	if err != nil {
		return Key{}, err
	}
	copy(k.mask[:], b[copy(k.key[:], b):])
	return k, nil
}

func (k Key) aead() cipher.AEAD {
	block, err := aes.NewCipher(k.key[:])
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCM(block); err == nil {
			return aead
		}
	}
	panic(err) // no key of 16 bytes is refused
}
