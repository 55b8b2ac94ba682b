package stack_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

const groupName = "ledger"

func groupOptions() vsync.Options {
	o := vsync.DefaultOptions()
	o.State = false
	return o
}

// joinGroup has a host of a fleet join the group at a time, and cast ten times a second until another.
func joinGroup(w *sim.World, id protocol.NodeID, at, until protocol.Time) {
	w.At(at, func() {
		w.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			if err := m.(subscribed).JoinGroup(now, groupName, groupOptions(), out); err != nil {
				panic(err)
			}
		})
	})
	var again func()
	again = func() {
		if w.Up(id) {
			w.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				_ = m.(subscribed).Cast(now, groupName, []byte(fmt.Sprint("cast of ", id)), out)
			})
		}
		if next := w.Now().Add(100 * time.Millisecond); next < until {
			w.At(next, again)
		}
	}
	w.At(at.Add(time.Second), again)
}

// Whole nodes are a group: who is down, as membership says, is out of the view, and who restarts is in it again.
func TestGroupsOfNodes(t *testing.T) {
	w := sim.New(sim.Config{Seed: 5, Cost: sim.CommodityCost(), Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Loss: 0.02, Latency: sim.Constant(time.Millisecond)}}}})
	newFleet(w, 5, 20*time.Millisecond, protocol.Time(40*time.Second))
	delivered := map[protocol.NodeID][]string{}
	w.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		if d, ok := e.(*vsync.Delivery); ok {
			delivered[id] = append(delivered[id], fmt.Sprint(d.View, d.Sender, d.Seq))
		}
	})
	for id := range protocol.NodeID(5) {
		joinGroup(w, id+1, protocol.Time(2*time.Second), protocol.Time(40*time.Second))
	}
	seen := func(id protocol.NodeID) int {
		s, _ := w.Machine(id).(subscribed).Groups.Group(groupName)
		if s.View == nil {
			return 0
		}
		return len(s.View.Members)
	}
	w.Run(protocol.Time(10 * time.Second))
	if n := seen(2); n != 5 {
		t.Fatalf("the view has %d members, of 5", n)
	}
	w.Crash(5)
	w.Run(protocol.Time(24 * time.Second))
	if n := seen(2); n != 4 {
		t.Errorf("the view has %d members after a crash, of 4", n)
	}
	w.Restart(5, true)
	joinGroup(w, 5, protocol.Time(25*time.Second), protocol.Time(40*time.Second))
	w.Run(protocol.Time(30 * time.Second))
	w.Crash(4)
	w.At(protocol.Time(31*time.Second), func() { w.Restart(4, true) })
	w.Run(protocol.Time(36 * time.Second))
	if n := seen(2); n != 4 || seen(5) != 4 {
		t.Errorf("the view has %d members after a restart without the group, of 4", n)
	}
	w.Run(protocol.Time(42 * time.Second))
	if a, b := delivered[1], delivered[2]; min(len(a), len(b)) < 800 || !slices.Equal(a[len(a)-800:], b[len(b)-800:]) {
		t.Errorf("hosts 1 and 2 have delivered %d and %d casts, or others", len(delivered[1]), len(delivered[2]))
	}
	t.Logf("%d casts delivered; %+v", len(delivered[1]), w.Machine(2).(subscribed).Groups.Stats())
}
