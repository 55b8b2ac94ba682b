package enrolment

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// Folders of a data directory.
const (
	identityFolder  = "identity"
	authorityFolder = "authority"
)

// Files of the identity folder.
var (
	keyFile     = file{name: "key", what: "key", sizeMax: identity.PrivateKeySize, secret: true}
	bundleFile  = file{name: "bundle", what: "certificate", sizeMax: identity.ArmorSizeMax}
	requestFile = file{name: "request", what: "join request", sizeMax: identity.ArmorSizeMax}
	issuersFile = file{name: "issuers", what: "addresses of issuers", sizeMax: AddressesMax * (protocol.AddressMax + 1)}
)

// Errors of a store.
var (
	ErrNotEnrolled = errors.New("this node has no certificate: enrol it with a join token, or with a request file")
	ErrNoKey       = errors.New("this node has no key: make a request first")
	ErrDamaged     = errors.New("is damaged: restore it from a backup, or remove it and enrol again")
	ErrOtherKey    = errors.New("certificate is for another key than this node's")
	ErrOtherNode   = errors.New("certificate is for another node than this one")
	ErrOtherFleet  = errors.New("certificate is of another fleet than the one that this node is of")
)

// Store is what a node keeps of its identity in its data directory, and of the authority that it may hold. Its methods may be called from any goroutine and
// by several processes at a time.
type Store struct {
	Dir string // the data directory, or the folder of an authority that is kept apart

	Entropy io.Reader        // nil: crypto/rand.Reader
	Now     func() time.Time // nil: time.Now
}

func (s *Store) entropy() io.Reader {
	if s.Entropy == nil {
		return rand.Reader
	}
	return s.Entropy
}

func (s *Store) now() identity.Instant { return identity.InstantOf(timeBy(s.Now)) }

// timeBy returns the time by a clock, nil for the real one.
func timeBy(clock func() time.Time) time.Time {
	if clock == nil {
		return time.Now()
	}
	return clock()
}

func (s *Store) identityFolder() string { return filepath.Join(s.Dir, identityFolder) }

// Member is a node that has a certificate.
type Member struct {
	Key    identity.PrivateKey
	Bundle *identity.Bundle
	// Verified is what the chain says at the time when it was read. It may be in grace.
	Verified *identity.Verified
}

// Member returns the kept identity, after verifying it at the present time, with the usual grace and by the given revocation lists. The error is ErrNotEnrolled
// when there is none, and else a FileError around what is wrong with key or certificate, or that of a list.
func (s *Store) Member(lists ...*identity.RevocationList) (*Member, error) {
	folder := s.identityFolder()
	bundle, err := readBundle(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotEnrolled
	}
	if err != nil {
		return nil, err
	}
	key, err := readKey(folder)
	if err != nil {
		return nil, err
	}
	if bundle.Chain.Leaf().Key != key.Public() {
		return nil, bundleFile.fail(folder, ErrOtherKey)
	}
	revocations := &identity.Revocations{}
	if err := mergeAll(revocations, lists); err != nil {
		return nil, err
	}
	policy := identity.Policy{Anchor: bundle.Anchor, Now: s.now(), Grace: identity.GraceDefault, Revocations: revocations}
	verified, err := policy.Verify(bundle.Chain)
	if err != nil {
		return nil, bundleFile.fail(folder, ofKept(err))
	}
	return &Member{Key: key, Bundle: bundle, Verified: verified}, nil
}

