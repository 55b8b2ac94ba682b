package adhoc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// PortDefault is the UDP port that all nodes of a network use.
const PortDefault = 7475

// Limits and constants.
const (
	AckTimeout    = 20 * time.Millisecond // until a unicast is sent again
	Retries       = 5                     // times that it is
	InboxMax      = 1024                  // datagrams that wait for the loop
	UnderwayMax   = 256                   // unicasts that are not acknowledged yet
	NeighboursMax = 1024                  // addresses that are remembered
	DatagramMax   = wire.DatagramDefault
	wallInterval  = 30 * time.Second // between two times that the machine is told what the wall clock says
)

// Config is what a node is made of.
type Config struct {
	Self      protocol.NodeID
	Interface string // name of a network interface with an IPv4 address
	Port      int    // PortDefault if 0
	Machine   protocol.Machine
	Decoder   protocol.Decoder
	// Event is called for each event of the machine.
	Event func(e protocol.Event)

	air air // for tests, in place of a socket
}

// air is the socket of a node.
type air interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (n int, err error)
	Close() error
}

// Errors of Start.
var (
	ErrInterface = errors.New("adhoc: the interface cannot be used")
	ErrConfig    = errors.New("adhoc: configuration")
)

func (c *Config) check() error {
	switch {
	case c.Self == 0 || c.Machine == nil || c.Decoder == nil || c.Event == nil:
		return fmt.Errorf("%w: Self, Machine, Decoder or Event is missing", ErrConfig)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("%w: port %d is not in 1 to 65535", ErrConfig, c.Port)
	}
	return nil
}

// network is where a node is.
type network struct {
	own       netip.Addr
	broadcast netip.AddrPort
}

// networkOf returns the first IPv4 network of an interface.
func networkOf(name string, port int) (network, error) {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return network{}, fmt.Errorf("%w: %s: %w", ErrInterface, name, err)
	}
	if device.Flags&net.FlagUp == 0 {
		return network{}, fmt.Errorf("%w: %s is down", ErrInterface, name)
	}
	addresses, err := device.Addrs()
	if err != nil {
		return network{}, fmt.Errorf("%w: %s: %w", ErrInterface, name, err)
	}
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.To4() != nil {
			return newNetwork(ip, port), nil
		}
	}
	return network{}, fmt.Errorf("%w: %s has no IPv4 address; give it one, such as ip addr add 10.0.0.1/24 dev %s", ErrInterface, name, name)
}

func newNetwork(ip *net.IPNet, port int) network {
	own, mask := ip.IP.To4(), ip.Mask
	if len(mask) == net.IPv6len {
		mask = mask[12:]
	}
	last := make([]byte, 4)
	for i := range last {
		last[i] = own[i] | ^mask[i]
	}
	return network{netip.AddrFrom4([4]byte(own)), netip.AddrPortFrom(netip.AddrFrom4([4]byte(last)), uint16(port))}
}
