package live

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendPatience is how long a send waits for room in the socket's buffer, in seconds, before it fails.
const sendPatience = 1

// pairedSocket receives by a socket of package net and sends by another one with the same address. The runtime waits for every socket of package net to become
// readable and writable at once, and each send makes a socket writable, so that sending by it wakes a thread for each parcel, which finds nothing to do. The
// other one is unknown to the runtime. One goroutine sends by it; any may send by UDPConn, if it is little.
type pairedSocket struct {
	*net.UDPConn // receives

	ip4 bool // the family

	mutex  sync.RWMutex // held for reading while the descriptor is used
	fd     int          // sends
	closed bool

	// of the writer
	message unix.Msghdr
	part    unix.Iovec
	to4     unix.RawSockaddrInet4
	to6     unix.RawSockaddrInet6
	zone    string // of the latest link-local receiver
	scope   uint32
}

// paired returns a socket with one for sending, or alone where the kernel does not give it one.
func paired(udp *net.UDPConn) socket {
	s := &pairedSocket{UDPConn: udp, ip4: rawAddr(udp).Is4(), fd: -1}
	err := net.ErrClosed
	withSocket(udp, func(fd int) {
		if err = s.pair(fd); err != nil { // nobody else is to share the address
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 0)
		}
	})
	if err != nil {
		if s.fd >= 0 {
			_ = unix.Close(s.fd)
		}
		return udp
	}
	return s
}

// pair opens the second socket and gives it the address of the first, which is bound alone before: so the kernel does not choose a port for it that others share.
// What comes in the moment until the first gets everything may be lost, as what comes before is.
func (s *pairedSocket) pair(receiving int) (err error) {
	bound, err := unix.Getsockname(receiving)
	if err != nil {
		return err
	}
	if s.fd, err = unix.Socket(s.family(), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if !s.ip4 {
		only, err := unix.GetsockoptInt(receiving, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err != nil {
			return err
		}
		if err = unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return err
		}
	}
	if err = unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: sendPatience}); err != nil {
		return err
	}
	for _, fd := range []int{receiving, s.fd} {
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
	}
	if err = unix.Bind(s.fd, bound); err != nil {
		return err
	}
	return receiveByFirst(receiving)
}

// receiveByFirst lets the first of all sockets with an address get everything that comes to it, whoever has the others.
func receiveByFirst(fd int) error {
	first := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &unix.SockFprog{Len: uint16(len(first)), Filter: &first[0]})
}

func (s *pairedSocket) family() int {
	if s.ip4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// Close closes both sockets. It waits for a send.
func (s *pairedSocket) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	return errors.Join(unix.Close(s.fd), s.UDPConn.Close())
}

// control calls f with the descriptor of the sending socket.
func (s *pairedSocket) control(f func(fd int)) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if !s.closed {
		f(s.fd)
	}
}

// WriteToUDPAddrPort sends one datagram. One goroutine writes.
func (s *pairedSocket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	n, _, err := s.WriteMsgUDPAddrPort(b, nil, to)
	return n, err
}

// WriteMsgUDPAddrPort sends what b holds, with control messages. One goroutine writes.
func (s *pairedSocket) WriteMsgUDPAddrPort(b, control []byte, to netip.AddrPort) (n, controlled int, err error) {
	if err := s.address(to); err != nil {
		return 0, 0, err
	}
	s.part.Base = unsafe.SliceData(b)
	s.part.SetLen(len(b))
	s.message.Iov = &s.part
	s.message.SetIovlen(1)
	s.message.Control = unsafe.SliceData(control)
	s.message.SetControllen(len(control))
	n, err = s.send()
	s.part.Base, s.message.Control = nil, nil
	return n, len(control), err
}

func (s *pairedSocket) send() (int, error) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	for {
		n, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.message)), 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, os.NewSyscallError("sendmsg", errno)
	}
}

// address fills in the receiver, in the form that the socket's family takes.
func (s *pairedSocket) address(to netip.AddrPort) error {
	if s.ip4 {
		s.to4.Family, s.to4.Addr = unix.AF_INET, to.Addr().As4()
		setPort(&s.to4.Port, to.Port())
		s.message.Name, s.message.Namelen = (*byte)(unsafe.Pointer(&s.to4)), unix.SizeofSockaddrInet4
		return nil
	}
	scope, err := s.scopeOf(to.Addr().Zone())
	if err != nil {
		return err
	}
	s.to6.Family, s.to6.Addr, s.to6.Scope_id = unix.AF_INET6, to.Addr().As16(), scope
	setPort(&s.to6.Port, to.Port())
	s.message.Name, s.message.Namelen = (*byte)(unsafe.Pointer(&s.to6)), unix.SizeofSockaddrInet6
	return nil
}

// setPort writes a port, whose most significant byte comes first.
func setPort(field *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(field))[:], port)
}

// scopeOf returns the number of the interface that the zone of an IPv6 address names. As a rule all go by one.
func (s *pairedSocket) scopeOf(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if zone != s.zone {
		scope, err := indexOf(zone)
		if err != nil {
			return 0, err
		}
		s.zone, s.scope = zone, scope
	}
	return s.scope, nil
}

// indexOf returns the number of an interface that is named, or numbered.
func indexOf(zone string) (uint32, error) {
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index), nil
	}
	number, err := strconv.ParseUint(zone, 10, 32)
	return uint32(number), err
}
