package membership

import (
	"bytes"
	"crypto/sha256"
	"slices"
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
	n, err := decodeNotice(parts[0].Data, s.m.guard.root)
	if err != nil || n.list.Compare(list) != 0 {
		t.Errorf("passed on: %+v, %v", n, err)
	}
}

// Places for notices are few, and those of lists go to the issuers closest to the root.
func TestNoticesAreBounded(t *testing.T) {
	s := newSolo(t, nil)
	n := &s.m.guard.notices
	for id := protocol.NodeID(100); id < 100+proofsMax+5; id++ {
		if proof := s.proofAgainst(id); n.put(proof) != (id < 100+proofsMax) {
			t.Fatalf("proof %d", id-100)
		}
	}
	deep := func(i int) *notice {
		list, err := identity.NewRevocationList(soloKey(protocol.NodeID(i)), 1, noon)
		if err != nil {
			t.Fatal(err)
		}
		return newNotice(s.authorities.chains[100], list, nil)
	}
	for i := range listsMax + 2 {
		if n.put(deep(i+500)) != (i < listsMax) {
			t.Fatalf("list %d", i)
		}
	}
	near := deep(900)
	near.chain = near.chain[:1]
	if !n.put(near) || len(n.held) != proofsMax+listsMax {
		t.Errorf("%d notices are held", len(n.held))
	}
	if !slices.IsSortedFunc(n.claims(), func(a, b NoticeClaim) int { return int(int64(a.ID>>1) - int64(b.ID>>1)) }) {
		t.Error("out of order")
	}
	if size := (&Summary{Claims: n.claims()}).Size(); size > 1100 {
		t.Errorf("a summary of %d bytes", size)
	}
	for i := range refusalsMax + 3 {
		n.refuse(NoticeClaim{ID: uint64(i)})
	}
	if len(n.refusals) != refusalsMax {
		t.Errorf("%d refusals", len(n.refusals))
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
		if n.collect(0, 2, part(1, k)) != nil {
			t.Fatalf("complete after %d parts", i+1)
		}
	}
	if got := n.collect(0, 2, part(1, 3)); !bytes.Equal(got, whole) || len(n.parcels) != 0 {
		t.Error("not put together")
	}
	for from := protocol.NodeID(1); from < 50; from++ {
		n.collect(0, from, part(1, 0))
		n.collect(0, from, part(2, 0))
	}
	if len(n.parcels) != parcelsMax {
		t.Errorf("%d parcels", len(n.parcels))
	}
	late := protocol.Time(parcelsLife + time.Second)
	for k := range 6 {
		if got := n.collect(late, 99, part(3, k)); (got != nil) != (k == 5) {
			t.Errorf("part %d: complete %v", k, got != nil)
		}
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
		n, err := decodeNotice(b, s.m.guard.root)
		if err != nil {
			return
		}
		if len(n.encoded) > noticeSizeMax {
			t.Fatalf("a notice of %d bytes", len(n.encoded))
		}
		_ = n.check(s.m.guard.identity.Anchor)
		if again, err := decodeNotice(n.encoded, s.m.guard.root); err != nil || !bytes.Equal(again.encoded, n.encoded) || again.claim != n.claim {
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
