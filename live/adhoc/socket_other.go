//go:build !linux

package adhoc

import (
	"fmt"
	"net"
)

// open opens a socket that may broadcast, which package net allows to all.
func open(device string, port int) (air, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInterface, device, err)
	}
	return conn, nil
}
