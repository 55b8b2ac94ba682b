package live

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"spinglass/protocol"
)

// routeTimeout bounds how long Start looks for the route to the join addresses.
const routeTimeout = 2 * time.Second

// advertised returns the address under which others reach a socket bound to local.
func advertised(c *Config, local netip.AddrPort) (protocol.Address, error) {
	if c.Outbound {
		return RelayAddress(c.ID, c.Join[0]), nil
	}
	if c.Advertise != "" {
		host, port, err := splitAddress(c.Advertise)
		if err != nil || host == "" {
			return "", fmt.Errorf("advertise %s: not an address of the form host:port", c.Advertise)
		}
		if port == 0 {
			port = local.Port()
		}
		return protocol.Address(net.JoinHostPort(host, strconv.Itoa(int(port)))), nil
	}
	ip := local.Addr()
	if !ip.IsValid() || ip.IsUnspecified() {
		ip = ownAddress(c.Join, local.Addr())
	}
	return protocol.Address(netip.AddrPortFrom(ip, local.Port()).String()), nil
}

// ownAddress returns the address that the route to one of the join addresses leaves from, or else one of an interface.
func ownAddress(join []string, local netip.Addr) netip.Addr {
	ctx, cancel := context.WithTimeout(context.Background(), routeTimeout)
	defer cancel()
	for _, to := range join {
		// Connecting a UDP socket chooses a route and sends nothing.
		conn, err := new(net.Dialer).DialContext(ctx, "udp", to)
		if err != nil {
			continue
		}
		from := addrPort(conn.LocalAddr()).Addr()
		_ = conn.Close()
		if from.IsValid() && !from.IsUnspecified() {
			return from
		}
	}
	return interfaceAddress(local.Is4())
}

// interfaceAddress returns the first address of the machine that others may reach, IPv4 before IPv6; a loopback address when it has
// none.
func interfaceAddress(only4 bool) netip.Addr {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return loopback
	}
	var six netip.Addr
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		switch ip := prefix.Addr().Unmap(); {
		case !ip.IsGlobalUnicast():
		case ip.Is4():
			return ip
		case !six.IsValid() && !only4:
			six = ip
		}
	}
	if six.IsValid() {
		return six
	}
	return loopback
}
