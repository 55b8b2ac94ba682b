package membership

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// newPlaced returns a member that is named /a1, and is placed by the system.
func newPlaced(t testing.TB, signed bool) *solo {
	s := &solo{t: t, authorities: makeAuthorities(1, soloPublic, false)}
	s.authorities.zone = s.authorities.root
	c := config()
	c.Name, c.Zoned = "/a1", true
	if signed {
		c.Identity = &Identity{
			Chain: s.authorities.issue(1, c.Name, noon, identity.MemberGrants()), Anchor: s.authorities.root.Anchor(), Wall: noon, Seed: table.Link{1, 2, 3},
		}
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.m = m
	s.input(func(out *protocol.Output) { m.Start(0, out) })
	return s
}

// placedRow returns the row of a member with a certificate for a name, named otherwise.
func (s *solo) placedRow(owner protocol.NodeID, certified, name string, sequence uint64) *table.Row {
	row := peerRow(owner, sequence)
	row.Name = name
	if s.m.guard == nil {
		return row
	}
	chain := s.authorities.chains[owner]
	if chain == nil {
		chain = s.authorities.issue(owner, certified, noon, identity.MemberGrants())
	}
	anchor := links(owner).Anchor()
	row.PublicKey, row.Anchor, row.Certificates = soloPublic(owner), anchor[:], chain[1:].Append(nil)
	return signRow(row, soloKey(owner))
}

func (s *solo) move(name string) *protocol.Output {
	return s.input(func(out *protocol.Output) { s.m.Notify(s.now, protocol.Move{Name: name}, out) })
}

// like returns the next name from number on of a member whose way is, or is not, that of the own one.
func like(way string, number *int, same bool) string {
	for {
		*number++
		if name := fmt.Sprintf("/p%d", *number); (protocol.Zone(protocol.AutomaticName(name, 1)) == way) == same {
			return name
		}
	}
}

// A member has no choice of its automatic zone: whoever claims another one than that of its name is refused, with a good signature, too. So is who takes the place of another name.
func TestOtherPlacesAreRefused(t *testing.T) {
	for _, signed := range []bool{false, true} {
		s := newPlaced(t, signed)
		s.move(protocol.AutomaticName("/a1", 1))
		way, number := s.m.zone(), 0
		if protocol.Zone(way) != protocol.AutomaticZone {
			t.Fatalf("it is in %s", way)
		}
		right, wrong := like(way, &number, true), like(way, &number, false)
		s.offer(2, s.placedRow(2, right, way+right, 1), 0, nil)
		if s.m.table.Get(2) == nil {
			t.Fatalf("%s is not adopted in %s", right, way)
		}
		out := s.offer(3, s.placedRow(3, wrong, way+wrong, 1), 0, nil)
		if s.m.table.Get(3) != nil || !slices.Contains(dropped(out, 3), ReasonRowPlace) || s.m.Stats().RowsMisplaced != 1 {
			t.Errorf("signed %t: %s, in %s: %v", signed, wrong, way, dropped(out, 3))
		}
		if !signed {
			continue
		}
		other := like(way, &number, true)
		out = s.offer(4, s.placedRow(4, wrong, way+other, 1), 0, nil)
		if s.m.table.Get(4) != nil || !slices.Contains(dropped(out, 4), ReasonRowCertificate) {
			t.Errorf("%s, as %s: %v", wrong, other, dropped(out, 4))
		}
	}
}

func TestPlaced(t *testing.T) {
	for _, c := range []struct {
		certified, name string
		placed          bool
	}{
		{"/a1", "/a1", true}, {"/a1", protocol.AutomaticName("/a1", 3), true}, {"/a1", protocol.AutomaticName("/a2", 3), false}, {"/a1", "/auto/a1", false},
		{"/eu/a1", "/eu/a1", true}, {"/eu/a1", protocol.AutomaticName("/a1", 1), false}, {"/eu/a1", "/a1", false},
		{protocol.AutomaticName("/a1", 1), protocol.AutomaticName("/a1", 1), false}, // no authority issues that
	} {
		if placed(c.certified, c.name) != c.placed {
			t.Errorf("%s as %s: %t", c.certified, c.name, !c.placed)
		}
	}
}

// Whom a member leaves behind hears of it at once, and stays in the view of siblings for a while. Who has gone the same way before is of the zone at once.
func TestMoveKeepsTheView(t *testing.T) {
	for _, signed := range []bool{false, true} {
		s := newPlaced(t, signed)
		way, number := protocol.Zone(protocol.AutomaticName("/a1", 1)), 0
		names := map[protocol.NodeID]string{}
		for id := protocol.NodeID(2); id < 12; id++ {
			names[id] = like(way, &number, id < 4)
			s.offer(id, s.placedRow(id, names[id], names[id], 1), 0, nil)
		}
		gone := s.offer(2, s.placedRow(2, names[2], way+names[2], 2), 0, nil)
		if h := s.m.Host(1); h.State != StateLeft || len(event[protocol.PeerLeft](gone))+len(event[protocol.PeerDropped](gone)) > 0 {
			t.Fatalf("a member that has moved: %v, %+v", h.State, gone.Effects)
		}
		for _, p := range s.m.Peers() {
			if p.Peer.ID == 2 {
				t.Error("a member that has moved is listed")
			}
		}
		before := s.m.own.Version()
		out := s.move(way + "/a1")
		own := s.m.Own()
		if own.Name != way+"/a1" || own.Epoch != before.Epoch || own.Sequence != before.Sequence+1 {
			t.Fatalf("the own row is %+v", own)
		}
		told := event[protocol.Moved](out)
		if len(told) != 1 || len(told[0].Peers) != moveFanout || len(event[protocol.PeerDropped](out)) > 0 {
			t.Fatalf("told: %+v", told)
		}
		pushed := sent[*Delta](out)
		if len(pushed) == 0 || len(pushed[0].Rows) != 1 || pushed[0].Rows[0].Row != own {
			t.Errorf("pushed: %+v", pushed)
		}
		if again := event[protocol.PeerChanged](out); len(again) != 1 || again[0].Peer.ID != 2 || s.m.Len() != 2 {
			t.Errorf("%d rows, %+v", s.m.Len(), again)
		}
		s.offer(3, s.placedRow(3, names[3], way+names[3], 2), 0, nil)
		if s.m.Len() != 3 || len(s.m.departed) != 8 {
			t.Errorf("%d rows, %d that are left behind", s.m.Len(), len(s.m.departed))
		}
		var dropped []protocol.PeerDropped
		for s.now < protocol.Time(departedLife+time.Second) {
			s.now = s.m.Deadline()
			dropped = append(dropped, event[protocol.PeerDropped](s.input(func(out *protocol.Output) { s.m.Timeout(s.now, out) }))...)
			if s.now < protocol.Time(departedLife) && len(dropped) > 0 {
				t.Fatalf("dropped at %v", s.now)
			}
		}
		if len(dropped) != 8 {
			t.Errorf("%d are dropped", len(dropped))
		}
	}
}

// A member that others take for a representative of another zone is no longer in the view because it was of the former zone: who says so is to drop it.
func TestRepresentativesAreNotDropped(t *testing.T) {
	s := newPlaced(t, false)
	s.offer(2, s.placedRow(2, "/p2", "/p2", 1), 0, nil)
	s.move(protocol.AutomaticName("/a1", 1))
	s.input(func(out *protocol.Output) {
		s.m.Notify(s.now, protocol.PeerUp{Peer: &protocol.Peer{ID: 2, Distance: 1}}, out)
	})
	if len(s.m.departed) > 0 {
		t.Errorf("%+v", s.m.departed)
	}
}

// A row always has room for the longest name that the member can get. The control: one that stays where it is may fill it.
func TestRowHasRoomForMoves(t *testing.T) {
	fill := func(s *solo) (attributes int) {
		for {
			var out protocol.Output
			err := s.m.SetAttribute(s.now, protocol.Attribute{Name: fmt.Sprintf("a%d", attributes), Value: []byte{3}}, &out)
			if err != nil {
				if !errors.Is(err, table.ErrRowFull) {
					t.Fatal(err)
				}
				return attributes
			}
			attributes++
		}
	}
	s := newPlaced(t, false)
	placed := fill(s)
	s.move(protocol.AutomaticName("/a1", protocol.AutomaticDepthMax))
	if s.m.Stats().Moves != 1 || s.m.Own().Name != protocol.LongestName("/a1") {
		t.Errorf("%d moves, %d refused", s.m.Stats().Moves, s.m.Stats().MovesRefused)
	}
	c := config()
	c.Name, c.Zoned = "/x/a1", true
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	m.Start(0, new(protocol.Output))
	if free := fill(&solo{t: t, m: m}); free <= placed {
		t.Errorf("%d attributes fit beside a name with a zone, %d without", free, placed)
	}
}
