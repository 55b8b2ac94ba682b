package membership

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// fuzz gives the member any message, from a stranger and from a member.
func (s *solo) fuzz(message protocol.Message) {
	s.input(func(out *protocol.Output) { s.m.Receive(s.now, 42, message, out) })
	s.meet(8)
	s.input(func(out *protocol.Output) { s.m.Receive(s.now, 8, message, out) })
}

// proofAgainst returns a proof against a peer of these tests.
func (s *solo) proofAgainst(id protocol.NodeID) *notice {
	s.row(id, 1)
	proof, err := identity.NewEquivocation(
		identity.SignStatement(soloKey(id), identity.ContextRow, 1, 2, []byte("yes")), identity.SignStatement(soloKey(id), identity.ContextRow, 1, 2, []byte("no")))
	if err != nil {
		s.t.Fatal(err)
	}
	return newNotice(s.authorities.chains[id], nil, proof)
}

// tell sends a notice to the member in parts.
func (s *solo) tell(from protocol.NodeID, encoded []byte) *protocol.Output {
	return s.input(func(out *protocol.Output) {
		sum := sha256.Sum256(encoded)
		for offset := 0; offset < len(encoded); offset += partSize {
			part := &NoticePart{Sum: sum, Total: len(encoded), Offset: offset, Data: encoded[offset:min(offset+partSize, len(encoded))], lent: true}
			s.m.Receive(s.now, from, part, out)
		}
	})
}

// A notice is believed only if it is signed by whom its chain says, and the chain leads to the anchor; every flipped bit and truncation is refused.
func TestNoticesAreVerified(t *testing.T) {
	s := newSolo(t, func(c *Config) { c.Identity.VerifyRate = 1e9 })
	s.meet(8)
	good := s.proofAgainst(9)
	other := makeAuthorities(2, soloPublic, false)
	foreign := newNotice(other.issue(9, "/lab/p9", noon, identity.MemberGrants()), nil, good.proof)
	s.row(7, 1)
	borrowed := newNotice(s.authorities.chains[7], nil, good.proof)
	beacons, err := identity.NewEquivocation(
		identity.SignStatement(soloKey(9), identity.ContextBeacon, 1, 2, []byte("yes")), identity.SignStatement(soloKey(9), identity.ContextBeacon, 1, 2, []byte("no")))
	if err != nil {
		t.Fatal(err)
	}
	list, err := identity.NewRevocationList(soloKey(9), 1, noon, identity.Revocation{Key: soloKey(8).Public(), Before: identity.InstantMax})
	if err != nil {
		t.Fatal(err)
	}
	for name, encoded := range map[string][]byte{
		"another fleet": foreign.encoded, "another member's chain": borrowed.encoded, "a list of a member": newNotice(s.authorities.chains[9], list, nil).encoded,
		"neither rows nor packets": newNotice(s.authorities.chains[9], nil, beacons).encoded, "noise": []byte("noise"),
	} {
		if out := s.tell(8, encoded); len(s.m.guard.notices.held) != 0 || !slices.Equal(dropped(out, 8), []protocol.Reason{ReasonNotice}) {
			t.Errorf("%s: %d notices are held, dropped %v", name, len(s.m.guard.notices.held), dropped(out, 8))
		}
	}
	for n := range good.encoded {
		if s.tell(8, good.encoded[:n]); len(s.m.guard.notices.held) != 0 {
			t.Fatalf("a proof cut to %d bytes is believed", n)
		}
	}
	for bit := range 8 * len(good.encoded) {
		flipped := bytes.Clone(good.encoded)
		flipped[bit/8] ^= 1 << (bit % 8)
		if s.tell(8, flipped); len(s.m.guard.notices.held) != 0 {
			t.Fatalf("a proof with bit %d flipped is believed", bit)
		}
	}
	if s.tell(42, good.encoded); len(s.m.guard.notices.held) != 0 {
		t.Error("a stranger is listened to")
	}
	if out := s.tell(8, good.encoded); len(event[Quarantined](out)) != 1 || !s.m.guard.notices.guilty(soloKey(9).Public()) {
		t.Error("the proof itself is not believed")
	}
	if out := s.tell(8, good.encoded); len(event[Quarantined](out)) != 0 {
		t.Error("it is told twice")
	}
}

