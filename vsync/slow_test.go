package vsync_test

import (
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

// What the member that casts casts: so many a second, of so many bytes, as in the figure of throughput with one member asleep.
const (
	castRate = 100
	castSize = 7000
)

// How long is measured, after how long.
const (
	sleepWarm = 5 * time.Second
	sleepLong = 30 * time.Second
)

// crowd returns how many members the groups have of which one sleeps.
func crowd(t *testing.T) int {
	if os.Getenv("SPINGLASS_FULL") == "" {
		t.Log("groups of 16; SPINGLASS_FULL=1 go test ./vsync -run Sleepers -v has groups of 96")
		return 16
	}
	return 96
}

// sleepyWorld returns a world in which one of a crowd may sleep in 90 % of slots of 100 ms.
func sleepyWorld() *sim.World {
	return sim.New(sim.Config{Seed: 7, Network: lan(0), Cost: sim.CommodityCost()})
}

// rate returns how many casts of host 3 a second are delivered by the host that delivers least of those of which nothing is asked, while a host sleeps; 0 for none.
func rate(t *testing.T, o vsync.Options, crowd int, sleeper protocol.NodeID) float64 {
	t.Helper()
	w := sleepyWorld()
	f := newFleet(w, o, nil, make([]protocol.Time, crowd)...)
	f.until(t, 40*time.Second, func() error {
		for _, id := range f.hosts {
			if err := f.apps[id].sees(crowd); err != nil {
				return err
			}
		}
		return nil
	})
	if f.apps[1].view.Members[0].ID != 1 {
		t.Fatal("host 1 is not at rank 0")
	}
	views := f.apps[2].node.Groups.Stats().ViewsInstalled
	f.apps[3].size = castSize
	f.castEvery(3, time.Second/castRate, w.Now().Add(sleepWarm+sleepLong+time.Second))
	least := leastRate(w, f.hosts, sleeper, func(id protocol.NodeID) int { return len(f.apps[id].log) })
	s := f.apps[2].node.Groups.Stats()
	t.Logf("%v, sleeper %d: %d views more, %d bytes held at most, blocked %v", o.Order, sleeper, s.ViewsInstalled-views, s.HeldMost, time.Duration(s.BlockedTime))
	return least
}

// leastRate returns at what rate the host delivers that delivers least of those that do not sleep.
func leastRate(w *sim.World, hosts []protocol.NodeID, sleeper protocol.NodeID, delivered func(protocol.NodeID) int) float64 {
	if sleeper != 0 {
		w.Sleep(sleeper, 0.9, 100*time.Millisecond)
	}
	w.Run(w.Now().Add(sleepWarm))
	before := map[protocol.NodeID]int{}
	for _, id := range hosts {
		before[id] = delivered(id)
	}
	w.Run(w.Now().Add(sleepLong))
	least := math.Inf(1)
	for _, id := range hosts {
		if id != sleeper {
			least = min(least, float64(delivered(id)-before[id])/sleepLong.Seconds())
		}
	}
	return least
}

// "One slow member never stalls the group": with an ordinary member asleep, and with the member that orders, the others keep 95 % of their rate. A traditional group in the same place, whose sender casts as fast as it may, does not.
func TestSleepersDoNotSlowTheOthers(t *testing.T) {
	crowd := crowd(t)
	sleepers := []protocol.NodeID{protocol.NodeID(crowd), 1}
	allOrders(t, func(t *testing.T, o vsync.Options) {
		still := rate(t, o, crowd, 0)
		if still < 0.99*castRate {
			t.Fatalf("%v casts a second are delivered, of %d: nothing is tested", still, castRate)
		}
		for _, sleeper := range sleepers {
			got := rate(t, o, crowd, sleeper)
			t.Logf("%.1f casts a second without a sleeper, %.1f with host %d asleep", still, got, sleeper)
			if got < 0.95*still {
				t.Errorf("%v casts a second with host %d asleep, %v without", got, sleeper, still)
			}
		}
	})
	for _, order := range []traditional.Order{traditional.OrderFIFO, traditional.OrderTotal} {
		t.Run("traditional "+order.String(), func(t *testing.T) {
			still := traditionalRate(t, order, crowd, 0)
			if still < castRate {
				t.Fatalf("%v casts a second are delivered, fewer than %d: it is no match with nobody asleep", still, castRate)
			}
			for _, sleeper := range sleepers {
				got := traditionalRate(t, order, crowd, sleeper)
				t.Logf("%.1f casts a second without a sleeper, %.1f with host %d asleep", still, got, sleeper)
				if got >= 0.95*still {
					t.Errorf("%v casts a second with host %d asleep, %v without: the baseline does not fall", got, sleeper, still)
				}
			}
		})
	}
}

// "A member stopped for longer than the buffers reach is ejected, rejoins by itself when it continues, and ends with the same state."
func TestStoppedMemberIsEjectedAndReturns(t *testing.T) {
	allOrders(t, func(t *testing.T, o vsync.Options) {
		w := sim.New(sim.Config{Seed: 8, Network: lan(0.01), Cost: sim.CommodityCost()})
		f := newFleet(w, o, func(c *vsync.Config) { c.BufferBytes = 1 << 20 }, 0, 0, 0, 0, 0)
		c := f.check()
		for _, id := range f.hosts {
			f.castEvery(id, 20*time.Millisecond, protocol.Time(40*time.Second))
		}
		w.Run(protocol.Time(8 * time.Second))
		for _, id := range f.hosts {
			if err := f.apps[id].sees(5); err != nil {
				t.Fatal(err)
			}
			f.apps[id].size = 1000
		}
		w.Pause(4, 12*time.Second)
		stopped := w.Now()
		f.until(t, 10*time.Second, func() error { return f.apps[2].sees(4) })
		t.Logf("out after %v", w.Now().Sub(stopped))
		w.Run(stopped.Add(11 * time.Second))
		if f.apps[4].ejected[vsync.EjectView] != 0 {
			t.Error("a member that is stopped has noticed that")
		}
		f.until(t, 5*time.Second, func() error {
			if f.apps[4].ejected[vsync.EjectView] == 0 {
				return errNotYet
			}
			return nil
		})
		f.until(t, 20*time.Second, func() error { return f.apps[4].sees(5) })
		w.Run(protocol.Time(41 * time.Second))
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		if err := c.finish(); err != nil {
			t.Error(err)
		}
	})
}

// What Flush tells of is at all members, and is not lost when who sent it crashes at once.
func TestFlushedIsStable(t *testing.T) {
	allOrders(t, func(t *testing.T, o vsync.Options) {
		w := sim.New(sim.Config{Seed: 9, Network: lan(0.2), Cost: sim.CommodityCost()})
		f := newFleet(w, o, nil, 0, 0, 0, 0)
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		f.detect(protocol.Time(time.Minute))
		for range 50 {
			f.cast(4)
		}
		w.Run(w.Now().Add(time.Millisecond))
		mine := f.last
		number := uint64(0)
		f.command(4, func(now protocol.Time, n *node, out *protocol.Output) {
			var err error
			if number, err = n.Groups.Flush(now, name, out); err != nil {
				t.Error(err)
			}
		})
		f.until(t, 10*time.Second, func() error {
			if f.apps[4].flushed < max(1, number) {
				return errNotYet
			}
			return nil
		})
		w.Crash(4)
		f.until(t, 20*time.Second, func() error { return f.apps[2].sees(3) })
		for _, id := range f.hosts[:3] {
			if !slices.Contains(f.apps[id].log, mine) {
				t.Errorf("host %d lacks what was flushed", id)
			}
		}
	})
}

// A flush ends in a small group in which nobody else has anything to tell: who closes a round because of what it was told lets that member close it as well.
func TestLoneFlushesEnd(t *testing.T) {
	for seed := range uint64(24) {
		w := sim.New(sim.Config{Seed: seed, Network: lan(0), Cost: sim.CommodityCost()})
		f := newFleet(w, vsync.DefaultOptions(), nil, make([]protocol.Time, []int{2, 3, 4, 9}[seed%4])...)
		f.until(t, 20*time.Second, func() error { return f.converged(f.hosts...) })
		for range 50 {
			f.cast(2)
			number := uint64(0)
			f.command(2, func(now protocol.Time, n *node, out *protocol.Output) { number, _ = n.Groups.Flush(now, name, out) })
			began := w.Now()
			for number == 0 || f.apps[2].flushed < number {
				w.Run(w.Now().Add(10 * time.Millisecond))
				if w.Now().Sub(began) > 3*time.Second {
					t.Fatalf("seed %d: after %v a flush has not ended\n%s", seed, w.Now().Sub(began), f.describe())
				}
			}
		}
	}
}
