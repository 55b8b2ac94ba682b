package spinglass

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
)

// fullTopic returns the queue of a topic whose rate is used up and that has no room left.
func fullTopic(t *testing.T) *outgoing {
	t.Helper()
	n := single(t)
	if err := n.ConfigureTopic(t.Context(), "orders", Rate(1)); err != nil {
		t.Fatal(err)
	}
	o, err := n.outgoing.topic(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.active = true // the test takes the place of the loop
	o.accept(make([]byte, waitingBytesMax))
	return o
}

// publisher publishes one message on a goroutine of its own, and returns once it waits for its turn.
func (t *outgoing) publisher(ctx context.Context, payload []byte) <-chan error {
	t.mu.Lock()
	before := len(t.turns)
	t.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- t.add(ctx, payload) }()
	for waiting := before; waiting == before; runtime.Gosched() {
		t.mu.Lock()
		waiting = len(t.turns)
		t.mu.Unlock()
	}
	return done
}

// Publishers of one topic share it fairly: who waits is served in order, whatever its size, and before who comes later.
func TestPublishersTakeTurns(t *testing.T) {
	o := fullTopic(t)
	var done []<-chan error
	for i := range 4 {
		size := 10
		if i == 1 {
			size = waitingBytesMax - 16 // the next of 10 bytes would fit in its place
		}
		done = append(done, o.publisher(t.Context(), fmt.Appendf(nil, "%-*d", size, i)))
	}
	order := ""
	for range 3 {
		o.fetch()
		for i := range o.sending.Ends {
			if m := o.sending.Message(i); m[0] != 0 {
				order += string(m[:1])
			}
		}
	}
	if order != "0123" {
		t.Errorf("those who waited were served in the order %q", order)
	}
	for i, d := range done {
		if err := <-d; err != nil {
			t.Errorf("publisher %d: %v", i, err)
		}
	}
}

// Who comes while others wait waits behind them, though its message would fit.
func TestNobodyPassesWhoWaits(t *testing.T) {
	o := fullTopic(t)
	large := o.publisher(t.Context(), make([]byte, waitingBytesMax))
	o.mu.Lock()
	o.waiting.reset()
	o.accept([]byte("x")) // room for all but the large one
	o.mu.Unlock()
	small := o.publisher(t.Context(), []byte("y"))
	o.fetch()
	if len(o.waiting.Ends) != 1 || len(o.waiting.Message(0)) != waitingBytesMax {
		t.Fatalf("the queue took %d messages, the first of %d bytes", len(o.waiting.Ends), len(o.waiting.Message(0)))
	}
	o.fetch()
	if err := errors.Join(<-large, <-small); err != nil {
		t.Error(err)
	}
}

// Who gives up does not hold up those behind, and its message is not published.
func TestATurnIsGivenUp(t *testing.T) {
	o := fullTopic(t)
	o.mu.Lock()
	o.waiting.reset()
	o.accept([]byte("x"))
	o.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	large := o.publisher(ctx, make([]byte, waitingBytesMax))
	small := o.publisher(t.Context(), []byte("y"))
	cancel()
	if err := <-large; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	if err := <-small; err != nil {
		t.Error(err)
	}
	o.fetch()
	if got := len(o.sending.Ends); got != 2 || string(o.sending.Message(1)) != "y" {
		t.Errorf("%d messages taken over", got)
	}
}
