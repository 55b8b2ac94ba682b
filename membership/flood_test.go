package membership

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// captured is a message as a member received it.
type captured struct {
	to, from protocol.NodeID
	message  protocol.Message
}

// replayed runs a fleet in which rows change, members restart, crash and leave, captures all that is received, and then replays it ten times, shuffled. It returns how
// often a member was taken back or a version fell.
func replayed(seed uint64, memoryOff bool) (ups, regressions int, err error) {
	f := newSignedFleet(12, signedConfig(seed), func(_ int, c *Config) {
		if memoryOff {
			c.MemoryOfDead = -1
		}
	})
	var capture []captured
	recording := true
	f.world.Trace(func(s *sim.Step) {
		if recording && s.Input == sim.InputReceive {
			capture = append(capture, captured{to: s.Host, from: s.From, message: s.Message})
		}
	})
	f.world.Run(protocol.Time(5 * time.Second))
	if err := f.complete(nil); err != nil {
		return 0, 0, err
	}
	const crashed, leaver, restarted = 4, 5, 6
	for step := range 10 {
		for i := range f.ids {
			f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				_ = m.(*Machine).SetAttribute(now, protocol.Attribute{Name: "load", Value: []byte{2, byte(step)}}, out)
			})
		}
		f.world.Run(f.world.Now().Add(time.Second))
	}
	f.world.Restart(f.ids[restarted], true)
	f.world.Crash(f.ids[crashed])
	f.world.Command(f.ids[leaver], func(now protocol.Time, m protocol.Machine, out *protocol.Output) { m.(*Machine).Leave(now, out) })
	f.world.Run(f.world.Now().Add(20 * time.Second))
	f.world.Crash(f.ids[leaver])
	f.world.Run(f.world.Now().Add(20 * time.Second))
	recording = false
	without := func(i int) bool { return i == crashed || i == leaver }
	if err := f.complete(without); err != nil {
		return 0, 0, err
	}
	versions := func() (all []table.Claim) {
		for i := range f.ids {
			if !without(i) {
				for k := range f.machine(i).table.Len() {
					all = append(all, f.machine(i).table.At(k).Claim())
				}
			}
		}
		return all
	}
	events, start, before := f.listen(), f.world.Now(), versions()
	f.replay(capture, seed)
	for _, h := range *events {
		if h.what == "protocol.PeerUp" || h.what == "protocol.PeerDown" {
			ups++
		}
	}
	after := versions()
	for i := range before {
		if len(after) != len(before) || after[i].Owner != before[i].Owner || after[i].Version.Compare(before[i].Version) < 0 {
			regressions++
		}
	}
	if err := f.complete(without); err != nil && !memoryOff {
		return ups, regressions, fmt.Errorf("%v after the replay: %w", f.world.Now().Sub(start), err)
	}
	return ups, regressions, f.honest()
}

// replay gives the members what was captured, ten times in any order.
func (f *fleet) replay(capture []captured, seed uint64) {
	r := someRand(seed)
	for range 10 {
		r.Shuffle(len(capture), func(i, k int) { capture[i], capture[k] = capture[k], capture[i] })
		for i, c := range capture {
			if !f.world.Up(c.to) {
				continue
			}
			f.world.Command(c.to, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				m.Receive(now, c.from, c.message, out)
			})
			if i%500 == 0 {
				f.world.Run(f.world.Now().Add(100 * time.Millisecond))
			}
		}
	}
	f.world.Run(f.world.Now().Add(5 * time.Second))
}

// "Replay of a capture ten times shuffled and after a restart (no duplicate, no regression)"; "resurrection (none; the control without memory of the dead shows some)".
func TestReplayChangesNothing(t *testing.T) {
	sim.Swarm(t, 3, func(seed uint64) error {
		ups, regressions, err := replayed(seed, false)
		if err == nil && (ups > 0 || regressions > 0) {
			err = fmt.Errorf("%d members came or went, %d versions fell", ups, regressions)
		}
		return err
	})
	if ups, _, err := replayed(1, true); ups == 0 {
		t.Errorf("without memory of the dead nobody came back (%v): the test does not bite", err)
	}
}

// flooded runs a fleet of which a third sends three others forged rows of members. It returns how many signatures a victim checked a second, how long a change of an
// honest member's row took to reach the victims, how long it took a member that restarted to know all and be known, and how many forgeries were counted.
func flooded(t *testing.T, perSecond, verifyRate int) (checked float64, news, join time.Duration, drops uint64) {
	f := newSignedFleet(32, sim.Config{Seed: 9, Network: lan(0.01), Cost: sim.CommodityCost(), Ed25519: true}, func(_ int, c *Config) {
		c.ZoneLimit = 256
	})
	f.authorities.verifyRate = verifyRate
	f.form(t, 20*time.Second)
	f.world.Run(f.world.Now().Add(5 * time.Second))
	victims := []int{1, 2, 20}
	number := uint64(0)
	var again func()
	again = func() {
		for range perSecond / 500 {
			number++
			row := *f.machine(21 + int(number/10%8)).own.Row()
			row.Sequence += number
			row.Signature = slices.Clone(row.Signature)
			row.Signature[5], row.Signature[6], row.Signature[7] = byte(number), byte(number>>8), byte(number>>16)
			for _, v := range victims {
				f.hand(v, 4+int(number%10), &row, true)
			}
		}
		f.world.At(f.world.Now().Add(2*time.Millisecond), again)
	}
	f.world.At(f.world.Now(), again)
	start, before := f.world.Now(), f.machine(victims[0]).Stats().SignaturesChecked
	f.world.Run(start.Add(3 * time.Second))
	checked = float64(f.machine(victims[0]).Stats().SignaturesChecked-before) / 3
	f.world.Command(f.ids[21], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		_ = m.(*Machine).SetAttribute(now, protocol.Attribute{Name: "news", Value: []byte{1, 1}}, out)
	})
	news = f.until(t, 20*time.Second, func() error {
		for _, v := range victims {
			if _, ok := f.machine(v).table.Get(f.ids[21]).Row().Attribute("news"); !ok {
				return fmt.Errorf("victim %d has not heard", v)
			}
		}
		return nil
	})
	f.world.Restart(f.ids[3], true)
	join = f.form(t, 20*time.Second)
	return checked, news, join, f.world.Dropped(ReasonForged)
}

// "Verification has its own bounded budget (25 % of a core for tables)": a flood of forged rows costs no more, and who is honest is heard all the same. Without the
// bound it takes what it likes.
func TestFloodOfForgedRows(t *testing.T) {
	quiet, quietNews, quietJoin, _ := flooded(t, 0, 0)
	checked, news, join, drops := flooded(t, 20_000, 0)
	t.Logf("no flood: %.0f signatures/s, news after %v, restart after %v; 20000 forged rows/s: %.0f signatures/s, %v, %v, %d counted", quiet, quietNews, quietJoin, checked, news, join, drops)
	if checked > VerifyRateDefault*1.2 || drops == 0 {
		t.Errorf("%.0f signatures are checked a second, %d forgeries are counted", checked, drops)
	}
	if news > 2*time.Second || join > 5*time.Second {
		t.Errorf("news takes %v, a restart %v", news, join)
	}
	unbounded, _, _, _ := flooded(t, 20_000, 1e9)
	t.Logf("without the bound: %.0f signatures/s", unbounded)
	if unbounded < 1.5*checked {
		t.Error("the control does not bite")
	}
}
