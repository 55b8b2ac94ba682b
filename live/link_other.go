//go:build !linux

package live

import (
	"net"
	"net/netip"

	"spinglass/protocol"
)

type udpSocket = *net.UDPConn

// udpSocketOf returns conn if it is a UDP socket.
func udpSocketOf(conn socket) (udpSocket, bool) {
	udp, ok := conn.(*net.UDPConn)
	return udp, ok
}

func receivingOf(udp *net.UDPConn) *net.UDPConn { return udp }

func paired(udp *net.UDPConn) socket { return udp }

// udpOptions is what the system can do for a UDP socket: here, no more than package net offers everywhere.
type udpOptions struct {
	gso, gro      bool
	receiveBuffer int // as wished; whether the system gave it is unknown
	sendBuffer    int
}

func (o *udpOptions) setBuffers(udp *net.UDPConn, size int) {
	if udp.SetReadBuffer(size) == nil {
		o.receiveBuffer = size
	}
	if udp.SetWriteBuffer(size) == nil {
		o.sendBuffer = size
	}
}

func (o *udpOptions) enable(*net.UDPConn) {}

func (l *udpLink) segments() bool { return false }

func (l *udpLink) read(buffer []byte) (arrival, error) {
	n, from, err := l.conn.ReadFromUDPAddrPort(buffer)
	if err != nil {
		return arrival{}, err
	}
	return arrival{size: n, from: unmap(from)}, nil
}

func (l *udpLink) write(b []byte, _ int, to netip.AddrPort) error {
	_, err := l.conn.WriteToUDPAddrPort(b, to)
	return err
}

func refusal(error) (never, smaller bool) { return false, false }

func sendReason(error) protocol.Reason { return ReasonSendFailed }
