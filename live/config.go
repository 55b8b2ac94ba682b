package live

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// Defaults of the bounds in Config.
const (
	ReceiveQueueDefault  = 16 << 20
	SendQueueDefault     = sendQueueBytesMin
	CallQueueDefault     = 1024
	WorkQueueDefault     = 1024
	PersistQueueDefault  = 64
	StreamsDefault       = 64
	LookupsDefault       = 8
	PeersDefault         = 65536
	StrangersDefault     = 4096
	SocketBufferDefault  = 16 << 20
	PersistSizeMax       = 16 << 20 // bytes of the value of a Persist
	StreamWriteSizeMax   = 1 << 20  // bytes of the data of a StreamWrite
	queueMax             = 1 << 30  // largest bound that Config accepts
	receiveQueueBytesMin = 4 * slabSize
	sendQueueBytesMin    = 2 * laneCount * parcelSize
)

// Resolver finds the IP addresses of a host; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config says what a Node runs and where. Zero bounds stand for their defaults.
type Config struct {
	// ID is the sender of all datagrams; it must not be zero.
	ID protocol.NodeID
	// Machine is what the loop runs.
	Machine protocol.Machine
	// Build makes the machine when it needs to know the address under which others reach the node. Exactly one of Machine and
	// Build is set.
	Build func(advertised protocol.Address) (protocol.Machine, error)
	// Decoder decodes the frames that arrive. Only the loop uses it.
	Decoder protocol.Decoder

	// Listen is "host:port": the UDP socket and, on the same port, the TCP listener of streams. An empty host means every
	// interface, IPv4 and IPv6; port 0 means any free port.
	Listen string
	// Advertise is the "host:port" that others should use; port 0 stands for the port of the socket. Empty: the address of Listen;
	// when that is every interface, the one that the route to Join leaves from, or else the first of the machine's own addresses.
	Advertise string
	// Join names addresses that the node will talk to first, which helps to find the address to advertise. Nothing is sent to them, unless they are gateways.
	Join []string
	// Outbound makes the node do without sockets: it opens TCP connections to gateways, which are the Join addresses, 1 to GatewaysMax of them, and talks to all others, and is reached by
	// them, through these. Listen and Advertise do not matter then. It needs Security.
	Outbound bool
	// Gateway makes the node a gateway for others. It needs Security.
	Gateway bool
	// Conn is used in place of a socket opened by Listen. Close closes it. There are no streams then.
	Conn net.PacketConn
	// Listener takes the place of the TCP listener when Conn is set and Security too. Close closes it.
	Listener net.Listener
	// Resolver finds the addresses of host names; nil stands for net.DefaultResolver.
	Resolver Resolver

	// Clock tells the loop the time; nil stands for the real clock. What the kernel and the resolver are waited for is always bounded by the
	// real one.
	Clock Clock
	// Epoch is the instant at which protocol.Time is zero; the zero Epoch stands for the moment of Start.
	Epoch time.Time
	// DataDir is where Persist keeps its values, one file per key. It is made if need be. Empty: nothing is kept.
	DataDir string
	// Key signs. Without it every Sign completes without a signature.
	Key ed25519.PrivateKey
	// Security makes the node talk to members of its fleet only. Nil: datagrams and streams are neither encrypted nor authenticated.
	Security *Security
	// Logger gets warnings and samples of drops; nil discards.
	Logger *slog.Logger
	// OnEvent gets every event that the machine emits, on the loop. It must not block.
	OnEvent func(now protocol.Time, e protocol.Event)
	// Perturb makes the node sleep now and then, for tests and demonstrations.
	Perturb Perturb

	// DatagramSize is the largest datagram that messages are packed into, wire.DatagramMin to wire.DatagramMax bytes
	// (default wire.DatagramDefault). Sealed ones are seal.TagSize bytes longer, for which the sizes of package wire leave room. A single larger message travels in a datagram of its own, which IP may fragment.
	DatagramSize int
	// PlainDatagrams turns segmentation and coalescing by the kernel off.
	PlainDatagrams bool
	// NoMulticast turns IP multicast off. Otherwise it is offered to the machine where the advertised address is an IPv4 address of one of the
	// interfaces, unless Conn is set.
	NoMulticast bool
	// MulticastPort is the UDP port of all groups, MulticastPortDefault when 0. Fleets that share a network need not choose different
	// ones, but hear less of each other if they do.
	MulticastPort int
	ReceiveQueue  int // bytes that wait for the loop
	SendQueue     int // bytes that wait for the writer
	CallQueue     int // functions given to Call, and as many to Do and Post
	WorkQueue     int // signatures to make or check
	PersistQueue  int // values to store
	Clients       int // of a gateway
	Sessions      int // peers with a session, if there is Security; beyond, the one least recently talked to makes room
	Streams       int // bulk streams open at once, both directions together
	Lookups       int // lookups of names under way
	Peers         int // peers whose addresses are known
	Strangers     int // senders who are not peers
	SocketBuffer  int // bytes wished for the kernel's buffer, in each direction
}

