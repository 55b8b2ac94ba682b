package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"spinglass/protocol"
)

// Errors of calls into a Node.
var (
	ErrClosed    = errors.New("live: node is closed")
	ErrQueueFull = errors.New("live: too many calls are waiting")
)

// call is a function that runs on the loop as one input of the machine.
type call = func(now protocol.Time, out *protocol.Output)

// closeLinger bounds how long Close waits for what is still to be sent.
const closeLinger = time.Second

// Node runs a machine. Its methods may be called from any goroutine, see the package documentation for those that may not be
// called from the loop.
type Node struct {
	config     Config
	debug      bool // the logger takes debug messages
	link       link
	links      *links     // nil without Security
	gate       *gate      // nil without links, or without a listener
	relays     *relays    // nil without links
	relayGate  *gate      // of connections through gateways; nil without links
	multicast  *multicast // nil where there is none
	conn       socket
	advertised protocol.Address
	started    time.Time
	startedAt  protocol.Time
	count      counters
	segments   atomic.Bool // whether the kernel still takes segments

	inbox   *inbox
	calls   chan call // of Call
	feeds   chan call // of Do and Post
	out     *outbox
	work    *work
	streams *streams

	pause   atomic.Int64 // nanoseconds that Pause asks for
	perturb atomic.Pointer[Perturb]
	prodded chan struct{}

	linger    time.Duration // closeLinger
	closeOnce sync.Once
	closing   chan struct{} // closed by Close
	stopped   chan struct{} // closed when the loop has ended
	written   chan struct{} // closed when the writer has ended
	done      chan struct{} // closed when everything has ended
	lifetime  context.Context
	end       context.CancelFunc
	running   sync.WaitGroup // reader and lookups

	turning sync.Mutex // owns what follows

	// of the loop
	ended     bool          // there are no more turns
	armed     protocol.Time // the deadline that it waits for
	busySince protocol.Time // when the writer was found busy, without having been found idle since; Never
	machine   protocol.Machine
	keeper    protocol.Keeper // the decoder, if it is one
	output    protocol.Output
	book      *book
	names     *names
	timer     Timer
	perturber perturber
	overload  overload
	slabs     []*slab
	targets   []netip.AddrPort
	single    [1]protocol.NodeID
}

// Start opens the sockets of a node and starts its machine. The caller must Close it.
func Start(c Config) (*Node, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := prepareDir(c.DataDir); err != nil {
		return nil, err
	}
	conn, listener, err := openSockets(&c)
	if err != nil {
		return nil, err
	}
	n, err := newNode(c, conn, listener)
	if err != nil {
		_ = conn.Close()
		if listener != nil {
			_ = listener.Close()
		}
		return nil, err
	}
	n.run()
	return n, nil
}

// openSockets opens the sockets, or takes what the configuration has. The listener is nil when there is none.
func openSockets(c *Config) (socket, net.Listener, error) {
	switch {
	case c.Conn == nil && !c.Outbound:
		return listen(c.Listen)
	case c.Security == nil && c.Outbound:
		return newNoSocket(), nil, nil
	case c.Security == nil:
		return c.Conn, nil, nil
	case c.Outbound:
		return newNoSocket(), c.Listener, nil
	}
	return c.Conn, c.Listener, nil
}

