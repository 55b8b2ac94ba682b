//go:build !linux

package rawudp

import "net"

// growBuffers asks for larger socket buffers, as far as the system allows.
func growBuffers(conn *net.UDPConn, bytes int) {
	_ = conn.SetReadBuffer(bytes)
	_ = conn.SetWriteBuffer(bytes)
}

func supportsSegment(*net.UDPConn) bool { return false }

func enableCoalescing(*net.UDPConn) bool { return false }

func segmentControl(int) []byte { return nil }
