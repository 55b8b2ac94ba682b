package spinglass

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"spinglass/live"
	"spinglass/membership"
	"spinglass/protocol"
)

// identityFile holds the NodeID, in hexadecimal.
const identityFile = "node-id"

// dataDir is what a node keeps across restarts.
type dataDir struct {
	id    protocol.NodeID
	epoch uint64 // boot counter of the last run
	lock  *os.File
}

// openDataDir reads, and at the first start makes, what the node keeps. An empty path gives a new identity that is not kept.
func openDataDir(path string) (*dataDir, error) {
	if path == "" {
		return &dataDir{id: newNodeID()}, nil
	}
	d, err := readDataDir(path)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrDataDir, path, plain(err))
	}
	return d, nil
}

// DataDirNodeID returns the NodeID that a data directory keeps. Where there is none yet it makes the one that the node will have, unless the directory is in
// use. The error is an [ErrDataDir].
func DataDirNodeID(path string) (protocol.NodeID, error) {
	_, err := os.Stat(filepath.Join(path, identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		d, err := openDataDir(path)
		if err != nil {
			return 0, err
		}
		d.close()
		return d.id, nil
	}
	id, err := readIdentity(path)
	if err != nil {
		return 0, fmt.Errorf("%w %s: %w", ErrDataDir, path, plain(err))
	}
	return id, nil
}

func readDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(path, "lock"))
	if err != nil {
		return nil, err
	}
	d := &dataDir{lock: lock}
	if d.id, err = readIdentity(path); err == nil {
		d.epoch, err = readEpoch(path)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// close lets go of the directory.
func (d *dataDir) close() {
	if d.lock != nil {
		d.lock.Close()
	}
}

func readIdentity(path string) (protocol.NodeID, error) {
	name := filepath.Join(path, identityFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		id := newNodeID()
		return id, writeIdentity(name, id)
	}
	if err != nil {
		return 0, err
	}
	id, err := protocol.ParseNodeID(strings.TrimSpace(string(text)))
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%s does not hold a node id", identityFile)
	}
	return id, nil
}

// writeIdentity makes the identity durable before it is used, so that a crash cannot leave a member that nobody is.
func writeIdentity(name string, id protocol.NodeID) error {
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(id.String() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func readEpoch(path string) (uint64, error) {
	value, err := live.ReadPersisted(path, membership.EpochKey)
	if errors.Is(err, fs.ErrNotExist) || err == nil && value == nil {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return membership.ParseEpoch(value)
}

func newNodeID() protocol.NodeID {
	for {
		var b [8]byte
		rand.Read(b[:]) // never fails
		if id := binary.BigEndian.Uint64(b[:]); id != 0 {
			return protocol.NodeID(id)
		}
	}
}

// plain takes the operation and the path out of a file error, which the caller names already.
func plain(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
