package adhoc

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// open opens a socket on an interface that may broadcast.
func open(device string, port int) (air, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			if failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1); failed != nil {
				return
			}
			failed = unix.BindToDevice(int(fd), device)
		})
		if err != nil {
			return err
		}
		return failed
	}}
	conn, err := config.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInterface, device, err)
	}
	return conn.(*net.UDPConn), nil
}
