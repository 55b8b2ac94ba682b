package live

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"spinglass/protocol"
)

// inboundMark is the high bit, which the numbers of streams that peers opened have set.
const inboundMark = 1 << 63

var (
	errNoStreams     = errors.New("live: a node over an injected connection has no streams")
	errStreamNumber  = errors.New("live: the number belongs to an open stream")
	errStreamAddress = errors.New("live: no address of the peer is known")
)

// streams are the bulk streams of a node.
type streams struct {
	self     protocol.NodeID
	listener net.Listener // nil: there are none
	acceptor acceptor
	lifetime context.Context
	finish   func(completion)
	count    *counters
	limit    int64
	linger   time.Duration // streamLinger
	open     atomic.Int64  // streams being opened, open or ending
	running  sync.WaitGroup

	handshakes *handshakes // nil: streams are neither encrypted nor authenticated

	// Of the loop.
	numbered map[uint64]*stream
	inbound  uint64 // streams that peers opened so far
}

func newStreams(lifetime context.Context, c *Config, listener net.Listener, count *counters, finish func(completion)) *streams {
	return &streams{
		self: c.ID, listener: listener, lifetime: lifetime, finish: finish, count: count, limit: int64(c.Streams),
		acceptor: acceptor{lifetime: lifetime, listener: listener, count: count, logger: c.Logger},
		linger:   streamLinger,
		numbered: make(map[uint64]*stream),
	}
}

// start begins to accept streams from peers.
func (s *streams) start() {
	if s.listener != nil {
		s.running.Go(s.accept)
	}
}

// stop ends all streams.
func (s *streams) stop() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.running.Wait()
}

// acquire takes one of the streams that may be open at once.
func (s *streams) acquire() bool {
	if s.open.Add(1) > s.limit {
		s.release()
		return false
	}
	return true
}

func (s *streams) release() { s.open.Add(-1) }

// accept takes streams from peers of a node whose links are not sealed.
func (s *streams) accept() {
	s.acceptor.run(func(conn net.Conn) {
		if !s.acquire() {
			s.count.streamsRefused.Add(1)
			_ = conn.Close()
			return
		}
		s.running.Go(func() { s.welcome(conn) })
	})
}

// welcome carries a stream that a peer opened.
func (s *streams) welcome(conn net.Conn) {
	defer s.release()
	defer conn.Close()
	stop := context.AfterFunc(s.lifetime, func() { _ = conn.Close() })
	peer, err := answerGreeting(conn, s.self)
	stop()
	if err != nil {
		s.count.streamsRefused.Add(1)
		return
	}
	s.welcomed(conn, peer)
}

// welcomed carries a stream whose opener is known.
func (s *streams) welcomed(conn net.Conn, peer protocol.NodeID) {
	st := newStream(s.lifetime, 0, peer)
	defer st.abort()
	defer context.AfterFunc(st.life, func() { _ = rawOf(conn).Close() })()
	st.inbound = true
	s.finish(completion{kind: completionStreamOpened, stream: st})
	s.serve(st, conn)
}

// rawOf returns what can be closed without waiting for who writes.
func rawOf(conn net.Conn) net.Conn {
	if secured, ok := conn.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return conn
}

// dial carries a stream to a peer.
func (s *streams) dial(st *stream, to netip.AddrPort) {
	defer s.release()
	defer st.abort()
	conn, err := s.connect(st, to)
	if err != nil {
		s.finish(completion{kind: completionStreamClosed, stream: st, err: err})
		return
	}
	defer context.AfterFunc(st.life, func() { _ = rawOf(conn).Close() })()
	s.finish(completion{kind: completionStreamOpened, stream: st})
	s.serve(st, conn)
}

// connect makes the connection of a stream, with greetings exchanged.
func (s *streams) connect(st *stream, to netip.AddrPort) (net.Conn, error) {
	if s.handshakes != nil {
		conn, err := s.handshakes.dialStream(st.life, st.peer, to)
		if err != nil {
			return nil, err // not a nil *tls.Conn
		}
		return conn, nil
	}
	dialer := net.Dialer{Timeout: streamOpenTimeout}
	conn, err := dialer.DialContext(st.life, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(st.life, func() { _ = conn.Close() })
	defer stop()
	if err := greet(conn, s.self, st.peer); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("greeting %s: %w", to, err)
	}
	return conn, nil
}

// openStream begins to open a stream to a peer.
func (n *Node) openStream(now protocol.Time, number uint64, to protocol.NodeID) {
	s := n.streams
	route, known := n.book.route(now, to)
	var err error
	switch {
	case s.listener == nil:
		err = errNoStreams
	case !known:
		err = errStreamAddress
	case s.numbered[number] != nil || number&inboundMark != 0:
		err = errStreamNumber
	case !s.acquire():
		err = ErrStreamRefused
	}
	if err != nil {
		n.refuse(protocol.StreamClosed{Number: number, Err: err})
		return
	}
	st := newStream(s.lifetime, number, to)
	s.numbered[number] = st
	s.running.Go(func() { s.dial(st, route) })
}

// writeStream gives a stream data to write. A stream that has ended ignores it: the machine was told, or is about to be.
func (n *Node) writeStream(number uint64, data []byte) {
	st := n.streams.numbered[number]
	switch {
	case st == nil || st.closing:
	case len(data) > StreamWriteSizeMax:
		st.fail(errStreamSize)
	case st.busy:
		st.fail(errStreamBusy)
	default:
		st.busy = true
		st.writes <- data
	}
}

func (st *stream) fail(err error) {
	if st.cause == nil {
		st.cause = err
	}
	st.abort()
}

// closeStream ends a stream once everything is written.
func (n *Node) closeStream(number uint64) {
	st := n.streams.numbered[number]
	if st == nil || st.closing {
		return
	}
	st.closing = true
	close(st.writes)
	st.goOn() // to the end
	st.linger = time.AfterFunc(n.streams.linger, st.abort)
}

// holdStream has no more read from a stream, or lets that go on.
func (n *Node) holdStream(number uint64, hold bool) {
	st := n.streams.numbered[number]
	if st == nil {
		return
	}
	if st.held = hold; !hold {
		st.goOn()
	}
}

// goOn lets a reader go on that waits.
func (st *stream) goOn() {
	if st.owed {
		st.owed = false
		st.resume <- struct{}{}
	}
}

// completeStream tells the machine what happened to a stream.
func (n *Node) completeStream(c completion) {
	s, st := n.streams, c.stream
	switch c.kind {
	case completionStreamOpened:
		if st.inbound {
			s.inbound++
			st.number = inboundMark | s.inbound
			s.numbered[st.number] = st
		}
		if !st.closing {
			n.notify(protocol.StreamOpened{Number: st.number, From: st.peer})
		}
	case completionStreamRead:
		if !st.closing {
			n.notify(protocol.StreamRead{Number: st.number, Data: c.data})
		}
		if st.held && !st.closing {
			st.owed = true
		} else {
			st.resume <- struct{}{}
		}
	case completionStreamWritten:
		st.busy = false
		if !st.closing {
			n.notify(protocol.StreamWritten{Number: st.number})
		}
	case completionStreamClosed:
		n.endStream(st, c.err)
	}
}

func (n *Node) endStream(st *stream, err error) {
	delete(n.streams.numbered, st.number)
	if st.linger != nil {
		st.linger.Stop()
	}
	if !st.closing {
		st.closing = true
		close(st.writes)
	}
	if st.cause != nil {
		err = st.cause
	}
	n.notify(protocol.StreamClosed{Number: st.number, Err: err})
}