// Lists that were kept from an earlier run hold from the start, and are passed on.
func TestKeptRevocationsHold(t *testing.T) {
	var list *identity.RevocationList
	s := newSolo(t, func(c *Config) {
		a := makeAuthorities(1, soloPublic, false) // the same as the member's
		list, _ = a.zone.Revoke(noon, identity.Revocation{Key: soloKey(9).Public(), Before: identity.InstantMax})
		c.Identity.Revocations = []*identity.RevocationList{list}
	})
	if out := s.offer(8, s.row(9, 1), 0, nil); !slices.Equal(dropped(out, 8), []protocol.Reason{ReasonRowRevoked}) {
		t.Errorf("dropped %v", dropped(out, 8))
	}
	s.meet(8)
	out := s.input(func(out *protocol.Output) { s.m.Receive(s.now, 8, &Summary{}, out) })
	parts := sent[*NoticePart](out)
	if len(parts) != 1 || len(s.m.Revocations()) != 1 {
		t.Fatalf("%+v", out.Effects)
	}
	n, err := decodeNotice(parts[0].Data, s.m.guard.root, nil)
	if err != nil || n.list.Compare(list) != 0 {
		t.Errorf("passed on: %+v, %v", n, err)
	}
}

// listOf returns the notice of the first list of a zone below another one, or below the root.
func (a *authorities) listOf(above *identity.Authority, k int) *notice {
	path := fmt.Sprintf("%s/z%d", strings.TrimSuffix(above.Chain().Leaf().Name, "/"), k)
	key := soloKey(protocol.NodeID(10_000 + k))
	chain, err := above.IssueZone(a.terms(noon, a.life), path, key.Public(), identity.Quotas{}, identity.ZoneGrants(path))
	if err != nil {
		panic(err)
	}
	list, err := identity.NewRevocationList(key, 1, noon+identity.Instant(k), identity.Revocation{Serial: uint64(k + 1)})
	if err != nil {
		panic(err)
	}
	return newNotice(chain, list, nil)
}

// Places for notices are few, and whatever comes in whichever order, the same ones are kept: of lists those of issuers close to the root first.
func TestNoticesAreBounded(t *testing.T) {
	s := newSolo(t, nil)
	var all []*notice
	for k := range proofsMax + 5 {
		all = append(all, s.proofAgainst(protocol.NodeID(100+k)))
	}
	near := s.authorities.listOf(s.authorities.root, 50)
	all = append(all, near)
	for k := range listsMax + 4 {
		all = append(all, s.authorities.listOf(s.authorities.zone, k))
	}
	s.m.guard.notices.held = nil
	var first []NoticeClaim
	for seed := range uint64(20) {
		someRand(seed).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var n notices
		for _, next := range all {
			_, place := n.last(next)
			if _, held := n.find(next.claim.ID); n.put(next) != place || held {
				t.Fatal("put as it was not told")
			}
		}
		if seed == 0 {
			first = n.claims()
		}
		if !slices.Equal(n.claims(), first) || len(n.held) != proofsMax+listsMax || int(n.dropped) != len(all)-len(n.held) {
			t.Fatalf("order %d: %d notices are held, %d dropped", seed, len(n.held), n.dropped)
		}
		if _, found := n.find(near.claim.ID); !found {
			t.Fatal("the list of an issuer close to the root is gone")
		}
	}
	if !slices.IsSortedFunc(first, func(a, b NoticeClaim) int { return int(int64(a.ID>>1) - int64(b.ID>>1)) }) {
		t.Error("out of order")
	}
	if size := (&Summary{Claims: first}).Size(); size > 1100 {
		t.Errorf("a summary of %d bytes", size)
	}
}