func newNode(c Config, conn socket, listener net.Listener) (*Node, error) {
	address, err := advertised(&c, addrPort(conn.LocalAddr()))
	if err != nil {
		return nil, err
	}
	machine := c.Machine
	if machine == nil {
		if machine, err = c.Build(address); err != nil {
			return nil, fmt.Errorf("live: building the machine: %w", err)
		}
	}
	n := &Node{
		config: c, debug: c.Logger.Enabled(context.Background(), slog.LevelDebug), conn: conn, advertised: address, machine: machine,
		link: newLink(conn, c.PlainDatagrams, c.SocketBuffer), started: c.Clock.Now(), inbox: newInbox(c.ReceiveQueue),
		calls: make(chan call, c.CallQueue), feeds: make(chan call, c.CallQueue), prodded: make(chan struct{}, 1),
		busySince: protocol.Never, linger: closeLinger, closing: make(chan struct{}), stopped: make(chan struct{}), written: make(chan struct{}), done: make(chan struct{}),
		timer: c.Clock.NewTimer(), perturber: newPerturber(c.Perturb, c.ID),
	}
	n.keeper, _ = c.Decoder.(protocol.Keeper)
	n.startedAt = protocol.Time(n.started.Sub(c.Epoch))
	n.count.drops.init()
	n.segments.Store(n.link.segments())
	n.lifetime, n.end = context.WithCancel(context.Background())
	n.out = newOutbox(&n.config, &n.count, n.segments.Load)
	n.names = newNames(n.lifetime, &n.config, &n.count, &n.running)
	n.book = newBook(&n.config, n.names, &n.count)
	n.work = newWork(n.lifetime, &n.config)
	if n.links, err = newLinks(n); err != nil {
		n.end()
		return nil, err
	}
	n.multicast = n.openMulticast()
	n.openGates(listener)
	return n, nil
}

// openGates makes what connections come in by, and what they are to the machine.
func (n *Node) openGates(listener net.Listener) {
	if n.links != nil {
		n.relays = newRelays(n)
		n.links.relays, n.book.relays = n.relays, n.relays
		n.relayGate = newGate(n, n.relays.accepted, true)
		if listener != nil {
			n.gate = newGate(n, listener, false)
		} else {
			listener = n.relays.accepted
		}
	}
	n.streams = newStreams(n.lifetime, &n.config, listener, &n.count, n.work.finish)
	if n.links != nil {
		n.streams.handshakes = &n.links.handshakes
	}
}

func (n *Node) run() {
	n.work.start(n.config.DataDir)
	if n.gate != nil {
		n.running.Go(n.gate.accept)
	}
	if n.relays != nil {
		n.running.Go(n.relayGate.accept)
		n.relays.start()
	} else {
		n.streams.start()
	}
	n.running.Add(1)
	go n.read(n.link, false)
	if n.multicast != nil {
		n.running.Add(1)
		go n.read(n.multicast.link, true)
	}
	go n.write()
	go n.loop()
}

// Close stops the node: functions accepted by Do, Post and Call are run, what the machine has sent is given to the kernel, values being
// stored are made durable, streams are cut off. It waits for that, and may be called more than once.
func (n *Node) Close() error {
	n.closeOnce.Do(n.shut)
	<-n.done
	return nil
}

func (n *Node) shut() {
	defer close(n.done)
	close(n.closing)
	timer := time.AfterFunc(n.linger, n.closeSockets)
	<-n.stopped
	<-n.written
	if n.relays != nil {
		n.relays.finish(n.linger)
	}
	timer.Stop()
	n.closeSockets()
	n.end()
	n.streams.stop()
	n.work.stop()
	n.running.Wait()
}

func (n *Node) closeSockets() {
	_ = n.conn.Close()
	if n.multicast != nil {
		_ = n.multicast.conn.Close()
	}
}

func (n *Node) closed() bool {
	select {
	case <-n.closing:
		return true
	default:
		return false
	}
}

// Done returns a channel that is closed when the node has ended.
func (n *Node) Done() <-chan struct{} { return n.done }

// LocalAddr returns the address of the UDP socket, without IP address and port when there is none.
func (n *Node) LocalAddr() net.Addr { return n.conn.LocalAddr() }

// Advertised returns the address under which others reach the node, of several the first.
func (n *Node) Advertised() protocol.Address { return n.advertised }

// Stats returns a snapshot of the counters.
func (n *Node) Stats() Stats {
	s := n.count.snapshot()
	s.Segments = n.segments.Load()
	s.Streams = uint64(max(0, n.streams.open.Load()))
	if n.relays != nil {
		n.relays.fill(&s)
	}
	if l, ok := n.link.(*udpLink); ok {
		s.ReceiveBuffer, s.SendBuffer = uint64(l.receiveBuffer), uint64(l.sendBuffer)
	}
	return s
}
