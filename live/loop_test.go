package live

import (
	"testing"
	"testing/synctest"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// datagram encodes messages of the toy kind.
func datagram(sender protocol.NodeID, bodies ...string) []byte {
	b := wire.BeginDatagram(nil, sender)
	for _, body := range bodies {
		b = wire.AppendFrame(b, &text{body: []byte(body)})
	}
	wire.FinishDatagram(b)
	return b
}

// inject makes a node read bytes.
func inject(c *memoryConn, b []byte, from string) {
	c.inbound <- memoryPacket{b, mustAddr(from)}
}

func TestTimersKeepVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []protocol.Time
		m := &toy{deadline: protocol.Time(time.Hour)}
		m.timeout = func(now protocol.Time, _ *protocol.Output) {
			at = append(at, now)
			m.deadline = now.Add(time.Minute)
		}
		n := run(t, 1, m, func(c *Config) { c.Conn = newMemoryConn("10.0.0.1:7400") })
		time.Sleep(time.Hour + 2*time.Minute + time.Second)
		_ = n.Close()
		want := []protocol.Time{protocol.Time(time.Hour), protocol.Time(time.Hour + time.Minute), protocol.Time(time.Hour + 2*time.Minute)}
		if len(at) != 3 || at[0] != want[0] || at[1] != want[1] || at[2] != want[2] {
			t.Errorf("timeouts at %v, want %v", at, want)
		}
	})
}

// "A driver calls Timeout once now >= Deadline(), after the inputs that it already holds; so a machine that sets a deadline of now is
// called again once the present batch of inputs is done." (package protocol, contract 2)
func TestTimeoutComesAfterTheInputsAtHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var trace []string
		m := &toy{}
		m.receive = func(now protocol.Time, _ protocol.NodeID, body []byte, _ *protocol.Output) {
			trace = append(trace, string(body))
			m.deadline = now
		}
		m.timeout = func(protocol.Time, *protocol.Output) { trace = append(trace, "timeout") }
		conn := newMemoryConn("10.0.0.1:7400")
		n := run(t, 1, m, func(c *Config) { c.Conn = conn })
		time.Sleep(time.Second)
		n.Pause(time.Second) // so that the datagrams wait together
		synctest.Wait()
		inject(conn, datagram(2, "a", "b"), "10.0.0.2:7400")
		inject(conn, datagram(2, "c"), "10.0.0.2:7400")
		time.Sleep(2 * time.Second)
		_ = n.Close()
		if got := len(trace); got != 4 || trace[0] != "a" || trace[2] != "c" || trace[3] != "timeout" {
			t.Errorf("trace %v, want a b c timeout", trace)
		}
	})
}

func TestPauseAndPerturb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late []time.Duration
		m := &toy{deadline: protocol.Time(time.Millisecond)}
		m.timeout = func(now protocol.Time, _ *protocol.Output) {
			late = append(late, now.Sub(0))
			m.deadline = now.Add(time.Millisecond)
		}
		n := run(t, 1, m, func(c *Config) { c.Conn = newMemoryConn("10.0.0.1:7400") })
		time.Sleep(100*time.Millisecond + time.Microsecond)
		n.Pause(5 * time.Second)
		time.Sleep(6 * time.Second)
		if slept := n.Stats().PausedNanoseconds; slept != uint64(5*time.Second) {
			t.Errorf("slept %v, want 5s", time.Duration(slept))
		}
		if err := n.SetPerturb(Perturb{Sleep: 0.25, Slot: 10 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Second)
		_ = n.Close()
		// 10,000 slots, of which each is slept through with probability 0.25 (seed: the NodeID): 2500 expected, standard deviation 43;
		// six of these either way.
		slots := (time.Duration(n.Stats().PausedNanoseconds) - 5*time.Second) / (10 * time.Millisecond)
		if slots < 2240 || slots > 2760 {
			t.Errorf("slept through %d slots of 10000, want 2240 to 2760", slots)
		}
	})
}

