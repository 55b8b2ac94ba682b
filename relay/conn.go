package relay

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"spinglass/protocol"
)

// Errors that end a connection.
var (
	ErrClosed = errors.New("relay: the connection is closed")
	ErrSilent = errors.New("relay: the other end says nothing")
	ErrIdle   = errors.New("relay: nobody uses the connection")
)

// readSize is how much is read of a connection at once, at least.
const readSize = 16 << 10

// Config says what a connection is and who takes what comes by it. Its functions are called by the goroutine that reads, but for Check.
type Config struct {
	Limits   *Limits
	Counters *Counters
	// Peer is the member at the other end, which the caller has authenticated.
	Peer protocol.NodeID
	// Self is the gateway, at its end of the connection, and names the frames that it sends itself; 0 at a client's, where frames name for whom they are.
	Self protocol.NodeID
	// Take takes what is not about the connection itself. If it returns true, the frame is about a stream of this end, and named after who sent it. A frame of datagrams aliases memory that
	// is used again, unless that is from Memory.
	Take func(c *Conn, f *Frame) bool
	// Memory returns where the body of a frame of datagrams is to be put. Nil, or a nil result: anywhere.
	Memory func(h Header) []byte
	// Accept takes a stream that a member has opened, and reports whether it did. It closes it in the end. Nil: there are none.
	Accept func(c *Conn, from protocol.NodeID, conn net.Conn) bool
	// Check is asked once a period whether the connection may go on. Nil: it may.
	Check func() error
	// Idle ends the connection when nothing was carried or wanted for so long; 0: never.
	Idle time.Duration
}

// Conn is a connection between a client and a gateway. Its methods may be called from any goroutine.
type Conn struct {
	Config
	conn  net.Conn
	wake  chan struct{} // holds a token when there is something to write
	done  chan struct{} // closed at the end
	used  atomic.Int64  // when it was last of use, in nanoseconds of Unix
	heard atomic.Int64  // when something came
	wrote atomic.Int64  // when something was written

	mutex     sync.Mutex
	room      sync.Cond // in the queue of streams
	datagrams queue
	others    queue // all other frames
	finishing bool  // what waits is the last
	err       error // why it has ended
	streams   map[streamKey]*stream
	opened    uint32 // streams that this end opened so far
	running   sync.WaitGroup

	// of the goroutine that reads
	scratch []byte
	openers map[protocol.NodeID]*bucket
	bytes   bucket // of datagrams passed on
	rest    bucket // of other frames passed on
	told    bucket // that somebody is absent
}

// queue is frames that wait to be written, and those that are being written.
type queue struct{ waiting, writing []byte }

// keptMax is how much memory a queue keeps that is empty.
const keptMax = 256 << 10

func (q *queue) has(size, limit int) bool { return len(q.waiting)+len(q.writing)+size <= limit }

func (q *queue) take() []byte {
	q.waiting, q.writing = q.writing[:0], q.waiting
	return q.writing
}

func (q *queue) written() {
	if q.writing = q.writing[:0]; cap(q.writing) > keptMax {
		q.writing = nil
	}
}

// New makes a connection of one that was made and authenticated. Serve has to be called.
func New(conn net.Conn, config Config) *Conn {
	c := &Conn{
		Config: config, conn: conn, wake: make(chan struct{}, 1), done: make(chan struct{}), streams: map[streamKey]*stream{}, openers: map[protocol.NodeID]*bucket{},
	}
	c.room.L = &c.mutex
	now := time.Now().UnixNano()
	c.used.Store(now)
	c.heard.Store(now)
	c.wrote.Store(now)
	return c
}

// Done returns a channel that is closed when the connection ends.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Use keeps the connection from being idle.
func (c *Conn) Use() { c.used.Store(time.Now().UnixNano()) }

// Serve carries frames until the connection ends, and returns why.
func (c *Conn) Serve() error {
	c.running.Go(c.write)
	c.running.Go(c.watch)
	c.end(c.read())
	c.running.Wait()
	return c.err
}

// Close ends the connection at once.
func (c *Conn) Close() { c.end(ErrClosed) }

// Finish lets what waits be written and tells the other end that it was the last, which closes the connection then.
func (c *Conn) Finish() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.finishing = true
	c.signal()
}

// end ends the connection for a reason, unless it has ended.
func (c *Conn) end(err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	_ = raw(c.conn).Close()
	for _, s := range c.streams {
		s.end(ErrClosed)
	}
	c.Counters.Streams.Add(-int64(len(c.streams)))
	clear(c.streams)
	c.room.Broadcast()
}

// raw returns what can be closed without waiting for who writes.
func raw(conn net.Conn) net.Conn {
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return secured.NetConn()
	}
	return conn
}

// Send queues a frame, and reports whether there was room.
func (c *Conn) Send(f *Frame) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.queue(f)
}

