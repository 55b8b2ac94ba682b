package live

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// noSocket takes the place of the socket of a node that has none.
type noSocket struct {
	closing sync.Once
	closed  chan struct{}
}

func newNoSocket() *noSocket { return &noSocket{closed: make(chan struct{})} }

// ReadFrom implements net.PacketConn: nothing ever arrives.
func (s *noSocket) ReadFrom([]byte) (int, net.Addr, error) {
	<-s.closed
	return 0, nil, net.ErrClosed
}

// WriteTo implements net.PacketConn: nothing ever leaves.
func (s *noSocket) WriteTo([]byte, net.Addr) (int, error) { return 0, errFamily }

// Close implements net.PacketConn.
func (s *noSocket) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (s *noSocket) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline implements net.PacketConn.
func (s *noSocket) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (s *noSocket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (s *noSocket) SetWriteDeadline(time.Time) error { return nil }

func (s *noSocket) read([]byte) (arrival, error) {
	<-s.closed
	return arrival{}, net.ErrClosed
}

func (s *noSocket) answer([]byte, netip.AddrPort) error     { return errFamily }
func (s *noSocket) write([]byte, int, netip.AddrPort) error { return errFamily }
func (s *noSocket) reaches(netip.AddrPort) bool             { return false }
func (s *noSocket) segments() bool                          { return true }
