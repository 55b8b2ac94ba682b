package live

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/protocol"
)

// memoryListener takes connections from within the process.
type memoryListener struct {
	conns  chan net.Conn
	closed chan struct{}
	down   atomic.Bool // nobody gets through
	dials  atomic.Int64
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error   { close(l.closed); return nil }
func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects to the listener.
func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	l.dials.Add(1)
	if l.down.Load() {
		return nil, errors.New("unreachable")
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// memoryPair runs two secured nodes without a network, and returns their listeners.
func memoryPair(t *testing.T) (a, b *Node, la, lb *memoryListener) {
	f := newFleet(t, 1)
	ca, cb := newMemoryConn("10.0.0.1:7400"), newMemoryConn("10.0.0.2:7400")
	join(ca, cb)
	la, lb = newMemoryListener(), newMemoryListener()
	start := func(id protocol.NodeID, conn *memoryConn, own, other *memoryListener) *Node {
		return run(t, id, newCounting(), func(c *Config) {
			f.change(t, id, nil)(c)
			c.Conn, c.Listener, c.Security.Dial = conn, own, other.dial
		})
	}
	a, b = start(1, ca, la, lb), start(2, cb, lb, la)
	introduce(t, a, b)
	introduce(t, b, a)
	return a, b, la, lb
}

// In an hour of traffic at the real limits, sessions are replaced every two minutes or so, by one side, and nothing is lost.
func TestAnHourOfTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, la, lb := memoryPair(t)
		losesNothing(t, a, b, 3600, time.Second)
		dials := la.dials.Load() + lb.dials.Load()
		if got := a.Stats().Handshakes; dials < 3600/132 || dials > 2*3600/108 || got != b.Stats().Handshakes {
			t.Errorf("%d connections and %d, %d handshakes in an hour", dials, got, b.Stats().Handshakes)
		}
		// Those that are not older than 240 s, in the worst case replaced by both sides.
		if used := a.links.table.used(); used > sessionsPerPeerMax {
			t.Errorf("%d sessions are kept", used)
		}
		_, _ = a.Close(), b.Close()
	})
}

// Without a way to replace a session, it is used until its life ends, and not a moment longer; then attempts are made as rarely as they may be, and when there is a way
// again, there is a session again.
func TestNoSessionOutlivesItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, la, lb := memoryPair(t)
		losesNothing(t, a, b, 1, time.Second)
		la.down.Store(true)
		lb.down.Store(true)
		losesNothing(t, a, b, 235, time.Second)
		time.Sleep(10 * time.Second)
		dials := lb.dials.Load()
		missing := exchange(t, a, b, 600, time.Second)
		synctest.Wait()
		if lost := missing(); lost != 1200 {
			t.Errorf("%d of 1200 lost after the end of the session", lost)
		}
		// A pause of 4 to 12 s after each failure, and a second until the next message.
		if more := lb.dials.Load() - dials; more < 600/14 || more > 600/4 {
			t.Errorf("%d attempts in ten minutes", more)
		}
		if a.Stats().Sessions+b.Stats().Sessions != 0 || a.links.table.used() != 0 {
			t.Errorf("sessions are left")
		}
		la.down.Store(false)
		lb.down.Store(false)
		time.Sleep(12 * time.Second)
		losesNothing(t, a, b, 10, time.Second)
		_, _ = a.Close(), b.Close()
	})
}