// Members that hold different notices, of which there are too many, end with the same ones, and hand each other none any longer.
func TestTooManyNoticesSettle(t *testing.T) {
	f := newSignedFleet(8, signedConfig(9), nil)
	f.form(t, 20*time.Second)
	for k := range listsMax + 12 {
		n := f.authorities.listOf(f.authorities.root, k)
		f.world.Command(f.ids[k%len(f.ids)], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			if err := m.(*Machine).offerNotice(now, f.ids[k%len(f.ids)], n, out); err != nil {
				t.Error(err)
			}
		})
	}
	parts := func(s *Stats) uint64 { return s.NoticePartsSent }
	summaries := func(s *Stats) uint64 { return s.NoticeSummariesSent }
	f.world.Run(f.world.Now().Add(20 * time.Second))
	sent, told := f.total(parts), f.total(summaries)
	if sent < listsMax || told == 0 {
		t.Fatalf("%d parts, %d summaries", sent, told)
	}
	want := f.machine(0).guard.notices.claims()
	for i := range f.ids {
		if n := &f.machine(i).guard.notices; len(n.held) != listsMax || !slices.Equal(n.claims(), want) {
			t.Errorf("member %d holds %d notices, other ones", i, len(n.held))
		}
	}
	f.world.Run(f.world.Now().Add(3 * time.Minute))
	if n, k := f.total(parts)-sent, f.total(summaries)-told; n != 0 || k != 0 {
		t.Errorf("%d parts and %d summaries of what everybody knows", n, k)
	}
	if f.total(func(s *Stats) uint64 { return s.NoticesDropped }) == 0 {
		t.Error("what had no place is not counted")
	}
}

// A list that was kept from an earlier run, and whose issuer is none of the own authorities, holds; but only with a chain to its issuer can it be passed on.
func TestKnownListsAreHeld(t *testing.T) {
	known := makeAuthorities(1, soloPublic, false).listOf(makeAuthorities(1, soloPublic, false).root, 3)
	s := newSolo(t, func(c *Config) { c.Identity.Revocations = []*identity.RevocationList{known.list} })
	s.meet(8)
	n := s.authorities.listOf(s.authorities.root, 3)
	if len(s.m.guard.notices.held) != 0 {
		t.Fatal("held without a chain")
	}
	for range 3 {
		if out := s.tell(8, n.encoded); len(s.m.guard.notices.held) != 1 || len(event[RevocationsChanged](out)) != 0 || len(dropped(out, 8)) != 0 {
			t.Fatalf("%d notices are held: %+v", len(s.m.guard.notices.held), out.Effects)
		}
	}
	out := s.input(func(out *protocol.Output) { s.m.Receive(s.now, 8, &Summary{Claims: []NoticeClaim{n.claim}}, out) })
	if len(sent[*NoticePart](out)) != 0 || len(sent[*Summary](out)) != 0 {
		t.Errorf("%+v", out.Effects)
	}
	checked := s.checked
	if s.tell(8, n.encoded); s.checked != checked {
		t.Error("what is held is verified again")
	}
}

// Notices of signers whose certificates are over stay where there is room, and make room where there is none.
func TestOldNoticesMakeRoom(t *testing.T) {
	s := newSolo(t, nil)
	old := s.authorities.listOf(s.authorities.root, 100)
	s.authorities.life = 200 * day
	s.meet(8)
	s.tell(8, old.encoded)
	for k := range listsMax - 1 {
		s.tell(8, s.authorities.listOf(s.authorities.root, k).encoded)
	}
	held := func() bool { _, found := s.m.guard.notices.find(old.claim.ID); return found }
	deep := s.authorities.listOf(s.authorities.zone, 200)
	s.m.guard.wall = old.chain.Leaf().NotAfter.Add(identity.GraceMax + identity.Skew)
	s.m.ageNotices(s.now)
	if out := s.tell(8, deep.encoded); !held() || !slices.Equal(dropped(out, 8), []protocol.Reason{ReasonNoticesFull}) || len(event[RevocationsChanged](out)) != 1 {
		t.Fatalf("before it is over: held %v, %+v", held(), out.Effects)
	}
	s.m.guard.wall++
	if s.m.ageNotices(s.now); !held() {
		t.Fatal("gone although nothing needs the place")
	}
	if s.tell(8, deep.encoded); held() || len(s.m.guard.notices.held) != listsMax || s.m.Stats().NoticesDropped != 2 {
		t.Errorf("afterwards: held %v, %d in all, %d dropped", held(), len(s.m.guard.notices.held), s.m.Stats().NoticesDropped)
	}
	if s.tell(8, old.encoded); held() {
		t.Error("what is over takes the place back")
	}
}

