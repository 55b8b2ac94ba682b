package membership

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
)

// heard collects what a member's events say, by type and peer.
type heard struct {
	now  protocol.Time
	id   protocol.NodeID
	what string
	peer protocol.NodeID
}

// listen records all events about peers and about the members themselves.
func (f *fleet) listen() *[]heard {
	events := new([]heard)
	f.world.Observe(func(now protocol.Time, id protocol.NodeID, e protocol.Event) {
		h := heard{now: now, id: id, what: fmt.Sprintf("%T", e)}
		switch e := e.(type) {
		case protocol.PeerUp:
			h.peer = e.Peer.ID
		case protocol.PeerSuspect:
			h.peer = e.Peer.ID
		case protocol.PeerAlive:
			h.peer = e.Peer.ID
		case protocol.PeerDown:
			h.peer = e.Peer.ID
		case protocol.PeerLeft:
			h.peer = e.Peer.ID
		case protocol.PeerUnreachable:
			h.peer = e.Peer.ID
		case protocol.PeerReachable:
			h.peer = e.Peer.ID
		}
		*events = append(*events, h)
	})
	return events
}

// count returns how many members told what about peer (0 for anybody) from since on, and when the first and the last did.
func count(events []heard, since protocol.Time, what string, peer protocol.NodeID) (members int, first, last protocol.Time) {
	seen := make(map[protocol.NodeID]bool)
	for _, h := range events {
		if h.now < since || h.what != "protocol."+what || peer != 0 && h.peer != peer {
			continue
		}
		if !seen[h.id] {
			seen[h.id] = true
			members++
			if first == 0 {
				first = h.now
			}
			last = h.now
		}
	}
	return members, first, last
}

func group(f *fleet, in func(i int) bool) (ids []protocol.NodeID) {
	for i, id := range f.ids {
		if in(i) {
			ids = append(ids, id)
		}
	}
	return ids
}

// "a crashed member reported by all within T_fail plus the spread time", where reported means suspect; down comes a T_fail later.
// The spread time is that of the last heartbeat before the crash: 3 s at 100 members and 20 % of perturbed messages.
func TestCrashIsKnownToAll(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, seeds int) {
		sim.Swarm(t, seeds, func(seed uint64) error {
			f := newFleet(100, sim.Config{Seed: seed, Network: lan(0.05)}, nil)
			f.world.Run(protocol.Time(15 * time.Second))
			if err := f.complete(nil); err != nil {
				return err
			}
			events, crash, fail := f.listen(), f.world.Now(), f.machine(0).FailTimeout()
			const spread = 3 * time.Second
			f.world.Crash(f.ids[50])
			f.world.Run(crash.Add(2*fail + spread))
			members, first, last := count(*events, crash, "PeerDown", f.ids[50])
			if members != 99 || first < crash.Add(2*fail-2*time.Second) {
				return fmt.Errorf("%d members know of the crash %v after it, the first after %v", members, 2*fail+spread, first.Sub(crash))
			}
			if suspects, _, last := count(*events, crash, "PeerSuspect", f.ids[50]); suspects != 99 || last > crash.Add(fail+spread) {
				return fmt.Errorf("%d members suspected the crashed one, the last after %v", suspects, last.Sub(crash))
			}
			t.Logf("T_fail %v: down at the first after %v, at the last after %v", fail, first.Sub(crash), last.Sub(crash))
			if wrong, _, _ := count(*events, crash, "PeerDown", 0); wrong != 99 {
				return errors.New("somebody else was removed, too")
			}
			return f.complete(func(i int) bool { return i == 50 })
		})
	})
}

