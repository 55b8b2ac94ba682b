package live

import (
	"net"
	"net/netip"

	"spinglass/protocol"
)

// incoming is where datagrams come from, as a reader sees it. One goroutine uses it, while another may write.
type incoming interface {
	// read waits for an arrival. A segment above zero says that the kernel coalesced datagrams of that size.
	read(buffer []byte) (arrival, error)
	// answer sends b, one datagram, to where something has come from.
	answer(b []byte, to netip.AddrPort) error
	// reaches reports whether an answer, or what is written, can go to the family of the address.
	reaches(to netip.AddrPort) bool
}

// link is the socket: what comes in, for its reader, and what another goroutine, the writer, writes to.
type link interface {
	incoming
	// write sends b to one address; with a segment above zero as datagrams of that size, the last may be shorter.
	write(b []byte, segment int, to netip.AddrPort) error
	// segments reports whether write takes segments.
	segments() bool
}

// arrival is what one read brought.
type arrival struct {
	size    int // bytes
	segment int // bytes of each datagram but the last, 0 when there is one datagram
	from    netip.AddrPort
	group   bool            // it came to a group
	sender  protocol.NodeID // of what was not refused, of which the reader makes sure
	lost    uint64          // datagrams that the kernel dropped so far because its buffer was full, 0 when unknown
}

// packetLink is a link over any net.PacketConn, one datagram a call.
type packetLink struct{ conn net.PacketConn }

func (l packetLink) read(buffer []byte) (arrival, error) {
	n, from, err := l.conn.ReadFrom(buffer)
	if err != nil {
		return arrival{}, err
	}
	return arrival{size: n, from: addrPort(from)}, nil
}

func (l packetLink) write(b []byte, _ int, to netip.AddrPort) error {
	_, err := l.conn.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}

func (l packetLink) answer(b []byte, to netip.AddrPort) error { return l.write(b, 0, to) }

func (l packetLink) reaches(netip.AddrPort) bool { return true }

func (l packetLink) segments() bool { return false }

// addrPort returns the IP address and port of a; the zero value when it has none.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case nil:
		return netip.AddrPort{}
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	}
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return unmap(p)
}

// unmap turns an IPv4 address in IPv6 form into an IPv4 address, so that one address has one form.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// familyOf tells which addresses a socket bound to local reaches: one bound to an IPv4 address only IPv4, one bound to an IPv6
// address only IPv6, one bound to no address both.
func familyOf(local netip.Addr) (ip4, ip6 bool) {
	if local.Is4() {
		return true, false
	}
	return local.IsUnspecified(), true
}

// socket is what a node closes when it ends: a net.PacketConn, or what this package makes of one.
type socket interface {
	LocalAddr() net.Addr
	Close() error
}

// udpLink is a link over a UDP socket of the kernel.
type udpLink struct {
	conn     udpSocket
	ip4, ip6 bool
	answers  *net.UDPConn // where conn may be written to by one goroutine only, the part of it that any may use
	udpOptions
}

// newLink returns the best link over conn.
func newLink(conn socket, plain bool, socketBuffer int) link {
	if none, ok := conn.(*noSocket); ok {
		return none
	}
	udp, ok := udpSocketOf(conn)
	if !ok {
		return packetLink{conn.(net.PacketConn)}
	}
	l := &udpLink{conn: udp, answers: receivingOf(udp)}
	l.ip4, l.ip6 = familyOf(rawAddr(udp))
	l.setBuffers(udp, socketBuffer)
	if !plain {
		l.enable(udp)
	}
	return l
}

// rawAddr returns the local address without unmapping, which would make a dual-stack socket look like an IPv4 one.
func rawAddr(udp socket) netip.Addr { return udp.LocalAddr().(*net.UDPAddr).AddrPort().Addr() }

func (l *udpLink) answer(b []byte, to netip.AddrPort) error {
	_, err := l.answers.WriteToUDPAddrPort(b, to)
	return err
}

func (l *udpLink) reaches(to netip.AddrPort) bool {
	if to.Addr().Is4() {
		return l.ip4
	}
	return l.ip6
}