// ofKept says of a chain that was good when it was kept that it is damaged, unless it is time or a list that speaks against it now.
func ofKept(err error) error {
	if errors.Is(err, identity.ErrExpired) || errors.Is(err, identity.ErrNotYetValid) || errors.Is(err, identity.ErrRevoked) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// Key returns the node's key, which it draws and keeps when there is none yet.
func (s *Store) Key(ctx context.Context) (identity.PrivateKey, error) {
	return s.drawKey(ctx, s.identityFolder())
}

// drawKey returns the key that a folder keeps, and draws and keeps one when there is none yet.
func (s *Store) drawKey(ctx context.Context, folder string) (identity.PrivateKey, error) {
	held, err := lock(ctx, folder)
	if err != nil {
		return identity.PrivateKey{}, err
	}
	defer held.Close()
	key, err := readKey(folder)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = identity.GenerateKey(s.entropy()); err != nil {
		return identity.PrivateKey{}, err
	}
	return key, writeKey(folder, key)
}

// KeepRequest keeps a request that goes to an authority as a file, so that Install knows what was asked for.
func (s *Store) KeepRequest(ctx context.Context, request *identity.JoinRequest) error {
	return s.write(ctx, requestFile, request.Text())
}

func (s *Store) write(ctx context.Context, f file, content []byte) error {
	held, err := lock(ctx, s.identityFolder())
	if err != nil {
		return err
	}
	defer held.Close()
	return f.write(s.identityFolder(), content)
}

// Install verifies a member certificate for the node with the given id and keeps it. It has to be for the key of the node and of its fleet: that of the
// certificate that it takes the place of, and that of the request that KeepRequest kept. The error is ErrNoKey, ErrOtherKey, ErrOtherNode, ErrOtherFleet, one of
// verification, or a FileError.
func (s *Store) Install(ctx context.Context, bundle *identity.Bundle, id protocol.NodeID) (*identity.Verified, error) {
	folder := s.identityFolder()
	held, key, err := lockKey(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer held.Close()
	verified, err := checkBundle(bundle, key.Public(), id, s.now())
	if err != nil {
		return nil, err
	}
	if err := checkExpected(folder, bundle); err != nil {
		return nil, err
	}
	if err := bundleFile.write(folder, bundle.Text()); err != nil {
		return nil, err
	}
	return verified, requestFile.remove(folder)
}

// lockKey locks a folder and reads its key, which has to be there.
func lockKey(ctx context.Context, folder string) (held *os.File, key identity.PrivateKey, err error) {
	if held, err = lock(ctx, folder); err != nil {
		return nil, key, err
	}
	if key, err = readKey(folder); err != nil {
		held.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoKey
	}
	return held, key, err
}

// checkBundle verifies a member's bundle, which has to be for the given key and node.
func checkBundle(bundle *identity.Bundle, key identity.PublicKey, id protocol.NodeID, now identity.Instant) (*identity.Verified, error) {
	policy := identity.Policy{Anchor: bundle.Anchor, Now: now, Grace: identity.GraceDefault}
	verified, err := policy.Verify(bundle.Chain)
	switch {
	case err != nil:
		return nil, err
	case verified.Key != key:
		return nil, ErrOtherKey
	case verified.Kind != identity.KindMember:
		return nil, &identity.KindError{Found: verified.Kind, Issuer: identity.KindMember}
	case verified.NodeID != id:
		return nil, fmt.Errorf("%w: node id %s, this node's is %s", ErrOtherNode, verified.NodeID, id)
	}
	return verified, nil
}

// checkExpected compares a bundle with what the folder says of the fleet, and of the name that was asked for.
func checkExpected(folder string, bundle *identity.Bundle) error {
	before, err := readBundle(folder)
	switch {
	case err == nil && before.Anchor != bundle.Anchor:
		return fmt.Errorf("%w: fingerprint %s, this node's is %s", ErrOtherFleet, bundle.Anchor, before.Anchor)
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrDamaged):
		return err
	}
	text, err := requestFile.read(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	request, err := identity.ParseJoinRequest(text)
	switch {
	case err != nil:
		return requestFile.fail(folder, fmt.Errorf("%w: %w", ErrDamaged, err))
	case request.Anchor != bundle.Anchor && request.Anchor != identity.Fingerprint{}:
		return fmt.Errorf("%w: fingerprint %s, the request is for %s", ErrOtherFleet, bundle.Anchor, request.Anchor)
	case request.Name != bundle.Chain.Leaf().Name:
		return fmt.Errorf("%w: name %q, the request is for %q", ErrOtherNode, bundle.Chain.Leaf().Name, request.Name)
	}
	return nil
}

// KeepIssuers keeps the addresses at which the certificate can be renewed, at most AddressesMax.
func (s *Store) KeepIssuers(ctx context.Context, addresses []protocol.Address) error {
	return s.write(ctx, issuersFile, addressLines(addresses))
}

// Issuers returns the addresses that KeepIssuers kept, if any.
func (s *Store) Issuers() ([]protocol.Address, error) {
	return readAddresses(issuersFile, s.identityFolder())
}

func addressLines(addresses []protocol.Address) []byte {
	var text bytes.Buffer
	for _, address := range addresses[:min(len(addresses), AddressesMax)] {
		fmt.Fprintln(&text, address)
	}
	return text.Bytes()
}

func readAddresses(f file, folder string) ([]protocol.Address, error) {
	text, err := f.read(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	addresses, err := parseAddresses(text)
	if err != nil {
		return nil, f.fail(folder, err)
	}
	return addresses, nil
}

func parseAddresses(text []byte) (addresses []protocol.Address, err error) {
	for line := range strings.Lines(string(text)) {
		address := strings.TrimSpace(line)
		if address == "" || len(address) > protocol.AddressMax || len(addresses) == AddressesMax {
			return nil, ErrDamaged
		}
		addresses = append(addresses, protocol.Address(address))
	}
	return addresses, nil
}

func writeKey(folder string, key identity.PrivateKey) error {
	return keyFile.write(folder, key.Append(nil))
}

func readKey(folder string) (identity.PrivateKey, error) {
	return decodeFile(keyFile, folder, identity.DecodePrivateKey)
}

func readBundle(folder string) (*identity.Bundle, error) {
	return decodeFile(bundleFile, folder, identity.ParseBundle)
}
