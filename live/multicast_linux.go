package live

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"spinglass/protocol"
)

// groupHops is how many networks a datagram to a group may pass: the sender's own only.
const groupHops = 1

// sendToGroups makes a socket send to groups on one interface. Other nodes on the same machine hear it too.
func sendToGroups(udp udpSocket, device int) error {
	err := net.ErrClosed
	withSender(udp, func(fd int) {
		if err = unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(device)}); err != nil {
			return
		}
		if err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, groupHops); err != nil {
			return
		}
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 1)
	})
	return err
}

// hearGroups opens a socket for what comes to groups that it has joined itself, on a port that other nodes of the machine may use as well.
func hearGroups(port uint16, self protocol.NodeID, sender uint32) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			if failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); failed != nil {
				return
			}
			// Without it the socket would also get what others on the machine have joined.
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
		})
		if err != nil {
			return err
		}
		return failed
	}}
	conn, err := config.ListenPacket(context.Background(), "udp4", net.JoinHostPort("0.0.0.0", strconv.Itoa(int(port))))
	if err != nil {
		return nil, err
	}
	udp := conn.(*net.UDPConn)
	withSocket(udp, func(fd int) { muteSelf(fd, self, sender) })
	return udp, nil
}

// muteSelf has the kernel drop what the node itself has sent. Should it not, the loop does, at the cost of reading it.
func muteSelf(fd int, self protocol.NodeID, sender uint32) {
	sender += 8 // The filter sees the UDP header, and behind it the datagram.
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: sender},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(self >> 32), Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: sender + 4},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(self), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

func joinGroup(udp *net.UDPConn, address netip.Addr, device int) error {
	return membershipOf(udp, unix.IP_ADD_MEMBERSHIP, address, device)
}

// leaveGroup cannot fail in a way that matters: a group that is heard on is dropped by the machine.
func leaveGroup(udp *net.UDPConn, address netip.Addr, device int) {
	_ = membershipOf(udp, unix.IP_DROP_MEMBERSHIP, address, device)
}

func membershipOf(udp syscall.Conn, option int, address netip.Addr, device int) error {
	var err error
	withSocket(udp, func(fd int) {
		err = unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, option, &unix.IPMreqn{Multiaddr: address.As4(), Ifindex: int32(device)})
	})
	return err
}