// A notice whose signer has renewed its certificates is not over, though it carries the old ones.
func TestRenewedNoticesStay(t *testing.T) {
	s := newSolo(t, nil)
	proof := s.proofAgainst(9)
	s.authorities.life = 300 * day
	s.authorities.issue(9, "/lab/p9", noon, identity.MemberGrants())
	s.meet(9)
	s.m.guard.wall = proof.chain.Leaf().NotAfter.Add(identity.GraceMax+identity.Skew) + 1
	if s.m.isOver(s.now, proof) {
		t.Error("over although the certificate was renewed")
	}
	s.m.table.Remove(9)
	if !s.m.isOver(s.now, proof) {
		t.Error("not over although nobody is known to have renewed the certificate")
	}
}

// There is always a place for the list of one more issuer: of those that are not passed on, the oldest is forgotten.
func TestRevocationsAreBounded(t *testing.T) {
	var kept []*identity.RevocationList
	for k := range identity.RevocationListsMax {
		list, err := identity.NewRevocationList(soloKey(protocol.NodeID(20_000+k)), 1, noon+identity.Instant(k))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, list)
	}
	s := newSolo(t, func(c *Config) { c.Identity.Revocations = kept })
	s.meet(8)
	n := s.authorities.listOf(s.authorities.root, 3)
	out := s.tell(8, n.encoded)
	known := &s.m.guard.revocations
	if len(event[RevocationsChanged](out)) != 1 || known.List(n.list.Issuer) == nil || len(known.Lists()) != identity.RevocationListsMax {
		t.Fatalf("%d lists are known: %+v", len(known.Lists()), out.Effects)
	}
	if known.List(kept[0].Issuer) != nil || known.List(kept[1].Issuer) == nil || s.m.Stats().NoticesDropped != 1 {
		t.Errorf("not the oldest was forgotten, or %d counted", s.m.Stats().NoticesDropped)
	}
	checked := s.checked
	if s.tell(8, n.encoded); s.checked != checked || s.m.Stats().NoticesDropped != 1 {
		t.Error("it is taken in again")
	}
}

// Parts come in any order and more than once; who sends parts of ever other notices keeps a place for itself at most, and none for ever.
func TestNoticesComeInParts(t *testing.T) {
	whole := make([]byte, 5*partSize+7)
	for i := range whole {
		whole[i] = byte(i * 7)
	}
	part := func(sum byte, k int) *NoticePart {
		return &NoticePart{Sum: [32]byte{sum}, Total: len(whole), Offset: k * partSize, Data: whole[k*partSize : min(len(whole), (k+1)*partSize)]}
	}
	var n notices
	for i, k := range []int{5, 1, 1, 0, 2, 5, 4} {
		if whole, reason := n.collect(0, 2, part(1, k)); whole != nil || reason != "" {
			t.Fatalf("complete after %d parts", i+1)
		}
	}
	if got, _ := n.collect(0, 2, part(1, 3)); !bytes.Equal(got, whole) || len(n.parcels) != 0 {
		t.Error("not put together")
	}
	lost := uint64(0)
	for from := protocol.NodeID(1); from < 50; from++ {
		full := from > parcelsMax
		_, first := n.collect(0, from, part(1, 0))
		_, second := n.collect(0, from, part(2, 0))
		if lost++; full {
			lost++
		}
		if (first != "") != full || second != ReasonNoticeParts || n.partsDropped != lost {
			t.Errorf("parts of %d dropped for %q, %q, %d counted", from, first, second, n.partsDropped)
		}
	}
	if len(n.parcels) != parcelsMax {
		t.Errorf("%d parcels", len(n.parcels))
	}
	late := protocol.Time(parcelsLife + time.Second)
	for k := range 6 {
		if got, _ := n.collect(late, 99, part(3, k)); (got != nil) != (k == 5) {
			t.Errorf("part %d: complete %v", k, got != nil)
		}
	}
	if n.partsDropped != lost+parcelsMax {
		t.Errorf("%d parts of what never became whole are counted", n.partsDropped-lost)
	}
}

