package live

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"spinglass/protocol"
)

// udpSocket is what a link needs of a UDP socket: a pairedSocket, or one of package net.
type udpSocket interface {
	socket
	syscall.Conn
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	WriteMsgUDPAddrPort(b, control []byte, to netip.AddrPort) (n, controlled int, err error)
}

// udpSocketOf returns conn if it is one, and nothing wrapped around one.
func udpSocketOf(conn socket) (udpSocket, bool) {
	switch conn := conn.(type) {
	case *pairedSocket:
		return conn, true
	case *net.UDPConn:
		return conn, true
	}
	return nil, false
}

// receivingOf returns the socket of package net that receives.
func receivingOf(udp udpSocket) *net.UDPConn {
	if pair, ok := udp.(*pairedSocket); ok {
		return pair.UDPConn
	}
	return udp.(*net.UDPConn)
}

// udpOptions is what this kernel can do for a UDP socket.
type udpOptions struct {
	gso, gro      bool
	receiver      *receiver
	outControl    []byte // of writes with segments: one UDP_SEGMENT message
	receiveBuffer int    // effective, bytes
	sendBuffer    int
}

// setBuffers asks for socket buffers of size bytes, beyond the system's limit where the process may.
func (o *udpOptions) setBuffers(udp udpSocket, size int) {
	withSocket(udp, func(fd int) {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size)
		}
		// The kernel reports twice the usable size.
		if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
			o.receiveBuffer = n / 2
		}
		// Without it the losses of the kernel stay unknown, which is no reason to fail.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	})
	withSender(udp, func(fd int) {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, size) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, size)
		}
		if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF); err == nil {
			o.sendBuffer = n / 2
		}
	})
	o.receiver = newReceiver(udp)
}

// enable turns segmentation and coalescing on where the kernel has them.
func (o *udpOptions) enable(udp udpSocket) {
	withSocket(udp, func(fd int) {
		o.gro = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil
		_, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
		o.gso = err == nil
	})
	o.outControl = make([]byte, unix.CmsgSpace(2))
	header := (*unix.Cmsghdr)(unsafe.Pointer(&o.outControl[0]))
	header.Level, header.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	header.SetLen(unix.CmsgLen(2))
}

// withSender calls f with the socket that sends.
func withSender(udp udpSocket, f func(fd int)) {
	if pair, ok := udp.(*pairedSocket); ok {
		pair.control(f)
		return
	}
	withSocket(udp, f)
}

func withSocket(udp syscall.Conn, f func(fd int)) {
	if raw, err := udp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}

func (l *udpLink) segments() bool { return l.gso }

func (l *udpLink) read(buffer []byte) (arrival, error) {
	if err := l.receiver.receive(buffer); err != nil {
		return arrival{}, err
	}
	a := arrival{size: l.receiver.size, from: l.receiver.sender()}
	for control := l.receiver.controlled(); len(control) >= unix.SizeofCmsghdr; {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		switch {
		case header.Level == unix.SOL_UDP && header.Type == unix.UDP_GRO && len(data) >= 4:
			a.segment = int(binary.NativeEndian.Uint32(data))
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			a.lost = uint64(binary.NativeEndian.Uint32(data))
		}
		control = rest
	}
	return a, nil
}

func (l *udpLink) write(b []byte, segment int, to netip.AddrPort) error {
	if segment == 0 || segment >= len(b) {
		_, err := l.conn.WriteToUDPAddrPort(b, to)
		return err
	}
	binary.NativeEndian.PutUint16(l.outControl[unix.CmsgLen(0):], uint16(segment))
	_, _, err := l.conn.WriteMsgUDPAddrPort(b, l.outControl, to)
	return err
}

// refusal tells what an error of a send with segments means for further ones.
func refusal(err error) (never, smaller bool) {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false, false
	}
	// EIO: the device cannot fill in checksums. EINVAL, EMSGSIZE: a segment does not fit the path.
	return errno == unix.EIO || errno == unix.EOPNOTSUPP, errno == unix.EINVAL || errno == unix.EMSGSIZE
}

// sendReason tells under which reason a failed send is counted.
func sendReason(err error) protocol.Reason {
	var errno syscall.Errno
	errors.As(err, &errno)
	switch errno {
	case unix.ENOBUFS, unix.EAGAIN, unix.ENOMEM:
		return ReasonSendBuffer
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENETDOWN, unix.ECONNREFUSED, unix.EADDRNOTAVAIL:
		return ReasonSendUnreachable
	case unix.EMSGSIZE:
		return ReasonSendOversize
	}
	return ReasonSendFailed
}
