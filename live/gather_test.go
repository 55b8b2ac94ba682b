package live

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/protocol"
)

// slowConn is a memoryConn that takes its time to send.
type slowConn struct {
	*memoryConn
	takes time.Duration
}

func (c *slowConn) WriteTo(b []byte, to net.Addr) (int, error) {
	time.Sleep(c.takes)
	return c.memoryConn.WriteTo(b, to)
}

// slowNode starts a node that takes half a second to send a datagram, and returns it after it has begun to send one.
func slowNode(t *testing.T) (n *Node, conn *slowConn, send func(text string)) {
	conn = &slowConn{newMemoryConn("10.0.0.1:7400"), closeLinger / 2}
	n = run(t, 1, &toy{}, func(c *Config) { c.Conn = conn })
	send = func(body string) {
		if err := n.Do(func(_ protocol.Time, out *protocol.Output) {
			out.SendAddress("10.0.0.2:7400", &text{body: []byte(body)})
		}); err != nil {
			t.Fatal(err)
		}
	}
	send("first")
	synctest.Wait()
	return n, conn, send
}

// What is published while the writer is busy goes out together, as soon as the writer has nothing to send; datagrams that arrive and calls do not
// wait for that.
func TestWhatIsPublishedWhileTheWriterIsBusyGoesOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, conn, send := slowNode(t)
		for _, body := range []string{"a", "b", "c"} {
			send(body)
			synctest.Wait() // each for itself
		}
		start := time.Now()
		inject(conn.memoryConn, datagram(2, "in"), "10.0.0.2:7400")
		if err := n.Call(t.Context(), func(protocol.Time, *protocol.Output) {}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if took := time.Since(start); took > 0 || n.machine.(*toy).received.Load() != 1 {
			t.Errorf("a call took %v and %d datagrams were received meanwhile, want 0 s and 1", took, n.machine.(*toy).received.Load())
		}
		if s := n.Stats(); s.MessagesSent != 1 {
			t.Errorf("%d messages were encoded while the writer was busy, want 1", s.MessagesSent)
		}
		time.Sleep(10 * time.Second)
		if s := n.Stats(); s.DatagramsSent != 2 || s.MessagesSent != 4 {
			t.Errorf("%d messages in %d datagrams, want 4 in 2", s.MessagesSent, s.DatagramsSent)
		}
	})
}

// A node whose own machine always has something to send does not keep what is published back for ever.
func TestAWriterThatIsAlwaysBusyDoesNotStopWhatIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, conn, send := slowNode(t)
		conn.takes = 3 * time.Millisecond
		for range 10 { // what the machine sends meanwhile
			if err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
				out.SendAddress("10.0.0.3:7400", &text{body: []byte("machine")})
			}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		send("published")
		synctest.Wait()
		if sent := n.Stats().MessagesSent; sent != 11 {
			t.Fatalf("%d messages were encoded at once, want 11", sent)
		}
		time.Sleep(feedPatience)
		synctest.Wait()
		if s := n.Stats(); s.MessagesSent != 12 || s.FeedsOvertaken != 1 || !n.out.busy() {
			t.Errorf("%d messages were encoded, %d times in spite of the writer; want 12 and once", s.MessagesSent, s.FeedsOvertaken)
		}
	})
}

// What was accepted while the writer was busy is not lost when the node is closed.
func TestWhatWaitsForTheWriterIsSentBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, conn, send := slowNode(t)
		conn.takes = 0 // from the second datagram on
		send("second")
		_ = n.Close()
		if got := len(conn.outbound); got != 2 {
			t.Errorf("%d datagrams were sent, want 2", got)
		}
	})
}

// The writer rests after parcels that took long to send, but for those that are full, and for no longer than restMax.
func TestTheWriterRestsAfterWhatTookLong(t *testing.T) {
	for _, test := range []struct {
		size  int
		took  time.Duration
		rests bool
	}{
		{100, restMin - 1, false},
		{100, restMin, true},
		{parcelSize / 2, time.Hour, true},
		{parcelSize/2 + 1, time.Hour, false},
	} {
		n := idle(t, &toy{})
		w := writer{node: n}
		start := time.Now()
		w.rest(test.size, test.took)
		if rested := n.Stats().WriterRests == 1; rested != test.rests || w.spent != 0 {
			t.Errorf("%d bytes in %v: rested %v, want %v; %v are still to rest for", test.size, test.took, rested, test.rests, w.spent)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("a rest of %v", took)
		}
	}
	// While more waits there is no rest; it follows the last.
	n := idle(t, &toy{})
	w := writer{node: n}
	n.out.full <- new(parcel)
	w.rest(100, restMin-1)
	<-n.out.full
	if w.spent != restMin-1 || n.Stats().WriterRests != 0 {
		t.Errorf("rested while a parcel waited")
	}
	if w.rest(100, 1); n.Stats().WriterRests != 1 {
		t.Errorf("did not rest after the last parcel")
	}
}
