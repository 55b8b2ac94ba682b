package live

import (
	"net/netip"
	"sync"
)

// slabSize is the room for what one read can bring: the largest datagram, or as many segments as the kernel coalesces.
const slabSize = 1 << 16

// arrivalCopyMax is up to which size arrivals are copied together into one slab, rather than take up one each.
const arrivalCopyMax = slabSize / 8

// slabArrivalsMax bounds the arrivals of a slab, since those without content take no room in it.
const slabArrivalsMax = 1024

// slab is a buffer with what arrived in it.
type slab struct {
	buffer   []byte // slabSize
	used     int
	arrivals []slabArrival
}

type slabArrival struct {
	start, end int // in the buffer
	segment    int // bytes of each datagram but the last, 0 when there is one datagram
	from       netip.AddrPort
	group      bool // it came to a group
}

// datagrams returns how many datagrams an arrival is.
func (a *slabArrival) datagrams() int {
	size := a.end - a.start
	if a.segment == 0 || size <= a.segment {
		return 1
	}
	return (size + a.segment - 1) / a.segment
}

// inbox is the bounded queue between reader and loop. The reader fills slabs, the loop takes and gives back whole ones.
type inbox struct {
	ready chan struct{} // holds a token when slabs wait
	limit int           // slabs in existence

	mutex sync.Mutex
	full  []*slab // in order of arrival; only the last may be added to
	free  []*slab
	count int // slabs in existence
}

func newInbox(bytes int) *inbox {
	return &inbox{ready: make(chan struct{}, 1), limit: bytes / slabSize}
}

// slab returns a free slab, nil when there is none and no more may be made. The mutex is held.
func (b *inbox) slab() *slab {
	if n := len(b.free); n > 0 {
		s := b.free[n-1]
		b.free = b.free[:n-1]
		return s
	}
	if b.count == b.limit {
		return nil
	}
	b.count++
	return &slab{buffer: make([]byte, slabSize)}
}

// first returns the slab that the reader reads into.
func (b *inbox) first() *slab {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.slab()
}

// put queues what was read into the start of s and returns the slab for the next read, and whether there was room.
func (b *inbox) put(s *slab, a arrival) (next *slab, ok bool) {
	b.mutex.Lock()
	next, ok = b.place(s, a)
	wake := ok && len(b.full) == 1
	b.mutex.Unlock()
	if wake {
		select {
		case b.ready <- struct{}{}:
		default:
		}
	}
	return next, ok
}

func (b *inbox) place(s *slab, a arrival) (next *slab, ok bool) {
	if a.size <= arrivalCopyMax {
		tail := b.tail(a.size)
		if tail == nil {
			return s, false
		}
		copy(tail.buffer[tail.used:], s.buffer[:a.size])
		tail.add(a)
		return s, true
	}
	next = b.slab()
	if next == nil {
		return s, false
	}
	s.add(a)
	b.full = append(b.full, s)
	return next, true
}

// tail returns the last slab when it has room for size bytes, or else a new one.
func (b *inbox) tail(size int) *slab {
	if n := len(b.full); n > 0 && b.full[n-1].takes(size) {
		return b.full[n-1]
	}
	s := b.slab()
	if s != nil {
		b.full = append(b.full, s)
	}
	return s
}

func (s *slab) takes(size int) bool {
	return len(s.buffer)-s.used >= size && len(s.arrivals) < slabArrivalsMax
}

func (s *slab) add(a arrival) {
	s.arrivals = append(s.arrivals, slabArrival{start: s.used, end: s.used + a.size, segment: a.segment, from: a.from, group: a.group})
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
	for _, s := range slabs {
		s.used = 0
		clear(s.arrivals)
		s.arrivals = s.arrivals[:0]
	}
	b.mutex.Lock()
	b.free = append(b.free, slabs...)
	b.mutex.Unlock()
}
