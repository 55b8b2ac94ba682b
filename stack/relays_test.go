package stack_test

import (
	"fmt"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
)

// "a leaving member goes on relaying until its leave is complete": with real membership, a member leaving and one joining every second, nobody who
// stays misses a packet that members hand on. Nothing is lost on the way, so that each repair that comes first tells of a miss.
func TestRelaysLeaveAndJoin(t *testing.T) {
	const members, seconds = 48, 8
	begin := protocol.Time(10 * time.Second)
	link := &sim.Link{Latency: sim.Uniform{Min: 500 * time.Microsecond, Max: 2 * time.Millisecond}}
	w := sim.New(sim.Config{Seed: 1, Cost: sim.CommodityCost(), Network: sim.Network{Topology: sim.Flat{Link: link}}})
	add := func(i int) {
		id := protocol.NodeID(i)
		w.Add(sim.HostConfig{ID: id, Address: protocol.Address(fmt.Sprint("a", i)), Zone: "/lab", Build: func(b sim.Boot) protocol.Machine {
			n, err := stack.New(nodeConfig(b, 0, i == 1))
			if err != nil {
				panic(err)
			}
			return subscribed{n}
		}})
	}
	for i := range members {
		add(i + 1)
	}
	w.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		if _, left := e.(protocol.Left); left {
			w.Crash(id)
		}
	})
	type arrival struct {
		host protocol.NodeID
		seq  uint64
	}
	first, relayed, missed := map[arrival]bool{}, 0, 0
	leaving := map[protocol.NodeID]bool{}
	w.Trace(func(s *sim.Step) {
		switch m := s.Message.(type) {
		case *bimodal.Packet:
			first[arrival{s.Host, m.Seq}] = true
		case *bimodal.Relay:
			first[arrival{s.Host, m.Packet.Seq}] = true
			relayed++
		case *bimodal.Repair:
			if s.Now > begin && s.Host <= members && !leaving[s.Host] && !first[arrival{s.Host, m.Packet.Seq}] {
				missed++
			}
		}
	})
	end := begin.Add(seconds * time.Second)
	for at := protocol.Time(5 * time.Second); at < end; at = at.Add(10 * time.Millisecond) {
		w.At(at, func() {
			w.Command(1, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				if err := m.(subscribed).Publish(now, topic, make([]byte, 100), out); err != nil {
					panic(err)
				}
			})
		})
	}
	for second := range seconds {
		at := begin.Add(time.Duration(second) * time.Second)
		w.At(at, func() { add(members + 1 + second) })
		id := protocol.NodeID(5 + 3*second)
		w.At(at.Add(500*time.Millisecond), func() {
			leaving[id] = true
			w.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) { m.(subscribed).Leave(now, out) })
		})
	}
	w.Run(end.Add(3 * time.Second))
	stats := w.Machine(1).(subscribed).Bimodal.Stats()
	t.Logf("%d packets handed on, %d orders, %d missed", relayed, stats.OrdersMade, missed)
	if relayed == 0 || missed > 0 || stats.OrdersMade < seconds {
		t.Errorf("%d packets handed on, %d orders, %d missed on their first way", relayed, stats.OrdersMade, missed)
	}
	for i := 1; i <= members; i++ {
		if id := protocol.NodeID(i); w.Up(id) == leaving[id] {
			t.Errorf("host %d: up %v, leaving %v", i, w.Up(id), leaving[id])
		}
	}
}
