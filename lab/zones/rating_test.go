package zones

import (
	"maps"
	"math"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/protocol"
)

// Ratings cross zones: with membership, astrolabe and signatures, the members of a zone at rating 0.2 are delivered a fifth, their zone is sent next to nothing besides, and one at rating 1 in another zone gets everything.
func TestRatingsCrossZones(t *testing.T) {
	const messages = 400
	f := newFleet(t, 5, 0.01, 6, "/a/x", "/b/y", "/b/z")
	fifth, err := gravity.NewRating(0.2)
	if err != nil {
		t.Fatal(err)
	}
	f.pass(formation)
	f.subscribe(1, 14)
	for _, i := range []int{6, 7, 8, 9, 10, 11} { // all of /b/y
		f.do(i, func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
			return m.SubscribeWith(now, topic, bimodal.SubscribeOptions{Rating: fifth}, out)
		})
	}
	f.pass(10 * time.Second)
	for range messages {
		f.publish(1, 1)
		f.pass(20 * time.Millisecond)
	}
	f.pass(10 * time.Second)
	got := maps.Clone(f.got)
	for i := 6; i < 12; i++ {
		delete(f.got, id(i))
	}
	f.check("at rating 1", messages, 1, 14)
	carriers := 0
	for i := 6; i < 12; i++ {
		if share := float64(got[id(i)]) / messages; math.Abs(share-0.2) > 0.08 {
			t.Errorf("member %d at rating 0.2 was delivered %v", i, share)
		}
		if st := f.node(i).topics.Stats(); st.Carries > 0 {
			carriers++ // packets for /b/z enter /b through it
		} else if st.PacketsSpared > messages/20 || st.PacketsReceived > messages/2 {
			t.Errorf("member %d at rating 0.2 got %d packets, of which it does not want %d", i, st.PacketsReceived, st.PacketsSpared)
		}
	}
	if carriers > 3 {
		t.Errorf("%d members at rating 0.2 hold more than that for others", carriers)
	}
}
