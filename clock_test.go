package spinglass

import (
	"testing"
	"time"
)

// frozenClock stands still.
type frozenClock struct{ at time.Time }

type frozenTimer struct{}

func (c frozenClock) Now() time.Time    { return c.at }
func (frozenClock) NewTimer() Timer     { return frozenTimer{} }
func (frozenTimer) C() <-chan time.Time { return nil }
func (frozenTimer) Set(time.Time)       {}
func (frozenTimer) Stop()               {}

func TestANodeLivesByItsClock(t *testing.T) {
	clock := frozenClock{time.Unix(1_000_000, 0)}
	n, err := Start(t.Context(), Config{Name: "/lab/a", Listen: "127.0.0.1:0", Join: []string{"127.0.0.1:9"}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for range 100 {
		peers, err := n.Peers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !peers[0].Since.Equal(clock.at) {
			t.Fatalf("up since %v, want %v", peers[0].Since, clock.at)
		}
	}
	// The first attempt to join is due at once, the second when time has passed.
	if got := n.live.Stats().MessagesSent; got > 1 {
		t.Errorf("%d messages sent while the clock stands still", got)
	}
}
