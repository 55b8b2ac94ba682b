package spinglass

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"spinglass/astrolabe"
	"spinglass/live"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Clock tells a node the time and wakes it, and Timer is what it wakes it by; see package live.
type (
	Clock = live.Clock
	Timer = live.Timer
)

// ListenDefault is the address that a node listens on unless told otherwise.
const ListenDefault = ":7400"

// MulticastPortDefault is the UDP port on which members hear IP multicast unless told otherwise.
const MulticastPortDefault = live.MulticastPortDefault

// GatewaysMax bounds the gateways of a node with Outbound.
const GatewaysMax = live.GatewaysMax

// Bounds of Config.AutomaticLimit, and of Config.ZoneLimit.
const (
	AutomaticLimitDefault = astrolabe.AutomaticLimitDefault
	AutomaticLimitMin     = astrolabe.AutomaticLimitMin
	ZoneLimitMax          = membership.ZoneLimitMax
)

// Bounds of Config.RepairBuffer, in bytes.
const (
	RepairBufferDefault = 64 << 20
	RepairBufferMin     = 1 << 20
	RepairBufferMax     = 1 << 40
)

// Config says who a node is and how it meets others. Only Name is required.
type Config struct {
	// Name is the member's path, such as /eu/fra/web-1: its zone and its own name. It should be unique in the fleet. A member without a zone in its name, such as /web-1, is placed by the
	// system, see AutomaticLimit; names below /auto are reserved for that.
	Name string
	// Listen is the "host:port" of the UDP socket, and of the TCP listener on the same port, for handshakes of sealed links, bulk and enrolment; [ListenDefault] when empty. An empty
	// host means every interface, IPv4 and IPv6; port 0 any free port.
	Listen string
	// Advertise is the "host:port" under which others reach this node. When empty it is found from Listen, the route to the first join
	// address, or the machine's own addresses.
	Advertise string
	// Join lists "host:port" of members to meet the fleet by, as IP addresses or DNS names, at most [membership.SeedsMax]. The node tries them until one answers,
	// and is a member of nothing before that, unless First is set.
	Join []string
	// Outbound is for a node in a network that lets nothing out but TCP connections. It opens such connections to its join addresses, which have to be gateways, 1 to [GatewaysMax] of them and
	// better two than one, talks to all others through these, and is reached by them. It has no socket, so that Listen, Advertise and multicast do not matter. It needs an Identity.
	Outbound bool
	// Gateway makes the node a gateway for nodes with Outbound, and for those who talk to them. It passes on what is sealed for others. It needs an Identity.
	Gateway bool
	// First lets the node be a fleet of its own when no join address answers. A node without join addresses is always first.
	First bool
	// DataDir keeps the node's identity, its boot counter and the functions of its zones across restarts. It belongs to one process at a time. When empty, each start
	// makes a new member.
	DataDir string

	// Identity is who the node is in a fleet whose members prove themselves. A node without one takes others at their word, and they it: that is for tests, and for
	// networks that nobody else is on.
	Identity *Identity

	// Conn replaces the socket that Listen would open. Close closes it.
	Conn net.PacketConn
	// Clock replaces the real clock, for tests that move time by hand.
	Clock Clock
	// Logger gets warnings; nil discards.
	Logger *slog.Logger
	// Fault makes the node slow on purpose.
	Fault Fault
	// ZoneLimit bounds the members of the node's zone, 128 by default, at most [membership.ZoneLimitMax]. All members of a zone should agree on it.
	ZoneLimit int
	// AutomaticLimit is how many members without a zone in their names stand in one zone, [AutomaticLimitMin] to [ZoneLimitMax], [AutomaticLimitDefault] or what ZoneLimit allows when zero. In larger
	// fleets the system puts them into zones below /auto. All members of a fleet should agree on it.
	AutomaticLimit int
	// FailTimeout is T_fail: a member whose heartbeat stands still for so long is suspected, and down after twice that. By default it
	// follows from the size of the zone.
	FailTimeout time.Duration
	// PlainDatagrams turns off the segmentation of datagrams by the kernel (GSO, GRO), which is otherwise used where it works.
	PlainDatagrams bool
	// NoMulticast turns off IP multicast, which is otherwise used for what is published while it is seen to work: between members of a network
	// whose addresses are IPv4, on Linux.
	NoMulticast bool
	// MulticastPort is the UDP port of multicast, [MulticastPortDefault] when 0. All members of a fleet have the same.
	MulticastPort int
	// DatagramSize is the largest datagram of messages, in bytes of UDP payload: [wire.DatagramMin] to [wire.DatagramMax]. Zero chooses:
	// [wire.DatagramLoopback] for a node that listens on a loopback address, so that it talks within its host only, and else [wire.DatagramDefault],
	// which fits every Ethernet. Set it to 8900 where all paths carry jumbo frames. Members need not agree: each receives all sizes.
	DatagramSize int
	// RepairBuffer bounds the packets held for repairing others and for order, in bytes: [RepairBufferMin] to [RepairBufferMax],
	// [RepairBufferDefault] when zero. It should hold what a node receives in half a second, or those who lose packets get gaps. More of it
	// costs speed where several nodes share a processor's cache.
	RepairBuffer int
}

// Fault makes a node sleep: in each Slot its loop stands still with probability Sleep (0 to 1), as a process does that gets no processor. It is
// for tests of applications and for demonstrations.
type Fault struct {
	Sleep float64
	Slot  time.Duration // 100 ms when zero
}

