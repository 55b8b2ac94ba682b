package live

import (
	"errors"
	"net"
	"time"
)

// readRetry is how long the reader waits after an error of the socket, so that a lasting one costs little.
const readRetry = 10 * time.Millisecond

// read brings what arrives at a socket into the inbox, until the socket is closed. group tells that the socket is that of groups.
func (n *Node) read(from link, group bool) {
	defer n.running.Done()
	var lost uint64 // of the kernel's count, which wraps at 32 bits
	s := n.inbox.first()
	for {
		a, err := from.read(s.buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !n.pauseReading() {
				return
			}
			n.count.readErrors.Add(1)
			continue
		}
		if a.lost != 0 && a.lost != lost {
			n.count.kernelDropped.Add(uint64(uint32(a.lost - lost)))
			lost = a.lost
		}
		a.group = group
		n.count.arrivalsReceived.Add(1)
		next, ok := n.inbox.put(s, a)
		if !ok {
			refused := slabArrival{end: a.size, segment: a.segment}
			n.drop(0, ReasonReceiveQueue, uint64(refused.datagrams()))
		}
		s = next
	}
}

// pauseReading waits and reports whether to go on.
func (n *Node) pauseReading() bool {
	timer := time.NewTimer(readRetry)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-n.closing:
		return false
	}
}