// SendDatagrams is Send for datagrams of this end. What is not sent is counted.
func (c *Conn) SendDatagrams(to protocol.NodeID, segment int, data []byte) bool {
	f := Frame{Kind: KindDatagrams, Peer: c.name(to), Segment: segment, Data: data}
	ok := c.Send(&f)
	if !ok {
		c.Counters.QueueFull.Add(uint64(f.Count()))
	}
	return ok
}

// name returns how a frame of this end for a member is named.
func (c *Conn) name(to protocol.NodeID) protocol.NodeID {
	if c.Self != 0 {
		return c.Self
	}
	return to
}

// queue is Send with the mutex held.
func (c *Conn) queue(f *Frame) bool {
	q, limit := &c.others, c.Limits.StreamQueue
	if f.Kind == KindDatagrams {
		q, limit = &c.datagrams, c.Limits.Queue
	}
	if c.err != nil || c.finishing || !q.has(f.Size(), limit) {
		return false
	}
	q.waiting = f.Append(q.waiting)
	if f.Kind != KindPing && f.Kind != KindPong {
		c.Use()
	}
	c.signal()
	return true
}

// sendWaiting is Send that waits for room. It reports whether the connection is there still.
func (c *Conn) sendWaiting(f *Frame) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for c.err == nil && !c.finishing && !c.others.has(f.Size(), c.Limits.StreamQueue) {
		c.room.Wait()
	}
	return c.queue(f)
}

func (c *Conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write writes what is queued, until the connection ends.
func (c *Conn) write() {
	for {
		select {
		case <-c.wake:
		case <-c.done:
			return
		}
		if err := c.writeAll(); err != nil {
			c.end(err)
			return
		}
	}
}

// watch looks at the connection once a period, until it ends.
func (c *Conn) watch() {
	ticker := time.NewTicker(c.Limits.Period)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-c.done:
			return
		}
		if err := c.look(time.Now()); err != nil {
			c.end(err)
			return
		}
	}
}

// look finds out whether the connection is to end.
func (c *Conn) look(now time.Time) error {
	if c.Check != nil {
		if err := c.Check(); err != nil {
			return err
		}
	}
	if since(now, &c.heard) >= c.Limits.Silence {
		return ErrSilent
	}
	if c.Idle > 0 && since(now, &c.used) >= c.Idle {
		return ErrIdle
	}
	if since(now, &c.wrote) >= c.Limits.Ping {
		c.Send(&Frame{Kind: KindPing})
	}
	return nil
}

// since returns how long ago something was, which is kept in nanoseconds of Unix.
func since(now time.Time, at *atomic.Int64) time.Duration {
	return time.Duration(now.UnixNano() - at.Load())
}

// writeAll writes what is queued, until there is no more. What is no datagram goes first.
func (c *Conn) writeAll() error {
	for {
		c.mutex.Lock()
		c.others.written()
		c.datagrams.written()
		c.room.Broadcast()
		others, datagrams, finishing := c.others.take(), c.datagrams.take(), c.finishing
		c.mutex.Unlock()
		if len(others)+len(datagrams) == 0 {
			if finishing {
				return c.closeWrite()
			}
			return nil
		}
		for _, b := range [][]byte{others, datagrams} {
			if err := c.writeOne(b); err != nil {
				return err
			}
		}
	}
}

func (c *Conn) writeOne(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	err := c.conn.SetWriteDeadline(time.Now().Add(c.Limits.WriteTimeout))
	if err == nil {
		_, err = c.conn.Write(b)
	}
	c.wrote.Store(time.Now().UnixNano())
	return err
}

// closeWrite tells the other end that nothing more comes.
func (c *Conn) closeWrite() error {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return ErrClosed
}

// read takes frames until there are no more.
func (c *Conn) read() error {
	from := bufio.NewReaderSize(c.conn, readSize)
	var header [HeaderSize]byte
	for {
		if _, err := io.ReadFull(from, header[:]); err != nil {
			return err
		}
		h, known, err := DecodeHeader(header[:])
		if err != nil {
			c.Counters.Malformed.Add(1)
			return err
		}
		c.heard.Store(time.Now().UnixNano())
		body := c.memory(h)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		if !known {
			c.Counters.Unknown.Add(1)
			continue
		}
		f, err := h.Decode(body)
		if err != nil {
			c.Counters.Malformed.Add(1)
			return err
		}
		c.take(&f)
	}
}

// memory returns where the body of a frame is to be put. It grows with what comes, up to the largest frame.
func (c *Conn) memory(h Header) []byte {
	if h.Kind == KindDatagrams && c.Memory != nil {
		if b := c.Memory(h); b != nil {
			return b[:h.Size]
		}
	}
	if cap(c.scratch) < h.Size {
		c.scratch = make([]byte, h.Size)
	}
	return c.scratch[:h.Size]
}

func (c *Conn) take(f *Frame) {
	switch f.Kind {
	case KindPing:
		c.Send(&Frame{Kind: KindPong})
		return
	case KindPong:
		return
	}
	c.Use()
	if f.Kind == KindAbsent {
		c.dropAll(f.Peer)
	}
	if c.Take(c, f) {
		c.takeStream(f)
	}
}
