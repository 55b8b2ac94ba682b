package live

import (
	"net"
	"net/netip"
	"sync"
)

// memoryConn is a PacketConn in memory: what is put into inbound arrives, what is sent comes out of outbound.
type memoryConn struct {
	net.PacketConn // its other methods are not called
	address        netip.AddrPort
	inbound        chan memoryPacket
	outbound       chan memoryPacket
	joined         bool // outbound is the inbound of another, which wants to know the sender
	close          sync.Once
	closed         chan struct{}
}

type memoryPacket struct {
	bytes []byte
	other netip.AddrPort // sender or receiver
}

func newMemoryConn(address string) *memoryConn {
	return &memoryConn{
		address: netip.MustParseAddrPort(address), inbound: make(chan memoryPacket, 64), outbound: make(chan memoryPacket, 64),
		closed: make(chan struct{}),
	}
}

// join makes two connections each other's network.
func join(a, b *memoryConn) {
	a.outbound, b.outbound, a.joined, b.joined = b.inbound, a.inbound, true, true
}

func (c *memoryConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-c.inbound:
		return copy(b, p.bytes), net.UDPAddrFromAddrPort(p.other), nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

func (c *memoryConn) WriteTo(b []byte, to net.Addr) (int, error) {
	p := memoryPacket{append([]byte(nil), b...), addrPort(to)}
	if c.joined {
		p.other = c.address
	}
	select {
	case c.outbound <- p:
		return len(b), nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *memoryConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.address) }

func (c *memoryConn) Close() error {
	c.close.Do(func() { close(c.closed) })
	return nil
}
