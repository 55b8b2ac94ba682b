package spinglass_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"spinglass"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is when a condition that should hold within a second or two is given up on a slow machine, and a test that should take as long.
const patience = 2 * time.Minute

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, c spinglass.Config) *spinglass.Node {
	t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	n, err := spinglass.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// fleet starts members that all know each other.
func fleet(t *testing.T, size int) []*spinglass.Node {
	t.Helper()
	return fleetOf(t, spinglass.Config{}, size)
}

// fleetOf is fleet of members with a configuration.
func fleetOf(t *testing.T, c spinglass.Config, size int) (nodes []*spinglass.Node) {
	t.Helper()
	for i := range size {
		if c.Name = fmt.Sprintf("/lab/a%d", i); i > 0 {
			c.Join = []string{nodes[0].Addr()}
		}
		nodes = append(nodes, start(t, c))
	}
	for _, n := range nodes {
		awaitPeers(t, n, size, spinglass.PeerStateUp)
	}
	return nodes
}

// awaitPeers waits until n sees so many members in a state, itself included.
func awaitPeers(t *testing.T, n *spinglass.Node, count int, state spinglass.PeerState) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		peers, err := n.Peers(ctx)
		if err != nil {
			t.Fatalf("waiting for %d members to be %s: %v, last %v", count, state, err, peers)
		}
		seen := 0
		for _, p := range peers {
			if p.State == state {
				seen++
			}
		}
		if seen == count {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s sees %d members %s, want %d", n.Name(), seen, state, count)
		}
	}
}

// keepLong has members keep what is published to a topic for ten seconds, so that nobody who gets no turn for a few misses any of it.
func keepLong(t *testing.T, topic string, nodes ...*spinglass.Node) {
	t.Helper()
	const rounds = 100 // up to which all members keep all
	for _, n := range nodes {
		if err := n.ConfigureTopic(within(t), topic, spinglass.Life(rounds)); err != nil {
			t.Fatal(err)
		}
	}
}

