package sim

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass/protocol"
)

// mustPanic runs f, which must panic with a text that contains part.
func mustPanic(t *testing.T, part string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if text, _ := recover().(string); !strings.Contains(text, part) {
			t.Errorf("panic %q, want one that contains %q", text, part)
		}
	}()
	f()
}

func TestCostOfReceivingAndSending(t *testing.T) {
	w := New(Config{Cost: Cost{ReceivePacket: ms2(2), SendPacket: ms2(3), Input: ms2(5)}})
	cast(w, 2, actor{})
	w.Run(ms(5)) // Start takes 5 ms
	say(w, 1, 2, 1, 0)
	say(w, 1, 2, 2, 0)
	w.Run(seconds(1))
	// Each command takes 5 ms and its send 3 ms, one after the other, after the start; the first begins at 5 ms.
	want := []protocol.Time{ms(13), ms(21)}
	if got := actorOf(w, 2).times; !slices.Equal(got, want) {
		t.Errorf("received at %v, want %v", got, want)
	}
	if busy := w.HostStats(2).Busy; busy != ms2(5+2+2) {
		t.Errorf("host 2 was busy for %v, want 9ms", busy)
	}
}

func ms2(n float64) time.Duration { return time.Duration(ms(n)) }

func TestCostPerKilobyte(t *testing.T) {
	w := New(Config{Cost: Cost{SendKilobyte: ms2(1)}})
	cast(w, 2, actor{})
	say(w, 1, 2, 1, 2048-13-1-2-8) // a datagram of 2048 bytes
	w.Run(seconds(1))
	if at := actorOf(w, 2).times[0]; at != ms(2) {
		t.Errorf("received at %v, want 2ms", at)
	}
}

// "A bounded inbox that drops when full; a paused host's inbox filling."
func TestPausedHostFillsItsInbox(t *testing.T) {
	w := New(Config{Cost: Cost{InboxPackets: 10}})
	cast(w, 2, actor{})
	w.Run(ms(1))
	w.Pause(2, ms2(100))
	for i := range 25 {
		say(w, 1, 2, uint64(i), 0)
	}
	w.Run(seconds(1))
	a := actorOf(w, 2)
	if len(a.numbers) != 10 || a.numbers[9] != 9 {
		t.Errorf("received %v, want the first ten", a.numbers)
	}
	if a.times[0] != ms(101) {
		t.Errorf("received at %v, want the end of the pause at 101ms", a.times[0])
	}
	if s := w.Stats(); s.InboxFull != 15 || w.HostStats(2).InboxFull != 15 {
		t.Errorf("%d lost before the inbox, want 15", s.InboxFull)
	}
}

func TestInboxBytes(t *testing.T) {
	w := New(Config{Cost: Cost{InboxBytes: 1000}})
	cast(w, 2, actor{})
	w.Run(ms(1))
	w.Pause(2, ms2(100))
	for range 5 {
		say(w, 1, 2, 1, 400-13-1-2-8)
	}
	w.Run(seconds(1))
	if got := len(actorOf(w, 2).numbers); got != 2 {
		t.Errorf("%d datagrams of 400 bytes fit into 1000, want 2", got)
	}
}

// "Timers fire late when host is busy or paused", "after the inputs that it already holds".
func TestTimersFireLateAndAfterTheBatch(t *testing.T) {
	w := New(Config{})
	cast(w, 2, actor{start: func(a *actor, now protocol.Time, _ *protocol.Output) { a.deadline = now + ms(10) }})
	w.Run(ms(1))
	w.Pause(2, ms2(49))
	for i := range 3 {
		say(w, 1, 2, uint64(i), 0)
	}
	var order []InputKind
	w.Trace(func(s *Step) {
		if s.Host == 2 {
			order = append(order, s.Input)
		}
	})
	w.Run(seconds(1))
	if got := actorOf(w, 1).timeouts; !slices.Equal(got, []protocol.Time{ms(10)}) {
		t.Errorf("host 1: timeouts at %v, want 10ms", got)
	}
	if got := actorOf(w, 2).timeouts; !slices.Equal(got, []protocol.Time{ms(50)}) {
		t.Errorf("host 2: timeouts at %v, want the end of the pause at 50ms", got)
	}
	if want := []InputKind{InputReceive, InputReceive, InputReceive, InputTimeout}; !slices.Equal(order, want) {
		t.Errorf("inputs %v, want %v", order, want)
	}
}

