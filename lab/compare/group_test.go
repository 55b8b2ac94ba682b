package compare

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
)

// run has a group carry packets for a while and repair for longer. It returns how often each member got each packet, by the time of publishing.
func run(t *testing.T, c Config, publish, rest time.Duration) (*Group, []map[protocol.Time]int) {
	t.Helper()
	got := make([]map[protocol.Time]int, c.Members)
	for i := range got {
		got[i] = make(map[protocol.Time]int)
	}
	g, err := New(c, func(d Delivery) { got[d.Member][d.Published]++ })
	if err != nil {
		t.Fatal(err)
	}
	from := protocol.Time(2 * time.Second)
	g.Publish(from, from.Add(publish))
	if err := g.Run(context.Background(), from.Add(publish+rest)); err != nil {
		t.Fatal(err)
	}
	return g, got
}

// A straw man proves nothing: every protocol brings every packet to every member once, with loss and without, in every layout.
func TestAllPacketsArrive(t *testing.T) {
	for _, p := range Protocols {
		for _, layout := range []string{"tree", "star"} {
			for _, loss := range []float64{0, 0.01, 0.05} {
				for seed := range uint64(2) {
					t.Run(fmt.Sprintf("%s/%s/%v/%d", p.Name, layout, loss, seed), func(t *testing.T) {
						l, err := NewLayout(layout, 20, 5*time.Millisecond, loss)
						if err != nil {
							t.Fatal(err)
						}
						c := Config{Protocol: p, Members: 20, Layout: l, Rate: 100, Size: 210, Seed: seed, Wire: seed == 1, Cost: sim.CommodityCost()}
						g, got := run(t, c, 4*time.Second, 8*time.Second)
						for i := 1; i < c.Members; i++ {
							for at, times := range got[i] {
								if times != 1 {
									t.Fatalf("member %d got the packet of %v %d times", i, at, times)
								}
							}
							if uint64(len(got[i])) != g.Published() || g.Published() != 400 {
								t.Errorf("member %d got %d of %d packets", i, len(got[i]), g.Published())
							}
						}
						requests, repairs := g.total(Request, false), g.total(Repair, false)
						if asked := requests + repairs; loss == 0 && asked != 0 || loss > 0 && repairs == 0 {
							t.Errorf("loss %v: %d requests and %d repairs received", loss, requests, repairs)
						}
						for _, drop := range g.World.Drops() {
							again := p.Name == "traditional" && drop.Reason == traditional.ReasonDuplicate // asked for twice
							if drop.Reason != "own_packet" && !again {                                     // a repair to all of the group comes to the author, too
								t.Errorf("dropped: %v", drop)
							}
						}
						if late := g.World.Stats().Oversized; late > 0 {
							t.Errorf("%d datagrams are oversized", late)
						}
					})
				}
			}
		}
	}
}

// total returns how many packets of a class all members have sent, or received.
func (g *Group) total(class Class, sent bool) (n uint64) {
	for i := range g.Loads {
		if sent {
			n += g.Loads[i].Sent[class].Packets
		} else {
			n += g.Loads[i].Received[class].Packets
		}
	}
	return n
}

// The same at sites, also without multicast, and whatever members of the shipping protocol know of each other. Everybody holds packets for a while and not for ever, the sender's stream
// being over; SRM and RMTP keep as many as they have room for.
func TestAllPacketsArriveAtSites(t *testing.T) {
	for _, p := range Protocols {
		for _, unicast := range []bool{false, true} {
			for _, view := range []View{ViewFlat, ViewBlind, ViewZones} {
				if p.Name != "bimodal" && view != ViewFlat {
					continue
				}
				c := Config{
					Protocol: p, Members: 20, Layout: NewSites(20, 3, time.Millisecond, 10*time.Millisecond, 0.02), Rate: 100, Size: 210, Seed: 1, Wire: true, Cost: sim.CommodityCost(),
					Unicast: unicast, View: view,
				}
				g, got := run(t, c, 4*time.Second, 8*time.Second)
				for i := 1; i < c.Members; i++ {
					if len(got[i]) != 400 {
						t.Errorf("%s, unicast %v, view %d: member %d got %d of 400 packets", p.Name, unicast, view, i, len(got[i]))
					}
					packets, _ := g.Held(i)
					if keeps := p.Name == "rmtp" || strings.HasPrefix(p.Name, "srm"); keeps && packets != 400 || !keeps && packets != 0 {
						t.Errorf("%s, unicast %v, view %d: member %d holds %d packets", p.Name, unicast, view, i, packets)
					}
				}
			}
		}
	}
}