// withDefaults returns the configuration with every default filled in.
func (c Config) withDefaults() Config {
	bounds := []struct {
		value   *int
		initial int
	}{
		{&c.DatagramSize, wire.DatagramDefault}, {&c.ReceiveQueue, ReceiveQueueDefault}, {&c.SendQueue, SendQueueDefault},
		{&c.CallQueue, CallQueueDefault}, {&c.WorkQueue, WorkQueueDefault}, {&c.PersistQueue, PersistQueueDefault},
		{&c.Sessions, SessionsDefault}, {&c.Clients, ClientsDefault}, {&c.Streams, StreamsDefault}, {&c.Lookups, LookupsDefault}, {&c.Peers, PeersDefault},
		{&c.Strangers, StrangersDefault}, {&c.MulticastPort, MulticastPortDefault}, {&c.SocketBuffer, SocketBufferDefault},
	}
	for _, b := range bounds {
		if *b.value == 0 {
			*b.value = b.initial
		}
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.OnEvent == nil {
		c.OnEvent = func(protocol.Time, protocol.Event) {}
	}
	if c.Clock == nil {
		c.Clock = realClock{}
	}
	if c.Epoch.IsZero() {
		c.Epoch = c.Clock.Now()
	}
	return c
}

// check reports the first thing that is wrong with a configuration whose defaults are filled in.
func (c *Config) check() error {
	switch {
	case c.ID == 0:
		return errors.New("live: node id is zero")
	case (c.Machine == nil) == (c.Build == nil):
		return errors.New("live: exactly one of Machine and Build must be set")
	case c.Decoder == nil:
		return errors.New("live: no decoder")
	case c.Conn == nil && c.Listen == "" && !c.Outbound:
		return errors.New("live: no address to listen on")
	case c.DatagramSize < wire.DatagramMin || c.DatagramSize > wire.DatagramMax:
		return fmt.Errorf("live: datagram size %d is not in %d to %d", c.DatagramSize, wire.DatagramMin, wire.DatagramMax)
	case c.Key != nil && len(c.Key) != ed25519.PrivateKeySize:
		return fmt.Errorf("live: key of %d bytes is not an Ed25519 private key", len(c.Key))
	case c.ReceiveQueue < receiveQueueBytesMin:
		return fmt.Errorf("live: receive queue of %d bytes is below %d", c.ReceiveQueue, receiveQueueBytesMin)
	case c.SendQueue < sendQueueBytesMin:
		return fmt.Errorf("live: send queue of %d bytes is below %d", c.SendQueue, sendQueueBytesMin)
	}
	for _, bound := range []int{c.ReceiveQueue, c.SendQueue, c.CallQueue, c.WorkQueue, c.PersistQueue, c.Streams, c.Sessions, c.Clients, c.Lookups, c.Peers,
		c.Strangers, c.SocketBuffer} {
		if bound < 1 || bound > queueMax {
			return fmt.Errorf("live: bound %d is not in 1 to %d", bound, queueMax)
		}
	}
	if c.MulticastPort < 1 || c.MulticastPort > 65535 {
		return fmt.Errorf("live: multicast port %d is not in 1 to 65535", c.MulticastPort)
	}
	if c.Sessions > SessionsMax {
		return fmt.Errorf("live: %d sessions are more than %d", c.Sessions, SessionsMax)
	}
	if c.Security != nil {
		if err := c.Security.check(c); err != nil {
			return err
		}
	}
	if err := c.checkRelays(); err != nil {
		return err
	}
	return c.Perturb.check()
}

// checkRelays reports what is wrong with how the node is reached, or others are through it.
func (c *Config) checkRelays() error {
	switch {
	case !c.Outbound && !c.Gateway:
		return nil
	case c.Security == nil:
		return errors.New("live: gateways and nodes behind them need Security")
	case c.Clients > ClientsMax:
		return fmt.Errorf("live: %d clients are more than %d", c.Clients, ClientsMax)
	case !c.Outbound:
		return nil
	case c.Gateway:
		return errors.New("live: a node that nobody can connect to cannot be a gateway")
	case c.Conn != nil:
		return errors.New("live: a node with only outbound connections has no use for an injected one")
	case len(c.Join) < 1 || len(c.Join) > GatewaysMax:
		return fmt.Errorf("live: %d gateways are not 1 to %d", len(c.Join), GatewaysMax)
	}
	for _, gateway := range c.Join {
		if err := checkGateway(gateway); err != nil {
			return fmt.Errorf("live: gateway %s: %w", gateway, err)
		}
		if len(RelayAddress(c.ID, gateway)) > protocol.AddressMax {
			return fmt.Errorf("live: gateway %s: an address of this form would be longer than %d bytes", gateway, protocol.AddressMax)
		}
	}
	return nil
}
