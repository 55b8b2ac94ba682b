package enrolment

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"spinglass/identity"
	"spinglass/protocol"
)

func TestKeyIsKept(t *testing.T) {
	s := newStore(t, newClock())
	key := must[identity.PrivateKey](t)(s.Key(t.Context()))
	if again := must[identity.PrivateKey](t)(s.Key(t.Context())); again.Public() != key.Public() {
		t.Error("another key")
	}
	info := must[fs.FileInfo](t)(os.Stat(filepath.Join(s.Dir, "identity", "key")))
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if _, err := s.Member(); !errors.Is(err, ErrNotEnrolled) {
		t.Error(err)
	}
	failing := &Store{Dir: t.TempDir(), Entropy: iotest.ErrReader(errors.New("no entropy"))}
	if _, err := failing.Key(t.Context()); err == nil {
		t.Error("a key of nothing")
	}
}

func TestMemberIsKeptUntilItExpires(t *testing.T) {
	c := newClock()
	a := newAuthority(t, c)
	s := newStore(t, c)
	member := enrol(t, a, s, "/lab/a1", 7)
	if v := member.Verified; v.Name != "/lab/a1" || v.NodeID != 7 || v.InGrace || member.Bundle.Anchor != member.Bundle.Chain[0].Key.Fingerprint() {
		t.Errorf("%+v", v)
	}
	c.add(identity.MemberLifeDefault + day)
	if m, err := s.Member(); err != nil || !m.Verified.InGrace {
		t.Error("not in grace:", err)
	}
	c.add(identity.GraceDefault)
	if _, err := s.Member(); !errors.Is(err, identity.ErrExpired) || !strings.Contains(err.Error(), "renew it") {
		t.Error(err)
	}
	c.add(-identity.MemberLifeDefault - identity.GraceDefault - 2*day) // a day before it was issued
	if _, err := s.Member(); !errors.Is(err, identity.ErrNotYetValid) || !strings.Contains(err.Error(), "clock") {
		t.Error(err)
	}
}

func TestInstallRefusesWhatWasNotAskedFor(t *testing.T) {
	c := newClock()
	a, other := newAuthority(t, c), newAuthority(t, c)
	s := newStore(t, c)
	ctx := t.Context()
	issue := func(a *Authority, key identity.PrivateKey, name string, id protocol.NodeID) *identity.Bundle {
		request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(key, name, id, identity.Fingerprint{}))
		return must[*identity.Bundle](t)(a.Issue(ctx, request, identity.MemberGrants()))
	}
	stranger := must[identity.PrivateKey](t)(identity.GenerateKey(entropy(1)))
	if _, err := s.Install(ctx, issue(a, stranger, "/lab/x", 9), 9); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	key := must[identity.PrivateKey](t)(s.Key(ctx))
	anchor := issue(a, stranger, "/lab/x", 9).Anchor
	request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(key, "/lab/a1", 7, anchor))
	if err := s.KeepRequest(ctx, request); err != nil {
		t.Fatal(err)
	}
	forged := issue(a, key, "/lab/a1", 7)
	leaf := *forged.Chain.Leaf()
	leaf.NotAfter++
	forged.Chain[1] = &leaf
	lying := issue(a, key, "/lab/a1", 7)
	lying.Anchor = identity.Fingerprint{1}
	for name, test := range map[string]struct {
		bundle *identity.Bundle
		want   error
	}{
		"key":       {issue(a, stranger, "/lab/x", 9), ErrOtherKey},
		"node":      {issue(a, key, "/lab/a1", 8), ErrOtherNode},
		"name":      {issue(a, key, "/lab/b1", 7), ErrOtherNode},
		"fleet":     {issue(other, key, "/lab/a1", 7), ErrOtherFleet},
		"anchor":    {lying, identity.ErrAuthority},
		"signature": {forged, identity.ErrSignature},
	} {
		if _, err := s.Install(ctx, test.bundle, 7); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	must[*identity.Verified](t)(s.Install(ctx, issue(a, key, "/lab/a1", 7), 7))
	// The request is done with; the fleet stays.
	must[*identity.Verified](t)(s.Install(ctx, issue(a, key, "/lab/b1", 7), 7))
	if _, err := s.Install(ctx, issue(other, key, "/lab/a1", 7), 7); !errors.Is(err, ErrOtherFleet) {
		t.Error(err)
	}
}

