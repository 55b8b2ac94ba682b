package spinglass

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// BlobMax is the most that a blob has, in bytes.
const BlobMax = astrolabe.BlobSizeMax

// SetBlob sets an attribute of the own row to the hash of data, 32 bytes of SHA-256, and keeps data for whoever asks for it by [Node.Blob]: for values of up to [BlobMax] bytes, which rows have no
// room for. The data is copied. It is kept until the attribute is set to something else or removed, by [Node.Set] or again by this, or the node ends; a node keeps [astrolabe.BlobsOwnMax] of them.
//
// Errors: [ErrBlob] for data that is empty or too large, [ErrLimit] when the node keeps as many as it may, and those of Set.
func (n *Node) SetBlob(ctx context.Context, attribute string, data []byte) error {
	if err := checkAttribute(attribute); err != nil {
		return err
	}
	if err := n.allows(identity.VerbSet, attribute); err != nil {
		return err
	}
	if len(data) == 0 || len(data) > BlobMax {
		return fmt.Errorf("%w: %d bytes, where 1 to %d are possible", ErrBlob, len(data), BlobMax)
	}
	hash := sha256.Sum256(data)
	value, err := table.Bytes(hash[:]).Encode()
	if err != nil {
		return err // a hash is always a value
	}
	var failed error
	err = n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		changes := []protocol.Attribute{{Name: attribute, Value: value}}
		if failed = n.fits(changes); failed != nil {
			return
		}
		if _, err := n.stack.Tables.KeepBlob(attribute, data); err != nil {
			failed = fmt.Errorf("%w: %w: %d", ErrLimit, err, astrolabe.BlobsOwnMax)
			return
		}
		if failed = n.set(now, changes, out); failed != nil {
			n.stack.Tables.DropBlob(attribute, hashOf(n.attributes[attribute]))
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// releaseBlob gives up the blob of an attribute that was set to something else. It is called on the loop.
func (n *Node) releaseBlob(a protocol.Attribute) { n.stack.Tables.DropBlob(a.Name, hashOf(a.Value)) }

// hashOf returns the hash that an encoded value is, the zero one for any other value.
func hashOf(encoded []byte) (hash astrolabe.Hash) {
	v, err := table.DecodeValue(encoded)
	if b, ok := v.Bytes(); err == nil && ok && len(b) == len(hash) {
		copy(hash[:], b)
	}
	return hash
}

// Blob returns what the hash in an attribute of a row stands for: of the row of a host, whom it asks for it, or of a zone, whose contacts it asks. The name of the row is that of [Node.Get]. What
// others have sent is what the hash says, whoever sent it; some of it stays here for the next time, and for others that ask this node.
//
// Errors: [ErrBlob] when the attribute is no hash, [ErrUnanswered] when nobody who was asked has it, and those of Get.
func (n *Node) Blob(ctx context.Context, name, attribute string) ([]byte, error) {
	row, err := n.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	hash, ok := row.Attributes[attribute].([]byte)
	if !ok || len(hash) != len(astrolabe.Hash{}) {
		return nil, fmt.Errorf("%w: the attribute %q of %s is no hash of one", ErrBlob, attribute, row.Name)
	}
	return n.fetch(ctx, astrolabe.Hash(hash), &row)
}

// BlobOf returns the blob of a hash, which is here or with who has made the row of a name: a host that sets it itself, or got it from another one.
//
// Errors: those of [Node.Blob].
func (n *Node) BlobOf(ctx context.Context, hash []byte, holder string) ([]byte, error) {
	if len(hash) != len(astrolabe.Hash{}) {
		return nil, fmt.Errorf("%w: a hash has %d bytes, and this one %d", ErrBlob, len(astrolabe.Hash{}), len(hash))
	}
	row, err := n.Get(ctx, holder)
	if err != nil {
		return nil, err
	}
	return n.fetch(ctx, astrolabe.Hash(hash), &row)
}

// fetch returns the blob of a hash: from here, or from who has made the row.
func (n *Node) fetch(ctx context.Context, hash astrolabe.Hash, row *Row) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("%w: a blob took longer than %v", ErrUnanswered, askTimeout))
	defer cancel()
	var data []byte
	if err := n.call(ctx, func(protocol.Time, *protocol.Output) { data = bytes.Clone(n.stack.Tables.Blob(hash)) }); err != nil || data != nil {
		return data, err
	}
	began := time.Now()
	var told []string
	for _, c := range holders(row, n.id) {
		data, err := n.ask(ctx, astrolabe.Question{Subject: astrolabe.SubjectBlob, Hash: hash, To: c.ID, Addresses: c.Addresses})
		switch {
		case err == nil:
			return bytes.Clone(data), nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, ErrClosed), errors.Is(err, ErrLimit), errors.Is(err, ErrNotRunning):
			return nil, err
		}
		told = append(told, fmt.Sprintf("%s: %v", c, err))
	}
	if len(told) == 0 {
		return nil, fmt.Errorf("%w for the blob of %s: it is not here, and nobody else may have it", ErrUnanswered, row.Name)
	}
	return nil, fmt.Errorf("%w for the blob of %s: asked %d, for %v (%s)", ErrUnanswered, row.Name, len(told), time.Since(began).Round(100*time.Millisecond), strings.Join(told, "; "))
}

// holders returns who may hold what a row names: who has made it, and the contacts of a zone.
func holders(row *Row, self protocol.NodeID) (all []astrolabe.Contact) {
	if row.ID != self && len(row.Addresses) > 0 {
		all = append(all, astrolabe.Contact{ID: row.ID, Addresses: row.Addresses})
	}
	if contacts, ok := row.Attributes[astrolabe.AttributeContacts].([]any); ok && !row.Host {
		for _, c := range contacts[:min(len(contacts), askContactsMax)] {
			text, _ := c.(string)
			if contact, ok := astrolabe.ParseContact(text); ok && contact.ID != self && contact.ID != row.ID && len(contact.Addresses) > 0 {
				all = append(all, contact)
			}
		}
	}
	return all
}
