package spinglass

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// "An error says that the message was not taken", and no error that it was: a node that is closed takes none, even while messages wait that it
// could not send.
func TestPublishAfterCloseFails(t *testing.T) {
	n := single(t)
	if err := n.ConfigureTopic(t.Context(), "orders", Rate(1)); err != nil {
		t.Fatal(err)
	}
	burst := int(bimodal.DefaultConfig().Burst)
	for range burst/1000 + 100 {
		if err := n.Publish(t.Context(), "orders", make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Peers(t.Context()); err != nil { // the loop has taken what it can
		t.Fatal(err)
	}
	_ = n.Close()
	if err := n.Publish(t.Context(), "orders", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Publish after Close: %v", err)
	}
}

func TestFlushWaitsForWhatCameBeforeIt(t *testing.T) {
	n := single(t)
	ctx := t.Context()
	if err := n.ConfigureTopic(ctx, "orders", Rate(0)); err != nil {
		t.Fatal(err)
	}
	if err := n.Publish(ctx, "orders", nil); err != nil {
		t.Fatal(err)
	}
	o := n.outgoing.all()[0]
	o.mu.Lock()
	o.active = true // as a publisher keeps it that never rests
	o.mu.Unlock()
	if err := n.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sent != 1 || o.accepted != 1 {
		t.Errorf("%d of %d messages sent after Flush", o.sent, o.accepted)
	}
}

func TestATopicKeepsItsRateWithoutSubscriptions(t *testing.T) {
	n := single(t)
	ctx := t.Context()
	if err := n.ConfigureTopic(ctx, "orders", Rate(1)); err != nil {
		t.Fatal(err)
	}
	s, err := n.Subscribe(ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Publish(ctx, "orders", make([]byte, bimodal.DefaultConfig().Burst+1000)); err != nil { // more than comes back in a thousand seconds
		t.Fatal(err)
	}
	settle(t, n)
	err = n.call(ctx, func(now protocol.Time, _ *protocol.Output) {
		if n.stack.Bimodal.Ready(now, "orders") {
			t.Error("a topic of a byte a second takes more after a whole burst")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRefusedTopicsLeaveNothingBehind(t *testing.T) {
	n := single(t)
	ctx := t.Context()
	refused := 0
	for i := range bimodal.DefaultConfig().Topics + 50 {
		if err := n.ConfigureTopic(ctx, fmt.Sprint(i), Rate(1000)); errors.Is(err, ErrLimit) {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused != 50 || len(n.options) != bimodal.DefaultConfig().Topics {
		t.Errorf("%d topics refused, options of %d kept", refused, len(n.options))
	}
	if err := n.ConfigureTopic(ctx, "0", Rate(1<<62)); !errors.Is(err, ErrConfig) {
		t.Errorf("a rate beyond the range: %v", err)
	}
}

func TestOptionsOfATopicAddUp(t *testing.T) {
	n := single(t)
	ctx := t.Context()
	for _, option := range []TopicOption{Rate(77_000), Spread(SpreadDirect)} {
		if err := n.ConfigureTopic(ctx, "orders", option); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.ConfigureTopic(ctx, "orders", Spread(SpreadMulticast+1)); !errors.Is(err, ErrConfig) {
		t.Errorf("means of spreading that are none: %v", err)
	}
	err := n.call(ctx, func(protocol.Time, *protocol.Output) {
		if o := n.options["orders"]; o.Rate != 77_000 || o.Spread != SpreadDirect {
			t.Errorf("options %+v", o)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAZoneLimitOutOfRangeIsAConfigurationError(t *testing.T) {
	for _, limit := range []int{-1, 1 << 20} {
		if _, err := Start(t.Context(), Config{Name: "/lab/a", Listen: "127.0.0.1:0", ZoneLimit: limit}); !errors.Is(err, ErrConfig) {
			t.Errorf("zone limit %d: %v", limit, err)
		}
	}
}

func TestPublishRefusesABadTopicAtOnce(t *testing.T) {
	n, err := Start(t.Context(), Config{Name: "/lab/a", Listen: "127.0.0.1:0", Join: []string{"127.0.0.1:9"}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Publish(ctx, "", nil); !errors.Is(err, ErrTopic) {
		t.Errorf("Publish to no topic before joining: %v", err)
	}
}
