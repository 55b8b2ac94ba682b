package sim

import (
	"bytes"
	"fmt"

	"spinglass/protocol"
)

// StreamOrder checks that the bytes of a stream are read as they were written: in order, none twice, and all of them before an orderly end.
type StreamOrder struct {
	world  *World
	unread map[streamEnd][]byte // written towards this end
	closed map[streamEnd]bool   // by the machine at this end
	names  map[endName]streamEnd
	err    error
}

// streamEnd is one end of a stream of the world.
type streamEnd struct {
	stream uint64
	opener bool
}

// endName is how machines name an end.
type endName struct {
	host        protocol.NodeID
	incarnation int
	number      uint64
}

// NewStreamOrder returns a StreamOrder for the given world.
func NewStreamOrder(w *World) *StreamOrder {
	return &StreamOrder{
		world: w, unread: make(map[streamEnd][]byte), closed: make(map[streamEnd]bool), names: make(map[endName]streamEnd),
	}
}

// Observe implements Checker.
func (c *StreamOrder) Observe(s *Step) {
	switch e := s.Event.(type) {
	case protocol.StreamOpened:
		if at, ok := c.find(s.Host, e.Number); ok {
			c.names[endName{s.Host, s.Incarnation, e.Number}] = at
		}
	case protocol.StreamRead:
		c.read(s, e)
	case protocol.StreamClosed:
		c.end(s, e)
	}
	for i := range s.Effects {
		switch work := s.Effects[i].Work.(type) {
		case *protocol.StreamWrite:
			if at, ok := c.find(s.Host, work.Number); ok && !c.closed[at] {
				to := streamEnd{at.stream, !at.opener}
				c.unread[to] = append(c.unread[to], work.Data...)
			}
		case *protocol.StreamClose:
			if at, ok := c.find(s.Host, work.Number); ok {
				c.closed[at] = true
			}
		}
	}
}

// find returns the end that a machine names, which must not have ended.
func (c *StreamOrder) find(host protocol.NodeID, number uint64) (streamEnd, bool) {
	e := c.world.must(host).stream(number)
	if e == nil {
		return streamEnd{}, false
	}
	return streamEnd{stream: e.stream, opener: number>>63 == 0}, true
}

func (c *StreamOrder) read(s *Step, e protocol.StreamRead) {
	at := c.names[endName{s.Host, s.Incarnation, e.Number}]
	rest, ok := bytes.CutPrefix(c.unread[at], e.Data)
	if !ok {
		c.fail("at %v host %v read %d bytes that were not the next ones written", s.Now, s.Host, len(e.Data))
	}
	c.unread[at] = rest
}

func (c *StreamOrder) end(s *Step, e protocol.StreamClosed) {
	name := endName{s.Host, s.Incarnation, e.Number}
	at, known := c.names[name]
	if n := len(c.unread[at]); known && n > 0 && e.Err == nil && !c.closed[at] {
		c.fail("at %v host %v was told of an orderly end with %d bytes still to come", s.Now, s.Host, n)
	}
	delete(c.unread, at)
	delete(c.names, name)
}

func (c *StreamOrder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("stream order: "+format, args...)
	}
}

// Finish implements Checker.
func (c *StreamOrder) Finish() error { return c.err }
