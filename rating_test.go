package spinglass_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spinglass"
)

// lossy drops a part of what arrives.
type lossy struct {
	net.PacketConn
	loss float64
}

func (l lossy) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := l.PacketConn.ReadFrom(b)
		if err != nil || rand.Float64() >= l.loss {
			return n, from, err
		}
	}
}

// "Delivered fraction = rating": on 16 real members, with 5 % loss and a quarter of them perturbed, 20 000 messages, a packet each. Members of a rating get the same messages, so that the fraction of a class is
// that of 20 000 draws: 0.02 is at least 5.6 standard deviations.
func TestRatingsOfRealMembers(t *testing.T) {
	if testing.Short() {
		t.Skip("16 members take long: left out with -short")
	}
	const messages, size = 20_000, 700
	fractions := []float64{1, 0.8, 0.5, 0.2, 0.1}
	var nodes []*spinglass.Node
	for i := range 16 {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c := spinglass.Config{Name: fmt.Sprintf("/lab/a%d", i), Conn: lossy{conn, 0.05}}
		if i > 0 {
			c.Join = []string{nodes[0].Addr()}
		}
		if i%4 == 3 {
			c.Fault = spinglass.Fault{Sleep: 0.25}
		}
		nodes = append(nodes, start(t, c))
	}
	for _, n := range nodes {
		awaitPeers(t, n, len(nodes), spinglass.PeerStateUp)
	}
	keepLong(t, "prices", nodes...)
	var subscriptions []*spinglass.Subscription
	for i, n := range nodes {
		subscriptions = append(subscriptions, subscribe(t, n, "prices", spinglass.Rating(fractions[i%len(fractions)])))
	}
	for i, n := range nodes {
		awaitRating(t, nodes[0], n, fractions[i%len(fractions)] < 1)
	}
	got := make([]count, len(nodes))
	var readers sync.WaitGroup
	for i, s := range subscriptions {
		readers.Go(func() { drain(t, s, &got[i]) })
	}
	ctx := within(t)
	// All members share the machine with what else runs there: a rate that two cores carry many times over.
	if err := nodes[0].ConfigureTopic(ctx, "prices", spinglass.Rate(1<<20)); err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		payload := make([]byte, size)
		copy(payload, fmt.Sprint(i))
		if err := nodes[0].Publish(ctx, "prices", payload); err != nil {
			t.Fatal(err)
		}
	}
	if err := nodes[0].Flush(ctx); err != nil {
		t.Fatal(err)
	}
	awaitQuiet(t, got)
	for _, s := range subscriptions {
		_ = s.Close()
	}
	readers.Wait()
	for class, fraction := range fractions {
		mean, members := 0.0, 0.0
		for i := class; i < len(nodes); i += len(fractions) {
			mean, members = mean+float64(got[i].messages.Load())/messages, members+1
			if lost := got[i].lost.Load(); lost > messages/1000 {
				t.Errorf("member %d at rating %v was told of %d lost", i, fraction, lost)
			}
		}
		if mean /= members; math.Abs(mean-fraction) > 0.02 {
			t.Errorf("members at rating %v were delivered %.4f of the messages", fraction, mean)
		}
		t.Logf("rating %v: %.4f", fraction, mean)
	}
}

// count is what a subscription brought.
type count struct{ messages, lost atomic.Uint64 }

// awaitRating waits until a node knows the interest of another one in one topic, with a rating below 1 or without.
func awaitRating(t *testing.T, n, other *spinglass.Node, rated bool) {
	t.Helper()
	want := 8
	if rated {
		want = 24
	}
	awaitSo(t, func() bool {
		row, err := n.Get(within(t), other.Name())
		topics, _ := row.Attributes["topics"].([]byte)
		return err == nil && len(topics) == want
	})
}

// awaitQuiet waits until nothing was counted for longer than packets live that are kept long.
func awaitQuiet(t *testing.T, counts []count) {
	t.Helper()
	total, since := uint64(0), time.Now()
	awaitSo(t, func() bool {
		now := uint64(0)
		for i := range counts {
			now += counts[i].messages.Load() + counts[i].lost.Load()
		}
		if now != total {
			total, since = now, time.Now()
		}
		return time.Since(since) > 11*time.Second
	})
}

// awaitSo waits until something is so.
func awaitSo(t *testing.T, so func() bool) {
	t.Helper()
	ctx, tick := within(t), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never became so")
		}
	}
}

// drain counts what a subscription brings until it ends.
func drain(t *testing.T, s *spinglass.Subscription, c *count) {
	last := uint64(0)
	for m, err := range s.Messages(t.Context()) {
		gap, isGap := errors.AsType[*spinglass.Gap](err)
		switch {
		case isGap:
			c.lost.Add(gap.Count)
		case errors.Is(err, spinglass.ErrClosed):
		case err != nil:
			t.Error(err)
		case m.Sequence <= last:
			t.Errorf("message %d comes behind %d", m.Sequence, last)
		default:
			c.messages.Add(1)
			last = m.Sequence
		}
	}
}

