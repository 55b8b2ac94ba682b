package live

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/relay"
	"spinglass/wire"
)

// Limits of what goes through gateways, besides those of package relay.
const (
	GatewaysMax    = 4    // through which a node in an enclave is reached
	ClientsDefault = 512  // of a gateway
	ClientsMax     = 8192 // largest bound that Config accepts

	gatewaysKnownMax = 256                    // gateways of others whose addresses are known
	gatewaysUsedMax  = 64                     // and to which connections are kept at once
	clientFiles      = 4                      // clients are at most one in so many of the files that the process may open,
	gatewayFiles     = 16                     // and gateways that are used
	gatewayIdle      = 180 * time.Second      // after which the connection to a gateway of others ends
	gatewayBackoff   = 200 * time.Millisecond // after the first failure, or the loss of a connection; doubled with each, give or take a half
	gatewayShort     = 5 * time.Second        // a connection that ended sooner counts as a failure
	newsRate         = 200                    // times a second that the loop is told by one connection that somebody is absent,
	newsBurst        = 600                    // and so many at once
	relayedQueue     = 64                     // streams that come through gateways and wait for their handshake
)

// absentPauses are those before a member is tried again that is not connected to the gateway: it may have been called.
var absentPauses = [...]time.Duration{100 * time.Millisecond, 200 * time.Millisecond}

var (
	errGatewayDown    = errors.New("no connection to the gateway")
	errGatewayUnknown = errors.New("too many gateways")
	errGatewayItself  = errors.New("the gateway is this node itself")
	errGatewaySame    = errors.New("there is a connection to this gateway by another address")
)

// relays are how a node sends and is reached through gateways, and what it does for others as one. Its methods may be called from any goroutine.
type relays struct {
	node     *Node
	outbound bool          // there is no other way
	table    *relay.Switch // nil: the node is no gateway
	limits   relay.Limits
	counters relay.Counters
	accepted *relayListener
	idle     time.Duration
	backoff  time.Duration
	own      []protocol.Address // gateways of a node in an enclave

	sent, sentBytes, received                      atomic.Uint64 // datagrams of this node itself
	connections, lost, failures, refused           atomic.Uint64 // of connections to gateways
	callsSent, callsFollowed, callsIgnored, untold atomic.Uint64
	revoked                                        atomic.Uint64 // connections, because of who is at the other end

	mutex     sync.Mutex
	byAddress map[protocol.Address]*gateway
	bySlot    map[uint16]*gateway
	claimed   map[identity.PublicKey]*gateway // to which there is a connection, or is about to be: a gateway knows a member by one connection only
	lastSlot  uint16
	used      int // gateways to which connections are kept
	usedMax   int
}

// relayFiles returns how many clients, and gateways, a process may have that may open so many files.
func relayFiles(clients, files int) (clientsMax, gatewaysMax int) {
	return max(1, min(clients, files/clientFiles)), max(1, min(gatewaysUsedMax, files/gatewayFiles))
}

// newRelays returns the relays of a secured node.
func newRelays(n *Node) *relays {
	c := &n.config
	r := &relays{
		node: n, outbound: c.Outbound, limits: relay.DefaultLimits, idle: gatewayIdle, backoff: gatewayBackoff,
		accepted:  &relayListener{lifetime: n.lifetime, conns: make(chan net.Conn, relayedQueue)},
		byAddress: map[protocol.Address]*gateway{}, bySlot: map[uint16]*gateway{}, claimed: map[identity.PublicKey]*gateway{}, lastSlot: ownSlot,
	}
	if c.Security.relayLimits != nil {
		r.limits = *c.Security.relayLimits
	}
	r.limits.Clients, r.usedMax = relayFiles(c.Clients, filesMax())
	if c.Gateway {
		r.table = &relay.Switch{Self: c.ID, Limits: &r.limits, Counters: &r.counters, Absent: r.absent}
	}
	for _, address := range c.Join {
		if c.Outbound {
			r.own = append(r.own, protocol.Address(address))
		}
	}
	return r
}

// start connects a node in an enclave to its gateways.
func (r *relays) start() {
	for _, address := range r.own {
		r.mutex.Lock()
		g := r.find(address)
		g.kept = true
		r.keepConnected(g)
		r.mutex.Unlock()
	}
}