// Worlds are the same with every message encoded, so that the sizes that are counted are true, and when they are run again; not with another seed.
func TestReproducible(t *testing.T) {
	for _, p := range Protocols {
		var hashes []uint64
		for _, wire := range []bool{false, true, false} {
			c := Config{Protocol: p, Members: 12, Layout: NewTree(12, 5*time.Millisecond, 0.03), Rate: 100, Size: 100, Seed: 7, Wire: wire}
			g, _ := run(t, c, 2*time.Second, time.Second)
			hashes = append(hashes, g.World.Hash())
		}
		c := Config{Protocol: p, Members: 12, Layout: NewTree(12, 5*time.Millisecond, 0.03), Rate: 100, Size: 100, Seed: 8}
		other, _ := run(t, c, 2*time.Second, time.Second)
		if hashes[0] != hashes[1] || hashes[0] != hashes[2] || hashes[0] == other.World.Hash() {
			t.Errorf("%s: traces %x", p.Name, hashes)
		}
	}
}

// Members that join a stream get what is published from then on.
func TestLateMembers(t *testing.T) {
	for _, p := range Protocols {
		c := Config{Protocol: p, Members: 16, Layout: NewStar(16, 5*time.Millisecond, 0.01), Rate: 100, Size: 100, Seed: 3, Joins: make([]time.Duration, 16)}
		for i := 8; i < 16; i++ {
			c.Joins[i] = 3*time.Second + time.Duration(i)*100*time.Millisecond
		}
		g, got := run(t, c, 6*time.Second, 6*time.Second)
		for i := 1; i < 16; i++ {
			from, want := protocol.Time(c.Joins[i]+500*time.Millisecond), 0
			for at := range got[0] {
				t.Fatalf("the sender got what it published at %v", at)
			}
			for n := range g.Published() {
				at := protocol.Time(2*time.Second) + protocol.Time(n)*protocol.Time(10*time.Millisecond)
				if at < from {
					continue
				}
				want++
				if got[i][at] != 1 {
					t.Fatalf("%s: member %d got the packet of %v %d times, joined at %v", p.Name, i, at, got[i][at], c.Joins[i])
				}
			}
			if want < 200 {
				t.Fatal("too little was published")
			}
		}
	}
}

// A route is as long as the layout says, there and back, and members below the same node share the way to it.
func TestLayouts(t *testing.T) {
	for _, n := range []int{2, 3, 10, 20, 100, 1000} {
		tree, star, sites := NewTree(n, time.Millisecond, 0), NewStar(n, time.Millisecond, 0), NewSites(n, min(n, 4), time.Millisecond, time.Millisecond, 0)
		children := make(map[int]int)
		for i := range n {
			for j := range n {
				if i == j || i*j > 2000 && (i+j)%17 != 0 {
					continue
				}
				a, b := &sim.Place{Index: i}, &sim.Place{Index: j}
				for _, l := range []Layout{tree, star, sites} {
					there, back := l.Route(a, b, nil), l.Route(b, a, nil)
					if d := time.Duration(len(there)) * time.Millisecond; d != l.Distance(i, j) || len(back) != len(there) || 2*d > l.RoundTripMax() {
						t.Fatalf("%d members: %T: %d links from %d to %d, %v", n, l, len(there), i, j, l.Distance(i, j))
					}
				}
			}
			if i > 0 && len(tree.Route(&sim.Place{}, &sim.Place{Index: i}, nil)) != treeLevels {
				t.Fatalf("leaf %d of %d is not %d links below the root", i, n, treeLevels)
			}
			for _, l := range []Layout{tree, star, sites} {
				if p := l.Processor(i); p != 0 && l.Processor(p) != 0 || i > 0 && p == i {
					t.Fatalf("%d members: %T: the processor of %d is %d", n, l, i, p)
				}
			}
			children[tree.Processor(i)]++
		}
		if n >= 100 && (children[0] > 3*int(tree.width[1]) || len(children) < int(tree.width[1])/2) {
			t.Errorf("%d members: the sender repairs for %d, there are %d processors", n, children[0], len(children))
		}
	}
}