// Subscriptions of one node share the highest rating, and each yields its own fraction; a rating that is raised takes effect.
func TestSubscriptionsOfOneNodeHaveTheirOwnRatings(t *testing.T) {
	nodes := fleetOf(t, packetEach, 2)
	half, tenth := subscribe(t, nodes[1], "prices", spinglass.Rating(0.5)), subscribe(t, nodes[1], "prices", spinglass.Rating(0.1))
	if half.Rating() < 0.4999 || half.Rating() > 0.5001 {
		t.Error(half.Rating())
	}
	ctx := within(t)
	for phase, fractions := range [][2]float64{{0.5, 0.1}, {0.5, 1}} {
		if phase > 0 {
			if err := tenth.SetRating(ctx, 1); err != nil {
				t.Fatal(err)
			}
		}
		awaitRating(t, nodes[0], nodes[1], phase == 0)
		const messages = 2000
		for i := range messages {
			if err := nodes[0].Publish(ctx, "prices", payloadEach(i)); err != nil {
				t.Fatal(err)
			}
		}
		for i, s := range []*spinglass.Subscription{half, tenth} {
			if got := countEach(t, s, nodes[0], "prices", 2*phase+i)["prices"]; !isPart(got, messages, fractions[i]) {
				t.Errorf("phase %d: subscription %d yields %d of %d messages, want %v of them", phase, i, got, messages, fractions[i])
			}
		}
	}
	_, _ = half.Close(), tenth.Close()
	if err := tenth.SetRating(ctx, 0.5); !errors.Is(err, spinglass.ErrClosed) {
		t.Error(err)
	}
}

func TestRatingsOutOfRange(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a0"})
	for _, fraction := range []float64{0, -1, 1.01, math.NaN()} {
		if _, err := n.Subscribe(within(t), "prices", spinglass.Rating(fraction)); !errors.Is(err, spinglass.ErrConfig) {
			t.Errorf("%v: %v", fraction, err)
		}
	}
	s := subscribe(t, n, "prices")
	if err := s.SetRating(within(t), 0.5, spinglass.Last(3)); !errors.Is(err, spinglass.ErrConfig) {
		t.Error(err)
	}
	if err := s.SetRating(within(t), 0.5, spinglass.AllBuffered()); err != nil {
		t.Error(err)
	}
	if err := s.SetRating(within(t), 2); !errors.Is(err, spinglass.ErrConfig) {
		t.Error(err)
	}
}

// A joiner can ask for the last messages, or for all that are still buffered; from the publisher's own node, too.
func TestHistoryOfRealMembers(t *testing.T) {
	nodes := fleet(t, 3)
	ctx := within(t)
	keepLong(t, "prices", nodes...)
	for i := range 200 {
		if err := nodes[0].Publish(ctx, "prices", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := nodes[0].Flush(ctx); err != nil {
		t.Fatal(err)
	}
	published := time.Now()
	awaitSo(t, func() bool { return time.Since(published) > 100*time.Millisecond }) // else it may be taken for published since the subscription
	for i, c := range []struct {
		option spinglass.SubscribeOption
		first  uint64
	}{{spinglass.Last(30), 171}, {spinglass.AllBuffered(), 1}, {spinglass.Last(1), 200}} {
		s := subscribe(t, nodes[(i+1)%3], "prices", c.option)
		next := c.first
		for m, err := range s.Messages(ctx) {
			if err != nil {
				t.Fatalf("member %d, for message %d: %v", (i+1)%3, next, err)
			}
			if m.Sequence != next || string(m.Payload) != fmt.Sprint(next-1) {
				t.Fatalf("member %d: message %d, %q, where %d is next", (i+1)%3, m.Sequence, m.Payload, next)
			}
			if next++; next > 200 {
				break
			}
		}
		if _, err := nodes[(i+1)%3].Subscribe(ctx, "prices", c.option); !errors.Is(err, spinglass.ErrConfig) {
			t.Errorf("a second subscription that asks for the past: %v", err)
		}
	}
	for _, option := range []spinglass.SubscribeOption{spinglass.Last(0), spinglass.Last(spinglass.HistoryMax + 1)} {
		if _, err := nodes[0].Subscribe(ctx, "orders", option); !errors.Is(err, spinglass.ErrConfig) {
			t.Error(err)
		}
	}
}

// Ratings take their part of the row, and a row that is full refuses one.
func TestRowsBoundRatings(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a0"})
	var err error
	subscribed := 0
	for ; err == nil && subscribed < 200; subscribed++ {
		_, err = n.Subscribe(within(t), fmt.Sprint(subscribed), spinglass.Rating(0.5))
	}
	if !errors.Is(err, spinglass.ErrLimit) || subscribed < 30 {
		t.Errorf("%d topics with ratings: %v", subscribed, err)
	}
}

// A node has room for so many rated topics, and says what there is no room for; what is subscribed to stays as it was.
func TestRoomForRatedTopics(t *testing.T) {
	n := fleet(t, 1)[0]
	count := 0
	for ; count < 500; count++ {
		s, err := n.Subscribe(t.Context(), fmt.Sprintf("topic/%d", count), spinglass.Rating(0.5))
		if err == nil {
			err = s.SetRating(t.Context(), 0.25)
		}
		if err != nil {
			if text := "a node subscribes to at most 64 topics"; !errors.Is(err, spinglass.ErrLimit) || !strings.Contains(err.Error(), text) {
				t.Errorf("%v, want %q", err, text)
			}
			break
		}
	}
	if count != 64 {
		t.Errorf("there is room for %d topics, which docs/GRAVITY.md says are 64", count)
	}
}
