package enrolment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

func TestInitOnce(t *testing.T) {
	a := newAuthority(t, newClock())
	if _, err := a.Init(t.Context(), "/", RootLifeDefault); !errors.Is(err, ErrAuthorityExists) {
		t.Error(err)
	}
	if _, err := newStore(t, newClock()).Authority().Init(t.Context(), "lab", RootLifeDefault); err == nil {
		t.Error("a zone without a slash")
	}
}

// TestTokensAcrossOperations uses a token as several machines do; every operation reads the state anew, as other processes would.
func TestTokensAcrossOperations(t *testing.T) {
	c := newClock()
	a := newAuthority(t, c)
	ctx := t.Context()
	if err := a.KeepAddresses(ctx, []protocol.Address{"a:1", "b:2", "c:3", "d:4", "e:5"}); err != nil {
		t.Fatal(err)
	}
	token := must[*identity.Token](t)(a.NewToken(ctx, 2, time.Hour))
	if len(token.Addresses) != identity.TokenAddressesMax || token.Addresses[0] != "a:1" {
		t.Error(token.Addresses)
	}
	join := func(seed uint64) error {
		key := must[identity.PrivateKey](t)(identity.GenerateKey(entropy(seed)))
		request := must[*identity.JoinRequest](t)(identity.NewJoinRequest(key, fmt.Sprintf("/lab/a%d", seed), protocol.NodeID(seed), token))
		_, err := (&Store{Dir: a.store.Dir, Now: c.now}).Authority().Admit(ctx, request)
		return err
	}
	for i, want := range []error{nil, nil, nil, identity.ErrTokenSpent} {
		seed := []uint64{1, 1, 2, 3}[i] // the second repeats the first, and takes no use
		if err := join(seed); !errors.Is(err, want) {
			t.Errorf("join %d: %v, want %v", i, err, want)
		}
	}
	c.add(time.Hour + time.Second)
	if err := join(1); !errors.Is(err, identity.ErrExpired) {
		t.Error(err)
	}
	listing := must[*Listing](t)(a.List(ctx))
	if len(listing.Certificates) != 2 || len(listing.Tokens) != 1 || listing.Tokens[0].State != StateExpired || listing.Tokens[0].Uses != 2 {
		t.Errorf("%+v", listing)
	}
	for _, life := range []time.Duration{0, -1, TokenLifeMax + 1} {
		if _, err := a.NewToken(ctx, 1, life); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("life %v: %v", life, err)
		}
	}
}

