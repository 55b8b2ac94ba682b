package spinglass_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"spinglass"
	"spinglass/internal/memoryfleet"
)

// enclave starts two gateways, a member outside, and two members that reach all others through the gateways only.
func enclave(t *testing.T) (gateways []*spinglass.Node, outside, one, two *spinglass.Node) {
	t.Helper()
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	member := func(name string, c spinglass.Config) *spinglass.Node {
		t.Helper()
		c.Name, c.NoMulticast = name, true
		if c.Identity, err = authority.Identity(name); err != nil {
			t.Fatal(err)
		}
		return start(t, c)
	}
	first := member("/lab/gateway-1", spinglass.Config{Gateway: true})
	second := member("/lab/gateway-2", spinglass.Config{Gateway: true, Join: []string{first.Addr()}})
	join := []string{first.Addr(), second.Addr()}
	outside = member("/lab/outside", spinglass.Config{Join: join})
	one = member("/lab/one", spinglass.Config{Outbound: true, Join: join})
	two = member("/lab/two", spinglass.Config{Outbound: true, Join: join})
	gateways = []*spinglass.Node{first, second}
	for _, n := range []*spinglass.Node{first, second, outside, one, two} {
		awaitPeers(t, n, 5, spinglass.PeerStateUp)
	}
	return gateways, outside, one, two
}

// reading is what a subscription has brought so far.
type reading struct {
	mutex sync.Mutex
	seen  map[string]int
	gaps  int
}

// read reads a subscription until the test ends.
func read(t *testing.T, s *spinglass.Subscription) *reading {
	r := &reading{seen: map[string]int{}}
	var ends sync.WaitGroup
	ends.Go(func() {
		for m, err := range s.Messages(t.Context()) {
			r.mutex.Lock()
			if gap := (*spinglass.Gap)(nil); errors.As(err, &gap) {
				r.gaps++
			} else if err == nil {
				r.seen[string(m.Payload)]++
			}
			r.mutex.Unlock()
		}
	})
	t.Cleanup(ends.Wait)
	return r
}

// has reports whether each of some messages has come once, and no gap.
func (r *reading) has(messages []string) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, m := range messages {
		if r.seen[m] != 1 {
			return false
		}
	}
	return r.gaps == 0
}

// publish publishes messages of all nodes, and waits until all readings have them.
func publish(t *testing.T, nodes []*spinglass.Node, readings []*reading, what string, count int) {
	t.Helper()
	ctx := within(t)
	var all []string
	for i := range count {
		for _, n := range nodes {
			all = append(all, fmt.Sprintf("%s %s %d", what, n.Name(), i))
			if err := n.Publish(ctx, "orders", []byte(all[len(all)-1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range readings {
		for !readings[i].has(all) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("%s: %s has not all of %d messages, or gaps", what, nodes[i].Name(), len(all))
			}
		}
	}
}

// begin publishes until all readings have a message of each node: from then on all of them get all.
func begin(t *testing.T, nodes []*spinglass.Node, readings []*reading) {
	t.Helper()
	ctx := within(t)
	for {
		for _, n := range nodes {
			if err := n.Publish(ctx, "orders", fmt.Appendf(nil, "begin %s", n.Name())); err != nil {
				t.Fatal(err)
			}
		}
		missing := 0
		for _, r := range readings {
			r.mutex.Lock()
			missing += len(nodes) - len(r.seen)
			r.mutex.Unlock()
		}
		if missing == 0 {
			return
		}
		select { // for the members to tell each other what they subscribe to
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%d first messages are missing", missing)
		}
	}
}

// Two members in enclaves, which send nothing but to their gateways, exchange a topic with each other and with one outside, without a loss, also after one of the gateways has ended.
func TestEnclavesExchangeATopic(t *testing.T) {
	gateways, outside, one, two := enclave(t)
	nodes := []*spinglass.Node{outside, one, two}
	keepLong(t, "orders", nodes...)
	var readings []*reading
	for _, n := range nodes {
		readings = append(readings, read(t, subscribe(t, n, "orders")))
	}
	begin(t, nodes, readings)
	publish(t, nodes, readings, "with two gateways", 200)
	_ = gateways[0].Close()
	publish(t, nodes, readings, "with one", 200)
	for _, n := range []*spinglass.Node{one, two} {
		if sent := metric(t, n, "spinglass_datagrams_sent_total"); sent != 0 {
			t.Errorf("%s has sent %v datagrams by a socket", n.Name(), sent)
		}
		if !strings.HasPrefix(n.Addr(), "relay:"+n.ID().String()+"@127.0.0.1:") {
			t.Errorf("%s is at %s", n.Name(), n.Addr())
		}
	}
}

// metric returns the value of one of a node's metrics.
func metric(t *testing.T, n *spinglass.Node, name string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(n.Metrics())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestGatewaysAreChecked(t *testing.T) {
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	identity, err := authority.Identity("/lab/one")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]spinglass.Config{
		"outbound without an identity":  {Outbound: true, Join: []string{"10.0.0.1:7400"}},
		"a gateway without an identity": {Gateway: true},
		"both":                          {Outbound: true, Gateway: true, Identity: identity, Join: []string{"10.0.0.1:7400"}},
		"no gateways":                   {Outbound: true, Identity: identity},
		"five gateways":                 {Outbound: true, Identity: identity, Join: []string{"a:1", "b:1", "c:1", "d:1", "e:1"}},
	} {
		c.Name = "/lab/one"
		if n, err := spinglass.Start(t.Context(), c); !errors.Is(err, spinglass.ErrConfig) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				_ = n.Close()
			}
		}
	}
}
