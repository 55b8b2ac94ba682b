//go:build !linux

package rawudp

import "net"

// GrowBuffers asks for larger socket buffers, as far as the system allows.
func GrowBuffers(conn *net.UDPConn, bytes int) {
	_ = conn.SetReadBuffer(bytes)
	_ = conn.SetWriteBuffer(bytes)
}

// SupportsSegment reports whether the system cuts a buffer into datagrams: no.
func SupportsSegment(*net.UDPConn) bool { return false }

// EnableCoalescing reports whether the system hands over several datagrams at once: no.
func EnableCoalescing(*net.UDPConn) bool { return false }

// SegmentControl returns nothing: the system does not cut buffers.
func SegmentControl(int) []byte { return nil }
