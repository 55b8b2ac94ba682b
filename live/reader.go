package live

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"spinglass/wire"
)

// readRetry is how long the reader waits after an error of the socket, so that a lasting one costs little.
const readRetry = 10 * time.Millisecond

// readChunk is how much memory is taken at once for large arrivals, and arrivalAlign what their places in it are rounded to: a line of the cache.
const (
	readChunk    = 4 * slabSize
	arrivalAlign = 64
)

// reader brings what arrives at a socket into the inbox. Large arrivals stay where the kernel has put them, and the machine may keep them
// there: so this is the one copy that is made of a packet.
type reader struct {
	node     *Node
	incoming incoming
	group    bool   // the socket is that of groups
	memory   []byte // for what is read next, and behind it
	lost     uint64 // of the kernel's count, which wraps at 32 bits

	told    bool // of an unknown session, since the latest arrival
	notice  [noticeSize]byte
	notices bucket // that are sent
	heard   bucket // notices of others that are looked at
	wanted  bucket // keys that the loop is told of
}

// read brings what arrives at a socket into the inbox, until the socket is closed. group tells that the socket is that of groups.
func (n *Node) read(from incoming, group bool) {
	defer n.running.Done()
	r := reader{node: n, incoming: from, group: group}
	for r.next() {
	}
}

// next brings the next arrival and reports whether to go on.
func (r *reader) next() bool {
	n := r.node
	if len(r.memory) < slabSize {
		r.memory = unclearedBytes(readChunk)
	}
	a, err := r.incoming.read(r.memory[:slabSize])
	if err != nil {
		if errors.Is(err, net.ErrClosed) || !n.pauseReading() {
			return false
		}
		n.count.readErrors.Add(1)
		return true
	}
	if isRelayed(a.from) {
		a.from = netip.AddrPort{} // nobody has such an address
	}
	if a.lost != 0 && a.lost != r.lost {
		n.count.kernelDropped.Add(uint64(uint32(a.lost - r.lost)))
		r.lost = a.lost
	}
	a.group = r.group
	n.count.arrivalsReceived.Add(1)
	if kept := r.take(r.memory, a); kept {
		r.memory = r.memory[min((a.size+arrivalAlign-1)/arrivalAlign*arrivalAlign, len(r.memory)):]
	}
	return true
}

// take checks or opens an arrival, and brings it into the inbox. It reports whether its memory, if it is above arrivalCopyMax, belongs to the inbox now.
func (r *reader) take(memory []byte, a arrival) (kept bool) {
	n := r.node
	if n.links != nil {
		r.unseal(memory[:a.size], a.segment, a.from)
	} else {
		n.inspect(memory[:a.size], a.segment)
	}
	datagrams := uint64((&slabArrival{end: a.size, segment: a.segment}).datagrams())
	var any bool
	if a.sender, any = firstSender(memory[:a.size], a.segment); !any { // it takes no room from others
		n.count.datagramsReceived.Add(datagrams)
		n.count.bytesReceived.Add(uint64(a.size))
		return false
	}
	first, refusal := n.inbox.put(memory, a)
	if refusal != "" {
		n.drop(a.sender, refusal, datagrams)
		return false
	}
	if !n.assist() && first {
		n.inbox.signal()
	}
	return a.size > arrivalCopyMax
}

// refused takes the place of the version of a datagram that the reader has refused.
const refused = 0

// inspect checks the datagrams of an arrival while they are in the cache, and marks those that are not to be looked at again.
func (n *Node) inspect(b []byte, segment int) {
	if len(b) == 0 {
		n.drop(0, ReasonDatagramShort, 1)
	}
	for len(b) > 0 {
		datagram := firstDatagram(b, segment)
		b = b[len(datagram):]
		reason := ReasonDatagramOversize
		if len(datagram) <= wire.DatagramMax {
			err := wire.CheckDatagram(datagram)
			if err == nil {
				continue
			}
			reason = openReason(err)
		}
		n.drop(0, reason, 1)
		datagram[0] = refused
	}
}

// firstDatagram returns the first datagram of an arrival, which is not empty.
func firstDatagram(b []byte, segment int) []byte {
	if segment > 0 && len(b) > segment {
		return b[:segment]
	}
	return b
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
