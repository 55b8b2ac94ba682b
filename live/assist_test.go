package live

import (
	"testing"
	"testing/synctest"
	"time"

	"spinglass/protocol"
)

// While the loop waits, what arrives is dealt with by the reader that brings it: the loop takes no turn for it.
func TestReadersAssistALoopThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newMemoryConn("10.0.0.1:7400")
		m := &toy{}
		n := run(t, 1, m, func(c *Config) { c.Conn = conn })
		synctest.Wait()
		turns := n.Stats().Turns
		for range 10 {
			inject(conn, datagram(2, "a"), "10.0.0.2:7400")
			synctest.Wait()
		}
		if s := n.Stats(); m.received.Load() != 10 || s.TurnsAssisted != 10 || s.Turns != turns {
			t.Errorf("received %d, %d turns of readers, %d of the loop; want 10, 10, 0", m.received.Load(), s.TurnsAssisted, s.Turns-turns)
		}
	})
}

// A deadline that an arrival brings forward is kept, although the loop has set its timer before.
func TestDeadlinesSetWhileAReaderAssistsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newMemoryConn("10.0.0.1:7400")
		start := time.Now()
		m := &toy{deadline: protocol.Time(time.Hour)}
		var fired time.Duration
		m.receive = func(now protocol.Time, _ protocol.NodeID, _ []byte, _ *protocol.Output) {
			m.deadline = now.Add(time.Second)
		}
		m.timeout = func(protocol.Time, *protocol.Output) { fired = time.Since(start) }
		n := run(t, 1, m, func(c *Config) { c.Conn = conn })
		time.Sleep(time.Minute)
		inject(conn, datagram(2, "a"), "10.0.0.2:7400")
		time.Sleep(time.Minute)
		_ = n.Close()
		if want := time.Minute + time.Second; fired != want {
			t.Errorf("timeout after %v, want %v", fired, want)
		}
	})
}

// A node that is to sleep is left alone: its readers go on reading, and its loop sleeps.
func TestReadersDoNotSleepForTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newMemoryConn("10.0.0.1:7400")
		m := &toy{}
		n := run(t, 1, m, func(c *Config) { c.Conn = conn })
		synctest.Wait()
		n.Pause(time.Minute)
		inject(conn, datagram(2, "a"), "10.0.0.2:7400")
		synctest.Wait()
		if got := m.received.Load(); got != 0 {
			t.Errorf("received %d while asleep", got)
		}
		time.Sleep(2 * time.Minute)
		if got := m.received.Load(); got != 1 {
			t.Errorf("received %d after sleeping, want 1", got)
		}
	})
}
