package sim

import (
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
)

// newSegment makes a world whose hosts 1 to 4 are on one segment and join group 7, while 5 is on another and 6 on none.
func newSegment(cost Cost) *World {
	w := New(Config{Seed: 1, Cost: cost, Network: Network{Topology: Flat{&Link{Latency: Constant(time.Millisecond)}}}})
	w.Check(NewAccount(w))
	for i, name := range []string{"one", "one", "one", "one", "two", ""} {
		w.Add(HostConfig{ID: protocol.NodeID(i + 1), Segment: name, Cost: &cost, Build: func(b Boot) protocol.Machine {
			return &actor{boot: b, deadline: protocol.Never, notify: func(_ *actor, _ protocol.Time, e protocol.Event, out *protocol.Output) {
				if e.(protocol.MulticastOffered).Groups == GroupsMax {
					out.JoinGroup(7)
				}
			}}
		}})
	}
	w.Run(ms(1))
	return w
}

// announce has host 1 send a message to group 7 and to the targets.
func announce(w *World, number uint64, targets ...protocol.NodeID) {
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
		out.Multicast(7, targets, &toyMessage{number: number})
	})
	w.Run(w.Now() + ms(10))
}

// heard checks which hosts have received a message of the number, how often.
func heard(t *testing.T, w *World, number uint64, want ...protocol.NodeID) {
	t.Helper()
	var got []protocol.NodeID
	for _, id := range w.Hosts() {
		if !w.Up(id) {
			continue
		}
		for _, n := range actorOf(w, id).numbers {
			if n == number {
				got = append(got, id)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("message %d reached %v, want %v", number, got, want)
	}
}

func TestGroupsReachTheirSegment(t *testing.T) {
	w := newSegment(Cost{})
	announce(w, 1)
	heard(t, w, 1, 2, 3, 4)
	announce(w, 2, 6, 3)
	heard(t, w, 2, 2, 3, 3, 4, 6)
	w.Command(2, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) { out.LeaveGroup(7) })
	announce(w, 3)
	heard(t, w, 3, 3, 4)
	w.Deafen(3, protocol.Never)
	announce(w, 4, 3)
	heard(t, w, 4, 3, 4)
	w.Heal()
	announce(w, 5)
	heard(t, w, 5, 3, 4)
	w.Crash(3)
	announce(w, 6)
	heard(t, w, 6, 4)
	w.Restart(3, true)
	w.Run(w.Now() + ms(1))
	announce(w, 7)
	heard(t, w, 7, 3, 4)
	if err := w.Finish(); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.GroupSent != 7 || s.Sent != 7+3 {
		t.Errorf("%d datagrams sent, %d of them to groups", s.Sent, s.GroupSent)
	}
}

// A datagram to a group costs its sender once, whatever the number of those who hear it.
func TestGroupsCostTheSenderOnce(t *testing.T) {
	w := newSegment(Cost{SendPacket: time.Millisecond, Input: time.Microsecond})
	before := w.HostStats(1).Busy
	announce(w, 1, 5)
	if cost := w.HostStats(1).Busy - before; cost != 2*time.Millisecond+time.Microsecond {
		t.Errorf("a message to a group and to one host kept its sender busy for %v, want two sends", cost)
	}
	heard(t, w, 1, 2, 3, 4, 5)
}

func TestGroupsAreLimited(t *testing.T) {
	w := newSegment(Cost{})
	w.Command(2, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
		for group := range protocol.Group(GroupsMax + 3) {
			out.JoinGroup(group)
		}
	})
	w.Command(6, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) { out.JoinGroup(7) })
	w.Run(ms(2))
	// Group 7 is joined already, of the others GroupsMax-1 find room.
	if refused := w.Stats().GroupRefused; refused != 3+1+1 {
		t.Errorf("%d groups refused, want 5", refused)
	}
}
