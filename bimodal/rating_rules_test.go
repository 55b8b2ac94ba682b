package bimodal

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

// ratedSolo is a machine that rates topic t.
func ratedSolo(t *testing.T, fraction float64) *solo {
	s := soloMachine(t, nil)
	if err := s.SetRating(0, "t", ratingOf(fraction), &s.out); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantedOf returns which packets of author 9 from low to high a rating wants, ascending.
func wantedOf(r gravity.Rating, low, high uint64) (wanted []uint64) {
	for seq := low; seq <= high; seq++ {
		if r.Wants(heightOf(packet(seq))) {
			wanted = append(wanted, seq)
		}
	}
	return wanted
}

// numbers returns those of ranges, ascending.
func numbers(ranges []Range) (all []uint64) {
	for _, r := range ranges {
		for seq := r.First; seq <= r.Last; seq++ {
			all = append(all, seq)
		}
	}
	slices.Sort(all)
	return all
}

// rateOther has the peer of a solo machine rate topic t.
func (s *solo) rateOther(id protocol.NodeID, r gravity.Rating) {
	s.Notify(s.now, protocol.PeerChanged{Peer: &protocol.Peer{ID: id, Epoch: 1, RoundTrip: time.Millisecond, Attributes: []protocol.Attribute{
		{Name: InterestAttribute, Value: gravity.AppendInterest(nil, []TopicID{TopicOf("t")}, []gravity.Rating{r})},
	}}}, &s.out)
	s.out.Reset()
}

// "Digests, requests and repairs consider only wanted packets": what is asked for because of a digest is what is wanted, and where nothing is, nobody is asked or polled.
func TestOnlyWantedPacketsAreAskedFor(t *testing.T) {
	for _, fraction := range []float64{0.05, 0.3, 0.9, 1} {
		s, r := ratedSolo(t, fraction), ratingOf(fraction)
		s.receive(offer(1, 90, Range{1, 90}))
		var asked []uint64
		for _, q := range sent[*Request](s) {
			for _, e := range q.Entries {
				asked = append(asked, numbers(e.Ranges)...)
			}
		}
		if want := wantedOf(r, 1, 90); !slices.Equal(asked, want) {
			t.Errorf("at rating %v packets %v are asked for, want %v", r, asked, want)
		}
	}
	s := ratedSolo(t, 0.05)
	next := wantedOf(ratingOf(0.05), 1, 400)
	s.receive(packet(next[0]))
	gap := slices.IndexFunc(next[1:], func(seq uint64) bool { return true }) + 1
	polls := s.Stats().PollsSent
	s.receive(packet(next[gap])) // the very next that is wanted
	if got := s.Stats(); got.PollsSent != polls || got.MessagesDelivered != 2 || len(emitted[*Gap](s)) > 0 {
		t.Errorf("what is not wanted is taken for a gap: %d polls, %d delivered", got.PollsSent-polls, got.MessagesDelivered)
	}
	s.receive(packet(next[gap+2])) // one is missing
	if got := s.Stats().PollsSent; got != polls+1 {
		t.Errorf("%d polls for a wanted packet that is missing", got-polls)
	}
}

// "Loss events do not name it": what is lost below rating 1 is told by the packets that were lost, of all between, and what was spared is not.
func TestGapsOfRatedSubscriptions(t *testing.T) {
	s, r := ratedSolo(t, 0.2), ratingOf(0.2)
	wanted := wantedOf(r, 1, 200)
	lost := wanted[3]
	for _, seq := range wanted[:8] {
		if seq != lost {
			s.receive(packet(seq))
		}
	}
	for range 3 * s.config.Life {
		s.rounds(1)
		if gaps := emitted[*Gap](s); len(gaps) > 0 {
			if g := gaps[0]; len(gaps) != 1 || g.Count != 1 || g.First != wanted[2]+1 || g.Last != wanted[4]-1 {
				t.Errorf("%d gaps, the first %+v; packet %d was lost", len(gaps), g, lost)
			}
		}
	}
	if st := s.Stats(); st.Gaps != 1 || st.MessagesLost != 1 || st.MessagesDelivered != 7 || st.MessagesSpared != wanted[7]-8 {
		t.Errorf("%d gaps, %d lost, %d delivered, %d spared of %d", st.Gaps, st.MessagesLost, st.MessagesDelivered, st.MessagesSpared, wanted[7])
	}
}

// "The spread skips members that do not want p": directly, each gets what it wants. A publisher that knows no ratings sends everything; then the receiver leaves out the rest.
func TestTheSpreadIsForWhoWantsIt(t *testing.T) {
	s := soloMachine(t, nil)
	fractions := map[protocol.NodeID]float64{200: 0.1, 201: 0.5, 202: 1, other: 1}
	for id, fraction := range fractions {
		s.up(id, 0, 0)
		s.rateOther(id, ratingOf(fraction))
	}
	got := map[protocol.NodeID][]uint64{}
	for range 500 {
		s.out.Reset()
		if err := s.Publish(s.now, "t", make([]byte, 700), &s.out); err != nil {
			t.Fatal(err)
		}
		s.Timeout(s.now, &s.out)
		for _, e := range s.out.Effects {
			if p, ok := e.Message.(*Packet); ok {
				for _, to := range e.Targets {
					got[to] = append(got[to], p.Seq)
				}
			}
		}
		s.now = s.now.Add(10 * time.Millisecond)
	}
	for id, fraction := range fractions {
		var want []uint64
		for seq := uint64(1); seq <= 500; seq++ {
			if ratingOf(fraction).Wants(gravity.NewSalt(uint64(TopicOf("t")), 1, 1).Height(seq)) {
				want = append(want, seq)
			}
		}
		if !slices.Equal(got[id], want) {
			t.Errorf("member %v at rating %v is sent %d packets, want %d", id, fraction, len(got[id]), len(want))
		}
	}
}

// Members of builds without ratings take one with a rating for a plain subscriber: it is sent everything, and its fraction is right all the same.
func TestBuildsWithoutRatings(t *testing.T) {
	const messages = 1000
	for seed := uint64(1); seed <= 4; seed++ {
		w := newWorld(t, seed, 12, nil, "t")
		w.loss = 0.05
		rated := w.nodes[5]
		if err := rated.SetRating(0, "t", ratingOf(0.2), &rated.out); err != nil {
			t.Fatal(err)
		}
		rated.rated = true
		w.flush(rated) // and nobody is told
		w.publishEach(w.nodes[0], "t", messages, 10)
		w.run(w.now.Add(6 * time.Second))
		a, st := rated.got[StreamID{1, 1, TopicOf("t")}], rated.Stats()
		if share := float64(a.delivered) / messages; math.Abs(share-0.2) > 0.05 || a.lost > 0 {
			t.Errorf("seed %d: %v delivered, %d lost", seed, share, a.lost)
		}
		if st.PacketsSpared < messages/2 {
			t.Errorf("seed %d: only %d packets came that are not wanted: the test shows nothing", seed, st.PacketsSpared)
		}
		for _, nd := range w.nodes[1:] {
			if a := nd.got[StreamID{1, 1, TopicOf("t")}]; nd != rated && (a.delivered != messages || a.lost > 0) {
				t.Errorf("seed %d: node %v was delivered %d and told of %d lost", seed, nd.id, a.delivered, a.lost)
			}
		}
	}
}

// "Repairs consider only wanted packets": what is old is pushed to a gossiper that lacks and wants it.
func TestOnlyWantedPacketsArePushed(t *testing.T) {
	s := soloMachine(t, nil)
	r := ratingOf(0.3)
	s.rateOther(other, r)
	for seq := uint64(1); seq <= 30; seq++ {
		s.receive(packet(seq))
	}
	s.rounds(s.config.Life/2 + 1)
	s.receive(offer(s.round, 30))
	if got, want := s.repaired(), wantedOf(r, 1, 30); !slices.Equal(got, want) {
		t.Errorf("%v are pushed, want %v", got, want)
	}
}

// "Bufferers are chosen among those who want p": as many as there should be, or all who want it where these are fewer; and whoever wants it can tell who they are.
func TestBufferersWantWhatTheyHold(t *testing.T) {
	fractions := []float64{1, 0.5, 0.2, 0.8, 0.1}
	w := newWorld(t, 4, 40, nil, "t")
	w.rate("t", fractions...)
	for _, nd := range w.nodes {
		nd.quiet = true
	}
	author, id := w.nodes[0], StreamID{1, 1, TopicOf("t")}
	w.publishEach(author, "t", 200, 20)
	w.run(w.now.Add(600 * time.Millisecond)) // the short phase
	for seq := uint64(1); seq <= 160; seq++ {
		h := gravity.NewSalt(uint64(TopicOf("t")), 1, 1).Height(seq)
		wanting, holding := 0, 0
		for i, nd := range w.nodes[1:] {
			wants := ratingOf(fractions[(i+1)%len(fractions)]).Wants(h)
			if wants {
				wanting++
			}
			if p, _ := nd.byID[id].packet(seq); p != nil {
				if holding++; !wants {
					t.Fatalf("packet %d is held by a member that does not want it", seq)
				}
			}
		}
		if want := min(6, wanting); holding < want-1 || holding > want { // the author may be one of the six
			t.Errorf("packet %d is held by %d others, want %d of the %d that want it", seq, holding, want, wanting)
		}
		for _, nd := range w.nodes[1:] {
			s := nd.byID[id]
			if c := nd.drawBufferer(s, seq); c != nil && !c.rating.Wants(h) {
				t.Fatalf("node %v takes %v, which does not want packet %d, for one of its bufferers", nd.id, c.id, seq)
			}
		}
	}
}

// "A member on the wall is contacted, and serves, in proportion to its rating": digests sent and received.
func TestContactsAreDrawnByRating(t *testing.T) {
	fractions := []float64{1, 0.5, 0.25}
	w := newWorld(t, 1, 30, nil, "t")
	w.rate("t", fractions...)
	for _, nd := range w.nodes {
		nd.quiet = true
	}
	w.publishEach(w.nodes[0], "t", 6000, 5)
	var told, heard [3]float64
	for i, nd := range w.nodes[1:] { // the author gets others besides
		st := nd.Stats()
		told[(i+1)%3] += float64(st.DigestsSent - st.PollsReceived)
		heard[(i+1)%3] += float64(st.DigestsReceived - st.PollsSent)
	}
	// Classes are of 9, 10 and 10 members.
	for class, fraction := range fractions {
		size := []float64{9, 10, 10}[class]
		for name, got := range map[string]float64{"sent": told[class] / size * 9 / told[0], "heard": heard[class] / size * 9 / heard[0]} {
			if math.Abs(got-fraction) > 0.12 {
				t.Errorf("members at rating %v have %s %v of the digests of those at 1", fraction, name, got)
			}
		}
	}
}

// "A change of rating takes effect within a round trip for new messages": a member that raises its rating gets all from the moment when the publisher knows, and one that lowers it delivers its fraction at once.
func TestRatingsChange(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		w := newWorld(t, seed, 8, nil, "t")
		w.rate("t", 1, 0.1)
		author, nd := w.nodes[0], w.nodes[1]
		account := func() *account { return nd.got[StreamID{1, 1, TopicOf("t")}] }
		w.publishEach(author, "t", 500, 10)
		if got := account().delivered; got < 20 || got > 90 {
			t.Fatalf("seed %d: %d of 500 at rating 0.1", seed, got)
		}
		before := account().delivered
		nd.rated = false
		change := func(fraction float64) {
			if err := nd.SetRating(w.now, "t", ratingOf(fraction), &nd.out); err != nil {
				t.Fatal(err)
			}
			w.flush(nd)
			w.retell()
		}
		change(1)
		heard := nd.byID[StreamID{1, 1, TopicOf("t")}].high // and no further: from there on nothing may be left out
		account().next = heard + 1
		w.publishEach(author, "t", 300, 10)
		w.run(w.now.Add(time.Second))
		if got := account().delivered - before; got != 800-heard {
			t.Errorf("seed %d: %d of %d since the rating is 1", seed, got, 800-heard)
		}
		before, nd.rated = account().delivered, true
		change(0.5)
		w.publishEach(author, "t", 300, 10)
		w.run(w.now.Add(time.Second))
		if got := account().delivered - before; got < 110 || got > 190 {
			t.Errorf("seed %d: %d of 300 since the rating is 0.5", seed, got)
		}
		if lost := account().lost; lost > 0 {
			t.Errorf("seed %d: %d lost", seed, lost)
		}
	}
	s := soloMachine(t, nil)
	if err := s.SetRating(0, "t", 0, &s.out); err != gravity.ErrRating {
		t.Error(err)
	}
	if err := s.SetRating(0, "u", 1, &s.out); err != ErrNotSubscribed {
		t.Error(err)
	}
}