func FuzzDecodeNotice(f *testing.F) {
	s := newSolo(f, nil)
	proof := s.proofAgainst(9)
	list, err := s.authorities.zone.Revoke(noon, identity.Revocation{Key: soloKey(9).Public(), Before: identity.InstantMax})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(proof.encoded)
	f.Add(newNotice(s.authorities.zone.Chain(), list, nil).encoded)
	f.Add(newNotice(s.authorities.zone.Chain()[:1], list, nil).encoded)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := decodeNotice(b, s.m.guard.root, nil)
		if err != nil {
			return
		}
		if len(n.encoded) > noticeSizeMax {
			t.Fatalf("a notice of %d bytes", len(n.encoded))
		}
		_ = n.check(s.m.guard.identity.Anchor)
		if again, err := decodeNotice(n.encoded, s.m.guard.root, nil); err != nil || !bytes.Equal(again.encoded, n.encoded) || again.claim != n.claim {
			t.Fatalf("%x: %v", b, err)
		}
	})
}

// What it costs to adopt the next row of a member that is known (one signature), that of a new one (with its certificate), and a proven heartbeat.
func BenchmarkAdopt(b *testing.B) {
	b.Run("row", func(b *testing.B) {
		s := newSolo(b, func(c *Config) { c.Identity.VerifyRate = 1e9 })
		s.meet(9)
		rows := make([]*Delta, 512)
		for i := range rows {
			row := s.row(9, uint64(i+2))
			rows[i] = &Delta{Evidence: versionOf(peerRow(9, 1), 0), Rows: []RowUpdate{{Row: row}}}
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%len(rows) == 0 {
				s.m.table.Remove(9)
			}
			s.input(func(out *protocol.Output) { s.m.Receive(s.now, 9, rows[i%len(rows)], out) })
		}
	})
	b.Run("newcomer", func(b *testing.B) {
		s := newSolo(b, func(c *Config) { c.Identity.VerifyRate = 1e9 })
		delta := &Delta{Evidence: versionOf(peerRow(9, 1), 0), Rows: []RowUpdate{{Row: s.row(9, 1)}}}
		for b.Loop() {
			s.m.table.Remove(9)
			s.input(func(out *protocol.Output) { s.m.Receive(s.now, 9, delta, out) })
		}
	})
	b.Run("heartbeat", func(b *testing.B) {
		s := newSolo(b, nil)
		s.meet(9)
		row, chain := s.m.table.Get(9).Row(), links(9)
		deltas := make([]*Delta, 4096)
		for i := range deltas {
			link, _ := chain.Reveal(uint64(i + 1))
			deltas[i] = &Delta{Evidence: versionOf(peerRow(9, 1), 0), Beats: []Beat{{Claim: claim(9, uint64(i+1)), Proof: link[:]}}}
		}
		var out protocol.Output
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%len(deltas) == 0 {
				s.m.table.Remove(9)
				_, _, _ = s.m.table.Merge(0, row, 0, nil)
			}
			if i%1024 == 0 {
				s.m.guard.walks.refill()
			}
			out.Reset()
			s.m.Receive(s.now, 9, deltas[i%len(deltas)], &out)
		}
	})
}
