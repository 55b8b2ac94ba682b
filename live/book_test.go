package live

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"spinglass/protocol"
)

func TestRecentAgainstAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 4
		r := newRecent[int, int](limit)
		type pair struct{ key, value int }
		var list []pair // used longest ago first
		find := func(key int) int { return slices.IndexFunc(list, func(p pair) bool { return p.key == key }) }
		for range rapid.IntRange(0, 60).Draw(t, "operations") {
			key, value := rapid.IntRange(0, 6).Draw(t, "key"), rapid.Int().Draw(t, "value")
			i := find(key)
			switch rapid.IntRange(0, 2).Draw(t, "operation") {
			case 0:
				v := r.get(key)
				if (v == nil) != (i < 0) || v != nil && *v != list[i].value {
					t.Fatalf("get %d: %v, list %v", key, v, list)
				}
				if i >= 0 {
					used := list[i]
					list = append(slices.Delete(list, i, i+1), used)
				}
			case 1:
				evicted := r.put(key, value)
				if i >= 0 {
					list = slices.Delete(list, i, i+1)
				}
				if evicted != (len(list) == limit) {
					t.Fatalf("put %d: evicted %t, list %v", key, evicted, list)
				}
				if evicted {
					list = list[1:]
				}
				list = append(list, pair{key, value})
			case 2:
				r.delete(key)
				if i >= 0 {
					list = slices.Delete(list, i, i+1)
				}
			}
			if r.len() != len(list) {
				t.Fatalf("%d entries, want %d", r.len(), len(list))
			}
		}
	})
}

func route(t *testing.T, n *Node, id protocol.NodeID) string {
	t.Helper()
	to, ok := n.book.route(0, id)
	if !ok {
		return "none"
	}
	return to.String()
}

func TestStrangersAreAnsweredAndNeverReplacePeers(t *testing.T) {
	n := idle(t, &toy{})
	n.book.heard(7, mustAddr("10.0.0.7:1"))
	if got := route(t, n, 7); got != "10.0.0.7:1" {
		t.Errorf("stranger is at %s", got)
	}
	know(n, 2, "10.0.0.2:7400")
	n.book.heard(2, mustAddr("6.6.6.6:6"))
	if got := route(t, n, 2); got != "10.0.0.2:7400" {
		t.Errorf("a datagram moved the peer to %s", got)
	}
	know(n, 7, "10.0.0.8:7400")
	if got := route(t, n, 7); got != "10.0.0.8:7400" {
		t.Errorf("the stranger became a peer at %s", got)
	}
	n.book.observe(0, protocol.PeerDown{Peer: &protocol.Peer{ID: 2}})
	if got := route(t, n, 2); got != "10.0.0.2:7400" {
		t.Errorf("a peer that is down is at %s; it is needed to heal", got)
	}
	n.book.observe(0, protocol.PeerDropped{Peer: &protocol.Peer{ID: 2}})
	if got := route(t, n, 2); got != "none" {
		t.Errorf("a dropped peer is at %s", got)
	}
}

func TestBooksAreBounded(t *testing.T) {
	c := Config{Peers: 2, Strangers: 2, ID: 1}.withDefaults()
	var count counters
	b := newBook(&c, &names{}, &count)
	for id := protocol.NodeID(2); id < 7; id++ {
		b.heard(id, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(id)}), 1))
		b.learn(0, &protocol.Peer{ID: 100 + id, Addresses: []protocol.Address{"10.0.0.1:1"}})
	}
	if b.peers.len() != 2 || b.strangers.len() != 2 || count.peersForgotten.Load() != 3 || count.strangersForgotten.Load() != 3 {
		t.Errorf("%d peers, %d strangers, %d and %d forgotten; want 2, 2, 3, 3",
			b.peers.len(), b.strangers.len(), count.peersForgotten.Load(), count.strangersForgotten.Load())
	}
}

func TestAllAddressesAreTriedUntilOneAnswers(t *testing.T) {
	n := idle(t, &toy{})
	p := &protocol.Peer{ID: 2, Addresses: []protocol.Address{"10.0.0.2:1", "10.0.0.3:1", "[2001:db8::1]:1"}}
	n.book.observe(0, protocol.PeerUp{Peer: p})
	tried := map[string]int{}
	for range 6 {
		tried[route(t, n, 2)]++
	}
	if len(tried) != 3 {
		t.Errorf("tried %v, want each twice", tried)
	}
	n.book.heard(2, mustAddr("10.0.0.3:1"))
	n.book.observe(0, protocol.PeerChanged{Peer: p}) // same addresses
	for range 3 {
		if got := route(t, n, 2); got != "10.0.0.3:1" {
			t.Errorf("sending to %s, want the address that the peer was heard from", got)
		}
	}
	n.book.observe(0, protocol.PeerUnreachable{Peer: p})
	if got := route(t, n, 2); got == "10.0.0.3:1" {
		t.Error("an unreachable peer is not tried at its other addresses")
	}
}