// finish gives what is queued some time to leave.
func (r *relays) finish(patience time.Duration) {
	conns := r.all()
	for _, c := range conns {
		c.Finish()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for _, c := range conns {
		select {
		case <-c.Done():
		case <-timer.C:
			return
		}
	}
}

// all returns all connections.
func (r *relays) all() (conns []*relay.Conn) {
	if r.table != nil {
		conns = r.table.Clients()
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, g := range r.bySlot {
		if g.conn != nil {
			conns = append(conns, g.conn)
		}
	}
	return conns
}

// config returns what all connections have in common. slot is what arrivals are named by.
func (r *relays) config(peer greeted, slot uint16) relay.Config {
	from := &relayReader{reader: reader{node: r.node, incoming: relayedIncoming{r}}, slot: slot}
	return relay.Config{
		Limits: &r.limits, Counters: &r.counters, Peer: peer.id,
		Take:   func(_ *relay.Conn, f *relay.Frame) bool { return r.take(from, f) },
		Memory: func(h relay.Header) []byte { return r.memory(slot, h) },
		Accept: func(_ *relay.Conn, from protocol.NodeID, conn net.Conn) bool {
			return r.accepted.offer(&relayedConn{conn, relayRoute(from, slot)})
		},
		Check: func() error {
			_, err := r.node.links.security.Policy().VerifyAgain(peer.chain)
			if err != nil {
				r.revoked.Add(1)
				r.node.config.Logger.Warn("ending a connection through which others are reached", "peer", peer.id.String()+" ("+peer.name+")", "error", err)
			}
			return err
		},
	}
}

// memory returns where a frame of datagrams is to be put that the inbox will keep, nil for all others.
func (r *relays) memory(slot uint16, h relay.Header) []byte {
	if h.Size <= arrivalCopyMax || slot == ownSlot && h.Peer != 0 && h.Peer != r.node.config.ID {
		return nil
	}
	return unclearedBytes(h.Size)
}

// relayReader brings what comes by one connection into the inbox.
type relayReader struct {
	reader
	slot uint16
	news bucket
}

// take takes what comes for this node, and returns true when it is about a stream.
func (r *relays) take(from *relayReader, f *relay.Frame) bool {
	n, route := r.node, relayRoute(f.Peer, from.slot)
	switch f.Kind {
	case relay.KindDatagrams:
		r.received.Add(uint64(f.Count()))
		n.count.arrivalsReceived.Add(1)
		from.take(f.Data, arrival{size: len(f.Data), segment: f.Segment, from: route})
		return false
	case relay.KindAbsent:
		if from.news.take(n.now(), newsRate, newsBurst) {
			r.tell(completion{kind: completionAbsent, peer: f.Peer, route: route})
		} else {
			r.untold.Add(1)
		}
		return false
	}
	return true
}

// tell tells the loop of something, unless it has enough to do.
func (r *relays) tell(c completion) {
	select {
	case r.node.work.completions <- c:
	default:
		r.untold.Add(1)
	}
}

// send queues the datagrams of a parcel for a relayed destination.
func (r *relays) send(to netip.AddrPort, segment int, b []byte) {
	f := relay.Frame{Segment: segment, Data: b}
	if segment >= len(b) {
		segment, f.Segment = 0, 0
	}
	member, c := r.connection(to)
	if c == nil {
		r.want(to) // for those that follow
		r.node.drop(member, ReasonRelayDown, uint64(f.Count()))
		return
	}
	if c.SendDatagrams(member, segment, b) {
		r.sent.Add(uint64(f.Count()))
		r.sentBytes.Add(uint64(len(b)))
	}
}

// connection returns the connection by which a relayed destination is reached now, nil when there is none.
func (r *relays) connection(to netip.AddrPort) (protocol.NodeID, *relay.Conn) {
	member, slot := relayedTo(to)
	if slot == ownSlot {
		if r.table == nil {
			return member, nil
		}
		return member, r.table.Client(member)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if g := r.bySlot[slot]; g != nil {
		return member, g.at().conn
	}
	return member, nil
}

// usable reports whether a route can be sent to now.
func (r *relays) usable(to netip.AddrPort) bool {
	if !isRelayed(to) {
		return true
	}
	_, c := r.connection(to)
	return c != nil
}

// reaches reports whether a relayed destination may be reached: it can be sent to, or it is not known yet that it cannot.
func (r *relays) reaches(to netip.AddrPort) bool {
	if r.usable(to) {
		return true
	}
	_, slot := relayedTo(to)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	g := r.bySlot[slot]
	return g != nil && !g.itself && g.failures == 0
}

// dial makes a connection to a member through a gateway.
func (r *relays) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	for try := 0; ; try++ {
		conn, err := r.dialOnce(ctx, to)
		if err == nil || !errors.Is(err, relay.ErrAbsent) || try == len(absentPauses) {
			return conn, err
		}
		select {
		case <-time.After(absentPauses[try]):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *relays) dialOnce(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	member, slot := relayedTo(to)
	var c *relay.Conn
	if slot == ownSlot {
		if _, c = r.connection(to); c == nil {
			return nil, errGatewayDown
		}
	} else {
		var err error
		if c, err = r.await(ctx, slot); err != nil {
			return nil, err
		}
	}
	if member == 0 {
		member = c.Peer
	}
	conn, err := c.Dial(ctx, member)
	if err != nil {
		return nil, err
	}
	return &relayedConn{conn, relayRoute(member, slot)}, nil
}

// admits reports why a member may not be a client.
func (r *relays) admits(member protocol.NodeID) error {
	if r.table.Full(member) {
		r.counters.ClientsRefused.Add(1)
		return relay.ErrClients
	}
	return nil
}

// serve serves a client of the gateway.
func (r *relays) serve(conn *tls.Conn, peer greeted) {
	config := r.config(peer, ownSlot)
	config.Self = r.node.config.ID
	mine := config.Take
	config.Take = func(c *relay.Conn, f *relay.Frame) bool { return r.table.Pass(c, f) && mine(c, f) }
	c := relay.New(conn, config)
	if r.table.Join(c) != nil {
		return
	}
	r.node.config.Logger.Debug("client of the gateway", "peer", peer.name, "address", conn.RemoteAddr())
	err := c.Serve()
	r.table.Leave(c)
	r.node.config.Logger.Debug("no longer a client of the gateway", "peer", peer.name, "error", err)
}

// absent is told that a client wants a member that is not connected.
func (r *relays) absent(member, sender protocol.NodeID) {
	r.tell(completion{kind: completionCallWanted, peer: member, caller: sender})
}

// relayedIncoming is what readers of relayed datagrams answer by.
type relayedIncoming struct{ relays *relays }

func (r relayedIncoming) read([]byte) (arrival, error) { return arrival{}, net.ErrClosed }

func (r relayedIncoming) answer(b []byte, to netip.AddrPort) error {
	r.relays.send(to, 0, b)
	return nil
}

func (r relayedIncoming) reaches(to netip.AddrPort) bool { return r.relays.usable(to) }

// relayedConn is a connection through a gateway.
type relayedConn struct {
	net.Conn
	remote netip.AddrPort
}

func (c *relayedConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// relayListener is where connections come in that others make through gateways.
type relayListener struct {
	lifetime context.Context
	conns    chan net.Conn
}

// offer hands a connection to who accepts, if there is room.
func (l *relayListener) offer(conn net.Conn) bool {
	select {
	case l.conns <- conn:
		return true
	default:
		return false
	}
}

// Accept implements net.Listener.
func (l *relayListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.lifetime.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. What ends the listener is the end of the node.
func (l *relayListener) Close() error { return nil }

// Addr implements net.Listener.
func (l *relayListener) Addr() net.Addr { return &net.TCPAddr{} }

// relayCall tells its receiver that a member wants it that is reached through the sender only.
type relayCall struct{ caller protocol.NodeID }

func (relayCall) Kind() protocol.Kind      { return wire.KindRelayCall }
func (relayCall) Size() int                { return 8 }
func (c relayCall) Append(b []byte) []byte { return wire.AppendFixed64(b, uint64(c.caller)) }
func (relayCall) Lent() bool               { return false }
