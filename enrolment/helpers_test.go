package enrolment

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

const day = 24 * time.Hour

// clock is a clock that tests set.
type clock struct{ unix atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.unix.Store(time.Now().Unix())
	return c
}

func (c *clock) now() time.Time            { return time.Unix(c.unix.Load(), 0) }
func (c *clock) instant() identity.Instant { return identity.InstantOf(c.now()) }
func (c *clock) add(d time.Duration)       { c.unix.Add(int64(d / time.Second)) }

// entropy returns bytes that follow from seed.
func entropy(seed uint64) *rand.ChaCha8 {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], seed)
	return rand.NewChaCha8(b)
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// newStore returns the store of a new data directory.
func newStore(t testing.TB, c *clock) *Store {
	t.Helper()
	return &Store{Dir: filepath.Join(t.TempDir(), "data"), Now: c.now}
}

// newAuthority makes a root in a new data directory.
func newAuthority(t testing.TB, c *clock) *Authority {
	t.Helper()
	a := newStore(t, c).Authority()
	must[*identity.Bundle](t)(a.Init(context.Background(), "/", RootLifeDefault))
	return a
}

// enrol gives a store a member certificate by a request file.
func enrol(t testing.TB, a *Authority, s *Store, name string, id protocol.NodeID) *Member {
	t.Helper()
	ctx := context.Background()
	key := must[identity.PrivateKey](t)(s.Key(ctx))
	request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(key, name, id, identity.Fingerprint{}))
	bundle := must[*identity.Bundle](t)(a.Issue(ctx, request, identity.MemberGrants()))
	must[*identity.Verified](t)(s.Install(ctx, bundle, id))
	return must[*Member](t)(s.Member())
}