// "Unreachable is a local, sub-second observation ... and ends at the first sign of life."
func TestUnreachableIsQuickLocalAndEnds(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, _ int) {
		f := newFleet(20, sim.Config{Seed: 1, Network: lan(0)}, nil)
		f.form(t, 10*time.Second)
		f.world.Run(f.world.Now().Add(2 * time.Second))
		events, start := f.listen(), f.world.Now()
		cut := f.world.Cut(f.ids[4:5], f.ids[7:8], true)
		f.world.Command(f.ids[4], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			m.Notify(now, protocol.Unanswered{Peer: f.ids[7]}, out)
		})
		f.world.Run(start.Add(time.Second))
		if members, _, _ := count(*events, start, "PeerUnreachable", f.ids[7]); members != 1 {
			t.Fatalf("%d members find the peer unreachable within a second, not the one that is cut off from it", members)
		}
		f.world.Run(start.Add(60 * time.Second))
		for _, what := range []string{"PeerSuspect", "PeerDown"} {
			if members, _, _ := count(*events, start, what, 0); members != 0 {
				t.Errorf("%d members told %s because of one broken way", members, what)
			}
		}
		cut.Heal()
		healed := f.world.Now()
		f.world.Run(healed.Add(2 * time.Second))
		if members, _, _ := count(*events, healed, "PeerReachable", f.ids[7]); members != 1 {
			t.Errorf("%d members find the peer reachable again", members)
		}
	})
}

// "Leaving is a signed row with the left mark; it is instant, and different from failing."
func TestLeavingIsInstant(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, seeds int) {
		sim.Swarm(t, seeds, func(seed uint64) error {
			f := newFleet(100, sim.Config{Seed: seed, Network: lan(0.05)}, nil)
			f.world.Run(protocol.Time(15 * time.Second))
			events, start := f.listen(), f.world.Now()
			f.world.Command(f.ids[9], func(now protocol.Time, m protocol.Machine, out *protocol.Output) { m.(*Machine).Leave(now, out) })
			f.world.Run(start.Add(1500 * time.Millisecond))
			if members, _, _ := count(*events, start, "PeerLeft", f.ids[9]); members != 99 {
				return fmt.Errorf("%d members know after 1.5 s that one has left", members)
			}
			if members, _, _ := count(*events, start, "Left", 0); members != 1 {
				return errors.New("the member that left was not told that it has")
			}
			f.world.Crash(f.ids[9])
			f.world.Run(start.Add(200 * time.Second))
			for _, what := range []string{"PeerSuspect", "PeerDown", "PeerUp"} {
				if members, _, _ := count(*events, start, what, f.ids[9]); members != 0 {
					return fmt.Errorf("%d members told %s of one that left", members, what)
				}
			}
			return f.complete(func(i int) bool { return i == 9 })
		})
	})
}

// "Partitions heal by themselves. Members that vanished are still contacted, with decreasing frequency ... A heal is an event."
func TestPartitionsHeal(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, _ int) {
		for _, length := range []time.Duration{5 * time.Second, time.Minute, 10 * time.Minute, 2 * time.Hour} {
			t.Run(length.String(), func(t *testing.T) {
				// No member is a join address of the other side, so that only the records of the vanished lead back.
				f := newFleet(12, sim.Config{Seed: 3, Network: lan(0.05)}, func(i int, c *Config) {
					if i > 2 {
						return
					}
					c.First, c.Seeds = true, []protocol.Address{address((i + 2) % 4)} // 0 and 2, 1 and 3: all on both sides
				})
				f.form(t, 20*time.Second)
				f.world.Run(f.world.Now().Add(time.Second))
				for i := range f.ids {
					f.machine(i).deadlines.Cancel(taskSeeds)
				}
				events, start := f.listen(), f.world.Now()
				cut := f.world.Cut(group(f, func(i int) bool { return i%2 == 0 }), group(f, func(i int) bool { return i%2 == 1 }), true)
				f.world.Run(start.Add(length))
				downs, _, _ := count(*events, start, "PeerDown", 0)
				if long := length > 30*time.Second; long != (downs == 12) {
					t.Fatalf("%d members removed others in a partition of %v", downs, length)
				}
				cut.Heal()
				healed := f.world.Now()
				took := f.until(t, max(10*time.Second, min(length/4, 3*time.Minute)), func() error { return f.complete(nil) })
				f.world.Run(f.world.Now().Add(5 * time.Second))
				if heals, _, _ := count(*events, healed, "Healed", 0); downs > 0 && heals != 12 {
					t.Errorf("%d members told of the heal", heals)
				}
				t.Logf("whole again %v after a partition of %v", took, length)
			})
		}
	})
}

