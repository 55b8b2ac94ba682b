package astrolabe

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// Limits of blobs.
const (
	BlobSizeMax   = 64 << 10 // bytes of one
	BlobsOwnMax   = 64       // that a member keeps for its own rows
	BlobsCacheMax = 256      // that it keeps of those that it got from others,
	blobsCache    = 4 << 20  // of so many bytes together
)

// Errors of blobs.
var (
	ErrBlobSize = fmt.Errorf("a blob has 1 to %d bytes", BlobSizeMax)
	ErrBlobs    = errors.New("this member keeps as many blobs as it may")
)

// blobs are values that rows name by their hashes.
type blobs struct {
	own    []ownBlob
	cached []blob // those used least recently first
	bytes  int    // of cached
}

type blob struct {
	hash Hash
	data []byte // never changed
}

// ownBlob is one of the own row, or of a row of the host's applications.
type ownBlob struct {
	blob
	name string // by which it is replaced and given up
}

// KeepBlob keeps data for the row's attribute of a name, in place of what it had before, so that whoever reads the hash there can ask for it. The data is copied. Errors: ErrBlobSize, ErrBlobs.
func (m *Machine) KeepBlob(name string, data []byte) (Hash, error) {
	if len(data) == 0 || len(data) > BlobSizeMax {
		return Hash{}, ErrBlobSize
	}
	b := &m.blobs
	i := slices.IndexFunc(b.own, func(o ownBlob) bool { return o.name == name })
	if i < 0 && len(b.own) >= BlobsOwnMax {
		return Hash{}, ErrBlobs
	}
	kept := ownBlob{blob{sha256.Sum256(data), bytes.Clone(data)}, name}
	if i < 0 {
		b.own = append(b.own, kept)
	} else {
		b.own[i] = kept
	}
	return kept.hash, nil
}

// DropBlob gives up what KeepBlob keeps for an attribute, unless that is of the given hash.
func (m *Machine) DropBlob(name string, but Hash) {
	m.blobs.own = slices.DeleteFunc(m.blobs.own, func(o ownBlob) bool { return o.name == name && o.hash != but })
}

// Blob returns a blob that is here, nil for any other. It must not be changed.
func (m *Machine) Blob(hash Hash) []byte { return m.blobs.get(hash) }

func (b *blobs) get(hash Hash) []byte {
	for i := range b.own {
		if b.own[i].hash == hash {
			return b.own[i].data
		}
	}
	i := slices.IndexFunc(b.cached, func(c blob) bool { return c.hash == hash })
	if i < 0 {
		return nil
	}
	found := b.cached[i]
	b.cached = append(slices.Delete(b.cached, i, i+1), found)
	return found.data
}

// cache keeps a blob of another member. Those used least recently make room.
func (b *blobs) cache(hash Hash, data []byte) {
	if b.get(hash) != nil {
		return
	}
	b.cached = append(b.cached, blob{hash, data})
	b.bytes += len(data)
	for len(b.cached) > BlobsCacheMax || b.bytes > blobsCache {
		b.bytes -= len(b.cached[0].data)
		b.cached = slices.Delete(b.cached, 0, 1)
	}
}