// More ratings than are told apart are rounded up: nobody misses anything, and what comes besides is counted.
func TestManyRatings(t *testing.T) {
	w := newWorld(t, 1, 30, nil, "t")
	var fractions []float64
	for i := range 30 {
		fractions = append(fractions, 1-float64(i)/30)
	}
	w.rate("t", fractions...)
	w.publishEach(w.nodes[0], "t", 1000, 10)
	w.run(w.now.Add(time.Second))
	if levels := len(w.nodes[0].topics[TopicOf("t")].levels); levels != levelsMax || w.nodes[0].Stats().LevelsMerged == 0 {
		t.Errorf("%d levels", levels)
	}
	spared := uint64(0)
	for i, nd := range w.nodes {
		a := nd.got[StreamID{1, 1, TopicOf("t")}]
		if share := float64(a.delivered) / 1000; math.Abs(share-fractions[i]) > 0.07 || a.lost > 0 {
			t.Errorf("at rating %v: %v delivered, %d lost", fractions[i], share, a.lost)
		}
		spared += nd.Stats().PacketsSpared
	}
	if spared == 0 || spared > 30*1000/levelsMax {
		t.Errorf("%d packets came that are not wanted", spared)
	}
}

// Packets that not all members want prove themselves, and the others are proven by manifests of packets that all their members want: by trees and with loss everybody is delivered its fraction, and what was handed on
// can be handed on again.
func TestSignedPacketsOfRatedTopics(t *testing.T) {
	w := newWorld(t, 2, 50, func(_ int, c *Config) { c.DatagramSize = 1300 }, "t")
	if !w.signed {
		t.Fatal("the world does not sign")
	}
	w.loss = 0.02
	w.rate("t", 1, 0.3)
	for _, nd := range w.nodes {
		nd.quiet = true
	}
	const messages = 3000
	author := w.nodes[0]
	for n := range messages { // several a batch, of sizes up to full packets
		if err := author.Publish(w.now, "t", payload(author.id, n, 40+n%1000), &author.out); err != nil {
			t.Fatal(err)
		}
		if n%40 == 39 {
			w.flush(author)
			w.run(w.now.Add(100 * time.Millisecond))
		}
	}
	w.flush(author)
	w.run(w.now.Add(8 * time.Second))
	st := author.Stats()
	if share := float64(st.PacketsSigned) / float64(st.PacketsSent); math.Abs(share-0.3) > 0.1 || st.ManifestsSigned < st.PacketsSigned+50 {
		t.Errorf("of %d packets %d are signed alone, and %d signatures were made", st.PacketsSent, st.PacketsSigned, st.ManifestsSigned)
	}
	for i, nd := range w.nodes[1:] {
		a, st := nd.got[StreamID{1, 1, TopicOf("t")}], nd.Stats()
		want := []float64{1, 0.3}[(i+1)%2]
		if share := float64(a.delivered) / messages; math.Abs(share-want) > 0.06 || want == 1 && a.lost+a.delivered != messages || a.lost > messages/100 {
			t.Errorf("node %v at rating %v was delivered %v, and told of %d lost", nd.id, want, share, a.lost)
		}
		if st.PacketsCorrupt > 0 || st.SuspectsExpired > messages/100 {
			t.Errorf("node %v: %d packets corrupt, %d never proven", nd.id, st.PacketsCorrupt, st.SuspectsExpired)
		}
	}
}