// "Start-up never splits: a node that was given join addresses and reaches none of them says so, keeps trying with back-off, and
// is not a cluster of its own unless it was told to be the first."
func TestStartNeverSplits(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, _ int) {
		f := newFleet(10, sim.Config{Seed: 1, Network: lan(0)}, func(i int, c *Config) { c.First = false })
		events := f.listen()
		even, odd := group(f, func(i int) bool { return i%2 == 0 }), group(f, func(i int) bool { return i%2 == 1 })
		var alone []*sim.Partition
		for _, id := range f.ids {
			alone = append(alone, f.world.Isolate(id))
		}
		f.world.Run(protocol.Time(time.Minute))
		if joined, _, _ := count(*events, 0, "Joined", 0); joined != 0 {
			t.Fatalf("%d members that reach nobody call themselves joined", joined)
		}
		if failing, first, _ := count(*events, 0, "JoinFailing", 0); failing != 10 || first > protocol.Time(2*time.Second) {
			t.Fatalf("%d members said that they cannot join, the first at %v", failing, first)
		}
		halves := f.world.Cut(even, odd, true)
		for _, p := range alone {
			p.Heal()
		}
		f.world.Run(protocol.Time(5 * time.Minute)) // two fleets: the join addresses are on both sides
		if joined, _, _ := count(*events, 0, "Joined", 0); joined != 10 {
			t.Fatalf("%d members joined", joined)
		}
		halves.Heal()
		took := f.until(t, 2*time.Minute, func() error { return f.complete(nil) })
		t.Logf("two fleets became one %v after they could", took)
	})
}

// The own address among the join addresses is not somebody reached.
func TestOwnAddressDoesNotCount(t *testing.T) {
	f := newFleet(1, sim.Config{Seed: 1}, func(i int, c *Config) { c.First, c.Seeds = false, []protocol.Address{address(0)} })
	events := f.listen()
	f.world.Run(protocol.Time(time.Minute))
	if joined, _, _ := count(*events, 0, "Joined", 0); joined != 0 || f.world.Dropped(ReasonSelf) == 0 {
		t.Errorf("joined %d, own messages dropped %d", joined, f.world.Dropped(ReasonSelf))
	}
}

// resurrections returns how many times a crashed member came back in a fleet with or without memory of the dead.
func resurrections(newFleet maker, seed uint64, memoryOff bool) (ups int, stopped uint64, err error) {
	f := newFleet(40, sim.Config{Seed: seed, Network: lan(0.2)}, func(_ int, c *Config) {
		if memoryOff {
			c.MemoryOfDead = -1
		}
	})
	f.world.Run(protocol.Time(15 * time.Second))
	if err := f.complete(nil); err != nil {
		return 0, 0, err
	}
	events, crash := f.listen(), f.world.Now()
	f.world.Crash(f.ids[20])
	f.world.Run(crash.Add(2 * time.Minute))
	for _, h := range *events {
		if h.what == "protocol.PeerUp" && h.peer == f.ids[20] {
			ups++
		}
	}
	for i := range f.ids {
		if i != 20 {
			stopped += f.machine(i).Stats().ResurrectionsStopped
		}
	}
	return ups, stopped, nil
}