func subscribe(t *testing.T, n *spinglass.Node, topic string, options ...spinglass.SubscribeOption) *spinglass.Subscription {
	t.Helper()
	s, err := n.Subscribe(within(t), topic, options...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEverySubscriberGetsEveryMessageInOrder(t *testing.T) {
	nodes := fleet(t, 4)
	keepLong(t, "orders", nodes...)
	var subscriptions []*spinglass.Subscription
	for _, n := range nodes {
		subscriptions = append(subscriptions, subscribe(t, n, "orders"))
	}
	const count = 2000
	ctx := within(t)
	for i := range count {
		size := 20
		if i%100 == 0 {
			size = 50_000 // is cut
		}
		payload := make([]byte, size)
		copy(payload, fmt.Sprint(i))
		if err := nodes[0].Publish(ctx, "orders", payload); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range subscriptions {
		next := 0
		for m, err := range s.Messages(ctx) {
			if err != nil {
				t.Fatalf("member %d after %d messages: %v", i, next, err)
			}
			var number int
			if _, err := fmt.Sscan(string(m.Payload[:8]), &number); err != nil {
				number = -1
			}
			if want := fmt.Sprint(next); string(m.Payload[:len(want)]) != want || m.Sequence != uint64(next+1) || m.From != "/lab/a0" {
				t.Fatalf("member %d got %.8q number %d from %s, want %s", i, m.Payload, m.Sequence, m.From, want)
			}
			if next++; next == count {
				break
			}
		}
	}
	if got := testutil.CollectAndCount(nodes[1].Metrics(), "spinglass_messages_delivered_total"); got != 1 {
		t.Errorf("the metric of delivered messages is there %d times", got)
	}
	if problems, err := testutil.CollectAndLint(nodes[1].Metrics()); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
}

func TestSlowConsumerIsToldOfAGap(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	s := subscribe(t, n, "orders", spinglass.Queue(spinglass.QueueMin))
	const count = 2000
	ctx := within(t)
	if err := n.ConfigureTopic(ctx, "orders", spinglass.Rate(0)); err != nil {
		t.Fatal(err)
	}
	for range count {
		if err := n.Publish(ctx, "orders", make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	got, lost := 0, 0
	for m, err := range s.Messages(ctx) {
		if gap := (*spinglass.Gap)(nil); errors.As(err, &gap) {
			lost += int(gap.Count)
			if gap.Reason != spinglass.GapSlowConsumer || gap.Last-gap.First+1 != gap.Count || int(gap.First) != got+lost-int(gap.Count)+1 {
				t.Errorf("gap %+v after %d messages", *gap, got)
			}
		} else if err != nil {
			t.Fatalf("after %d messages and %d lost: %v", got, lost, err)
		} else if got++; int(m.Sequence) != got+lost {
			t.Fatalf("message %d came as number %d", m.Sequence, got+lost)
		}
		if got+lost == count {
			break
		}
	}
	if lost == 0 || got == 0 {
		t.Errorf("%d messages and %d lost: the queue of %d bytes did not overflow", got, lost, spinglass.QueueMin)
	}
}

func TestMessagesGoOnWhereALoopWasLeft(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	s := subscribe(t, n, "orders")
	ctx := within(t)
	const count = 100
	for i := range count {
		if err := n.Publish(ctx, "orders", []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range count {
		for m, err := range s.Messages(ctx) {
			if err != nil || m.Payload[0] != byte(i) {
				t.Fatalf("message %d: %v, %v", i, m.Payload, err)
			}
			break
		}
	}
}

func TestLeavingAndClosingAreSeen(t *testing.T) {
	nodes := fleet(t, 3)
	events := make(chan spinglass.Event, 64)
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		var last error
		close(ready)
		for e, err := range nodes[0].Events(ctx) {
			if err != nil {
				last = err
				break
			}
			events <- e
		}
		done <- last
	}()
	<-ready
	if err := nodes[1].Leave(within(t)); err != nil {
		t.Fatal(err)
	}
	awaitPeers(t, nodes[0], 1, spinglass.PeerStateLeft)
	awaitPeers(t, nodes[2], 1, spinglass.PeerStateLeft)
	if err := nodes[1].Publish(within(t), "orders", nil); !errors.Is(err, spinglass.ErrClosed) {
		t.Errorf("Publish on a node that has left: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Events ended with %v", err)
	}
}

func TestCallsFromInsideLoops(t *testing.T) {
	nodes := fleet(t, 2)
	keepLong(t, "ping", nodes...)
	s := subscribe(t, nodes[1], "ping")
	ctx := within(t)
	if err := nodes[0].Publish(ctx, "ping", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Messages(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nodes[1].Peers(ctx); err != nil {
			t.Fatal(err)
		}
		if err := nodes[1].Publish(ctx, "pong", []byte("y")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := nodes[1].Close(); err != nil {
			t.Fatal(err)
		}
		break
	}
	for _, err := range s.Messages(ctx) {
		if !errors.Is(err, spinglass.ErrClosed) {
			t.Fatalf("a closed subscription yields %v", err)
		}
	}
}

func TestDataDirNodeID(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	id, err := spinglass.DataDirNodeID(dir)
	if err != nil || id == 0 {
		t.Fatal(id, err)
	}
	node := start(t, spinglass.Config{Name: "/lab/a", DataDir: dir})
	if again, err := spinglass.DataDirNodeID(dir); err != nil || again != id || node.ID() != id {
		t.Errorf("%v while a node %v uses the directory, %v before: %v", again, node.ID(), id, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "node-id"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{dir, "/dev/null/x"} {
		if _, err := spinglass.DataDirNodeID(damaged); !errors.Is(err, spinglass.ErrDataDir) {
			t.Errorf("%s: %v", damaged, err)
		}
	}
}

func TestDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := start(t, spinglass.Config{Name: "/lab/a", DataDir: dir})
	if err := first.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	id := first.ID()
	if _, err := spinglass.Start(t.Context(), spinglass.Config{Name: "/lab/b", Listen: "127.0.0.1:0", DataDir: dir}); !errors.Is(err, spinglass.ErrDataDir) {
		t.Errorf("a second process on the data directory: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if second := start(t, spinglass.Config{Name: "/lab/a", DataDir: dir}); second.ID() != id {
		t.Errorf("identity %v after a restart, was %v", second.ID(), id)
	}
}

func TestADataDirectoryThatCannotBeUsed(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"damaged node id": func(dir string) error { return os.WriteFile(filepath.Join(dir, "node-id"), []byte("nonsense"), 0o600) },
		"damaged boot counter": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "epoch.value"), []byte("nonsense"), 0o600)
		},
		"node id cannot be written":   func(dir string) error { return os.Mkdir(filepath.Join(dir, "node-id.new"), 0o700) },
		"boot counter cannot be read": func(dir string) error { return os.Mkdir(filepath.Join(dir, "epoch.value"), 0o700) },
	} {
		dir := t.TempDir()
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first leaves no lock behind
			if _, err := spinglass.Start(t.Context(), spinglass.Config{Name: "/lab/a", Listen: "127.0.0.1:0", DataDir: dir}); !errors.Is(err, spinglass.ErrDataDir) {
				t.Errorf("%s: %v", name, err)
			} else if strings.Contains(err.Error(), "in use") {
				t.Errorf("%s: the lock was kept: %v", name, err)
			}
		}
	}
}

func TestStartRefusesWhatCannotWork(t *testing.T) {
	taken := start(t, spinglass.Config{Name: "/lab/a"})
	for name, c := range map[string]spinglass.Config{
		"no name":         {},
		"relative name":   {Name: "a"},
		"bad join":        {Name: "/a", Join: []string{"localhost"}},
		"join port 0":     {Name: "/a", Join: []string{"localhost:0"}},
		"join a service":  {Name: "/a", Join: []string{"localhost:domain"}},
		"join no address": {Name: "/a", Join: []string{"0.0.0.0:7400"}},
		"bad listen":      {Name: "/a", Listen: "nonsense"},
		"address in use":  {Name: "/a", Listen: taken.Addr()},
		"zone limit":      {Name: "/a", Listen: "127.0.0.1:0", ZoneLimit: -1},
		"multicast port":  {Name: "/a", Listen: "127.0.0.1:0", MulticastPort: 65536},
		"bad data dir":    {Name: "/a", Listen: "127.0.0.1:0", DataDir: "/dev/null/x"},
		"fault over 1":    {Name: "/a", Listen: "127.0.0.1:0", Fault: spinglass.Fault{Sleep: 2}},
		"too many joined": {Name: "/a", Join: make([]string, 1000)},
	} {
		if n, err := spinglass.Start(t.Context(), c); err == nil {
			_ = n.Close()
			t.Errorf("%s: started", name)
		}
	}
}

func TestNotAMemberBeforeAJoinAddressAnswers(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a", Join: []string{"127.0.0.1:9"}})
	for e, err := range n.Events(within(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if failing, ok := e.(spinglass.JoinFailing); ok {
			if failing.Retry <= 0 {
				t.Errorf("no retry is stated: %v", failing)
			}
			break
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := n.Publish(ctx, "orders", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Publish before joining: %v", err)
	}
}
