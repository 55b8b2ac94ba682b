package identity

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func revoking(t testing.TB, lists ...*RevocationList) *Revocations {
	t.Helper()
	r := &Revocations{}
	for _, list := range lists {
		if changed, proof, err := r.Merge(list); !changed || proof != nil || err != nil {
			t.Fatal(changed, proof, err)
		}
	}
	return r
}

func TestRevoked(t *testing.T) {
	f := newFleet(t)
	member := f.member(t, Grant{VerbIssue, "/eu"})
	below := extend(member, f.memberKey, Certificate{Kind: KindMember, Name: "/eu/web-2", NodeID: 8, Key: f.userKey.Public()})
	serial := member.Leaf().Serial
	for _, c := range []struct {
		name    string
		key     PrivateKey // signs the list
		entry   Revocation
		chain   Chain
		revoked int // position; -1 for none
	}{
		{"member by serial", f.zoneKey, Revocation{Serial: serial}, member, 2},
		{"member by key", f.zoneKey, Revocation{Key: f.memberKey.Public(), Before: noon + 1}, member, 2},
		{"member by key, by the root", f.rootKey, Revocation{Key: f.memberKey.Public(), Before: InstantMax}, member, 2},
		{"issued after", f.zoneKey, Revocation{Key: f.memberKey.Public(), Before: noon}, member, -1},
		{"another serial", f.zoneKey, Revocation{Serial: serial + 1}, member, -1},
		{"serial of another issuer", f.rootKey, Revocation{Serial: serial}, member, -1},
		{"zone by key", f.rootKey, Revocation{Key: f.zoneKey.Public(), Before: InstantMax}, member, 1},
		{"zone by serial", f.rootKey, Revocation{Serial: member[1].Serial}, member, 1},
		{"zone by itself", f.zoneKey, Revocation{Key: f.zoneKey.Public(), Before: InstantMax}, member, 2},
		{"a stranger's word", newKey(50), Revocation{Key: f.memberKey.Public(), Before: InstantMax}, member, -1},
		{"a member's word", f.memberKey, Revocation{Key: f.userKey.Public(), Before: InstantMax}, below, -1},
		{"what a revoked member issued", f.zoneKey, Revocation{Key: f.memberKey.Public(), Before: noon + 1}, below, 2},
		{"one that a member issued", f.zoneKey, Revocation{Key: f.userKey.Public(), Before: noon + 1}, below, 3},
		{"a root", f.rootKey, Revocation{Key: f.rootKey.Public(), Before: noon + 1}, f.root.Chain(), -1},
	} {
		list := must[*RevocationList](t)(NewRevocationList(c.key, 5, noon, c.entry))
		policy := f.policy(noon)
		policy.Revocations = revoking(t, list)
		_, err := policy.Verify(c.chain)
		if c.revoked < 0 {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var at *ChainError
		var why *RevokedError
		if !errors.Is(err, ErrRevoked) || !errors.As(err, &at) || at.Position != c.revoked || !errors.As(err, &why) || why.Number != 5 ||
			!strings.Contains(err.Error(), "revoked by list 5 of the authority") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRevocationText(t *testing.T) {
	key := newKey(3).Public()
	of := "key with the fingerprint " + key.Fingerprint().String()
	for want, r := range map[string]Revocation{
		"serial 000000000000000a":                                {Serial: 10},
		of + ", for what was issued before 1970-01-01T00:00:05Z": {Key: key, Before: 5},
		of + ", for ever":                                        {Key: key, Before: InstantMax},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A key revoked for what was issued before an instant can be certified again.
func TestRevokedKeyComesBack(t *testing.T) {
	f := newFleet(t)
	old := f.member(t)
	list := must[*RevocationList](t)(f.zone.Revoke(noon+10, Revocation{Key: f.memberKey.Public(), Before: noon + 10}))
	policy := f.policy(noon + 20)
	policy.Revocations = revoking(t, list)
	again := must[Chain](t)(f.zone.IssueMember(terms(noon+20, 30*day), "/eu/web-1", 7, f.memberKey.Public(), MemberGrants()))
	if _, err := policy.Verify(old); !errors.Is(err, ErrRevoked) {
		t.Errorf("the old: %v", err)
	}
	if _, err := policy.Verify(again); err != nil {
		t.Errorf("the new: %v", err)
	}
}

func TestRevocationListIsNormal(t *testing.T) {
	key, other := newKey(2), newKey(3).Public()
	list := must[*RevocationList](t)(NewRevocationList(key, 1, noon,
		Revocation{Key: other, Before: 5, Until: 9}, Revocation{Serial: 4, Until: 7}, Revocation{Key: other, Before: 7, Until: 8}, Revocation{Serial: 2, Until: 3}))
	want := []Revocation{{Serial: 2, Until: 3}, {Serial: 4, Until: 7}, {Key: other, Before: 7, Until: 9}}
	if diff := cmp.Diff(want, list.Entries); diff != "" {
		t.Error(diff)
	}
	if got := list.Live(7); !slices.Equal(got, want[1:]) {
		t.Errorf("live at 7: %v", got)
	}
	got, err := DecodeRevocationList(list.Append(nil))
	if err != nil || got.Verify() != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list, got); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		want   error
		change func(*RevocationList)
	}{
		"number":       {ErrMalformed, func(l *RevocationList) { l.Number = 0 }},
		"issued":       {ErrMalformed, func(l *RevocationList) { l.Issued = -1 }},
		"issuer":       {ErrWeakKey, func(l *RevocationList) { l.Issuer = PublicKey{} }},
		"order":        {ErrOrder, func(l *RevocationList) { slices.Reverse(l.Entries) }},
		"twice":        {ErrOrder, func(l *RevocationList) { l.Entries[1] = l.Entries[0] }},
		"nothing":      {ErrMalformed, func(l *RevocationList) { l.Entries[0] = Revocation{} }},
		"both":         {ErrMalformed, func(l *RevocationList) { l.Entries[2].Serial = 1 }},
		"never before": {ErrMalformed, func(l *RevocationList) { l.Entries[2].Before = 0 }},
		"until":        {ErrMalformed, func(l *RevocationList) { l.Entries[2].Until = InstantMax + 1 }},
		"weak":         {ErrWeakKey, func(l *RevocationList) { l.Entries[2].Key = weakOrdinates[4] }},
		"field":        {ErrCritical, func(l *RevocationList) { l.Fields = []Field{{Tag: 2}} }},
		"many":         {ErrTooLarge, func(l *RevocationList) { l.Entries = make([]Revocation, RevocationsMax+1) }},
		"signature":    {ErrSignature, func(l *RevocationList) { l.Signature[3]++ }},
	} {
		changed := *list
		changed.Entries = slices.Clone(list.Entries)
		c.change(&changed)
		if err := changed.Verify(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if changed, _, err := (&Revocations{}).Merge(&changed); changed || !errors.Is(err, c.want) {
			t.Errorf("%s is merged: %v", name, err)
		}
	}
}

func TestLargestRevocationListFits(t *testing.T) {
	var entries []Revocation
	for i := range RevocationsMax {
		entries = append(entries, Revocation{Key: newKey(uint64(i)).Public(), Before: InstantMax, Until: InstantMax})
	}
	list := must[*RevocationList](t)(NewRevocationList(newKey(1), 1<<63, InstantMax, entries...))
	for tag := range uint64(FieldsMax) {
		list.Fields = append(list.Fields, Field{Tag: 1<<63 + 2*tag + 1, Value: make([]byte, FieldSizeMax)})
	}
	if size := len(list.Append(nil)); list.Check() != nil || size > RevocationListSizeMax {
		t.Errorf("%d bytes", size)
	}
	if _, err := NewRevocationList(newKey(1), 1, noon, append(entries, Revocation{Serial: 1})...); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestRevocationsAreBounded(t *testing.T) {
	var r Revocations
	for i := range RevocationListsMax {
		if changed, _, err := r.Merge(must[*RevocationList](t)(NewRevocationList(newKey(uint64(i)), 1, noon))); !changed || err != nil {
			t.Fatal(err)
		}
	}
	extra := must[*RevocationList](t)(NewRevocationList(newKey(1000), 1, noon))
	if changed, _, err := r.Merge(extra); changed || !errors.Is(err, ErrTooLarge) {
		t.Errorf("one too many: %v", err)
	}
	r.Forget(newKey(3).Public())
	r.Forget(newKey(3).Public())
	if changed, _, err := r.Merge(extra); !changed || err != nil || len(r.Lists()) != RevocationListsMax {
		t.Errorf("no place after one is forgotten: %v", err)
	}
}

func TestMergeKeepsTheGreaterNumber(t *testing.T) {
	key := newKey(2)
	first := must[*RevocationList](t)(NewRevocationList(key, 1, noon, Revocation{Serial: 1}))
	second := must[*RevocationList](t)(NewRevocationList(key, 2, noon+1))
	r := revoking(t, second)
	forged := *second
	forged.Signature[0]++
	for _, list := range []*RevocationList{first, second, &forged} { // the same with a bad signature is no news, and not looked at
		if changed, proof, err := r.Merge(list); changed || proof != nil || err != nil || r.List(key.Public()) != second {
			t.Errorf("number %d: %v, %v, %v", list.Number, changed, proof, err)
		}
	}
}

func TestMergeFindsEquivocation(t *testing.T) {
	key := newKey(2)
	one := must[*RevocationList](t)(NewRevocationList(key, 3, noon, Revocation{Serial: 1}))
	two := must[*RevocationList](t)(NewRevocationList(key, 3, noon, Revocation{Serial: 2}))
	var kept []*RevocationList
	for _, order := range [][]*RevocationList{{one, two}, {two, one}} {
		r := revoking(t, order[0])
		_, proof, err := r.Merge(order[1])
		if err != nil || proof == nil || proof.Verify() != nil || proof.Author != key.Public() || proof.Sequence != 3 || proof.Context != ContextRevocation {
			t.Fatalf("%v, %v", proof, err)
		}
		for _, again := range order {
			if changed, proof, err := r.Merge(again); changed || proof != nil || err != nil || r.News(again) {
				t.Errorf("proven already: %v, %v, %v", changed, proof, err)
			}
		}
		kept = append(kept, r.List(key.Public()))
	}
	if kept[0] != kept[1] {
		t.Error("what is kept depends on the order")
	}
	// With the next number there is something new to prove.
	r := revoking(t, one)
	for _, number := range []uint64{3, 4} {
		first := must[*RevocationList](t)(NewRevocationList(key, number, noon, Revocation{Serial: 8}))
		second := must[*RevocationList](t)(NewRevocationList(key, number, noon, Revocation{Serial: 7}))
		_, _, _ = r.Merge(first)
		if _, proof, _ := r.Merge(second); (proof != nil) != (number == 4) {
			t.Errorf("number %d: %v", number, proof)
		}
	}
}

// Merging lists, in whatever order and however often, ends with the same lists.
func TestMergeProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var pool []*RevocationList
	for issuer := range uint64(3) {
		for number := range uint64(3) {
			for variant := range uint64(2) {
				pool = append(pool, must[*RevocationList](t)(NewRevocationList(newKey(issuer), number+1, noon, Revocation{Serial: 1 + variant})))
			}
		}
	}
	draw := func() *Revocations {
		r := &Revocations{}
		for range random.IntN(6) {
			_, _, _ = r.Merge(pool[random.IntN(len(pool))])
		}
		return r
	}
	merge := func(sets ...*Revocations) *Revocations {
		sum := &Revocations{}
		for _, set := range sets {
			for _, list := range set.Lists() {
				if _, _, err := sum.Merge(list); err != nil {
					t.Fatal(err)
				}
			}
		}
		return sum
	}
	same := func(a, b *Revocations) bool {
		return slices.EqualFunc(a.lists, b.lists, func(l, m heldList) bool { return bytes.Equal(l.AppendSigned(nil), m.AppendSigned(nil)) })
	}
	differ := 0
	for range 150 {
		a, b, c := draw(), draw(), draw()
		if !same(merge(a, b), merge(b, a)) || !same(merge(merge(a, b), c), merge(a, merge(b, c))) || !same(merge(a, a), a) {
			t.Fatal("merging depends on the order")
		}
		if !same(merge(a, b), a) {
			differ++
		}
		for _, list := range a.Lists() {
			if got := merge(a, b).List(list.Issuer); got.Compare(list) < 0 {
				t.Fatal("merging went back")
			}
		}
	}
	if differ < 50 {
		t.Errorf("only %d merges did anything", differ)
	}
}

func TestBeacon(t *testing.T) {
	key := newKey(2)
	list := must[*RevocationList](t)(NewRevocationList(key, 4, noon))
	beacon := must[*Beacon](t)(NewBeacon(key, list, noon))
	got, err := DecodeBeacon(beacon.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(beacon, got); diff != "" || got.Verify(noon) != nil {
		t.Error(diff, got.Verify(noon))
	}
	if got.Verify(noon.Add(-Skew)) != nil || !errors.Is(got.Verify(noon.Add(-Skew)-1), ErrNotYetValid) {
		t.Error("a beacon of the future")
	}
	if beacon.Stale(noon.Add(BeaconLife)) || !beacon.Stale(noon.Add(BeaconLife)+1) {
		t.Error("stale")
	}
	resigned := *list
	resigned.Signature[5]++
	older := must[*RevocationList](t)(NewRevocationList(key, 3, noon))
	other := must[*RevocationList](t)(NewRevocationList(key, 4, noon+1))
	newer := must[*RevocationList](t)(NewRevocationList(key, 5, noon))
	for name, c := range map[string]struct {
		held    *RevocationList
		missing bool
	}{"none": {nil, true}, "older": {older, true}, "same": {list, false}, "same, signed otherwise": {&resigned, false}, "other": {other, true}, "newer": {newer, false}} {
		if beacon.Missing(c.held) != c.missing {
			t.Errorf("held %s: missing is %v", name, !c.missing)
		}
	}
	first := must[*Beacon](t)(NewBeacon(key, nil, noon+9))
	if first.Missing(nil) || first.Compare(beacon) >= 0 || first.Verify(noon) != nil {
		t.Error("the beacon before the first list")
	}
	later := must[*Beacon](t)(NewBeacon(key, list, noon+1))
	if later.Compare(beacon) <= 0 || beacon.Compare(beacon) != 0 {
		t.Error("order of beacons")
	}
	if _, err := NewBeacon(newKey(3), list, noon); !errors.Is(err, ErrAuthority) {
		t.Errorf("for another's list: %v", err)
	}
	if _, err := NewBeacon(key, list, -1); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		want   error
		change func(*Beacon)
	}{
		"hash":      {ErrMalformed, func(b *Beacon) { b.Number = 0 }},
		"issuer":    {ErrWeakKey, func(b *Beacon) { b.Issuer = PublicKey{} }},
		"field":     {ErrCritical, func(b *Beacon) { b.Fields = []Field{{Tag: 4}} }},
		"signature": {ErrSignature, func(b *Beacon) { b.Instant++ }},
	} {
		changed := *beacon
		c.change(&changed)
		if err := changed.Verify(noon); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEquivocation(t *testing.T) {
	key := newKey(2)
	one, two := SignStatement(key, ContextRow, 3, 4, []byte("one")), SignStatement(key, ContextRow, 3, 4, []byte("two"))
	proof := must[*Equivocation](t)(NewEquivocation(one, two))
	swapped := must[*Equivocation](t)(NewEquivocation(two, one))
	if diff := cmp.Diff(proof, swapped); diff != "" {
		t.Error(diff)
	}
	encoded := proof.Append(nil)
	got, err := DecodeEquivocation(encoded)
	if err != nil || len(encoded) != EquivocationSize || got.Verify() != nil || !got.Same(proof) || *got != *proof {
		t.Errorf("%v, %d bytes", err, len(encoded))
	}
	if !strings.Contains(got.String(), "epoch 3, sequence 4") {
		t.Error(got)
	}
	for name, other := range map[string]Statement{
		"same":     one,
		"author":   SignStatement(newKey(3), ContextRow, 3, 4, []byte("two")),
		"context":  SignStatement(key, ContextPackets, 3, 4, []byte("two")),
		"epoch":    SignStatement(key, ContextRow, 2, 4, []byte("two")),
		"sequence": SignStatement(key, ContextRow, 3, 5, []byte("two")),
	} {
		if _, err := NewEquivocation(one, other); !errors.Is(err, ErrNoEquivocation) {
			t.Errorf("%s: %v", name, err)
		}
	}
	forged := two
	forged.Signature = one.Signature
	if _, err := NewEquivocation(one, forged); !errors.Is(err, ErrSignature) {
		t.Errorf("forged: %v", err)
	}
	// Nobody is guilty of what was signed for something else.
	plain := two
	plain.Signature = Sign(key, ContextRow, two.signed())
	if _, err := NewEquivocation(one, plain); !errors.Is(err, ErrSignature) {
		t.Errorf("a plain signature: %v", err)
	}
	for name, c := range map[string]struct {
		want   error
		change func(*Equivocation)
	}{
		"context": {ErrMalformed, func(e *Equivocation) { e.Context = 0 }},
		"order":   {ErrOrder, func(e *Equivocation) { e.Digests[0], e.Digests[1] = e.Digests[1], e.Digests[0] }},
		"equal":   {ErrNoEquivocation, func(e *Equivocation) { e.Digests[0] = e.Digests[1] }},
		"author":  {ErrWeakKey, func(e *Equivocation) { e.Author = PublicKey{} }},
	} {
		changed := *proof
		c.change(&changed)
		if err := changed.Verify(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := DecodeEquivocation(changed.Append(nil)); !errors.Is(err, c.want) {
			t.Errorf("%s decodes: %v", name, err)
		}
	}
	if unknown := (&Statement{Author: key.Public(), Context: 200}); !errors.Is(unknown.Verify(), ErrSignature) {
		t.Error("an unknown context")
	}
}