// "The highest (epoch, sequence, heartbeat) seen of a removed member is remembered for at least 10*T_fail, so old rows cannot
// resurrect it": none with the memory, some without.
func TestTheDeadStayDead(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, seeds int) {
		sim.Swarm(t, seeds, func(seed uint64) error {
			ups, stopped, err := resurrections(newFleet, seed, false)
			if ups != 0 || stopped == 0 {
				err = errors.Join(err, fmt.Errorf("%d resurrections, %d prevented", ups, stopped))
			}
			return err
		})
		if ups, _, err := resurrections(newFleet, 1, true); err != nil || ups == 0 {
			t.Errorf("%d resurrections without memory of the dead (%v): the test does not bite", ups, err)
		}
	})
}

// A member that lost its boot counter after it was removed is let back in: it hears of the versions that it had and goes above
// them.
func TestReturnWithoutDisk(t *testing.T) {
	f := newFleet(10, sim.Config{Seed: 2, Network: lan(0.05)}, nil)
	f.form(t, 20*time.Second)
	for range 3 {
		f.world.Restart(f.ids[7], true)
		f.world.Run(f.world.Now().Add(3 * time.Second))
	}
	f.world.Crash(f.ids[7])
	f.world.Run(f.world.Now().Add(time.Minute))
	if err := f.complete(func(i int) bool { return i == 7 }); err != nil {
		t.Fatal(err)
	}
	f.world.Restart(f.ids[7], false)
	t.Logf("back after %v", f.until(t, 10*time.Second, func() error { return f.complete(nil) }))
	if epoch := f.machine(7).Self().Epoch; epoch != 5 || f.machine(7).Stats().EpochJumps != 1 {
		t.Errorf("epoch %d, %d jumps", epoch, f.machine(7).Stats().EpochJumps)
	}
}

// A restart with the disk is a higher epoch; one without it meets its old row and goes above it.
func TestRestartGoesAboveItsPast(t *testing.T) {
	for _, withDisk := range []bool{true, false} {
		f := newFleet(20, sim.Config{Seed: 2, Network: lan(0.05)}, nil)
		f.form(t, 20*time.Second)
		for range 3 { // a past that is worth losing
			f.world.Restart(f.ids[11], true)
			f.world.Run(f.world.Now().Add(3 * time.Second))
		}
		f.form(t, 20*time.Second)
		past := f.machine(11).Self().Epoch
		events, start := f.listen(), f.world.Now()
		f.world.Restart(f.ids[11], withDisk)
		f.world.Run(start.Add(20 * time.Second))
		if epoch := f.machine(11).Self().Epoch; epoch <= past {
			t.Errorf("epoch %d after %d", epoch, past)
		}
		if removed, _, _ := count(*events, start, "PeerDown", 0); removed != 0 {
			t.Errorf("%d members removed one that restarted at once (with disk %v)", removed, withDisk)
		}
		for i := range f.ids {
			if i == 11 {
				continue
			}
			k := slices.IndexFunc(f.machine(i).Peers(), func(p PeerStatus) bool { return p.Peer.ID == f.ids[11] })
			if got := f.machine(i).Peers()[k].Peer.Epoch; got != f.machine(11).Self().Epoch {
				t.Errorf("member %d knows epoch %d", i, got)
			}
		}
		if stored, _ := f.world.Disk(f.ids[11]).Get(EpochKey); string(stored) != fmt.Sprint(f.machine(11).Self().Epoch) {
			t.Errorf("stored epoch %s, used %d", stored, f.machine(11).Self().Epoch)
		}
	}
}

// A member that was stopped for longer than it takes to be removed removes nobody when it goes on, and without local health it
// would.
func TestPausedMemberSuspectsItself(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, _ int) {
		for _, off := range []bool{false, true} {
			f := newFleet(30, sim.Config{Seed: 5, Network: lan(0.01), Cost: sim.Cost{InboxPackets: 32}}, func(_ int, c *Config) { c.LocalHealthOff = off })
			f.form(t, 20*time.Second)
			events, start := f.listen(), f.world.Now()
			f.world.Pause(f.ids[3], 30*time.Second)
			f.world.Run(start.Add(45 * time.Second))
			removed := 0
			for _, h := range *events {
				if h.what == "protocol.PeerDown" && h.id == f.ids[3] {
					removed++
				}
			}
			if off != (removed > 0) {
				t.Errorf("a member that was paused for 30 s removed %d others, local health off %v", removed, off)
			}
			if suspects, _, _ := count(*events, start, "SelfSuspect", 0); !off && suspects != 1 {
				t.Errorf("%d members suspected themselves", suspects)
			}
			if took := f.until(t, 5*time.Second, func() error { return f.complete(nil) }); took > 0 {
				t.Logf("whole again %v after the end", took)
			}
		}
	})
}

