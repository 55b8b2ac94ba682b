package traditional_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
)

// group is a simulated group of which some members send as much as they may.
type group struct {
	world   *sim.World
	members []protocol.NodeID
	size    int
	until   protocol.Time // no sends from then on
	sent    map[protocol.NodeID]uint64
	got     map[protocol.NodeID]*record
}

// record is what a member was delivered, view by view.
type record struct {
	views  []traditional.View
	orders [][]string // of the messages of each view
	number map[protocol.NodeID]uint64
	total  int
	at     []protocol.Time
	left   int // times ejected
	last   time.Duration
}

func (r *record) current() *[]string { return &r.orders[len(r.orders)-1] }

func newGroup(t *testing.T, c sim.Config, n int, change func(*traditional.Config)) *group {
	if c.Wire {
		c.Decoder = func() protocol.Decoder { return new(traditional.Decoder) }
	}
	g := &group{world: sim.New(c), size: 1000, until: protocol.Never, sent: map[protocol.NodeID]uint64{}, got: map[protocol.NodeID]*record{}}
	for i := range n {
		g.members = append(g.members, protocol.NodeID(i+1))
	}
	g.world.Observe(func(now protocol.Time, id protocol.NodeID, e protocol.Event) { g.observe(t, now, id, e) })
	for _, id := range g.members {
		g.got[id] = &record{views: []traditional.View{{Members: g.members}}, orders: [][]string{nil}, number: map[protocol.NodeID]uint64{}}
		g.world.Add(sim.HostConfig{ID: id, Build: func(sim.Boot) protocol.Machine {
			c := traditional.DefaultConfig()
			c.Self, c.Members = id, g.members
			if change != nil {
				change(&c)
			}
			m, err := traditional.New(c)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}})
	}
	return g
}

func (g *group) observe(t *testing.T, now protocol.Time, id protocol.NodeID, e protocol.Event) {
	r := g.got[id]
	switch e := e.(type) {
	case *traditional.Delivery:
		number := binary.BigEndian.Uint64(e.Payload)
		if last, ok := r.number[e.Origin]; ok && number <= last {
			t.Errorf("%v: message %d of %v after %d", id, number, e.Origin, last)
		}
		r.number[e.Origin] = number
		if !bytes.Equal(e.Payload, g.payload(number)) {
			t.Errorf("%v: message %d of %v was changed", id, number, e.Origin)
		}
		r.total++
		r.at = append(r.at, now)
		*r.current() = append(*r.current(), fmt.Sprintf("%d/%d", e.Origin, number))
	case traditional.Writable:
		g.send(id)
	case *traditional.Installed:
		r.views, r.orders, r.last = append(r.views, e.View), append(r.orders, nil), e.Stopped
	case traditional.Ejected:
		r.left++
	}
}

func (g *group) payload(number uint64) []byte {
	p := make([]byte, g.size)
	binary.BigEndian.PutUint64(p, number)
	for i := 8; i < len(p); i++ {
		p[i] = byte(number) * byte(i)
	}
	return p
}

// send has a member send one message after the other, until it is refused.
func (g *group) send(id protocol.NodeID) {
	g.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if now >= g.until {
			return
		}
		if err := m.(*traditional.Machine).Send(now, g.payload(g.sent[id]+1), out); err == nil {
			g.sent[id]++
			g.world.At(now, func() { g.send(id) })
		} else if !errors.Is(err, traditional.ErrFull) && !errors.Is(err, traditional.ErrBlocked) {
			panic(err)
		}
	})
}

func (g *group) run(d time.Duration) { g.world.Run(g.world.Now().Add(d)) }

func (g *group) stats(id protocol.NodeID) traditional.Stats {
	return g.world.Machine(id).(*traditional.Machine).Stats()
}

// lan is a network that loses some datagrams, and then lets them overtake each other as well.
func lan(loss float64) sim.Network {
	latency := sim.Latency(sim.Constant(200 * time.Microsecond))
	if loss > 0 {
		latency = sim.Uniform{Min: 100 * time.Microsecond, Max: 300 * time.Microsecond}
	}
	return sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: latency, Loss: loss}}}
}

// agree checks the promise of the protocol: who installs the same two views one after the other was delivered the same in between.
func (g *group) agree(t *testing.T, total bool) {
	t.Helper()
	type change struct{ before, after traditional.ViewID }
	seen := map[change][]string{}
	who := map[change]protocol.NodeID{}
	for _, id := range g.members {
		r := g.got[id]
		for i := range len(r.views) - 1 {
			if r.views[i+1].Rank(id) < 0 {
				t.Errorf("%v installed a view without itself", id)
			}
			if r.views[i].ID.Number+1 != r.views[i+1].ID.Number {
				continue // it was out between them
			}
			c, delivered := change{r.views[i].ID, r.views[i+1].ID}, r.orders[i]
			other, ok := seen[c]
			if !ok {
				seen[c], who[c] = delivered, id
				continue
			}
			if !equal(other, delivered, total) {
				t.Errorf("between views %v and %v, %v was delivered %d messages and %v %d, or others", c.before, c.after, who[c], len(other), id, len(delivered))
			}
		}
	}
}

func equal(a, b []string, ordered bool) bool {
	if len(a) != len(b) {
		return false
	}
	count := map[string]int{}
	for i := range a {
		if ordered && a[i] != b[i] {
			return false
		}
		count[a[i]]++
		count[b[i]]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// rate returns how many messages a second a member was delivered in a period.
func (r *record) rate(from, to time.Duration) float64 {
	n := 0
	for _, at := range r.at {
		if at >= protocol.Time(from) && at < protocol.Time(to) {
			n++
		}
	}
	return math.Round(float64(n) / (to - from).Seconds())
}

// Members beyond the first view ask to join it when they start, and are members soon; a majority is one of the first view.
func TestMembersBeyondTheFirstViewJoin(t *testing.T) {
	g := newGroup(t, sim.Config{Seed: 3, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(time.Millisecond), Loss: 0.05}}}}, 9, func(c *traditional.Config) { c.First = 3 })
	if first := g.world.Machine(1).(*traditional.Machine).View().Members; len(first) != 0 && len(first) != 3 {
		t.Errorf("the first view is %v", first)
	}
	g.world.Run(protocol.Time(10 * time.Second))
	for _, id := range g.members {
		m := g.world.Machine(id).(*traditional.Machine)
		if view := m.View(); len(view.Members) != 9 || view.Members[0] != 1 || m.Blocked() || m.Stats().Ejections > 0 {
			t.Errorf("%v is in %v, blocked %v, ejected %d times", id, view, m.Blocked(), m.Stats().Ejections)
		}
	}
	c := traditional.DefaultConfig()
	c.Self, c.Members, c.First = 1, g.members, 10
	if _, err := traditional.New(c); err == nil {
		t.Error("a first view of more members than there are is taken")
	}
}