// fakeResolver answers from a table, after a delay.
type fakeResolver struct {
	delay time.Duration
	hosts map[string][]string

	mutex sync.Mutex
	asked map[string]int
}

func (r *fakeResolver) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	r.mutex.Lock()
	r.asked[host]++
	r.mutex.Unlock()
	select {
	case <-time.After(r.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var found []netip.Addr
	for _, ip := range r.hosts[host] {
		found = append(found, netip.MustParseAddr(ip))
	}
	if found == nil {
		return nil, errors.New("no such host")
	}
	return found, nil
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{delay: time.Second, asked: map[string]int{}, hosts: map[string][]string{"seed": {"10.0.0.2", "2001:db8::2"}}}
		conn := newMemoryConn("10.0.0.1:7400")
		n := run(t, 1, &toy{}, func(c *Config) { c.Conn, c.Resolver = conn, r })
		send := func(address protocol.Address) {
			_ = n.Do(func(_ protocol.Time, out *protocol.Output) { out.SendAddress(address, &text{body: []byte("join")}) })
		}
		sentTo := func() (to []string) {
			for len(conn.outbound) > 0 {
				p := <-conn.outbound
				to = append(to, p.other.String())
			}
			return to
		}
		send("seed:7400")
		send("nobody:7400")
		synctest.Wait()
		if got := sentTo(); len(got) != 0 {
			t.Errorf("sent to %v before the answer", got)
		}
		time.Sleep(2 * time.Second)
		both := []string{"10.0.0.2:7400", "[2001:db8::2]:7400"}
		if got := sentTo(); !slices.Equal(got, both) {
			t.Errorf("what waited was sent to %v, want %v", got, both)
		}
		if s := n.Stats(); s.LookupsFailed != 1 || s.Drops[ReasonAddressUnresolved] != 1 {
			t.Errorf("%d lookups failed, %d drops; want 1, 1", s.LookupsFailed, s.Drops[ReasonAddressUnresolved])
		}
		// A later send uses the old answer at once and asks again for the next.
		r.hosts["seed"] = []string{"10.0.0.3"}
		time.Sleep(nameFresh)
		send("seed:7400")
		synctest.Wait()
		if got := sentTo(); !slices.Equal(got, both) {
			t.Errorf("an old answer was used for %v, want %v", got, both)
		}
		time.Sleep(2 * time.Second)
		send("seed:7400")
		synctest.Wait()
		if got := sentTo(); !slices.Equal(got, []string{"10.0.0.3:7400"}) || r.asked["seed"] != 2 {
			t.Errorf("sent to %v after asking %d times, want 10.0.0.3:7400 after 2", got, r.asked["seed"])
		}
		// A peer may publish a name.
		_ = n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
			out.Emit(protocol.PeerUp{Peer: &protocol.Peer{ID: 3, Addresses: []protocol.Address{"seed:7401"}}})
		})
		time.Sleep(2 * time.Second)
		_ = n.Do(func(_ protocol.Time, out *protocol.Output) { out.Send(3, &text{body: []byte("hello")}) })
		synctest.Wait()
		if got := sentTo(); !slices.Equal(got, []string{"10.0.0.3:7401"}) {
			t.Errorf("peer with a name was sent to at %v", got)
		}
		_ = n.Close()
	})
}

func TestLookupsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{delay: time.Hour, asked: map[string]int{}}
		n := run(t, 1, &toy{}, func(c *Config) { c.Conn, c.Resolver, c.Lookups = newMemoryConn("10.0.0.1:7400"), r, 1 })
		_ = n.Do(func(_ protocol.Time, out *protocol.Output) {
			for i := range 5 {
				out.SendAddress(protocol.Address(fmt.Sprintf("host%d:1", i)), &text{})
			}
			for range 2 * messagesHeldMax {
				out.SendAddress("host0:1", &text{})
			}
		})
		synctest.Wait()
		s := n.Stats()
		if s.LookupsRefused != 4 || s.Drops[ReasonAddressUnresolved] != 4+messagesHeldMax+1 {
			t.Errorf("%d lookups refused, %d drops", s.LookupsRefused, s.Drops[ReasonAddressUnresolved])
		}
		_ = n.Close()
	})
}