// A steady flood does not starve the timers: they have their turn after each batch.
func TestTimersAreNotStarved(t *testing.T) {
	w := New(Config{Cost: Cost{ReceivePacket: ms2(1)}})
	cast(w, 2, actor{start: func(a *actor, now protocol.Time, _ *protocol.Output) { a.deadline = now + ms(1) }})
	for i := range 1000 {
		say(w, 1, 2, uint64(i), 0)
	}
	w.Run(seconds(2))
	if got := actorOf(w, 2).timeouts; len(got) != 1 || got[0] > ms(2+batchMax) {
		t.Errorf("timeouts at %v, want one within a batch of %d", got, batchMax)
	}
}

// "A machine that sets a deadline of now is called again once the present batch of inputs is done."
func TestDeadlineOfNow(t *testing.T) {
	w := New(Config{})
	cast(w, 1, actor{})
	sealed := 0
	seal := func(now protocol.Time, m protocol.Machine, _ *protocol.Output) {
		m.(*actor).deadline = now
		m.(*actor).timeout = func(*actor, protocol.Time, *protocol.Output) { sealed++ }
	}
	for range 5 {
		w.Command(1, seal)
	}
	w.Run(1)
	if sealed != 1 {
		t.Errorf("%d calls of Timeout for a batch of five commands, want 1", sealed)
	}
}

func TestStuckDeadlinePanics(t *testing.T) {
	w := New(Config{})
	cast(w, 1, actor{
		start:   func(a *actor, now protocol.Time, _ *protocol.Output) { a.deadline = now },
		timeout: func(a *actor, now protocol.Time, _ *protocol.Output) { a.deadline = now },
	})
	mustPanic(t, "stays in the past", func() { w.Run(1) })
}

func TestCrashAndRestart(t *testing.T) {
	for _, withDisk := range []bool{true, false} {
		w := New(Config{Seed: 1})
		var incarnations []int
		var found []string
		cast(w, 2, actor{start: func(a *actor, _ protocol.Time, _ *protocol.Output) {
			if a.boot.ID == 1 {
				value, _ := a.boot.Disk.Get("key")
				incarnations, found = append(incarnations, a.boot.Incarnation), append(found, string(value))
			}
		}})
		do(w, 1, &protocol.Persist{Number: 1, Key: "key", Value: []byte("value")})
		w.Run(ms(1))
		say(w, 2, 1, 1, 0)
		w.Crash(1)
		if w.Up(1) || w.Machine(1) != nil {
			t.Fatal("up after a crash")
		}
		w.Command(1, func(protocol.Time, protocol.Machine, *protocol.Output) {
			t.Error("a command reached a host that is down")
		})
		w.Run(ms(2))
		w.Restart(1, withDisk)
		w.Run(ms(3))
		say(w, 2, 1, 2, 0)
		w.Run(ms(4))
		want := []string{"", ""}
		if withDisk {
			want[1] = "value"
		}
		if !slices.Equal(found, want) || !slices.Equal(incarnations, []int{0, 1}) {
			t.Errorf("disk %v: found %q in incarnations %v, want %q", withDisk, found, incarnations, want)
		}
		if got := actorOf(w, 1).numbers; !slices.Equal(got, []uint64{2}) {
			t.Errorf("disk %v: received %v, want what came after the restart", withDisk, got)
		}
		if s := w.Stats(); s.Down != 1 || s.CommandLost != 1 || s.Crashes != 1 || s.Restarts != 1 {
			t.Errorf("disk %v: counted %+v", withDisk, s)
		}
	}
}

func TestMachineRandDiffersByHostAndIncarnation(t *testing.T) {
	w := New(Config{Seed: 1})
	seen := make(map[uint64]bool)
	cast(w, 3, actor{start: func(a *actor, _ protocol.Time, _ *protocol.Output) { seen[a.boot.Rand.Uint64()] = true }})
	w.Run(1)
	w.Restart(1, true)
	w.Run(2)
	if len(seen) != 4 {
		t.Errorf("%d different first draws of four machines", len(seen))
	}
}

