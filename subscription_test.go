package spinglass

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"spinglass/gravity"
	"spinglass/protocol"
)

// single starts a fleet of one that ends with the test.
func single(t *testing.T) *Node {
	t.Helper()
	n, err := Start(t.Context(), Config{Name: "/lab/a", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// burst publishes messages while the loop is held, so that they travel together, and returns once they are delivered.
func burst(t *testing.T, n *Node, topic string, count, size int) {
	t.Helper()
	if err := n.Publish(t.Context(), topic, make([]byte, size)); err != nil { // may have to ask the loop
		t.Fatal(err)
	}
	held, release := make(chan struct{}), make(chan struct{})
	if err := n.live.Do(func(protocol.Time, *protocol.Output) { close(held); <-release }); err != nil {
		t.Fatal(err)
	}
	<-held
	for range count - 1 {
		if err := n.Publish(t.Context(), topic, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	settle(t, n)
}

// settle returns once what was published is delivered to the subscriptions of n.
func settle(t *testing.T, n *Node) {
	t.Helper()
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the packet being filled is sealed when the inputs at hand are done
		if _, err := n.Peers(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// "Messages of one publisher to one topic arrive in the order in which they were published, at most once; what is missing is told as a Gap,
// always." (package documentation)
func TestALoopIsLeftWhileTheQueueOverflows(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("overflow_after=%v", again), func(t *testing.T) {
			n := single(t)
			s, err := n.Subscribe(t.Context(), "orders", Queue(QueueMin))
			if err != nil {
				t.Fatal(err)
			}
			burst(t, n, "orders", 100, 4)
			next := uint64(1)
			account := func(m Message, err error) {
				var gap *Gap
				switch {
				case errors.As(err, &gap):
					if gap.First != next || gap.Last != next+gap.Count-1 || gap.Reason != GapSlowConsumer {
						t.Fatalf("%+v, want one from %d on", *gap, next)
					}
					next += gap.Count
				case err != nil || m.Sequence != next:
					t.Fatalf("message %d, %v, want %d", m.Sequence, err, next)
				default:
					next++
				}
			}
			for m, err := range s.Messages(t.Context()) {
				if account(m, err); next == 51 {
					burst(t, n, "orders", 100, 2000) // three times the queue
					break
				}
			}
			total := uint64(200)
			if again {
				burst(t, n, "orders", 100, 2000)
				total += 100
			}
			for m, err := range s.Messages(t.Context()) {
				if account(m, err); next == total+1 {
					break
				}
			}
			if got := s.waiting(); got != 0 {
				t.Errorf("an empty queue counts %d bytes", got)
			}
		})
	}
}

func TestLoopsEndWithTheirContext(t *testing.T) {
	n := single(t)
	s, err := n.Subscribe(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		burst(t, n, "orders", 1, 10)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for m, err := range s.Messages(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("message %d, %v after the context had ended", m.Sequence, err)
		}
	}
	got := 0
	for range s.Messages(t.Context()) {
		if got++; got == 20 {
			break
		}
	}
	for e, err := range n.Events(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("event %v, %v after the context had ended", e, err)
		}
	}
}

// What waits behind many others does not hold on to the memory of the packets that it came in, unless it is much of that.
func TestSmallDeliveriesThatWaitAreCopied(t *testing.T) {
	for _, size := range []int{10, copiedSizeMax} {
		n := single(t)
		s, err := n.Subscribe(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		burst(t, n, "orders", 1, size)
		e, err := s.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range sharingEntriesMax + 1 {
			s.push(e, gravity.All)
		}
		payload := func(i int) []byte {
			c := s.entries.slots[(s.entries.head+i)%len(s.entries.slots)].delivery.Begin()
			if !c.Next() || len(c.Payload) != size {
				t.Fatalf("payload %x", c.Payload)
			}
			return c.Payload
		}
		shared := func(i int) bool { return &payload(0)[0] == &payload(i)[0] }
		if !shared(sharingEntriesMax-1) || shared(sharingEntriesMax) != (size == copiedSizeMax) {
			t.Errorf("%d bytes: the last but one is shared: %v, the last: %v", size, shared(sharingEntriesMax-1), shared(sharingEntriesMax))
		}
	}
}
