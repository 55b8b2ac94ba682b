// Package memoryfleet makes the identities of fleets that nobody needs to trust, in memory: those of the demonstration, of benchmarks and of tests.
package memoryfleet

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"spinglass"
	"spinglass/identity"
	"spinglass/protocol"
)

// life is that of the authority.
const life = 24 * time.Hour

// Authority makes the identities of one fleet. Its methods may be called from any goroutine.
type Authority struct {
	mu    sync.Mutex
	trust *identity.Authority
}

// New makes the authority of a fleet that has its key from crypto/rand.
func New() (*Authority, error) { return newAuthority(rand.Reader) }

// Shared makes the authority that all processes which call it with the same number have, as a member of its own each: whoever knows the number has its key.
func Shared(number uint32) (*Authority, error) {
	var seed [32]byte
	binary.BigEndian.PutUint32(seed[:], number)
	return newAuthority(mathrand.NewChaCha8(seed))
}

func newAuthority(entropy io.Reader) (*Authority, error) {
	// A little earlier than now, since processes do not make theirs at the same instant.
	trust, err := identity.NewAuthority(entropy, "/", identity.InstantOf(time.Now()).Add(-time.Minute), life)
	if err != nil {
		return nil, err
	}
	return &Authority{trust: trust}, nil
}

// Identity returns that of a new member, with a NodeID of its own.
func (a *Authority) Identity(name string) (*spinglass.Identity, error) {
	return a.Granted(name, identity.MemberGrants())
}

// Granted is Identity for a member with certain grants only.
func (a *Authority) Granted(name string, grants identity.Grants) (*spinglass.Identity, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key, err := identity.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var id [8]byte
	rand.Read(id[:]) // never fails
	terms := identity.Terms{Entropy: rand.Reader, Now: identity.InstantOf(time.Now()), Lifetime: life / 2}
	chain, err := a.trust.IssueMember(terms, name, protocol.NodeID(binary.BigEndian.Uint64(id[:])|1), key.Public(), grants)
	if err != nil {
		return nil, err
	}
	return &spinglass.Identity{Key: key, Chain: chain, Anchor: a.trust.Anchor()}, nil
}

// Function signs a program as a function of a zone, for an hour.
func (a *Authority) Function(name, zone, program string) (identity.Chain, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	terms := identity.Terms{Entropy: rand.Reader, Now: identity.InstantOf(now), Lifetime: time.Hour}
	return a.trust.IssueFunction(terms, name, zone, identity.Function{Version: uint64(now.UnixMilli()), Program: sha256.Sum256([]byte(program)), Steps: functionSteps})
}

// functionSteps is what a function may take in a zone of as many rows as there may be by default.
const functionSteps = 100_000
