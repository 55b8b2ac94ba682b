package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
)

// portTries bounds how often a free UDP port is tried that turns out to be taken for TCP.
const portTries = 16

// listen opens the UDP socket and, on the same port, the TCP listener.
func listen(address string) (socket, net.Listener, error) {
	udp, tcp, err := listenFree(address)
	if err != nil {
		return nil, nil, err
	}
	return paired(udp), tcp, nil
}

// listenFree is listen without a second socket for sending.
func listenFree(address string) (*net.UDPConn, net.Listener, error) {
	_, port, err := splitAddress(address)
	if err != nil {
		return nil, nil, fmt.Errorf("listen %s: not an address of the form host:port", address)
	}
	for try := 1; ; try++ {
		udp, tcp, err := listenBoth(address)
		if err == nil {
			return udp, tcp, nil
		}
		if port != 0 || try == portTries {
			return nil, nil, fmt.Errorf("listen %s: %w", address, cause(err))
		}
	}
}

func listenBoth(address string) (*net.UDPConn, net.Listener, error) {
	var config net.ListenConfig
	conn, err := config.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return nil, nil, err
	}
	udp := conn.(*net.UDPConn)
	host, _, _ := net.SplitHostPort(address)
	bound := net.JoinHostPort(host, strconv.Itoa(udp.LocalAddr().(*net.UDPAddr).Port))
	tcp, err := config.Listen(context.Background(), "tcp", bound)
	if err != nil {
		_ = udp.Close()
		return nil, nil, err
	}
	return udp, tcp, nil
}

// cause takes the layers off an error of package net that would repeat the address and name system calls.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}
