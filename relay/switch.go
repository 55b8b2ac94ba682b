package relay

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"spinglass/protocol"
)

// Errors of joining a switch.
var (
	ErrClients  = errors.New("relay: too many clients")
	ErrReplaced = errors.New("relay: the member has connected again")
)

// Switch is what a gateway has: its clients, each of whom has what it sends passed on to the others.
type Switch struct {
	// Self is the gateway.
	Self     protocol.NodeID
	Limits   *Limits
	Counters *Counters
	// Absent is told that a client sends to a member that is not there, as often as the limits allow.
	Absent func(member, sender protocol.NodeID)

	mutex   sync.RWMutex
	clients map[protocol.NodeID]*Conn
}

// Join makes a connection the one by which its peer is known. One that was there before ends.
func (s *Switch) Join(c *Conn) error {
	s.mutex.Lock()
	before := s.clients[c.Peer]
	if before == nil && len(s.clients) >= s.Limits.Clients {
		s.mutex.Unlock()
		s.Counters.ClientsRefused.Add(1)
		return ErrClients
	}
	if s.clients == nil {
		s.clients = map[protocol.NodeID]*Conn{}
	}
	s.clients[c.Peer] = c
	s.Counters.Clients.Store(int64(len(s.clients)))
	s.mutex.Unlock()
	if before != nil {
		s.Counters.ClientsReplaced.Add(1)
		before.end(ErrReplaced)
		s.tellAbsent(c.Peer)
	}
	return nil
}

// Leave ends Join. The other clients are told, so that they look for another way and end their streams.
func (s *Switch) Leave(c *Conn) {
	s.mutex.Lock()
	left := s.clients[c.Peer] == c
	if left {
		delete(s.clients, c.Peer)
		s.Counters.Clients.Store(int64(len(s.clients)))
	}
	s.mutex.Unlock()
	if left {
		s.tellAbsent(c.Peer)
	}
}

// tellAbsent tells all but a member itself that its connection has ended.
func (s *Switch) tellAbsent(member protocol.NodeID) {
	for _, c := range s.Clients() {
		if c.Peer != member {
			c.Send(&Frame{Kind: KindAbsent, Peer: member})
		}
	}
}

// Full reports whether a member that is no client yet would be refused.
func (s *Switch) Full(member protocol.NodeID) bool {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	return len(s.clients) >= s.Limits.Clients && s.clients[member] == nil
}

// Client returns the connection of a member, nil when there is none.
func (s *Switch) Client(member protocol.NodeID) *Conn {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	return s.clients[member]
}

// Clients returns all connections.
func (s *Switch) Clients() (all []*Conn) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	for _, c := range s.clients {
		all = append(all, c)
	}
	return all
}

// Pass passes on what a client has sent, and returns true when it is for the gateway itself; the frame then names who sent it. It is called by the goroutine that reads.
func (s *Switch) Pass(from *Conn, f *Frame) (mine bool) {
	to := f.Peer
	f.Peer = from.Peer
	if to == 0 || to == s.Self {
		return true
	}
	if f.Kind == KindAbsent {
		return false // it is for gateways to say
	}
	if !s.admits(from, f) {
		s.refuse(from, to, f, ReasonBroken, &s.Counters.PassRate)
		return false
	}
	client := s.Client(to)
	switch {
	case client == nil:
		s.missing(from, to, f)
	case !client.Send(f):
		s.refuse(from, to, f, ReasonBroken, &s.Counters.PassQueueFull)
	default:
		s.Counters.PassedBytes.Add(uint64(f.Size()))
		if f.Kind == KindDatagrams {
			s.Counters.Passed.Add(uint64(f.Count()))
		}
	}
	return false
}

// admits reports whether a client may have a frame passed on now.
func (s *Switch) admits(from *Conn, f *Frame) bool {
	if f.Kind == KindDatagrams {
		return from.bytes.take(time.Now(), f.Size(), s.Limits.Rate, s.Limits.Burst)
	}
	return from.rest.take(time.Now(), f.Size(), s.Limits.StreamRate, s.Limits.StreamBurst)
}

// missing drops a frame for a member that is not there, and says so.
func (s *Switch) missing(from *Conn, to protocol.NodeID, f *Frame) {
	if from.told.take(time.Now(), 1, s.Limits.AbsentRate, s.Limits.AbsentBurst) {
		s.Absent(to, from.Peer)
		if f.Kind == KindDatagrams {
			from.Send(&Frame{Kind: KindAbsent, Peer: to})
		}
	}
	s.refuse(from, to, f, ReasonAbsent, &s.Counters.PassAbsent)
}

// refuse drops a frame. Datagrams are counted; a stream breaks.
func (s *Switch) refuse(from *Conn, to protocol.NodeID, f *Frame, reason Reason, datagrams *atomic.Uint64) {
	if f.Kind == KindDatagrams {
		datagrams.Add(uint64(f.Count()))
		return
	}
	if reason == ReasonBroken {
		s.Counters.StreamBroken.Add(1)
	}
	if f.Kind != KindClose {
		from.Send(&Frame{Kind: KindClose, Peer: to, Stream: f.Stream, Opener: !f.Opener, Reason: reason})
	}
}