func TestRevoke(t *testing.T) {
	c := newClock()
	a := newAuthority(t, c)
	ctx := t.Context()
	members := map[string]*Member{}
	for i, name := range []string{"/lab/a1", "/lab/a2", "/lab/a3", "/lab/a4"} {
		members[name] = enrol(t, a, newStore(t, c), name, protocol.NodeID(i+1))
	}
	serial := members["/lab/a3"].Verified.Serial
	for _, target := range []string{"/lab/a1", members["/lab/a2"].Key.Public().String(), fmt.Sprintf("%016x", serial)} {
		if entries, _, err := a.Revoke(ctx, target); err != nil || len(entries) != 1 {
			t.Errorf("%s: %v %v", target, entries, err)
		}
	}
	c.add(time.Minute)
	for name, want := range map[string]error{"/lab/a1": identity.ErrRevoked, "/lab/a2": identity.ErrRevoked, "/lab/a3": identity.ErrRevoked, "/lab/a4": nil} {
		if _, err := a.Renew(ctx, members[name].Bundle.Chain); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	states := map[string]string{}
	listing := must[*Listing](t)(a.List(ctx))
	for _, listed := range listing.Certificates {
		states[listed.Name] += listed.State
	}
	if states["/lab/a1"] != StateRevoked || states["/lab/a2"] != StateRevoked || states["/lab/a3"] != StateRevoked || states["/lab/a4"] != StateValid {
		t.Error(states)
	}
	if listing.Revocations.Number != 4 || len(listing.Revocations.Entries) != 3 {
		t.Errorf("%+v", listing.Revocations)
	}
	for _, target := range []string{"/lab/a9", "0000000000000001"} {
		if _, _, err := a.Revoke(ctx, target); !errors.Is(err, ErrNotKnown) {
			t.Errorf("%s: %v", target, err)
		}
	}
	if _, _, err := a.Revoke(ctx, "nonsense"); !errors.Is(err, identity.ErrText) || !strings.Contains(err.Error(), "neither a name") {
		t.Error(err)
	}
	// The name is free for a new host.
	enrol(t, a, newStore(t, c), "/lab/a1", 1)
}

func TestIssueFunction(t *testing.T) {
	c := newClock()
	a := newAuthority(t, c)
	ctx := t.Context()
	function := identity.Function{Version: 7, Program: [32]byte{1}}
	bundle := must[*identity.Bundle](t)(a.IssueFunction(ctx, "load", "/lab", function, time.Hour))
	if leaf := bundle.Chain.Leaf(); leaf.Name != "load" || leaf.Scope != "/lab" || leaf.Function != function || leaf.NotAfter != c.instant().Add(time.Hour) {
		t.Errorf("%+v", leaf)
	}
	if _, err := (identity.Policy{Anchor: bundle.Anchor, Now: c.instant()}).Verify(bundle.Chain); err != nil {
		t.Error(err)
	}
	for _, life := range []time.Duration{0, -1, FunctionLifeMax + 1} {
		if _, err := a.IssueFunction(ctx, "load", "/lab", function, life); !errors.Is(err, identity.ErrMalformed) {
			t.Errorf("life %v: %v", life, err)
		}
	}
	if _, err := a.IssueFunction(ctx, "a/b", "/lab", function, time.Hour); !errors.Is(err, identity.ErrMalformed) {
		t.Error(err)
	}
	// Only what was issued is remembered, so that it can be revoked.
	listing := must[*Listing](t)(a.List(ctx))
	if len(listing.Certificates) != 1 || listing.Certificates[0].Kind != identity.KindFunction || listing.Certificates[0].Serial != bundle.Chain.Leaf().Serial {
		t.Errorf("%+v", listing.Certificates)
	}
	if entries, _, err := a.Revoke(ctx, fmt.Sprintf("%016x", bundle.Chain.Leaf().Serial)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	// An authority of a zone signs for nothing beyond it.
	key := must[identity.PrivateKey](t)(identity.GenerateKey(entropy(9)))
	request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(key, "/eu", 1, identity.Fingerprint{}))
	zone := must[*identity.Bundle](t)(a.IssueZone(ctx, request, identity.Quotas{}, time.Hour))
	authority := must[*identity.Authority](t)(identity.OpenAuthority(key, zone.Chain, nil, nil))
	if _, err := authority.IssueFunction(identity.Terms{Entropy: entropy(1), Now: c.instant(), Lifetime: time.Hour}, "load", "/us", function); !errors.Is(err, identity.ErrOutside) {
		t.Error(err)
	}
}

// TestListsSayWhatVerificationSays revokes the authority's own key, which takes back all that it issued.
func TestListsSayWhatVerificationSays(t *testing.T) {
	c := newClock()
	a := newAuthority(t, c)
	member := enrol(t, a, newStore(t, c), "/lab/a1", 1)
	_, list, err := a.Revoke(t.Context(), must[*identity.Bundle](t)(a.Bundle()).Chain.Leaf().Key.String())
	if err != nil {
		t.Fatal(err)
	}
	revocations := &identity.Revocations{}
	if err := mergeAll(revocations, []*identity.RevocationList{list}); err != nil {
		t.Fatal(err)
	}
	policy := identity.Policy{Anchor: member.Bundle.Anchor, Now: c.instant(), Revocations: revocations}
	if _, err := policy.Verify(member.Bundle.Chain); !errors.Is(err, identity.ErrRevoked) {
		t.Error(err)
	}
	if got := must[*Listing](t)(a.List(t.Context())).Certificates[0].State; got != StateRevoked {
		t.Errorf("listed as %s", got)
	}
}

// TestOneAuthorityForManyUsers lets operations of several users of one folder run at the same time: none is lost.
func TestOneAuthorityForManyUsers(t *testing.T) {
	const users, each = 4, 5
	c := newClock()
	a := newAuthority(t, c)
	var wait sync.WaitGroup
	for user := range users {
		wait.Go(func() {
			own := (&Store{Dir: a.store.Dir, Now: c.now}).Authority()
			for i := range each {
				key, err := identity.GenerateKey(entropy(uint64(100*user + i)))
				if err != nil {
					t.Error(err)
				}
				request, err := identity.NewOfflineRequest(key, fmt.Sprintf("/lab/a%d-%d", user, i), protocol.NodeID(100*user+i+1), identity.Fingerprint{})
				if err != nil {
					t.Error(err)
				}
				if _, err := own.Issue(context.Background(), request, identity.MemberGrants()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := len(must[*Listing](t)(a.List(t.Context())).Certificates); got != users*each {
		t.Errorf("%d certificates are remembered, want %d", got, users*each)
	}
}

func TestLockThatIsNotLetGo(t *testing.T) {
	a := newAuthority(t, newClock())
	held := must[*os.File](t)(lock(t.Context(), a.store.authorityFolder()))
	defer held.Close()
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		if _, err := a.List(t.Context()); !errors.Is(err, ErrLocked) || time.Since(started) != LockTimeout {
			t.Errorf("%v after %v", err, time.Since(started))
		}
	})
}

func TestZoneAuthority(t *testing.T) {
	c := newClock()
	root := newAuthority(t, c)
	zone := newStore(t, c).Authority()
	ctx := t.Context()
	key := must[identity.PrivateKey](t)(zone.ZoneKey(ctx))
	if again := must[identity.PrivateKey](t)(zone.ZoneKey(ctx)); again.Public() != key.Public() || !zone.HasKey(key.Public()) {
		t.Error("another key")
	}
	request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(key, "/eu", 1, identity.Fingerprint{}))
	quotas := identity.Quotas{Members: 10, Rows: 128}
	bundle := must[*identity.Bundle](t)(root.IssueZone(ctx, request, quotas, ZoneLifeDefault))
	must[*identity.Verified](t)(zone.Install(ctx, bundle))
	member := enrol(t, zone, newStore(t, c), "/eu/web-1", 5)
	if member.Bundle.Anchor != bundle.Anchor || len(member.Bundle.Chain) != 3 {
		t.Errorf("chain of %d", len(member.Bundle.Chain))
	}
	// What the zone issued, the root renews too, and the other way round not what is outside.
	must[*identity.Bundle](t)(root.Renew(ctx, member.Bundle.Chain))
	outside := enrol(t, root, newStore(t, c), "/us/web-1", 6)
	if _, err := zone.Renew(ctx, outside.Bundle.Chain); !errors.Is(err, identity.ErrOutside) {
		t.Error(err)
	}
	// A list of the root's counts at the zone once it is known there.
	if _, _, err := root.Revoke(ctx, member.Key.Public().String()); err != nil {
		t.Fatal(err)
	}
	must[*identity.Bundle](t)(zone.Renew(ctx, member.Bundle.Chain))
	list := must[*identity.RevocationList](t)(root.RevocationList(ctx))
	if _, err := zone.Renew(ctx, member.Bundle.Chain, list); !errors.Is(err, identity.ErrRevoked) {
		t.Error(err)
	}
	// The zone itself is renewed, and its register stays.
	c.add(ZoneLifeDefault / 2)
	renewed := must[*identity.Bundle](t)(root.Renew(ctx, bundle.Chain))
	must[*identity.Verified](t)(zone.Install(ctx, renewed))
	if listing := must[*Listing](t)(zone.List(ctx)); len(listing.Certificates) != 1 || listing.Bundle.Chain.Leaf().NotAfter != renewed.Chain.Leaf().NotAfter {
		t.Errorf("%+v", listing)
	}
	for name, bad := range map[string]struct {
		bundle *identity.Bundle
		want   error
	}{
		"member": {enrol(t, root, newStore(t, c), "/us/web-2", 8).Bundle, identity.ErrKind}, "key": {must[*Listing](t)(root.List(ctx)).Bundle, ErrOtherKey},
	} {
		if _, err := zone.Install(ctx, bad.bundle); !errors.Is(err, bad.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newStore(t, c).Authority().Install(ctx, bundle); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
}

// TestClockOfAnAuthorityThatIsWrong lets an authority work a day before it was made.
func TestClockOfAnAuthorityThatIsWrong(t *testing.T) {
	c := newClock()
	a := newAuthority(t, c)
	key := must[identity.PrivateKey](t)(identity.GenerateKey(entropy(1)))
	request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(key, "/lab/a1", 1, identity.Fingerprint{}))
	c.add(-day)
	before := must[[]byte](t)(os.ReadFile(filepath.Join(a.store.Dir, "authority", "register")))
	if _, err := a.Issue(t.Context(), request, identity.MemberGrants()); !errors.Is(err, identity.ErrNotYetValid) {
		t.Error(err)
	}
	if after := must[[]byte](t)(os.ReadFile(filepath.Join(a.store.Dir, "authority", "register"))); string(before) != string(after) {
		t.Error("what failed was kept")
	}
}

// TestCrashBetweenTokenAndRegister lets the register fail after the use of the token is durable: no certificate leaves, and the same request is granted later.
func TestCrashBetweenTokenAndRegister(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("skipped: there is no /dev/full here, a device that is always full")
	}
	a := newAuthority(t, newClock())
	token := must[*identity.Token](t)(a.NewToken(t.Context(), 1, TokenLifeDefault))
	key := must[identity.PrivateKey](t)(identity.GenerateKey(entropy(1)))
	request := must[*identity.JoinRequest](t)(identity.NewJoinRequest(key, "/lab/a1", 1, token))
	if err := os.Symlink(full, filepath.Join(a.store.authorityFolder(), registerFile.name+temporaryMark)); err != nil {
		t.Fatal(err)
	}
	var kept *FileError
	if _, err := a.Admit(t.Context(), request); !errors.As(err, &kept) {
		t.Error(err)
	}
	if listing := must[*Listing](t)(a.List(t.Context())); listing.Tokens[0].Uses != 1 || len(listing.Certificates) != 0 {
		t.Errorf("%+v", listing)
	}
	must[*identity.Bundle](t)(a.Admit(t.Context(), request))
	if listing := must[*Listing](t)(a.List(t.Context())); listing.Tokens[0].Uses != 1 || len(listing.Certificates) != 1 {
		t.Errorf("%+v", listing)
	}
}
