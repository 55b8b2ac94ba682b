package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"spinglass/internal/measure"
	"spinglass/internal/rawudp"
)

// multicastSystem is IP multicast on the loopback interface in segments, one message a datagram: one call for all receivers.
func multicastSystem() measure.System {
	return measure.System{Name: "multicast-gso", Ordered: true, Patience: rawPatience, Start: startMulticast}
}

// multicastMember is a socket of the group. The publisher's address is the group.
type multicastMember struct {
	*datagrams
	group netip.AddrPort
}

func startMulticast(ctx context.Context, spec measure.Spec, r *measure.Recorder) (measure.Member, error) {
	if spec.Role == measure.RolePublisher {
		d, err := startDatagrams(spec, &segments{size: spec.Size}, nil)
		if err != nil {
			return nil, err
		}
		own := d.conn.LocalAddr().(*net.UDPAddr).AddrPort()
		process := os.Getpid()
		group := netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, byte(process >> 8), byte(process)}), own.Port()^1)
		return &multicastMember{d, group}, control(d.conn, func(fd int) error {
			return unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, [4]byte{127, 0, 0, 1})
		})
	}
	group, err := netip.ParseAddrPort(spec.Addresses[0])
	if err != nil {
		return nil, err
	}
	reuse := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		if failed != nil {
			return failed
		}
		return err
	}}
	conn, err := reuse.ListenPacket(ctx, "udp4", group.String())
	if err != nil {
		return nil, fmt.Errorf("joining %s: %w", group, err)
	}
	udp := conn.(*net.UDPConn)
	rawudp.EnableCoalescing(udp)
	d := runDatagrams(udp, spec, &segments{size: spec.Size}, split(spec.Size, r.Message))
	return &multicastMember{d, group}, control(udp, func(fd int) error {
		request := unix.IPMreq{Multiaddr: group.Addr().As4(), Interface: [4]byte{127, 0, 0, 1}}
		return unix.SetsockoptIPMreq(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &request)
	})
}

func (m *multicastMember) Address() string { return m.group.String() }

func (m *multicastMember) Meet(context.Context, []string) error {
	m.sender.meet(m.conn, []netip.AddrPort{m.group})
	return nil
}

func control(conn *net.UDPConn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) { err = f(int(fd)) })
	if failed != nil {
		return failed
	}
	return err
}