// What there was before ratings costs what it did: where all ratings are 1 there are no levels, no draws and no longer rows.
func TestRatingOneIsAsBefore(t *testing.T) {
	run := func(rated bool) string {
		w := newWorld(t, 1, 20, nil, "t")
		if rated {
			w.rate("t", 1)
		} else {
			w.retell()
		}
		w.loss = 0.05
		w.publishEach(w.nodes[0], "t", 300, 10)
		text := ""
		for _, nd := range w.nodes {
			text += fmt.Sprintf("%+v\n", nd.Stats())
			if nd.topics[TopicOf("t")].levels != nil || len(nd.interest()[0].Value) != 8 {
				t.Error("there are levels, or ratings in rows")
			}
		}
		return text
	}
	if run(false) != run(true) {
		t.Error("members do something else when they have said that their ratings are 1")
	}
}

// What others say of the end of a signed stream is looked through for what is wanted only as far as the leaps of a round go: who says it of many ends, far away, makes this node compute no more heights.
func TestEndsThatOthersTellOfAreLookedThroughInBounds(t *testing.T) {
	s := signedMachine(t, nil)
	if err := s.SetRating(s.now, "t", 1, &s.out); err != nil {
		t.Fatal(err)
	}
	for _, p := range signedSeries(t, writer, 3) {
		s.hand(writer, p)
	}
	if s.byID[signedSeries(t, writer, 1)[0].Stream] == nil {
		t.Fatal("the stream is not known")
	}
	for k := range uint64(20) {
		s.hand(other, lie(writer, 1, 1<<40+k*(manifestMax+1)))
	}
	if got := s.Stats().LeapsRefused; got < 10 {
		t.Errorf("%d of 20 lies were not looked into", got)
	}
}

// Numbers that a stream has gone past while this node had heard of none of them count as missed as far as they are wanted.
func TestOnlyWantedPacketsAreMissed(t *testing.T) {
	for _, fraction := range []float64{1, 0.25} {
		s := ratedSolo(t, fraction)
		first, far := wantedOf(ratingOf(fraction), 1, 100)[0], wantedOf(ratingOf(fraction), 3*windowMax, 3*windowMax+100)[0]
		s.receive(packet(first))
		s.receive(packet(far))
		past := far - first - windowMax
		if got := float64(s.Stats().PacketsMissed) / float64(past); math.Abs(got-fraction) > 0.01 {
			t.Errorf("at rating %v %d packets count as missed of %d", fraction, s.Stats().PacketsMissed, past)
		}
	}
}
