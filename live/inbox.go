package live

import (
	"net/netip"
	"sync"

	"spinglass/protocol"
)

// slabSize is the room for what one read can bring: the largest datagram, or as many segments as the kernel coalesces.
const slabSize = 1 << 16

// arrivalCopyMax is up to which size arrivals are copied together into one slab. Larger ones stay where the kernel has put them.
const arrivalCopyMax = slabSize / 8

// slabArrivalsMax bounds the arrivals of a slab, since those without content take no room in it.
const slabArrivalsMax = 1024

// slab is what the loop takes at a time: small arrivals in a buffer that is used again, or one large arrival in memory that is not.
type slab struct {
	buffer   []byte
	used     int
	kept     bool // the buffer is never written again, so that the machine may keep it
	arrivals []slabArrival
}

type slabArrival struct {
	start, end int // in the buffer
	segment    int // bytes of each datagram but the last, 0 when there is one datagram
	from       netip.AddrPort
	group      bool  // it came to a group
	place      uint8 // of its sender in the backlog
}

// datagrams returns how many datagrams an arrival is.
func (a *slabArrival) datagrams() int {
	size := a.end - a.start
	if a.segment == 0 || size <= a.segment {
		return 1
	}
	return (size + a.segment - 1) / a.segment
}

// inbox is the bounded queue between readers and loop. A reader fills slabs, the loop takes and gives back whole ones.
type inbox struct {
	ready chan struct{} // holds a token when slabs wait
	limit int           // bytes of slabs in existence

	mutex   sync.Mutex
	backlog backlog
	full    []*slab // in order of arrival; only the last may be added to
	free    []*slab // with buffers to be used again
	shells  []*slab // without a buffer; they do not count
	bytes   int     // of slabs in existence
}

func newInbox(bytes int) *inbox {
	return &inbox{ready: make(chan struct{}, 1), limit: bytes, backlog: newBacklog()}
}

// put queues what was read into memory, or returns why it does not. Memory of more than arrivalCopyMax belongs to the queue from then
// on. first tells that nothing else waits, so that the loop is to be woken.
func (b *inbox) put(memory []byte, a arrival) (first bool, refusal protocol.Reason) {
	place := b.backlog.place(a.sender)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !b.backlog.admits(place, a.size, b.room()) {
		return false, ReasonReceiveShare
	}
	ok := false
	if a.size > arrivalCopyMax {
		ok = b.keep(memory, a, place)
	} else {
		ok = b.gather(memory, a, place)
	}
	if !ok {
		return false, ReasonReceiveQueue
	}
	b.backlog.waiting[place] += a.size
	return len(b.full) == 1, ""
}

// room returns how many bytes are free. The mutex is held.
func (b *inbox) room() int {
	room := b.limit - b.bytes + len(b.free)*slabSize
	if n := len(b.full); n > 0 && !b.full[n-1].kept {
		room += slabSize - b.full[n-1].used
	}
	return room
}

// signal wakes the loop.
func (b *inbox) signal() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// gather copies an arrival to others. The mutex is held.
func (b *inbox) gather(memory []byte, a arrival, place uint8) bool {
	tail := b.tail(a.size)
	if tail == nil {
		return false
	}
	copy(tail.buffer[tail.used:], memory[:a.size])
	tail.add(a, place)
	return true
}

// keep makes a slab of an arrival where it lies. The mutex is held.
func (b *inbox) keep(memory []byte, a arrival, place uint8) bool {
	for b.bytes+a.size > b.limit {
		last := len(b.free) - 1
		if last < 0 {
			return false
		}
		b.free[last], b.free = nil, b.free[:last] // its place is taken
		b.bytes -= slabSize
	}
	b.bytes += a.size
	s := b.shell()
	s.buffer, s.kept = memory[:a.size:a.size], true
	s.add(a, place)
	b.full = append(b.full, s)
	return true
}

// shell returns a slab without a buffer. The mutex is held.
func (b *inbox) shell() *slab {
	last := len(b.shells) - 1
	if last < 0 {
		return new(slab)
	}
	s := b.shells[last]
	b.shells = b.shells[:last]
	return s
}

// tail returns the last slab when it has room for size bytes, or else a new one; nil when no more may be made. The mutex is held.
func (b *inbox) tail(size int) *slab {
	if n := len(b.full); n > 0 && b.full[n-1].takes(size) {
		return b.full[n-1]
	}
	var s *slab
	switch last := len(b.free) - 1; {
	case last >= 0:
		s, b.free = b.free[last], b.free[:last]
	case b.bytes+slabSize <= b.limit:
		b.bytes += slabSize
		s = &slab{buffer: make([]byte, slabSize)}
	default:
		return nil
	}
	b.full = append(b.full, s)
	return s
}

func (s *slab) takes(size int) bool {
	return !s.kept && len(s.buffer)-s.used >= size && len(s.arrivals) < slabArrivalsMax
}

func (s *slab) add(a arrival, place uint8) {
	s.arrivals = append(s.arrivals, slabArrival{start: s.used, end: s.used + a.size, segment: a.segment, from: a.from, group: a.group, place: place})
	s.used += a.size
}

// take moves up to max slabs to into, which it returns, and reports whether more wait.
func (b *inbox) take(into []*slab, max int) (taken []*slab, more bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	n := min(max, len(b.full))
	into = append(into, b.full[:n]...)
	rest := copy(b.full, b.full[n:])
	clear(b.full[rest:])
	b.full = b.full[:rest]
	return into, rest > 0
}

// giveBack returns slabs that the loop is done with.
func (b *inbox) giveBack(slabs []*slab) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, s := range slabs {
		for i := range s.arrivals {
			b.backlog.waiting[s.arrivals[i].place] -= s.arrivals[i].end - s.arrivals[i].start
		}
		clear(s.arrivals)
		s.used, s.arrivals = 0, s.arrivals[:0]
		if s.kept {
			b.bytes -= len(s.buffer)
			s.buffer, s.kept = nil, false
			b.shells = append(b.shells, s)
		} else {
			b.free = append(b.free, s)
		}
	}
}
