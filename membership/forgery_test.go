package membership

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// "Evidence, not votes"; "state changes only after authentication": a row counts as its owner's only if the chain leads to the anchor, the leaf is a member's of this
// name, NodeID and key, the attributes are granted, and nothing is revoked. What does not is dropped, and counted against the hop that it came from.
func TestForgedRows(t *testing.T) {
	const mallory, victim = 8, 9
	resigned := func(owner protocol.NodeID, change func(s *solo, row *table.Row)) func(s *solo) *table.Row {
		return func(s *solo) *table.Row {
			row := *s.row(owner, 1)
			change(s, &row)
			return signRow(&row, soloKey(owner))
		}
	}
	certified := func(chain func(s *solo) identity.Chain) func(s *solo) *table.Row {
		return resigned(victim, func(s *solo, row *table.Row) { row.Certificates = chain(s)[1:].Append(nil) })
	}
	for name, c := range map[string]struct {
		row    func(s *solo) *table.Row
		reason protocol.Reason // "": adopted
	}{
		"good": {func(s *solo) *table.Row { return s.row(victim, 1) }, ""},
		"topics need no grant": {resigned(victim, func(s *solo, row *table.Row) {
			chain := s.authorities.issue(victim, row.Name, noon, nil)
			row.Certificates, row.Attributes = chain[1:].Append(nil), []protocol.Attribute{{Name: TopicsAttribute, Value: []byte("12345678")}}
		}), ""},
		"unsigned": {func(*solo) *table.Row { return peerRow(victim, 1) }, ReasonRowUnsigned},
		"signature taken away": {func(s *solo) *table.Row {
			row := *s.row(victim, 1)
			row.Signature = nil
			return &row
		}, ReasonRowUnsigned},
		"changed after signing": {func(s *solo) *table.Row {
			row := *s.row(victim, 1)
			row.Addresses = []protocol.Address{"mallory"}
			return &row
		}, ReasonForged},
		"by another member under the victim's chain": {func(s *solo) *table.Row {
			row := *s.row(victim, 1)
			row.Sequence = 2
			return signRow(&row, soloKey(mallory))
		}, ReasonForged},
		"another member's key and chain": {func(s *solo) *table.Row {
			row, own := *s.row(victim, 1), s.row(mallory, 1)
			row.PublicKey, row.Certificates = own.PublicKey, own.Certificates
			return signRow(&row, soloKey(mallory))
		}, ReasonRowCertificate},
		"another name":   {resigned(victim, func(_ *solo, row *table.Row) { row.Name = "/lab/other" }), ReasonRowCertificate},
		"another NodeID": {resigned(victim, func(_ *solo, row *table.Row) { row.Owner = 77 }), ReasonRowCertificate},
		"statement of another kind": {func(s *solo) *table.Row {
			row := *s.row(victim, 1)
			signature := identity.SignStatement(soloKey(victim), identity.ContextPackets, row.Epoch, row.Sequence, row.AppendSigned(nil)).Signature
			row.Signature = signature[:]
			return &row
		}, ReasonForged},
		"no certificates":        {resigned(victim, func(_ *solo, row *table.Row) { row.Certificates = nil }), ReasonRowUnsigned},
		"noise for certificates": {resigned(victim, func(_ *solo, row *table.Row) { row.Certificates = []byte("noise") }), ReasonRowCertificate},
		"certificate of oneself": {certified(func(s *solo) identity.Chain {
			chain := slices.Clone(s.authorities.chains[victim])
			leaf := *chain.Leaf()
			leaf.Issuer = soloKey(victim).Public()
			leaf.Signature = identity.Sign(soloKey(victim), identity.ContextMember, leaf.AppendSigned(nil))
			chain[len(chain)-1] = &leaf
			return chain
		}), ReasonRowCertificate},
		"certificate that the issuer never signed": {certified(func(s *solo) identity.Chain {
			chain := slices.Clone(s.authorities.chains[victim])
			leaf := *chain.Leaf()
			leaf.Serial++
			chain[len(chain)-1] = &leaf
			return chain
		}), ReasonForged},
		"another fleet's certificate": {certified(func(*solo) identity.Chain {
			return makeAuthorities(2, soloPublic, false).issue(victim, "/lab/p9", noon, identity.MemberGrants())
		}), ReasonRowCertificate},
		"expired": {certified(func(s *solo) identity.Chain {
			s.authorities.life = day
			return s.authorities.issue(victim, "/lab/p9", noon.Add(-9*day), identity.MemberGrants())
		}), ReasonRowExpired},
		"from the future": {certified(func(s *solo) identity.Chain {
			return s.authorities.issue(victim, "/lab/p9", noon.Add(day), identity.MemberGrants())
		}), ReasonRowExpired},
		"revoked": {func(s *solo) *table.Row {
			row := s.row(victim, 1)
			list, _ := s.authorities.zone.Revoke(noon, identity.Revocation{Key: soloKey(victim).Public(), Before: identity.InstantMax})
			s.input(func(out *protocol.Output) {
				if err := s.m.Revoke(s.now, list, out); err != nil {
					t.Error(err)
				}
			})
			return row
		}, ReasonRowRevoked},
		"attribute that is not granted": {resigned(victim, func(s *solo, row *table.Row) {
			chain := s.authorities.issue(victim, row.Name, noon, identity.Grants{{Verb: identity.VerbSet, Pattern: "load*"}})
			row.Certificates, row.Attributes = chain[1:].Append(nil), []protocol.Attribute{{Name: "owner", Value: []byte{1, 1}}}
		}), ReasonRowAttribute},
	} {
		s := newSolo(t, nil)
		s.meet(mallory)
		row := c.row(s)
		out := s.offer(mallory, row, 0, nil)
		e := s.m.table.Get(row.Owner)
		if adopted := e != nil && e.Row() == row; adopted != (c.reason == "") {
			t.Errorf("%s: adopted %v", name, adopted)
		}
		if got := dropped(out, mallory); c.reason == "" && len(got) > 0 || c.reason != "" && !slices.Equal(got, []protocol.Reason{c.reason}) {
			t.Errorf("%s: dropped for %v, not %q", name, got, c.reason)
		}
	}
}

