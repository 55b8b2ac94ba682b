package rawudp

import (
	"encoding/binary"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// GrowBuffers asks for larger socket buffers, as far as the kernel allows.
func GrowBuffers(conn *net.UDPConn, bytes int) {
	control(conn, func(descriptor int) error {
		if unix.SetsockoptInt(descriptor, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes) != nil {
			_ = unix.SetsockoptInt(descriptor, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
		}
		if unix.SetsockoptInt(descriptor, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, bytes) != nil {
			_ = unix.SetsockoptInt(descriptor, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
		}
		return nil
	})
}

// SupportsSegment reports whether the kernel cuts a buffer into datagrams.
func SupportsSegment(conn *net.UDPConn) bool {
	return control(conn, func(descriptor int) error {
		_, err := unix.GetsockoptInt(descriptor, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		return err
	})
}

// EnableCoalescing reports whether the kernel hands over several datagrams at once.
func EnableCoalescing(conn *net.UDPConn) bool {
	return control(conn, func(descriptor int) error {
		return unix.SetsockoptInt(descriptor, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	})
}

func control(conn *net.UDPConn, f func(descriptor int) error) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var failed error
	err = raw.Control(func(descriptor uintptr) { failed = f(int(descriptor)) })
	return err == nil && failed == nil
}

// SegmentControl returns the ancillary data that asks for segments of size bytes.
func SegmentControl(size int) []byte {
	const length = 2 // of a 16-bit size
	b := make([]byte, unix.CmsgSpace(length))
	header := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	header.Level = unix.IPPROTO_UDP
	header.Type = unix.UDP_SEGMENT
	header.SetLen(unix.CmsgLen(length))
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(size))
	return b
}
