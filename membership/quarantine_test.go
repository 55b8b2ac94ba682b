package membership

import (
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
