package membership

import (
	"errors"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// Members that fell silent and are then proven guilty, or revoked, are not contacted any longer; but their versions are remembered as those of all who went.
func TestVanishedAreJudged(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(8, 9, 10)
	for _, id := range []protocol.NodeID{9, 10} {
		s.m.down(s.now, s.m.table.Get(id), new(protocol.Output))
	}
	s.tell(8, s.proofAgainst(9).encoded)
	list, err := s.authorities.zone.Revoke(noon, identity.Revocation{Key: soloKey(10).Public(), Before: identity.InstantMax})
	if err != nil {
		t.Fatal(err)
	}
	s.input(func(out *protocol.Output) { err = s.m.Revoke(s.now, list, out) })
	if err != nil {
		t.Fatal(err)
	}
	contacts := s.m.Stats().Contacts
	for _, at := range []time.Duration{time.Second, time.Minute, s.m.memory() - 1} {
		s.m.contactGone(protocol.Time(at), new(protocol.Output))
	}
	if n := s.m.Stats().Contacts - contacts; n != 0 {
		t.Errorf("%d contacts of those whose word does not count", n)
	}
	if s.m.gone.get(9) == nil || s.m.gone.get(10) == nil {
		t.Error("they are forgotten before those who went are")
	}
	s.m.contactGone(protocol.Time(s.m.memory()), new(protocol.Output))
	if s.m.gone.get(9) != nil || s.m.gone.get(10) != nil {
		t.Error("they are remembered for ever")
	}
	if s.meet(11); s.m.gone.due.Next() != protocol.Never {
		t.Error("something is due for nobody")
	}
}

// Revoke says why a list is not taken in, or not passed on.
func TestRevokeTells(t *testing.T) {
	revoke := func(s *solo, list *identity.RevocationList) (err error) {
		s.input(func(out *protocol.Output) { err = s.m.Revoke(s.now, list, out) })
		return err
	}
	list := func(s *solo) *identity.RevocationList {
		list, err := s.authorities.zone.Revoke(noon, identity.Revocation{Key: soloKey(9).Public(), Before: identity.InstantMax})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	s := newSolo(t, nil)
	s.meet(8)
	if err := revoke(s, s.authorities.listOf(s.authorities.root, 1).list); !errors.Is(err, identity.ErrAuthority) {
		t.Errorf("of an unknown authority: %v", err)
	}
	good := list(s)
	malformed := *good
	malformed.Number = 0
	if err := revoke(s, &malformed); !errors.Is(err, identity.ErrMalformed) {
		t.Errorf("malformed: %v", err)
	}
	if err := revoke(s, good); err != nil || len(s.m.Revocations()) != 1 {
		t.Errorf("a good one: %v", err)
	}
	if err := revoke(s, good); err != nil {
		t.Errorf("once more: %v", err)
	}
	s.m.stage = stageSigning
	if err := revoke(s, list(s)); !errors.Is(err, ErrNotRunning) {
		t.Errorf("before the own row is signed: %v", err)
	}
	s.m.stage = stageLeaving
	if err := revoke(s, list(s)); !errors.Is(err, ErrLeft) {
		t.Errorf("when leaving: %v", err)
	}

	crowded := newSolo(t, nil)
	crowded.crowd()
	for i := range verifiesSenderMax {
		crowded.m.verify(crowded.now, waitingRow(1, i), new(protocol.Output))
	}
	if err := revoke(crowded, list(crowded)); !errors.Is(err, ErrVerifyQueue) {
		t.Errorf("when too much waits: %v", err)
	}

	full := newSolo(t, nil)
	full.meet(8)
	for k := range listsMax {
		near := full.authorities.listOf(full.authorities.root, k)
		near.chain = near.chain[:1]
		full.m.guard.notices.put(near)
	}
	if err := revoke(full, list(full)); !errors.Is(err, ErrNoticesFull) || len(full.m.Revocations()) != 1 {
		t.Errorf("without a place: %v, %d lists", err, len(full.m.Revocations()))
	}
}