// "Every single-bit flip and truncation of every message type (all rejected, no panic)": of a signed row with its heartbeat and the proof of that.
func TestSignedRowsRefuseDamage(t *testing.T) {
	s := newSolo(t, func(c *Config) { c.Identity.VerifyRate = 1e9 })
	s.meet(8)
	row := s.row(9, 1)
	encoded := row.Append(nil)
	for n := range encoded {
		if _, err := table.DecodeRow(encoded[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes is accepted", n, len(encoded))
		}
	}
	for bit := range 8 * len(encoded) {
		flipped := bytes.Clone(encoded)
		flipped[bit/8] ^= 1 << (bit % 8)
		damaged, err := table.DecodeRow(flipped)
		if err != nil {
			continue
		}
		s.offer(8, damaged, 0, nil)
		if s.m.table.Len() != 2 || s.m.table.Get(8).Row() == damaged {
			t.Fatalf("the row with bit %d flipped is adopted", bit)
		}
	}
	link, _ := links(9).Reveal(5)
	proof := link[:]
	for bit := range 8*table.LinkSize + 3 {
		damaged, heartbeat := bytes.Clone(proof), uint64(5)
		if bit < 8*table.LinkSize {
			damaged[bit/8] ^= 1 << (bit % 8)
		} else {
			heartbeat ^= 1 << (bit - 8*table.LinkSize)
		}
		s := newSolo(t, nil)
		s.offer(9, row, heartbeat, damaged)
		if e := s.m.table.Get(9); e == nil || e.Version().Heartbeat != 0 || len(e.Proof()) != 0 {
			t.Fatalf("heartbeat %d, bit %d flipped: %+v", heartbeat, bit, e)
		}
		s.offer(9, row, 5, proof)
		if e := s.m.table.Get(9); e.Version().Heartbeat != 5 {
			t.Fatal("a good proof is refused")
		}
	}
}

// "A beat without valid proof is dropped and counted": relayed, as the sender's own evidence, and of members that are down.
func TestForgedHeartbeats(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(8, 9)
	claim := table.Claim{Owner: 9, Version: table.Version{Epoch: 1, Sequence: 1}}
	beat := func(from protocol.NodeID, heartbeat uint64, proof []byte) *protocol.Output {
		c := claim
		c.Heartbeat = heartbeat
		delta := &Delta{Evidence: versionOf(peerRow(from, 1), 0), Beats: []Beat{{Claim: c, Proof: proof}}}
		return s.input(func(out *protocol.Output) { s.m.Receive(s.now, from, delta, out) })
	}
	chain := links(9)
	reveal := func(i uint64) []byte {
		link, err := chain.Reveal(i)
		if err != nil {
			t.Fatal(err)
		}
		return link[:]
	}
	held := func() uint64 { return s.m.table.Get(9).Version().Heartbeat }
	for name, c := range map[string]struct {
		heartbeat uint64
		proof     []byte
	}{
		"no proof": {7, nil}, "of another heartbeat": {7, reveal(6)}, "of an earlier one": {1 << 40, reveal(6)}, "noise": {7, make([]byte, 16)},
		"too long": {7, make([]byte, 32)},
	} {
		if got := dropped(beat(8, c.heartbeat, c.proof), 8); held() != 0 || !slices.Equal(got, []protocol.Reason{ReasonBeatForged}) {
			t.Errorf("%s: heartbeat %d, dropped %v", name, held(), got)
		}
	}
	s.input(func(out *protocol.Output) { s.m.Receive(s.now, 9, &Probe{Evidence: versionOf(peerRow(9, 1), 50)}, out) })
	if held() != 0 {
		t.Error("evidence of the sender itself is taken without a proof")
	}
	if beat(8, 7, reveal(7)); held() != 7 {
		t.Error("a proven heartbeat is refused")
	}
	if beat(8, table.ChainStepsMax, reveal(table.ChainStepsMax)); held() != table.ChainStepsMax {
		t.Error("a gap of 4089 heartbeats is refused")
	}
	s.m.down(s.now, s.m.table.Get(9), new(protocol.Output))
	if beat(8, table.ChainStepsMax+1, make([]byte, 16)); s.m.table.Get(9) != nil {
		t.Error("a forged heartbeat brings back the dead")
	}
	// Without an identity all of this is believed.
	m := lone(t)
	meet(m, 0, 9)
	c := claim
	c.Heartbeat = 7
	m.Receive(1, 8, &Delta{Evidence: versionOf(peerRow(8, 1), 1), Beats: []Beat{{Claim: c}}}, new(protocol.Output))
	if m.table.Get(9).Version().Heartbeat != 7 {
		t.Error("the control does not bite")
	}
}

// A forged row of the greatest epoch hid its owner, who could not go above it. With an identity neither that nor claims move anybody.
func TestForgedEpochsMoveNobody(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(8, 9)
	hiding := *s.row(9, 1)
	hiding.Epoch = table.EpochMax
	s.offer(8, signRow(&hiding, soloKey(8)), 0, nil)
	if e := s.m.table.Get(9); e.Version().Epoch != 1 {
		t.Error("a forged row of the greatest epoch is adopted")
	}
	own := *s.m.own.Row()
	own.Epoch = 1000
	s.offer(8, signRow(&own, soloKey(8)), 0, nil)
	claim := table.Claim{Owner: 1, Version: table.Version{Epoch: 1000, Sequence: 1, Heartbeat: 5}}
	out := s.input(func(out *protocol.Output) {
		s.m.Receive(s.now, 8, &Digest{Evidence: versionOf(peerRow(8, 1), 0), Held: table.Digest{First: 1, Last: 1, Claims: []table.Claim{claim}}}, out)
		s.m.Receive(s.now, 8, &Delta{Evidence: versionOf(peerRow(8, 1), 0), Beats: []Beat{{Claim: claim}}}, out)
	})
	if s.m.Stats().EpochJumps != 0 || s.m.own.Row().Epoch != 1 {
		t.Errorf("a forged own row made the member jump to epoch %d", s.m.own.Row().Epoch)
	}
	if deltas := sent[*Delta](out); len(deltas) != 1 || !slices.Equal(deltas[0].WantRows, []protocol.NodeID{1}) {
		t.Errorf("the row that is claimed is not asked for: %+v", out.Effects)
	}
	real := *s.m.own.Row()
	real.Epoch = 7
	if s.offer(8, signRow(&real, soloKey(1)), 0, nil); s.m.own.Row().Epoch != 8 || len(s.m.own.Row().Signature) == 0 {
		t.Errorf("a row that this member once signed in epoch 7 leads to epoch %d", s.m.own.Row().Epoch)
	}
}

// "A chain that was verified before for the same owner (same bytes) costs one signature check", and what is no news none at all.
func TestVerificationIsCheap(t *testing.T) {
	s := newSolo(t, nil)
	for _, c := range []struct {
		row  *table.Row
		want int // row, and member certificate; the zone's is in the own chain
	}{
		{s.row(9, 1), 2}, {s.row(9, 1), 0}, {s.row(9, 3), 1}, {s.row(9, 2), 0}, {s.row(9, 4), 1},
	} {
		before := s.checked
		if s.offer(8, c.row, 0, nil); s.checked-before != c.want {
			t.Errorf("sequence %d: %d signatures were checked, not %d", c.row.Sequence, s.checked-before, c.want)
		}
	}
	s.m.down(s.now, s.m.table.Get(9), new(protocol.Output))
	before := s.checked
	s.offer(8, s.row(9, 4), 0, nil)
	if s.offer(8, s.row(9, 3), 99, nil); s.checked != before {
		t.Error("rows of the dead are verified")
	}
	if s.offer(8, s.row(9, 5), 0, nil); s.checked != before+1 || s.m.table.Get(9) == nil {
		t.Error("the memory of the dead does not know the chain")
	}
}

// "Bounded pending set; per-sender bound so that one flooding sender cannot fill it"; "own zone first".
func TestVerifierIsFair(t *testing.T) {
	var v verifier
	number := byte(0)
	put := func(from protocol.NodeID, ownZone bool) bool {
		number++
		_, ok := v.put(suspect{from: from, sum: [32]byte{number, byte(from)}, ownZone: ownZone, notice: &notice{}})
		return ok
	}
	for i := range verifiesSenderMax + 5 {
		if put(2, true) != (i < verifiesSenderMax) {
			t.Fatalf("suspect %d of one sender", i)
		}
	}
	for from := protocol.NodeID(3); len(v.queue) < verifiesMax; from++ {
		for range verifiesSenderMax {
			put(from, true)
		}
	}
	if !put(1000, true) || len(v.queue) != verifiesMax {
		t.Errorf("no room for a quiet sender; %d wait", len(v.queue))
	}
	v.spent[bucketOf(1000)] = 0
	for i := range v.queue {
		if b := bucketOf(v.queue[i].from); b != bucketOf(1000) {
			v.spent[b] = 10
		}
	}
	if next := v.queue[v.next()]; next.from != 1000 {
		t.Errorf("next is %d, who cost more", next.from)
	}
	put(1000, false)
	for i := range v.queue {
		v.queue[i].ownZone = i == 7
	}
	if v.next() != 7 {
		t.Error("the own zone does not come first")
	}
}

// A newer row of one owner takes the place of an older one of the same sender, and never that of another sender's: who invents newer ones hides none.
func TestNewestRowWaits(t *testing.T) {
	var v verifier
	put := func(from protocol.NodeID, sequence uint64) {
		v.put(suspect{from: from, sum: [32]byte{byte(from), byte(sequence)}, update: RowUpdate{Row: peerRow(9, sequence)}})
	}
	put(2, 5)
	put(3, 900)
	put(2, 7)
	put(2, 6)
	if len(v.queue) != 2 || v.queue[0].update.Row.Sequence != 7 || v.queue[1].update.Row.Sequence != 900 {
		t.Errorf("%+v", v.queue)
	}
}

// The rate of checks holds whatever comes, and what waits is checked as time goes by.
func TestVerifyRate(t *testing.T) {
	s := newSolo(t, func(c *Config) { c.Identity.VerifyRate = 1000 })
	s.checked = 0
	for i := range 1000 {
		s.now = protocol.Time(i) * protocol.Time(2*time.Millisecond)
		for k := range 5 {
			row := *s.row(9, 1)
			row.Sequence = uint64(i*5 + k + 2)
			row.Signature = bytes.Repeat([]byte{byte(k), byte(i)}, 32)
			s.offer(protocol.NodeID(20+k), &row, 0, nil)
		}
		s.input(func(out *protocol.Output) { s.m.Timeout(s.now, out) })
	}
	if s.checked > 2100+2 || s.checked < 1900 {
		t.Errorf("%d signatures were checked in 2 s at 1000 a second", s.checked)
	}
	if s.m.Stats().Forgeries == 0 || len(s.m.guard.verifier.queue) > verifiesMax {
		t.Errorf("%d forgeries, %d wait", s.m.Stats().Forgeries, len(s.m.guard.verifier.queue))
	}
}

// Hashing is bounded for each sender and in all: long gaps do not use up what short ones need.
func TestHashingIsBounded(t *testing.T) {
	var h hashing
	h.refill()
	taken := 0
	for h.take(2, 4096) {
		taken += 4096
	}
	if taken != walksPerRound/hashingShare {
		t.Errorf("one sender got %d hashes", taken)
	}
	for from := protocol.NodeID(3); from < 500; from++ {
		for h.take(from, 4096) {
			taken += 4096
		}
	}
	if taken != walksPerRound || !h.take(2, stepsMax) {
		t.Errorf("all got %d hashes; short gaps are still proven: %v", taken, h.take(2, stepsMax))
	}
}

// A driver that has not the key is told of, and the member says nothing; once it signs all goes on.
func TestRowIsNotSigned(t *testing.T) {
	s := newSolo(t, nil)
	c := config()
	identityCopy := *s.m.config.Identity
	c.Identity = &identityCopy
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out protocol.Output
	m.Start(0, &out)
	ask := out.Effects[0].Work.(*protocol.Sign)
	out.Reset()
	m.Notify(0, protocol.Signed{Number: ask.Number}, &out)
	if len(event[RowNotSigned](&out)) != 1 || m.stage != stageSigning || m.Stats().SignFailures != 1 {
		t.Fatalf("%+v", out.Effects)
	}
	out.Reset()
	m.Timeout(protocol.Time(signRetry), &out)
	if again := out.Effects[0].Work.(*protocol.Sign); again.Number == ask.Number || bytes.Equal(again.Message, ask.Message) {
		t.Error("the second attempt signs the same place")
	}
}
