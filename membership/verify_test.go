package membership

import (
	"crypto/sha256"
	"slices"
	"testing"

	"spinglass/identity"
	"spinglass/protocol"
)

// crowd fills the queue of what is to be verified, with rows of as many senders as it takes.
func (s *solo) crowd() {
	s.m.guard.verifier.horizon = protocol.Never - 1 // nothing is checked
	for i := range verifiesMax {
		s.m.verify(s.now, waitingRow(protocol.NodeID(100+i/verifiesSenderMax), i), new(protocol.Output))
	}
}

func waitingRow(from protocol.NodeID, i int) suspect {
	return suspect{from: from, sum: [32]byte{byte(i), byte(i >> 8), byte(from)}, update: RowUpdate{Row: peerRow(protocol.NodeID(1000+i), 1)}, checks: make([]protocol.Check, 1)}
}

// What has to make room for another sender is counted as what finds none. What the member offered itself stays.
func TestDisplacedAreCounted(t *testing.T) {
	s := newSolo(t, nil)
	v := &s.m.guard.verifier
	for i := range verifiesSenderMax {
		v.put(suspect{from: s.m.config.Self, sum: [32]byte{99, byte(i)}, notice: &notice{}})
	}
	s.crowd()
	refused := s.m.Stats().VerifyRefused
	for i := range 40 {
		var out protocol.Output
		from := protocol.NodeID(500 + i)
		s.m.verify(s.now, waitingRow(from, i), &out)
		drops := 0
		for _, effect := range out.Effects {
			if effect.Kind == protocol.EffectDrop && effect.Reason == ReasonVerifyQueue && effect.To != from && effect.To != s.m.config.Self {
				drops++
			}
		}
		if refused++; drops != 1 || s.m.Stats().VerifyRefused != refused || len(v.queue) != verifiesMax {
			t.Fatalf("%d: %d drops, %d refused, %d wait", i, drops, s.m.Stats().VerifyRefused, len(v.queue))
		}
	}
	own := 0
	for i := range v.queue {
		if v.queue[i].from == s.m.config.Self {
			own++
		}
	}
	if own != verifiesSenderMax {
		t.Errorf("%d of the own ones are left", own)
	}
}

// Of a row that was verified the member keeps the hash that its digests and its contradictions go by, also when a vanished member comes back.
func TestRowsAreHashed(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(8, 9)
	check := func() {
		t.Helper()
		e := s.m.table.Get(9)
		if e == nil || e.State.credential == nil || *e.State.sum != sha256.Sum256(e.Row().AppendSigned(nil)) {
			t.Fatalf("%+v", e)
		}
	}
	check()
	s.offer(8, s.row(9, 2), 0, nil)
	check()
	s.m.down(s.now, s.m.table.Get(9), new(protocol.Output))
	link, _ := links(9).Reveal(3)
	c := claim(9, 3)
	c.Sequence = 2
	delta := &Delta{Evidence: versionOf(peerRow(8, 1), 0), Beats: []Beat{{Claim: c, Proof: link[:]}}}
	s.input(func(out *protocol.Output) { s.m.Receive(s.now, 8, delta, out) })
	check()
}

// A row that was good when it came is judged again once its signatures were checked: its owner may have been revoked meanwhile.
func TestRowsAreJudgedAgain(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(8)
	var out protocol.Output
	s.m.Receive(s.now, 8, &Delta{Evidence: versionOf(peerRow(8, 1), 0), Rows: []RowUpdate{{Row: s.row(9, 1)}}}, &out)
	list, err := s.authorities.zone.Revoke(noon, identity.Revocation{Key: soloKey(9).Public(), Before: identity.InstantMax})
	if err != nil {
		t.Fatal(err)
	}
	s.input(func(out *protocol.Output) { err = s.m.Revoke(s.now, list, out) })
	if err != nil {
		t.Fatal(err)
	}
	work := out.Effects[len(out.Effects)-1].Work.(*protocol.Verify)
	after := s.input(func(out *protocol.Output) {
		s.m.Notify(s.now, protocol.Verified{Number: work.Number, Valid: true}, out)
	})
	if got := dropped(after, 8); s.m.table.Get(9) != nil || !slices.Equal(got, []protocol.Reason{ReasonRowRevoked}) {
		t.Errorf("adopted %v, dropped %v", s.m.table.Get(9) != nil, got)
	}
}
