package bimodal

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"
	"time"

	"spinglass/protocol"
)

// zonedPeer tells of a peer that wants topic t.
func zonedPeer(id protocol.NodeID, name string, distance int, roundTrip time.Duration) protocol.PeerUp {
	up := wanting(id)
	up.Peer.Name, up.Peer.Distance, up.Peer.RoundTrip = name, distance, roundTrip
	return up
}

// drawn returns how often each peer is drawn as a partner of gossip.
func drawn(m *Machine, draws int) map[protocol.NodeID]int {
	m.refreshPartners()
	counts := map[protocol.NodeID]int{}
	for range draws {
		counts[m.drawPartner().id]++
	}
	return counts
}

// publishing returns a machine in the leaf zone /a/b that publishes to topic t.
func publishing(t *testing.T) (*Machine, *protocol.Output) {
	m, out := benchMachine(t, 1, func(c *Config) { c.Zone = "/a/b" }), &protocol.Output{}
	if err := m.Publish(0, "t", nil, out); err != nil {
		t.Fatal(err)
	}
	return m, out
}

// "Gossip targets are drawn with weights: most rounds inside the own zone, rarely to remote ones, so that the expected gossip traffic on a
// link into a zone is constant whatever the zone's size."
func TestGossipBetweenZonesIsConstant(t *testing.T) {
	const draws = 200_000
	for _, members := range []int{2, 3, 16, 64, 400} {
		m, out := publishing(t)
		for i := range members - 1 {
			m.Notify(0, zonedPeer(protocol.NodeID(10+i), "/a/b/x", 0, 0), out)
		}
		for i := range 30 { // ten sibling zones, of three contacts each
			m.Notify(0, zonedPeer(protocol.NodeID(1000+i), fmt.Sprintf("/a/c%d/x", i/3), 1, 0), out)
		}
		for i := range 4 { // two zones beyond
			m.Notify(0, zonedPeer(protocol.NodeID(2000+i), fmt.Sprintf("/d%d/e/x", i/2), 2, 0), out)
		}
		counts, outside, beyond := drawn(m, draws), 0, 0
		if len(counts) != members-1+34 {
			t.Errorf("%d members: %d of %d peers were ever drawn", members, len(counts), members-1+34)
		}
		for id, count := range counts {
			if id >= 1000 {
				outside += count
			}
			if id >= 2000 {
				beyond += count
			}
		}
		near := min(remoteMost, remoteDigests/float64(members))
		for _, check := range []struct {
			where       string
			count       int
			probability float64
		}{
			{"outside", outside, near},
			{"beyond the zone above", beyond, min(remoteMost*near, remoteDigests/float64(11*members))},
		} {
			mean := check.probability * draws
			if math.Abs(float64(check.count)-mean) > 4.9*math.Sqrt(mean) {
				t.Errorf("%d members: %d of %d draws %s, %.0f expected", members, check.count, draws, check.where, mean)
			}
		}
	}
}

// "Some probability always remains for every known member." Also where zones are so small that half of all gossip goes out of each of them.
func TestPartnersOfSmallZonesAreAllDrawn(t *testing.T) {
	for near := range 5 {
		m, out := publishing(t)
		for i := range near {
			m.Notify(0, zonedPeer(protocol.NodeID(10+i), "/a/b/x", 0, 0), out)
		}
		m.Notify(0, zonedPeer(1000, "/a/c/x", 1, 0), out)
		m.Notify(0, zonedPeer(2000, "/d/e/x", 2, 0), out)
		if counts := drawn(m, 10_000); counts[1000] < 500 || counts[2000] < 500 || near > 0 && counts[10] < 500 {
			t.Errorf("%d peers in the own zone: of 10000 draws %d went to the sibling zone and %d beyond", near, counts[1000], counts[2000])
		}
	}
}

// "Weights come from the zone path and from measured round trips. Some probability always remains for every known member." They differ by a
// factor of four at most; what is not measured counts as usual.
func TestNearPartnersAreLikelier(t *testing.T) {
	m, out := publishing(t)
	trips := []time.Duration{time.Microsecond, time.Millisecond, time.Millisecond, time.Millisecond, 0, time.Second}
	for i, trip := range trips {
		m.Notify(0, zonedPeer(protocol.NodeID(10+i), "/a/b/x", 0, trip), out)
	}
	counts := drawn(m, 100_000)
	nearest, usual, unknown, farthest := counts[10], counts[11], counts[14], counts[15]
	if ratio := float64(nearest) / float64(usual); ratio < 1.6 || ratio > 2.2 {
		t.Errorf("the nearest is drawn %d times, one at the usual distance %d times", nearest, usual)
	}
	if ratio := float64(nearest) / float64(farthest); ratio < 2.5 || ratio > 4.2 {
		t.Errorf("the nearest is drawn %d times, the farthest %d times", nearest, farthest)
	}
	if unknown < usual/2 {
		t.Errorf("one that was not measured is drawn %d times, one at the usual distance %d times", unknown, usual)
	}
}

