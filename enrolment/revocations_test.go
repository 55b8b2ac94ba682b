package enrolment

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spinglass/identity"
)

// listsOf returns one revocation list of each of a number of issuers, in ascending order of these.
func listsOf(t *testing.T, issuers int) (lists []*identity.RevocationList) {
	t.Helper()
	known := &identity.Revocations{}
	for i := range issuers {
		key := must[identity.PrivateKey](t)(identity.GenerateKey(entropy(uint64(i + 1))))
		list := must[*identity.RevocationList](t)(identity.NewRevocationList(key, 2, 1000, identity.Revocation{Serial: uint64(i + 1), Until: 2000}))
		if err := mergeAll(known, []*identity.RevocationList{list}); err != nil {
			t.Fatal(err)
		}
	}
	return known.Lists()
}

func sameLists(a, b []*identity.RevocationList) bool {
	return slices.EqualFunc(a, b, func(a, b *identity.RevocationList) bool { return bytes.Equal(a.Append(nil), b.Append(nil)) })
}

func TestRevocationsAreKept(t *testing.T) {
	s := newStore(t, newClock())
	if lists, err := s.Revocations(); err != nil || len(lists) != 0 {
		t.Errorf("%d lists, %v", len(lists), err)
	}
	for _, issuers := range []int{3, identity.RevocationListsMax, 1, 0} {
		lists := listsOf(t, issuers)
		if err := s.KeepRevocations(t.Context(), lists); err != nil {
			t.Fatal(err)
		}
		if got := must[[]*identity.RevocationList](t)(s.Revocations()); !sameLists(got, lists) {
			t.Errorf("%d lists are kept, want %d", len(got), issuers)
		}
	}
}

func TestMemberKnowsThatItIsRevoked(t *testing.T) {
	c := newClock()
	a, s := newAuthority(t, c), newStore(t, c)
	enrol(t, a, s, "/lab/a1", 7)
	first := must[*identity.RevocationList](t)(a.RevocationList(t.Context()))
	if _, err := s.Member(first); err != nil {
		t.Error(err)
	}
	_, list, err := a.Revoke(t.Context(), "/lab/a1")
	if err != nil {
		t.Fatal(err)
	}
	var failed *FileError
	if _, err := s.Member(list, first); !errors.Is(err, identity.ErrRevoked) || !errors.As(err, &failed) {
		t.Error(err)
	}
	forged := *list
	forged.Number++
	if _, err := s.Member(&forged); !errors.Is(err, identity.ErrSignature) {
		t.Error(err)
	}
}

// TestLargestRevocationsAreKept keeps as many lists as a node knows, each as long as can be.
func TestLargestRevocationsAreKept(t *testing.T) {
	key := must[identity.PrivateKey](t)(identity.GenerateKey(entropy(1)))
	var entries []identity.Revocation
	for i := range identity.RevocationsMax {
		entry := must[identity.PrivateKey](t)(identity.GenerateKey(entropy(uint64(i + 2))))
		entries = append(entries, identity.Revocation{Key: entry.Public(), Before: identity.InstantMax, Until: identity.InstantMax})
	}
	list := must[*identity.RevocationList](t)(identity.NewRevocationList(key, 1, 1000, entries...))
	if size := int64(len(list.Text())); identity.RevocationListsMax*size > revocationsFile.sizeMax {
		t.Errorf("a list takes %d bytes, and the file holds %d", size, revocationsFile.sizeMax)
	}
	s := newStore(t, newClock())
	if err := s.KeepRevocations(t.Context(), []*identity.RevocationList{list}); err != nil {
		t.Fatal(err)
	}
	if got := must[[]*identity.RevocationList](t)(s.Revocations()); !sameLists(got, []*identity.RevocationList{list}) {
		t.Errorf("%d lists", len(got))
	}
}

// TestRevocationsThatAreDamaged changes every byte of kept lists, cuts them everywhere but between two, and forges one.
func TestRevocationsThatAreDamaged(t *testing.T) {
	s := newStore(t, newClock())
	lists := listsOf(t, 3)
	if err := s.KeepRevocations(t.Context(), lists); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Dir, "identity", "revocations")
	whole := must[[]byte](t)(os.ReadFile(path))
	refused := func(what string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Revocations(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || len(got) != 0 {
			t.Errorf("%s: %d lists and %v", what, len(got), err)
		}
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 4
		refused("damaged", damaged)
		if cut := whole[:i]; i > 0 && !bytes.HasSuffix(bytes.TrimSpace(cut), []byte(strings.TrimSpace(listEnd))) {
			refused("cut", cut)
		}
	}
	forged := *lists[0]
	forged.Number++
	refused("forged", append(bytes.Clone(whole), forged.Text()...))
	refused("of another kind", append([]byte("lists:\n"), whole...))

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Revocations(); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
