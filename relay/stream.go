package relay

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"spinglass/protocol"
)

// Errors of opening a stream.
var (
	ErrAbsent  = errors.New("relay: the member is not connected to the gateway")
	ErrRefused = errors.New("relay: too many streams")
	ErrBroken  = errors.New("relay: something of the stream could not be carried")
)

// errOf returns the error for the reason of a close.
func errOf(r Reason) error {
	switch r {
	case ReasonAbsent:
		return ErrAbsent
	case ReasonRefused:
		return ErrRefused
	case ReasonBroken:
		return ErrBroken
	}
	return ErrClosed
}

// streamKey names a stream of a connection.
type streamKey struct {
	peer   protocol.NodeID
	number uint32
	mine   bool // this end has opened it
}

// stream is a stream as one end has it. The user has one end of a pipe; two goroutines carry bytes between the other one and frames.
type stream struct {
	key   streamKey
	conn  *Conn
	inner net.Conn
	ready chan error // of who opens it

	mutex   sync.Mutex
	changed sync.Cond
	credit  int    // bytes that may be sent
	arrived []byte // to be handed over
	held    int    // bytes of that, and those that are being handed over: up to Window
	ended   error  // nothing more is to be sent; what has arrived is still handed over, if it is errEnded
}

// errEnded says that the other end has closed a stream.
var errEnded = errors.New("relay: the other end has closed the stream")

func (c *Conn) newStream(key streamKey) (s *stream, user net.Conn) {
	s = &stream{key: key, conn: c, credit: Window, ready: make(chan error, 1)}
	s.changed.L = &s.mutex
	user, s.inner = net.Pipe()
	return s, user
}

// frame returns a frame about the stream.
func (s *stream) frame(kind Kind) *Frame {
	return &Frame{Kind: kind, Peer: s.conn.name(s.key.peer), Stream: s.key.number, Opener: s.key.mine}
}

// Dial opens a stream to a member by way of the gateway, or to the gateway or the client at the other end itself.
func (c *Conn) Dial(ctx context.Context, to protocol.NodeID) (net.Conn, error) {
	s, user, err := c.begin(to)
	if err != nil {
		return nil, err
	}
	select {
	case err = <-s.ready:
	case <-ctx.Done():
		err = ctx.Err()
		c.drop(s, ReasonEnded)
	case <-c.done:
		err = ErrClosed
	}
	if err == nil && !c.run(s) {
		err = ErrClosed
	}
	if err != nil {
		_, _ = user.Close(), s.inner.Close()
		return nil, err
	}
	return user, nil
}

// begin asks for a stream.
func (c *Conn) begin(to protocol.NodeID) (*stream, net.Conn, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case c.err != nil:
		return nil, nil, ErrClosed
	case len(c.streams) >= c.Limits.Streams:
		c.Counters.StreamRefused.Add(1)
		return nil, nil, ErrRefused
	}
	c.opened++
	s, user := c.newStream(streamKey{to, c.opened, true})
	if !c.queue(s.frame(KindOpen)) {
		c.Counters.StreamBroken.Add(1)
		return nil, nil, ErrBroken
	}
	c.add(s)
	return s, user, nil
}

// add makes a stream known; the mutex is held.
func (c *Conn) add(s *stream) {
	c.streams[s.key] = s
	c.Counters.Streams.Add(1)
}

// remove forgets a stream, and reports whether it was known; the mutex is held.
func (c *Conn) remove(s *stream) bool {
	if c.streams[s.key] != s {
		return false
	}
	delete(c.streams, s.key)
	c.Counters.Streams.Add(-1)
	return true
}

// run starts the goroutines of a stream, unless the connection has ended. They end with the connection, or, where the other end has closed the stream before, when the user has taken what has arrived, or closes it. So nobody waits for them: a user that
// takes nothing would hold up the end of the connection.
func (c *Conn) run(s *stream) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.err != nil {
		return false
	}
	c.Counters.StreamsOpened.Add(1)
	go s.send()
	go s.receive()
	return true
}

// drop ends a stream at this end and tells the other one.
func (c *Conn) drop(s *stream, reason Reason) {
	c.mutex.Lock()
	known := c.remove(s)
	c.mutex.Unlock()
	s.end(errOf(reason))
	if known {
		f := s.frame(KindClose)
		f.Reason = reason
		c.Send(f) // without it the other end finds out when it says something
	}
	if reason == ReasonBroken {
		c.Counters.StreamBroken.Add(1)
	}
}

// dropAll ends the streams with a member that is not there.
func (c *Conn) dropAll(peer protocol.NodeID) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for key, s := range c.streams {
		if key.peer == peer {
			c.remove(s)
			s.end(ErrAbsent)
		}
	}
}

// takeStream takes a frame about a stream.
func (c *Conn) takeStream(f *Frame) {
	key := streamKey{f.Peer, f.Stream, !f.Opener}
	c.mutex.Lock()
	s := c.streams[key]
	if s != nil && f.Kind == KindClose {
		c.remove(s)
	}
	c.mutex.Unlock()
	switch {
	case f.Kind == KindOpen:
		c.accept(key, s != nil)
	case s == nil:
		if f.Kind != KindClose {
			c.Send(&Frame{Kind: KindClose, Peer: c.name(f.Peer), Stream: f.Stream, Opener: !f.Opener, Reason: ReasonBroken})
		}
	case f.Kind == KindAccept:
		s.tell(nil)
	case f.Kind == KindClose:
		s.closed(f.Reason)
	case !s.take(f):
		c.drop(s, ReasonBroken)
	}
}