func TestStartLater(t *testing.T) {
	w := New(Config{})
	var started protocol.Time
	w.Add(HostConfig{ID: 1 << 40, At: ms(5), Build: func(Boot) protocol.Machine {
		return &actor{deadline: protocol.Never, start: func(_ *actor, now protocol.Time, _ *protocol.Output) { started = now }}
	}})
	if w.Run(ms(4)); w.Up(1 << 40) {
		t.Error("up before its time")
	}
	if w.Run(ms(6)); started != ms(5) {
		t.Errorf("started at %v, want 5ms", started)
	}
}

// An address belongs to whoever listens there at the time.
func TestAddressPassesOn(t *testing.T) {
	w := New(Config{})
	cast(w, 2, actor{})
	w.Crash(2)
	w.Add(HostConfig{ID: 3, Address: "b", Build: func(Boot) protocol.Machine { return &actor{deadline: protocol.Never} }})
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
		out.SendAddress("b", &toyMessage{number: 4})
	})
	w.Run(1)
	if got := actorOf(w, 3).numbers; !slices.Equal(got, []uint64{4}) {
		t.Errorf("the new holder of the address received %v, want 4", got)
	}
	mustPanic(t, "listen at", func() { w.Restart(2, true) })
}

func TestSetupMistakesPanic(t *testing.T) {
	w := New(Config{})
	cast(w, 1, actor{})
	build := func(Boot) protocol.Machine { return &actor{} }
	mustPanic(t, "two hosts with the ID", func() { w.Add(HostConfig{ID: 1, Build: build}) })
	mustPanic(t, "needs an ID", func() { w.Add(HostConfig{Build: build}) })
	mustPanic(t, "no host with the ID", func() { w.Pause(9, 1) })
	mustPanic(t, "needs a Decoder", func() { New(Config{Wire: true}) })
	mustPanic(t, "Sleep needs", func() { w.Sleep(1, 1.5, 1) })
	w.At(1, func() { w.Run(2) })
	mustPanic(t, "from within", func() { w.Run(1) })
}

// An observer may crash the host whose event it sees; nothing of it happens afterwards.
func TestCrashFromWithinObserve(t *testing.T) {
	w := New(Config{})
	cast(w, 2, actor{})
	crashes := new(Crashes)
	w.Check(crashes)
	w.Observe(func(_ protocol.Time, id protocol.NodeID, _ protocol.Event) { w.Restart(id, true) })
	w.Command(1, func(_ protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(*actor).deadline = 0
		out.Emit(toyEvent{})
		out.Send(2, &toyMessage{number: 1})
	})
	w.Run(1)
	if got := actorOf(w, 2).numbers; len(got) != 0 {
		t.Errorf("host 2 received %v from a host that had crashed", got)
	}
	if err := w.Finish(); err != nil {
		t.Error(err)
	}
}

func TestFailingDisk(t *testing.T) {
	w := New(Config{})
	cast(w, 1, actor{})
	full := errors.New("disk full")
	w.FailDisk(1, full)
	do(w, 1, &protocol.Persist{Number: 1, Key: "a"})
	w.Run(1)
	w.FailDisk(1, nil)
	do(w, 1, &protocol.Persist{Number: 2, Key: "b"})
	w.Run(2)
	want := []protocol.Event{protocol.Persisted{Number: 1, Key: "a", Err: full}, protocol.Persisted{Number: 2, Key: "b"}}
	if got := actorOf(w, 1).events; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if d := w.Disk(1); d.Len() != 1 {
		t.Errorf("%d values on the disk, want 1", d.Len())
	}
}

// Steady state allocates nothing per event.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	w := pingWorld(1000)
	w.Run(seconds(3))
	if n := testing.AllocsPerRun(20000, func() { w.Step(protocol.Never) }); n > 0 {
		t.Errorf("%v allocations per event", n)
	}
}

// What an input costs may depend on what comes of it: here on who sent it.
func TestEffort(t *testing.T) {
	w := New(Config{Cost: Cost{ReceivePacket: ms2(1), Effort: func(s *Step) time.Duration {
		if s.Input == InputReceive && s.From == 1 {
			return ms2(7)
		}
		return 0
	}}})
	cast(w, 3, actor{})
	say(w, 1, 3, 1, 0)
	say(w, 2, 3, 2, 0)
	w.Run(seconds(1))
	if got, busy := actorOf(w, 3).times, w.HostStats(3).Busy; !slices.Equal(got, []protocol.Time{0, ms(8)}) || busy != ms2(1+7+1) {
		t.Errorf("received at %v, busy for %v", got, busy)
	}
}
