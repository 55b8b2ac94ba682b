//go:build !linux

package live

import (
	"errors"
	"net"
	"net/netip"

	"spinglass/protocol"
)

func sendToGroups(*net.UDPConn, int) error { return errors.ErrUnsupported }

func hearGroups(uint16, protocol.NodeID, uint32) (*net.UDPConn, error) {
	return nil, errors.ErrUnsupported
}

func joinGroup(*net.UDPConn, netip.Addr, int) error { return errors.ErrUnsupported }

func leaveGroup(*net.UDPConn, netip.Addr, int) {}
