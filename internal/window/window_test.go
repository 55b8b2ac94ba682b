package window

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSenderStaysWithinTheWindow(t *testing.T) {
	const receivers, limit, units = 3, 10, 5000
	w := New(receivers, limit)
	queues := make([]chan struct{}, receivers)
	var done sync.WaitGroup
	for i := range queues {
		queues[i] = make(chan struct{}, units)
		done.Go(func() {
			for range queues[i] {
				w.Advance(i, 1)
			}
		})
	}
	for sent := uint64(0); sent < units; sent++ {
		if !w.Wait(t.Context(), sent, time.Minute) {
			t.Fatal("the window stalled")
		}
		if ahead := sent - w.Slowest(); ahead >= limit {
			t.Fatalf("unit %d may be sent %d ahead of the slowest receiver, the limit is %d", sent+1, ahead, limit)
		}
		for _, queue := range queues {
			queue <- struct{}{}
		}
	}
	if !w.Drained(t.Context(), units, time.Minute) {
		t.Error("the receivers did not get everything")
	}
	for _, queue := range queues {
		close(queue)
	}
	done.Wait()
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(2, 4)
		w.Advance(0, 4) // the other receiver has nothing
		start := time.Now()
		if w.Wait(t.Context(), 4, time.Second) {
			t.Error("the window opened though a receiver has got nothing")
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("gave up after %v, want 1s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if w.Wait(ctx, 4, time.Second) {
			t.Error("the window opened when the context ended")
		}
		go w.Advance(1, 4)
		if !w.Wait(t.Context(), 4, time.Second) {
			t.Error("the window stays shut though all receivers went on")
		}
	})
}