func TestPerturbIsChecked(t *testing.T) {
	n := run(t, 1, &toy{}, nil)
	for _, p := range []Perturb{{Sleep: -0.1}, {Sleep: 1.1}, {Sleep: 0.5, Slot: -1}} {
		if n.SetPerturb(p) == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}

func TestReceiveQueueOverflowIsCountedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newMemoryConn("10.0.0.1:7400")
		m := &toy{}
		var told []protocol.Event
		n := run(t, 1, m, func(c *Config) {
			c.Conn, c.ReceiveQueue = conn, receiveQueueBytesMin
			c.OnEvent = func(_ protocol.Time, e protocol.Event) { told = append(told, e) }
		})
		synctest.Wait()
		n.Pause(time.Second)
		synctest.Wait()
		big := string(make([]byte, 60000)) // four fill the queue
		for range 10 {
			inject(conn, datagram(2, big), "10.0.0.2:7400")
		}
		synctest.Wait()
		if got := n.Stats().Drops[ReasonReceiveQueue] + n.Stats().Drops[ReasonReceiveShare]; got != 6 {
			t.Errorf("dropped %d of 10 arrivals, want 6", got)
		}
		time.Sleep(2 * time.Second)
		if got := m.received.Load(); got != 4 {
			t.Errorf("received %d, want the four that found room", got)
		}
		_ = n.Close()
		if want := (Overload{Queue: ReasonReceiveQueue, Dropped: 6}); len(told) != 1 || told[0] != protocol.Event(want) {
			t.Errorf("the application was told %v, want %v once", told, want)
		}
	})
}

func TestMessagesShareDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMemoryConn("10.0.0.1:7400"), newMemoryConn("10.0.0.2:7400")
		join(a, b)
		sender := run(t, 1, &toy{}, func(c *Config) { c.Conn = a })
		m := &toy{}
		receiver := run(t, 2, m, func(c *Config) { c.Conn = b })
		introduce(t, sender, receiver)
		_ = sender.Do(func(_ protocol.Time, out *protocol.Output) {
			for range 10 {
				out.Send(2, &text{body: make([]byte, 200)})
			}
		})
		synctest.Wait()
		// 13 + 6 * 203 bytes fit into 1344.
		if got := receiver.Stats(); m.received.Load() != 10 || got.DatagramsReceived != 2 {
			t.Errorf("%d messages in %d datagrams, want 10 in 2", m.received.Load(), got.DatagramsReceived)
		}
		if got := sender.Stats(); got.MessagesSent != 10 || got.DatagramsSent != 2 {
			t.Errorf("sent %d messages in %d datagrams, want 10 in 2", got.MessagesSent, got.DatagramsSent)
		}
		_, _ = sender.Close(), receiver.Close()
	})
}

func TestCallsAfterClose(t *testing.T) {
	n := run(t, 1, &toy{}, nil)
	if err := n.Call(t.Context(), func(protocol.Time, *protocol.Output) {}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := n.Close(); err != nil {
			t.Errorf("closing failed: %v", err)
		}
	}
	nothing := func(protocol.Time, *protocol.Output) {}
	for _, err := range []error{n.Do(nothing), n.Post(nothing), n.Call(t.Context(), nothing)} {
		if err != ErrClosed {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
}

func TestCallQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := run(t, 1, &toy{}, func(c *Config) { c.Conn, c.CallQueue = newMemoryConn("10.0.0.1:7400"), 3 })
		n.Pause(time.Minute)
		synctest.Wait()
		ran := 0
		count := func(protocol.Time, *protocol.Output) { ran++ }
		for range 3 {
			if err := n.Post(count); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Post(count); err != ErrQueueFull {
			t.Errorf("got %v, want ErrQueueFull", err)
		}
		_ = n.Close()
		if ran != 3 {
			t.Errorf("ran %d of 3 accepted functions before the end", ran)
		}
	})
}
