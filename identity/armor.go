package identity

import (
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Types of the blocks of text files.
const (
	BlockAnchor      = "SPINGLASS ANCHOR"
	BlockChain       = "SPINGLASS CERTIFICATE CHAIN"
	BlockClientKey   = "SPINGLASS CLIENT KEY"
	BlockRequest     = "SPINGLASS JOIN REQUEST"
	BlockRevocations = "SPINGLASS REVOCATION LIST"
)

// Limits of text files.
const (
	ArmorSizeMax = 32768 // bytes
	blocksMax    = 3
)

// ErrArmor says that a text file is not what was expected.
var ErrArmor = errors.New("not a well-formed text file of this kind")

// armor encodes blocks of one type.
func armor(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }

// blocks reads a file that consists of blocks without headers, and nothing else but spaces and line ends around it; lines may end as on Windows.
func blocks(text []byte) ([]*pem.Block, error) {
	if len(text) > ArmorSizeMax {
		return nil, fmt.Errorf("text file of %d bytes, the limit is %d: %w", len(text), ArmorSizeMax, ErrTooLarge)
	}
	normal := strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")) + "\n"
	var found []*pem.Block
	var again strings.Builder
	for rest := []byte(normal); len(rest) > 0 && len(found) < blocksMax; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		found = append(found, block)
		again.Write(armor(block.Type, block.Bytes))
	}
	if again.String() != normal {
		return nil, fmt.Errorf("blocks of the form -----BEGIN %s----- are expected, at most %d, and nothing else: %w", BlockAnchor, blocksMax, ErrArmor)
	}
	return found, nil
}

// oneBlock reads a file of one block of the given type.
func oneBlock(text []byte, kind string) ([]byte, error) {
	found, err := blocks(text)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 || found[0].Type != kind {
		return nil, fmt.Errorf("one block %q is expected: %w", kind, ErrArmor)
	}
	return found[0].Bytes, nil
}

// Text returns the request as a text file.
func (r *JoinRequest) Text() []byte { return armor(BlockRequest, r.Append(nil)) }

// ParseJoinRequest reads the file that Text makes. The error is an ErrArmor, ErrTooLarge or one of DecodeJoinRequest.
func ParseJoinRequest(text []byte) (*JoinRequest, error) {
	b, err := oneBlock(text, BlockRequest)
	if err != nil {
		return nil, err
	}
	return DecodeJoinRequest(b)
}

// Text returns the list as a text file.
func (l *RevocationList) Text() []byte { return armor(BlockRevocations, l.Append(nil)) }

// ParseRevocationList reads the file that Text makes. The error is an ErrArmor, ErrTooLarge or one of DecodeRevocationList.
func ParseRevocationList(text []byte) (*RevocationList, error) {
	b, err := oneBlock(text, BlockRevocations)
	if err != nil {
		return nil, err
	}
	return DecodeRevocationList(b)
}

// Bundle is what an issuer hands out: the chain of a subject, and the anchor that it leads from. The anchor tells people which fleet the file is for; who
// has it from elsewhere must not believe the file's.
type Bundle struct {
	Anchor Fingerprint
	Chain  Chain
}

// Text returns the bundle as a text file: the anchor, then the chain as one block, so that no shorter chain can be cut from it unnoticed.
func (b *Bundle) Text() []byte {
	return append(armor(BlockAnchor, b.Anchor[:]), armor(BlockChain, b.Chain.Append(nil))...)
}

// ParseBundle reads the file that Text makes. Nothing in it is verified. The error is an ErrArmor, ErrTooLarge or one of DecodeChain.
func ParseBundle(text []byte) (*Bundle, error) {
	found, err := blocks(text)
	if err != nil {
		return nil, err
	}
	return bundleOf(found)
}

// bundleOf reads the blocks of a bundle.
func bundleOf(found []*pem.Block) (*Bundle, error) {
	if len(found) != 2 || found[0].Type != BlockAnchor || len(found[0].Bytes) != FingerprintSize || found[1].Type != BlockChain {
		return nil, fmt.Errorf("a block %q of %d bytes and a block %q are expected: %w", BlockAnchor, FingerprintSize, BlockChain, ErrArmor)
	}
	chain, err := DecodeChain(found[1].Bytes)
	if err != nil {
		return nil, err
	}
	return &Bundle{Anchor: Fingerprint(found[0].Bytes), Chain: chain}, nil
}

// Client is what a person or program holds that is no member: a key and the chain to its certificate. It is secret.
type Client struct {
	Key    PrivateKey
	Bundle *Bundle
}

// Text returns the client as a text file: its key, and then its bundle.
func (c *Client) Text() []byte {
	return append(armor(BlockClientKey, c.Key.Append(nil)), c.Bundle.Text()...)
}

// ParseClient reads the file that Text makes. Nothing in it is verified but that the certificate is a client's and for the key. The error is an ErrArmor, ErrTooLarge, ErrKind, ErrAuthority or one of
// DecodePrivateKey and DecodeChain.
func ParseClient(text []byte) (*Client, error) {
	found, err := blocks(text)
	if err != nil {
		return nil, err
	}
	if len(found) != blocksMax || found[0].Type != BlockClientKey {
		return nil, fmt.Errorf("a block %q and then those of a bundle are expected: %w", BlockClientKey, ErrArmor)
	}
	key, err := DecodePrivateKey(found[0].Bytes)
	if err != nil {
		return nil, err
	}
	bundle, err := bundleOf(found[1:])
	if err != nil {
		return nil, err
	}
	switch leaf := bundle.Chain.Leaf(); {
	case leaf.Kind != KindClient:
		return nil, &KindError{Found: leaf.Kind, Issuer: KindClient}
	case leaf.Key != key.Public():
		return nil, &AuthorityError{Expected: key.Public().Fingerprint(), Found: leaf.Key.Fingerprint()}
	}
	return &Client{Key: key, Bundle: bundle}, nil
}