func (f Fault) perturb() live.Perturb { return live.Perturb{Sleep: f.Sleep, Slot: f.Slot} }

// check reports what is wrong with a configuration.
func (c *Config) check() error {
	if err := cmp.Or(protocol.CheckName(c.Name), protocol.CheckReserved(c.Name)); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.AutomaticLimit != 0 && (c.AutomaticLimit < AutomaticLimitMin || c.AutomaticLimit > ZoneLimitMax) {
		return fmt.Errorf("%w: automatic limit %d is not in %d to %d", ErrConfig, c.AutomaticLimit, AutomaticLimitMin, ZoneLimitMax)
	}
	if c.ZoneLimit < 0 || c.ZoneLimit > membership.ZoneLimitMax {
		return fmt.Errorf("%w: zone limit %d is not in 1 to %d", ErrConfig, c.ZoneLimit, membership.ZoneLimitMax)
	}
	if c.MulticastPort < 0 || c.MulticastPort > 65535 {
		return fmt.Errorf("%w: multicast port %d is not in 1 to 65535", ErrConfig, c.MulticastPort)
	}
	if len(c.Join) > membership.SeedsMax {
		return fmt.Errorf("%w: %d join addresses exceed the limit of %d", ErrConfig, len(c.Join), membership.SeedsMax)
	}
	if err := c.checkGateways(); err != nil {
		return err
	}
	if c.RepairBuffer != 0 && (c.RepairBuffer < RepairBufferMin || c.RepairBuffer > RepairBufferMax) {
		return fmt.Errorf("%w: repair buffer of %d bytes is not in %d to %d", ErrConfig, c.RepairBuffer, RepairBufferMin, RepairBufferMax)
	}
	if c.DatagramSize != 0 && (c.DatagramSize < wire.DatagramMin || c.DatagramSize > wire.DatagramMax) {
		return fmt.Errorf("%w: datagram size %d is not in %d to %d", ErrConfig, c.DatagramSize, wire.DatagramMin, wire.DatagramMax)
	}
	if c.Identity != nil {
		if err := c.Identity.check(c.Name); err != nil {
			return err
		}
	}
	for _, address := range c.Join {
		if err := checkAddress(address); err != nil {
			return fmt.Errorf("%w: join address %q: %w", ErrConfig, address, err)
		}
	}
	return nil
}

// checkGateways reports what is wrong with how the node is to be reached, or to help others to be.
func (c *Config) checkGateways() error {
	switch {
	case (c.Outbound || c.Gateway) && c.Identity == nil:
		return fmt.Errorf("%w: gateways, and nodes that are reached through them, need an identity", ErrConfig)
	case c.Outbound && c.Gateway:
		return fmt.Errorf("%w: a node with outbound connections only cannot be a gateway", ErrConfig)
	case c.Outbound && c.Conn != nil:
		return fmt.Errorf("%w: a node with outbound connections only has no use for a socket", ErrConfig)
	case c.Outbound && (len(c.Join) < 1 || len(c.Join) > GatewaysMax):
		return fmt.Errorf("%w: a node with outbound connections only joins by 1 to %d gateways, and %d are given", ErrConfig, GatewaysMax, len(c.Join))
	}
	return nil
}

// automaticLimit returns how many members an automatic zone may have, 0 when a zone has room for so few that there are none.
func (c *Config) automaticLimit() int {
	limit := min(cmp.Or(c.AutomaticLimit, AutomaticLimitDefault), cmp.Or(c.ZoneLimit, table.RowsDefault))
	if limit < AutomaticLimitMin || wire.FormatLatest < wire.FormatAutomatic {
		return 0
	}
	return limit
}

// addresses returns what the node's row says of where it is reached.
func (c *Config) addresses(id protocol.NodeID, advertised protocol.Address) (addresses []protocol.Address) {
	if !c.Outbound {
		return []protocol.Address{advertised}
	}
	for _, gateway := range c.Join {
		addresses = append(addresses, live.RelayAddress(id, gateway))
	}
	return addresses
}

// datagramSize returns the largest datagram to send, as Config.DatagramSize has it.
func (c *Config) datagramSize() int {
	switch {
	case c.DatagramSize != 0:
		return c.DatagramSize
	case c.withinHost():
		return wire.DatagramLoopback
	}
	return wire.DatagramDefault
}

// withinHost reports whether the node talks to others on its host only, because it listens on a loopback address.
func (c *Config) withinHost() bool {
	return c.Conn == nil && !c.Outbound && isLoopback(c.Listen) && (c.Advertise == "" || isLoopback(c.Advertise))
}

// isLoopback reports whether the host of "host:port" is an address of the loopback interface.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// checkAddress reports why an address cannot be one to send to.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("not host:port, with an IPv6 address in brackets")
	case host == "":
		return fmt.Errorf("no host")
	case len(address) > protocol.AddressMax:
		return fmt.Errorf("longer than %d bytes", protocol.AddressMax)
	case strings.ContainsAny(host, " /"):
		return fmt.Errorf("not a host name")
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return fmt.Errorf("%q is not a port from 1 to 65535", port)
	}
	if ip, err := netip.ParseAddr(host); err == nil && (ip.IsUnspecified() || ip.IsMulticast()) {
		return fmt.Errorf("%s is not the address of a member", host)
	}
	return nil
}
