package live

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"spinglass/protocol"
)

// Defaults and limits of IP multicast.
const (
	MulticastPortDefault = 7399
	GroupsMax            = 20   // joined by a node: what Linux lets one socket join (igmp_max_memberships) unless told otherwise
	groupAddressesMax    = 4096 // groups whose address is remembered
)

// errMulticast says why there is no multicast, where the system gives no error of its own.
var errMulticast = errors.New("the advertised address is not an IPv4 address of one of the machine's interfaces, or the socket does not reach IPv4")

// multicast is how a node sends to groups and hears them. Groups are IPv4 addresses on one port: a receiving socket of its own, on a port that
// all nodes of a machine share, serves all groups. What is sent leaves the node's main socket, on the interface of the advertised address. But for
// conn and link, it belongs to the loop.
type multicast struct {
	port      uint16
	device    int // index of the interface
	conn      *net.UDPConn
	link      link
	addresses map[protocol.Group]groupAddress
	joined    map[netip.Addr]int // groups joined by address, because two may share one
	groups    map[protocol.Group]bool
	count     *counters
}

// groupAddress is the address of a group, as text and as what the socket takes.
type groupAddress struct {
	text  protocol.Address
	route netip.AddrPort
}

// openMulticast prepares the node's socket for sending to groups and opens one for hearing them. Where that cannot be, there is no multicast,
// and the node does without.
func (n *Node) openMulticast() *multicast {
	c := &n.config
	main, ok := udpSocketOf(n.conn)
	if !ok || c.Conn != nil || c.NoMulticast {
		return nil
	}
	g := &multicast{
		port: uint16(c.MulticastPort), addresses: map[protocol.Group]groupAddress{}, joined: map[netip.Addr]int{}, groups: map[protocol.Group]bool{},
		count: &n.count,
	}
	err := errMulticast
	if advertised, bad := netip.ParseAddrPort(string(n.advertised)); bad == nil && n.link.reaches(unmap(advertised)) {
		g.device = deviceOf(unmap(advertised).Addr())
	}
	if g.device > 0 {
		err = sendToGroups(main, g.device)
	}
	if err == nil {
		g.conn, err = hearGroups(g.port, c.ID, senderOffset(c))
	}
	if err != nil {
		c.Logger.Info("no IP multicast; packets go to each receiver", "error", cause(err))
		return nil
	}
	g.link = newLink(g.conn, c.PlainDatagrams, c.SocketBuffer)
	return g
}

// senderOffset tells where in a datagram to a group its sender is.
func senderOffset(c *Config) uint32 {
	if c.Security != nil {
		return 1
	}
	return 5
}

// deviceOf returns the index of the interface that has an IPv4 address, 0 when there is none.
func deviceOf(ip netip.Addr) int {
	devices, err := net.Interfaces()
	if err != nil || !ip.Is4() {
		return 0
	}
	for _, device := range devices {
		addresses, err := device.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addresses {
			prefix, err := netip.ParsePrefix(a.String())
			// Any address of the loopback network is one of its interface.
			if err == nil && (prefix.Addr().Unmap() == ip || ip.IsLoopback() && prefix.Contains(ip)) {
				return device.Index
			}
		}
	}
	return 0
}

// addressOf returns the address of a group, in 239.192.0.0/14, which RFC 2365 leaves to organizations. Its 18 bits are few enough for groups
// to share an address, which costs their members only what they drop.
func (g *multicast) addressOf(group protocol.Group) groupAddress {
	a, ok := g.addresses[group]
	if !ok {
		var ip [4]byte
		const golden = 0x9e3779b97f4a7c15
		binary.BigEndian.PutUint32(ip[:], 239<<24|192<<16|uint32(uint64(group)*golden>>(64-18)))
		a.route = netip.AddrPortFrom(netip.AddrFrom4(ip), g.port)
		a.text = protocol.Address(a.route.String())
		if len(g.addresses) >= groupAddressesMax {
			clear(g.addresses)
		}
		g.addresses[group] = a
	}
	return a
}

// join joins a group.
func (g *multicast) join(group protocol.Group) {
	address := g.addressOf(group).route.Addr()
	switch {
	case g.groups[group]:
		return
	case len(g.groups) >= GroupsMax, g.joined[address] == 0 && joinGroup(g.conn, address, g.device) != nil:
		g.count.groupsRefused.Add(1)
		return
	}
	g.groups[group] = true
	g.joined[address]++
	g.count.groupsJoined.Store(uint64(len(g.groups)))
}

// leave ends join.
func (g *multicast) leave(group protocol.Group) {
	if !g.groups[group] {
		return
	}
	address := g.addressOf(group).route.Addr()
	delete(g.groups, group)
	if g.joined[address]--; g.joined[address] == 0 {
		delete(g.joined, address)
		leaveGroup(g.conn, address, g.device)
	}
	g.count.groupsJoined.Store(uint64(len(g.groups)))
}

// offerMulticast tells the machine of groups, if there are any.
func (n *Node) offerMulticast() {
	if n.multicast != nil {
		n.notify(protocol.MulticastOffered{Groups: GroupsMax})
	}
}

// sendGroup encodes a message once for a group and for peers besides.
func (n *Node) sendGroup(now protocol.Time, group protocol.Group, ids []protocol.NodeID, m protocol.Message) {
	switch {
	case n.multicast == nil:
		n.drop(0, ReasonMulticastNone, 1)
		n.send(now, ids, m)
		return
	case !fits(m):
		n.drop(0, ReasonMessageOversize, 1)
		return
	}
	address := n.multicast.addressOf(group)
	l := n.out.find(ids, address.text)
	if l == nil {
		l = n.out.begin(ids, address.text)
		l.parcel.targets = append(l.parcel.targets, n.groupTarget(now, address))
		n.route(now, l, ids)
	}
	if l.missing > 0 {
		n.drop(0, ReasonAddressUnknown, uint64(l.missing))
	}
	n.awaitAll(now, l, m)
	n.count.messagesSent.Add(1)
	n.count.groupMessagesSent.Add(1)
	n.out.add(l, m)
}