// TestDamagedFilesAreRefused changes every byte of every kept file, cuts it everywhere, and takes it away.
func TestDamagedFilesAreRefused(t *testing.T) {
	c := newClock()
	a := newAuthority(t, c)
	enrol(t, a, a.store, "/lab/a1", 7)
	must[*identity.Token](t)(a.NewToken(t.Context(), 3, TokenLifeDefault))
	if _, _, err := a.Revoke(t.Context(), must[identity.PrivateKey](t)(identity.GenerateKey(entropy(2))).Public().String()); err != nil {
		t.Fatal(err)
	}
	useIdentity := func() error { _, err := a.store.Member(); return err }
	useAuthority := func() error { _, err := a.List(context.Background()); return err }
	// The chain of an authority is verified when something is issued.
	request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(must[*Member](t)(a.store.Member()).Key, "/lab/a1", 7, identity.Fingerprint{}))
	issue := func() error { _, err := a.Issue(context.Background(), request, identity.MemberGrants()); return err }
	for name, use := range map[string]func() error{
		"identity/key": useIdentity, "identity/bundle": useIdentity, "authority/key": useAuthority, "authority/bundle": issue,
		"authority/register": useAuthority, "authority/tokens": useAuthority, "authority/revocations": useAuthority,
	} {
		path := filepath.Join(a.store.Dir, name)
		whole := must[[]byte](t)(os.ReadFile(path))
		for i := range whole {
			damaged := bytes.Clone(whole)
			damaged[i] ^= 4
			for _, content := range [][]byte{damaged, whole[:i]} {
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := use(); err == nil && !sameText(content, whole) {
					t.Fatalf("%s: %d of %d bytes, damaged at %d, is believed", name, len(content), len(whole), i)
				} else if err != nil && !strings.Contains(err.Error(), path) && !errors.Is(err, identity.ErrNotYetValid) && !errors.Is(err, identity.ErrExpired) {
					t.Fatalf("%s: %q", name, err)
				}
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := use(); err == nil {
			t.Errorf("%s: that it is gone is not noticed", name)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := use(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sameText reports whether texts differ only in line ends at their end, which no parser minds.
func sameText(a, b []byte) bool {
	return bytes.Equal(bytes.TrimSpace(a), bytes.TrimSpace(b))
}

func TestExposedSecretsAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows has no file modes that say who can read a file")
	}
	c := newClock()
	a := newAuthority(t, c)
	enrol(t, a, a.store, "/lab/a1", 7)
	for name, use := range map[string]func() error{
		"identity/key":     func() error { _, err := a.store.Member(); return err },
		"authority/key":    func() error { _, err := a.NewToken(t.Context(), 1, TokenLifeDefault); return err },
		"authority/tokens": func() error { _, err := a.NewToken(t.Context(), 1, TokenLifeDefault); return err },
	} {
		path := filepath.Join(a.store.Dir, name)
		for _, mode := range []fs.FileMode{0o640, 0o604, 0o620} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if err := use(); !errors.Is(err, ErrExposed) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s with %o: %v", name, mode, err)
			}
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk lets files be written to a device that is always full.
func TestFullDisk(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("skipped: there is no /dev/full here, a device that is always full")
	}
	c := newClock()
	a := newAuthority(t, c)
	member := enrol(t, a, a.store, "/lab/a1", 7)
	for _, name := range []string{"identity/bundle", "authority/register"} {
		path := filepath.Join(a.store.Dir, name)
		before := must[[]byte](t)(os.ReadFile(path))
		if err := os.Symlink(full, path+temporaryMark); err != nil {
			t.Fatal(err)
		}
		var err error
		if strings.HasPrefix(name, "identity") {
			_, err = a.store.Install(t.Context(), member.Bundle, 7)
		} else {
			_, err = a.Renew(t.Context(), member.Bundle.Chain)
		}
		if err == nil || !strings.HasSuffix(err.Error(), path+": no space left on device") {
			t.Errorf("%s: %v", name, err)
		}
		if after := must[[]byte](t)(os.ReadFile(path)); !bytes.Equal(before, after) {
			t.Errorf("%s was changed", name)
		}
	}
	if _, err := a.Renew(t.Context(), member.Bundle.Chain); err != nil {
		t.Errorf("there is room again: %v", err)
	}
}

// TestCrashWhileWriting leaves incomplete files behind, as a crash does.
func TestCrashWhileWriting(t *testing.T) {
	c := newClock()
	a := newAuthority(t, c)
	enrol(t, a, a.store, "/lab/a1", 7)
	for _, name := range []string{"identity/bundle", "authority/register", "authority/tokens"} {
		if err := os.WriteFile(filepath.Join(a.store.Dir, name)+temporaryMark, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	enrol(t, a, a.store, "/lab/a1", 7)
	if _, err := a.NewToken(t.Context(), 1, TokenLifeDefault); err != nil {
		t.Error(err)
	}

	// A root whose making was cut short is none, and can be made.
	cut := newStore(t, c)
	if err := writeKeyIn(cut); err != nil {
		t.Fatal(err)
	}
	if has, err := cut.HasAuthority(); has || err != nil {
		t.Error(has, err)
	}
	if _, err := cut.Authority().NewToken(t.Context(), 1, TokenLifeDefault); !errors.Is(err, ErrNoAuthority) {
		t.Error(err)
	}
	must[*identity.Bundle](t)(cut.Authority().Init(t.Context(), "/", RootLifeDefault))
}

func writeKeyIn(s *Store) error {
	_, err := s.Authority().ZoneKey(context.Background())
	return err
}

func TestFilesThatAreNone(t *testing.T) {
	s := newStore(t, newClock())
	if err := os.MkdirAll(filepath.Join(s.Dir, "identity", "bundle"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Member(); err == nil || !strings.HasSuffix(err.Error(), "bundle: not a regular file") {
		t.Error(err)
	}
	blocked := &Store{Dir: filepath.Join(t.TempDir(), "file", "data")}
	if err := os.WriteFile(filepath.Dir(blocked.Dir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blocked.Key(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "not a directory") {
		t.Error(err)
	}
	large := newStore(t, newClock())
	must[identity.PrivateKey](t)(large.Key(t.Context()))
	if err := os.WriteFile(filepath.Join(large.Dir, "identity", "bundle"), make([]byte, identity.ArmorSizeMax+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := large.Member(); !errors.Is(err, ErrDamaged) || !strings.HasSuffix(err.Error(), "larger than 32768 bytes") {
		t.Error(err)
	}
}

func TestAddressesAreKept(t *testing.T) {
	s := newStore(t, newClock())
	if got, err := s.Issuers(); len(got) != 0 || err != nil {
		t.Error(got, err)
	}
	if err := s.KeepIssuers(t.Context(), []protocol.Address{"10.0.0.1:7400", "host:1"}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Issuers(); len(got) != 2 || got[1] != "host:1" || err != nil {
		t.Error(got, err)
	}
	for _, text := range []string{"\n", strings.Repeat("x", protocol.AddressMax+1), strings.Repeat("a:1\n", AddressesMax+1)} {
		if err := os.WriteFile(filepath.Join(s.Dir, "identity", "issuers"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Issuers(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}
