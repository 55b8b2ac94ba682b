package live

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"

	"spinglass/protocol"
)

// relayScheme begins the address of a member that is reached through a gateway: relay:NODEID@HOST:PORT, its own NodeID and where the gateway is.
const relayScheme = "relay:"

// RelayAddress returns the address of a member that is reached through the gateway at host:port.
func RelayAddress(member protocol.NodeID, gateway string) protocol.Address {
	return protocol.Address(relayScheme + member.String() + "@" + gateway)
}

// parseRelayAddress takes such an address apart, and reports whether it is one.
func parseRelayAddress(a protocol.Address) (member protocol.NodeID, gateway protocol.Address, ok bool) {
	text, ok := strings.CutPrefix(string(a), relayScheme)
	if !ok {
		return 0, "", false
	}
	number, at, ok := strings.Cut(text, "@")
	member, err := protocol.ParseNodeID(number)
	if !ok || err != nil || member == 0 || checkGateway(at) != nil {
		return 0, "", false
	}
	return member, protocol.Address(at), true
}

// checkGateway reports why a text cannot be where a gateway is.
func checkGateway(text string) error {
	host, port, err := splitAddress(text)
	if err == nil && (host == "" || port == 0) {
		err = &net.AddrError{Err: "no host or port", Addr: text}
	}
	return err
}

// A relayed destination has the form of other routes, so that all that keeps routes keeps it as well: an IPv6 address of a range that nobody has (RFC 6666, to be discarded), of which the low half is the
// member's NodeID, and as its port the number of the gateway.
const relayRange = 0x0100_0000_0000_0000

// ownSlot is the number that stands for the node itself as a gateway.
const ownSlot = 1

func relayRoute(member protocol.NodeID, slot uint16) netip.AddrPort {
	var ip [16]byte
	binary.BigEndian.PutUint64(ip[:8], relayRange)
	binary.BigEndian.PutUint64(ip[8:], uint64(member))
	return netip.AddrPortFrom(netip.AddrFrom16(ip), slot)
}

// relayedIP reports whether an IP address is of that range.
func relayedIP(a netip.Addr) bool {
	if !a.Is6() {
		return false
	}
	ip := a.As16()
	return binary.BigEndian.Uint64(ip[:8]) == relayRange
}

// isRelayed reports whether a route is a relayed destination.
func isRelayed(to netip.AddrPort) bool { return relayedIP(to.Addr()) }

// relayedTo returns the member and the number of the gateway of a relayed destination. Member 0 is the gateway, whoever that is.
func relayedTo(to netip.AddrPort) (member protocol.NodeID, slot uint16) {
	ip := to.Addr().As16()
	return protocol.NodeID(binary.BigEndian.Uint64(ip[8:])), to.Port()
}