// A node that finds another one of its name alive says so; its own earlier run, which is silent, is none.
func TestNameConflict(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, _ int) {
		f := newFleet(8, sim.Config{Seed: 1, Network: lan(0)}, func(i int, c *Config) {
			if i == 6 {
				c.Name = "/lab/m5"
			}
		})
		conflicts := make(map[protocol.NodeID]protocol.NodeID)
		f.world.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
			if e, ok := e.(NameConflict); ok {
				conflicts[id] = e.Peer
			}
		})
		f.world.Run(protocol.Time(30 * time.Second))
		if len(conflicts) != 2 || conflicts[f.ids[5]] != f.ids[6] || conflicts[f.ids[6]] != f.ids[5] {
			t.Errorf("conflicts told: %v", conflicts)
		}
	})
}

// A zone that is full refuses further members with an error that says so, and goes on.
func TestZoneLimit(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, _ int) {
		f := newFleet(12, sim.Config{Seed: 1, Network: lan(0)}, func(_ int, c *Config) { c.ZoneLimit = 10 })
		full := 0
		f.world.Observe(func(_ protocol.Time, _ protocol.NodeID, e protocol.Event) {
			if e, ok := e.(ZoneFull); ok && e.Limit == 10 {
				full++
			}
		})
		f.world.Run(protocol.Time(30 * time.Second))
		for i := range f.ids {
			if n := f.machine(i).table.Len(); n > 10 {
				t.Errorf("member %d holds %d rows", i, n)
			}
		}
		if full == 0 || f.world.Dropped(ReasonZoneFull) == 0 {
			t.Errorf("a full zone was told %d times", full)
		}
	})
}

// A member that is the first, and finds a fleet already, looks for it as often as any other one does: an agent of which all have seen that it left, and whose first messages are
// lost when it starts again, is among them soon. One that truly is the first gives up looking so often after a minute.
func TestTheFirstLooksForAFleet(t *testing.T) {
	signedAndNot(t, func(t *testing.T, newFleet maker, _ int) {
		f := newFleet(3, sim.Config{Seed: 5, Network: lan(0)}, nil)
		f.form(t, 20*time.Second)
		f.world.Command(f.ids[0], func(now protocol.Time, m protocol.Machine, out *protocol.Output) { m.(*Machine).Leave(now, out) })
		f.world.Run(f.world.Now().Add(3 * time.Second))
		f.world.Crash(f.ids[0])
		events, start := f.listen(), f.world.Now()
		alone := f.world.Isolate(f.ids[0])
		f.world.Restart(f.ids[0], true)
		f.world.Run(start.Add(400 * time.Millisecond))
		alone.Heal()
		took := f.until(t, 2*time.Second, func() error { return f.complete(nil) })
		t.Logf("whole again %v after it could be", took)
		if failing, _, _ := count(*events, start, "JoinFailing", 0); failing != 0 {
			t.Error("the first says that it cannot join")
		}
	})
	f := newFleet(1, sim.Config{Seed: 5, Network: lan(0)}, func(_ int, c *Config) { c.Seeds = []protocol.Address{address(1)} })
	f.world.Run(protocol.Time(10 * time.Minute))
	if n := f.machine(0).Stats().JoinAttempts; n != firstTries {
		t.Errorf("%d tries of one that stays alone, want %d", n, firstTries)
	}
}