// Without zones and with equal round trips partners are drawn evenly, as the model has it.
func TestPartnersOfOneZoneAreDrawnEvenly(t *testing.T) {
	m, out := publishing(t)
	for i := range 20 {
		m.Notify(0, zonedPeer(protocol.NodeID(10+i), "/a/b/x", 0, 20*time.Millisecond), out)
	}
	counts := drawn(m, 100_000)
	for id, count := range counts {
		if math.Abs(float64(count)-5000) > 4.9*math.Sqrt(5000) {
			t.Errorf("peer %v is drawn %d times of 100000", id, count)
		}
	}
}

// "Polls go to the own zone, as a contact elsewhere may not know the one who asks", and would refuse it. Who is alone in its zone has no choice.
func TestPollsStayInTheZone(t *testing.T) {
	for _, near := range []int{0, 3} {
		s := soloMachine(t, func(c *Config) { c.Zone = "/a/b" })
		s.Notify(s.now, protocol.PeerDown{Peer: &protocol.Peer{ID: other}}, &s.out)
		for i := range near {
			s.Notify(s.now, zonedPeer(protocol.NodeID(10+i), "/a/b/x", 0, 0), &s.out)
		}
		for i := range 40 {
			s.Notify(s.now, zonedPeer(protocol.NodeID(1000+i), "/a/c/x", 1, 0), &s.out)
		}
		polled := 0
		for gap := range uint64(50) {
			s.receive(packet(10 * (gap + 1)))
			polls := receivers[*Poll](s)
			s.rounds(1)
			for _, to := range append(polls, receivers[*Poll](s)...) {
				if polled++; near > 0 && to >= 1000 {
					t.Fatalf("a poll went to %d, outside of the zone", to)
				}
			}
		}
		if polled < 50 {
			t.Errorf("%d polls", polled)
		}
	}
}

// A member that restarts in another zone is no contact of the one before, also where that is as far away.
func TestMembersMoveBetweenZones(t *testing.T) {
	m, out := publishing(t)
	m.Notify(0, zonedPeer(1000, "/c/x", 1, 0), out)
	topic := m.byName["t"]
	m.refreshTargets(topic)
	moved := zonedPeer(1000, "/d/x", 1, 0).Peer
	moved.Epoch = 7
	m.Notify(0, protocol.PeerChanged{Peer: moved}, out)
	m.refreshTargets(topic)
	if want, _ := siblingOf(m.config.Zone, moved); len(topic.entrances) != 1 || topic.entrances[0].zone != want {
		t.Errorf("entrances %+v, want one of zone %x", topic.entrances, want)
	}
}

func TestSiblingZones(t *testing.T) {
	for _, test := range []struct {
		own, name string
		distance  int
		same      string // path of the sibling zone
	}{
		{"/a/b", "/a/c/x", 1, "/a/c"},
		{"/a/b", "/a/c/d/e/x", 1, "/a/c"},
		{"/a/b", "/d/e/x", 2, "/d"},
		{"/a/b", "/d/x", 2, "/d"},
		{"/", "/d/e/x", 1, "/d"},
		{"/a/b", "/d/e/x", 7, "/d"},
		{"/a/bc", "/a/b/x", 1, "/a/b"},
		{"/a/b", "/a/bc/x", 1, "/a/bc"},
		// Hosts of a zone that others lie below, and zones below the own one.
		{"/a/b", "/a/./representative", 1, "/a/."},
		{"/a/b", "/a/x", 1, "/a/."},
		{"/a/b", "/./representative", 2, "/."},
		{"/a", "/a/b/representative", 1, "/a/b"},
		{"/", "/a/representative", 1, "/a"},
	} {
		got, depth := siblingOf(test.own, &protocol.Peer{Name: test.name, Distance: test.distance})
		hash := fnv.New64a()
		hash.Write([]byte(test.same))
		if got != ZoneID(hash.Sum64()) || depth != depthOf(test.same) {
			t.Errorf("%s sees %s at distance %d in zone %x of depth %d, not in %s", test.own, test.name, test.distance, got, depth, test.same)
		}
	}
}
