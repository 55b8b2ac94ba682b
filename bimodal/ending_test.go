package bimodal

import (
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

// endings has a member publish 20 packets that members at rating 0.1 want, each followed by a pause as long as anything is told of it, where a sixth of what is spread does not arrive. It returns how many of the 420 were neither
// delivered nor told as lost.
func endings(t *testing.T, seed uint64) (untold int, told uint64) {
	z := newZoneTree(t, seed, zonesOf(22, "/a"), false, nil)
	z.rateAll(1, 0)
	z.rateAll(0.1, members(1, 21)...)
	z.pass(3 * time.Second)
	random := rand.New(rand.NewPCG(seed, 1))
	z.lose = func(_, _ protocol.NodeID, m protocol.Message) bool {
		switch m.(type) {
		case *Packet, *Shared, *Relay:
			return random.IntN(6) == 0
		}
		return false
	}
	salt, tenth := gravity.NewSalt(uint64(TopicOf("t")), uint64(z.nodes[0].id), 1), ratingOf(0.1)
	behind := make([]int, len(z.nodes))
	for seq, wanted := uint64(1), 0; wanted < 20; seq++ {
		z.publishes(0, 1, time.Millisecond)
		if !tenth.Wants(salt.Height(seq)) {
			continue
		}
		wanted++
		z.pass(5 * time.Second)
		for _, i := range members(1, 21) {
			delivered, lost := z.delivered(i, 0)
			now := wanted - int(delivered+lost)
			untold += max(now-behind[i], 0)
			behind[i] = now
		}
	}
	for _, nd := range z.nodes {
		told += nd.Stats().EndingsTold
	}
	return untold, told
}

// What is published before a pause is heard of by all that want it, however little they want and however long the pause is: of 1260 packets at most one is not, with seeds 1 to 3. Each member is told of each by at most two others, and where the next
// packet comes soon by nobody. Without the rule many are not heard of until the pause is over.
func TestEndingsAreTold(t *testing.T) {
	all := 0
	for seed := uint64(1); seed <= 3; seed++ {
		untold, told := endings(t, seed)
		if all += untold; told > 2*420 || told < 420 {
			t.Errorf("seed %d: %d endings were told of, of 840", seed, told)
		}
	}
	if all > 1 {
		t.Errorf("%d of 1260 packets before pauses were not heard of", all)
	}
}

// Of a stream that goes on, members of low ratings are told no more than before.
func TestStreamsThatGoOnHaveNoEndings(t *testing.T) {
	z := newZoneTree(t, 8, zonesOf(22, "/a"), false, nil)
	z.rateAll(1, 0)
	z.rateAll(0.5, members(1, 21)...)
	z.pass(3 * time.Second)
	z.publishes(0, 1000, 10*time.Millisecond)
	for i, nd := range z.nodes {
		if got := nd.Stats().EndingsTold; got > 1 {
			t.Errorf("member %d has told of %d endings", i, got)
		}
	}
}

// A member has room for so many endings a round; the others wait.
func TestEndingsARoundAreFew(t *testing.T) {
	z := newZoneTree(t, 8, zonesOf(3, "/a"), false, nil)
	z.rateAll(1, 0)
	z.rateAll(0.1, 1, 2)
	z.pass(time.Second)
	nd := z.nodes[1]
	for k := range uint64(4 * endingRound) {
		p := packet(1)
		p.Stream = StreamID{Author: z.nodes[0].id, Epoch: 2 + k, Topic: TopicOf("t")}
		for !ratingOf(0.1).Wants(heightOf(p)) {
			p.Seq++
		}
		nd.Receive(z.now, z.nodes[0].id, p, &nd.out)
	}
	nd.out.Reset()
	z.lose = func(protocol.NodeID, protocol.NodeID, protocol.Message) bool { return true }
	most := uint64(0)
	for range 40 {
		before := nd.Stats().EndingsTold
		z.pass(nd.config.Round)
		most = max(most, nd.Stats().EndingsTold-before)
	}
	if st := nd.Stats(); most > endingRound || st.EndingsTold < 2*endingRound || st.EndingsDelayed == 0 {
		t.Errorf("at most %d endings were told of in a round, %d in all, and streams waited for %d rounds, each counted", most, st.EndingsTold, st.EndingsDelayed)
	}
}

// A rating that changes before an ending is told keeps none from being told of it: levels take over what is open of the levels before. The control begins anew.
func TestEndingsOutliveChangesOfRatings(t *testing.T) {
	for _, begins := range []bool{false, true} {
		z := newZoneTree(t, 8, zonesOf(6, "/a"), false, nil)
		z.rateAll(1, 0)
		z.rateAll(0.1, members(1, 5)...)
		z.pass(3 * time.Second)
		salt := gravity.NewSalt(uint64(TopicOf("t")), uint64(z.nodes[0].id), 1)
		for seq := uint64(1); ; seq++ {
			z.publishes(0, 1, time.Millisecond)
			if ratingOf(0.1).Wants(salt.Height(seq)) {
				break
			}
		}
		told := func() (told uint64) {
			for _, nd := range z.nodes {
				told += nd.Stats().EndingsTold
			}
			return told
		}
		before := told()
		for _, nd := range z.nodes[1:] { // within the rounds before it is told
			if err := nd.SetRating(z.now, "t", ratingOf(0.2), &nd.out); err != nil {
				t.Fatal(err)
			}
			z.flush(nd)
		}
		z.tell(false)
		if begins {
			for _, nd := range z.nodes {
				for _, s := range nd.streams {
					nd.refreshTargets(s.topic)
					s.endings = nil
					s.matchEndings()
				}
			}
		}
		z.pass(5 * time.Second)
		if got := told() - before; (got > 0) == begins {
			t.Errorf("the last packet was told of %d times, with endings that begin anew: %v", got, begins)
		}
	}
}