// accept takes a stream that a member opens, or refuses it.
func (c *Conn) accept(key streamKey, known bool) {
	s, user := c.newStream(key)
	refuse := func() {
		c.Counters.StreamRefused.Add(1)
		f := s.frame(KindClose)
		f.Reason = ReasonRefused
		c.Send(f)
		_, _ = user.Close(), s.inner.Close()
	}
	if c.Accept == nil || known || !c.mayOpen(key.peer) {
		refuse()
		return
	}
	c.mutex.Lock()
	ok := c.err == nil && len(c.streams) < c.Limits.Streams && c.queue(s.frame(KindAccept))
	if ok {
		c.add(s)
	}
	c.mutex.Unlock()
	switch {
	case !ok:
		refuse()
	case !c.run(s):
		_, _ = user.Close(), s.inner.Close()
	case !c.Accept(c, key.peer, user):
		c.Counters.StreamRefused.Add(1)
		_ = user.Close()
	}
}

// mayOpen reports whether a member may open one more stream now.
func (c *Conn) mayOpen(peer protocol.NodeID) bool {
	b := c.openers[peer]
	if b == nil {
		if len(c.openers) >= c.Limits.Openers {
			clear(c.openers) // nobody is worse off for it
		}
		b = &bucket{}
		c.openers[peer] = b
	}
	return b.take(time.Now(), 1, c.Limits.OpenRate, c.Limits.OpenBurst)
}

// tell tells who opens the stream how that went, once.
func (s *stream) tell(err error) {
	select {
	case s.ready <- err:
	default:
	}
}

// end ends a stream at this end. What has arrived is not handed over.
func (s *stream) end(err error) {
	s.tell(err)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ended, s.arrived = err, nil
	_ = s.inner.Close()
	s.changed.Broadcast()
}

// closed takes in that the other end has closed. What has arrived from it is still handed over.
func (s *stream) closed(reason Reason) {
	s.tell(errOf(reason))
	if reason != ReasonEnded {
		s.end(errOf(reason))
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ended == nil {
		s.ended = errEnded
	}
	s.changed.Broadcast()
}

// take takes in data or credit, and reports whether that is within the window.
func (s *stream) take(f *Frame) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	defer s.changed.Broadcast()
	if s.ended != nil {
		return true
	}
	if f.Kind == KindCredit {
		s.credit += f.Credit
		return s.credit <= Window
	}
	if s.held += len(f.Data); s.held > Window {
		return false
	}
	s.arrived = append(s.arrived, f.Data...)
	return true
}

// spend waits until something may be sent, and returns how much, up to n; 0 at the end.
func (s *stream) spend(n int) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for s.credit == 0 && s.ended == nil {
		s.changed.Wait()
	}
	if s.ended != nil {
		return 0
	}
	n = min(n, s.credit)
	s.credit -= n
	return n
}

// send carries what the user writes, until it or the other end closes the stream.
func (s *stream) send() {
	buffer := make([]byte, DataMax)
	for {
		n, err := s.inner.Read(buffer)
		for rest := buffer[:n]; len(rest) > 0; {
			n := s.spend(len(rest))
			if n == 0 {
				s.finish()
				return
			}
			f := s.frame(KindData)
			f.Data = rest[:n]
			if !s.conn.sendWaiting(f) {
				s.finish()
				return
			}
			rest = rest[n:]
		}
		if err != nil {
			s.finish()
			return
		}
	}
}

// finish ends the stream after what the user has written, and tells the other end behind that.
func (s *stream) finish() {
	c := s.conn
	c.mutex.Lock()
	known := c.remove(s)
	c.mutex.Unlock()
	if known {
		c.sendWaiting(s.frame(KindClose))
	}
	s.mutex.Lock()
	ended := s.ended
	s.mutex.Unlock()
	if ended != errEnded { // then what has arrived may still be wanted
		s.end(ErrClosed)
	}
}

// receive hands what arrives to the user, and lets as much more come.
func (s *stream) receive() {
	for {
		data := s.next()
		if data == nil {
			_ = s.inner.Close()
			return
		}
		n, err := s.inner.Write(data)
		if err != nil {
			return // the user has closed it, of which send tells the other end
		}
		if !s.grant(n) {
			return
		}
	}
}

// grant lets n bytes more come, and reports whether the connection is there still.
func (s *stream) grant(n int) bool {
	s.mutex.Lock()
	s.held -= n
	s.mutex.Unlock()
	s.conn.mutex.Lock()
	known := s.conn.streams[s.key] == s
	s.conn.mutex.Unlock()
	f := s.frame(KindCredit)
	f.Credit = n
	return !known || s.conn.sendWaiting(f)
}

// next waits for what has arrived; nil at the end.
func (s *stream) next() []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for len(s.arrived) == 0 && s.ended == nil {
		s.changed.Wait()
	}
	data := s.arrived
	s.arrived = nil
	return data
}
