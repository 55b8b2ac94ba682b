package adhoc

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	groups "spinglass/adhoc"
	"spinglass/protocol"
)

// ErrClosed says that a node has ended.
var ErrClosed = errors.New("adhoc: the node has ended")

// Node is a node that runs.
type Node struct {
	config   Config
	network  network
	air      air
	begin    time.Time
	inbox    chan packet
	calls    chan func()
	closing  chan struct{}
	closed   sync.Once
	finished sync.WaitGroup

	// Of the loop.
	neighbours map[protocol.NodeID]netip.AddrPort
	known      []protocol.NodeID // in the order in which they were first heard
	underway   []*unicast
	number     uint64
	seen       groups.Seen[seenKey] // unicasts, so that none comes twice
	wallAt     protocol.Time
	output     protocol.Output
	stats      Stats
}

// packet is a datagram that has come.
type packet struct {
	data []byte
	from netip.AddrPort
}

// unicast is one that is not acknowledged yet.
type unicast struct {
	to      protocol.NodeID
	number  uint64
	message protocol.Message
	data    []byte
	tries   int
	at      protocol.Time // when it is sent again
}

type seenKey struct {
	from   protocol.NodeID
	number uint64
}

// Start starts a node, which runs until Close.
func Start(config Config) (*Node, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	if config.Port == 0 {
		config.Port = PortDefault
	}
	n := &Node{
		config: config, air: config.air, begin: time.Now(), inbox: make(chan packet, InboxMax), calls: make(chan func()), closing: make(chan struct{}),
		neighbours: make(map[protocol.NodeID]netip.AddrPort), number: uint64(time.Now().UnixNano()),
		stats: Stats{Drops: make(map[protocol.Reason]uint64)},
	}
	if n.air == nil {
		var err error
		if n.network, err = networkOf(config.Interface, config.Port); err != nil {
			return nil, err
		}
		if n.air, err = open(config.Interface, config.Port); err != nil {
			return nil, err
		}
	} else {
		n.network.broadcast = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), uint16(config.Port))
	}
	n.finished.Go(n.read)
	n.finished.Go(n.loop)
	return n, nil
}

// Close ends the node.
func (n *Node) Close() {
	n.closed.Do(func() {
		close(n.closing)
		_ = n.air.Close()
	})
	n.finished.Wait()
}

// Call has the loop call f with the machine's time and an output, whose effects it carries out.
func (n *Node) Call(ctx context.Context, f func(now protocol.Time, out *protocol.Output)) error {
	done := make(chan struct{})
	call := func() {
		defer close(done)
		n.input(f)
	}
	select {
	case n.calls <- call:
	case <-n.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done // the loop has taken it, and carries out what it has taken
	return nil
}

// Stats returns the counters.
func (n *Node) Stats(ctx context.Context) (s Stats, err error) {
	err = n.Call(ctx, func(protocol.Time, *protocol.Output) {
		s = n.stats
		s.Neighbours, s.Underway = len(n.neighbours), len(n.underway)
		s.Drops = make(map[protocol.Reason]uint64)
		for reason, count := range n.stats.Drops {
			s.Drops[reason] = count
		}
	})
	return s, err
}

// read hands what comes from the socket to the loop.
func (n *Node) read() {
	buffer := make([]byte, DatagramMax+1)
	for {
		size, from, err := n.air.ReadFromUDPAddrPort(buffer)
		if err != nil {
			n.count(&n.stats.ReceiveFailed)
			select {
			case <-n.closing:
				return
			case <-time.After(AckTimeout): // such as an interface that is down for a while
				continue
			}
		}
		p := packet{append([]byte(nil), buffer[:size]...), from}
		select {
		case n.inbox <- p:
		case <-n.closing:
			return
		default:
			select { // the oldest goes, since it is worth least
			case <-n.inbox:
			default:
			}
			select {
			case n.inbox <- p:
			default:
			}
			n.count(&n.stats.InboxFull)
		}
	}
}

// count has the loop, whose counters they are, count what the reader has come across.
func (n *Node) count(counter *uint64) {
	select {
	case n.calls <- func() { *counter++ }:
	case <-n.closing:
	}
}

// loop owns the machine.
func (n *Node) loop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	n.wallAt = n.now()
	n.input(n.config.Machine.Start)
	for {
		timer.Reset(time.Until(n.begin.Add(time.Duration(n.deadline()))))
		select {
		case <-n.closing:
			return
		case p := <-n.inbox:
			n.receive(p)
		case f := <-n.calls:
			f()
		case <-timer.C:
		}
		n.work()
	}
}

func (n *Node) now() protocol.Time { return protocol.Time(time.Since(n.begin)) }

// deadlineMax is for how long the loop waits at most.
const deadlineMax = time.Minute

func (n *Node) deadline() protocol.Time {
	at := min(n.config.Machine.Deadline(), n.wallAt, n.now().Add(deadlineMax))
	for _, u := range n.underway {
		at = min(at, u.at)
	}
	return at
}

// work does what is due.
func (n *Node) work() {
	if now := n.now(); now >= n.wallAt {
		n.wallAt = now.Add(wallInterval)
		n.input(func(now protocol.Time, out *protocol.Output) {
			n.config.Machine.Notify(now, protocol.WallClock{Seconds: time.Now().Unix()}, out)
		})
	}
	n.sendAgain()
	if n.config.Machine.Deadline() <= n.now() {
		n.input(n.config.Machine.Timeout)
	}
}
