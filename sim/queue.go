package sim

import (
	"math/bits"

	"spinglass/protocol"
)

// entryKind says what an entry of the queue refers to.
type entryKind uint8

const (
	entryArrive entryKind = iota // an input reaches its host; ref is its slot
	entryWake                    // a host may have something to do; ref is its index
	entryAction                  // a scripted action; ref is its slot

	entryAttempt     // a radio may transmit; ref is the index of its host
	entryAckTimeout  // a radio gives up an acknowledgement; likewise
	entryAcknowledge // an acknowledgement is due; ref is the slot of the transmission
	entryAirEnd      // a transmission ends; likewise
)

// entry is one pending event of the world.
type entry struct {
	at   protocol.Time
	ref  uint32
	kind entryKind
}

// The queue reads a time as digits of base 64.
const (
	digitBits  = 6
	digitCount = 1 << digitBits
	levelCount = (63 + digitBits - 1) / digitBits
	chunkSize  = 63 // entries; a chunk is 1 KiB
)

// queue is a monotone priority queue: a radix heap with digits of base 64, or, seen differently, a timing wheel that loses no precision.
//
// An entry lies at the level of the highest digit in which its time differs from last, the latest time that the queue was moved to, in
// the slot of its own digit there. Moving last within a slot leaves all higher levels valid, so an entry moves down once per digit at
// most, and all memory is walked in sequence. A slot of the lowest level holds one instant. Moving keeps the order, so entries of equal
// time come out in the order in which they were pushed, without a sequence number.
type queue struct {
	last  protocol.Time
	count int
	used  [levelCount]uint64 // which slots of a level hold entries
	slots [levelCount][digitCount]slot
	spare *chunk // free list
}

type slot struct{ head, tail *chunk }

type chunk struct {
	next        *chunk
	first, past int32
	entries     [chunkSize]entry
}

// Len returns the number of entries.
func (q *queue) Len() int { return q.count }

// push adds an entry, whose time must not be before last.
func (q *queue) push(e entry) {
	if e.at < q.last {
		panic("sim: an event in the past")
	}
	q.count++
	q.place(e)
}

func (q *queue) place(e entry) {
	level := 0
	if difference := uint64(e.at) ^ uint64(q.last); difference != 0 {
		level = (bits.Len64(difference) - 1) / digitBits
	}
	digit := uint64(e.at) >> (level * digitBits) % digitCount
	q.used[level] |= 1 << digit
	s := &q.slots[level][digit]
	if s.tail == nil || s.tail.past == chunkSize {
		s.grow(q.take())
	}
	s.tail.entries[s.tail.past] = e
	s.tail.past++
}

func (s *slot) grow(c *chunk) {
	if s.tail == nil {
		s.head = c
	} else {
		s.tail.next = c
	}
	s.tail = c
}

func (q *queue) take() *chunk {
	c := q.spare
	if c == nil {
		return new(chunk)
	}
	q.spare = c.next
	c.next, c.first, c.past = nil, 0, 0
	return c
}

func (q *queue) release(c *chunk) {
	c.next = q.spare
	q.spare = c
}

// pop takes out the earliest entry that is not after until. It never moves last beyond until, so that entries between the last one taken
// and until can still be pushed.
func (q *queue) pop(until protocol.Time) (entry, bool) {
	for q.count > 0 {
		level := 0
		for q.used[level] == 0 {
			level++
		}
		digit := bits.TrailingZeros64(q.used[level])
		s := &q.slots[level][digit]
		first := s.head.entries[s.head.first]
		alone := s.head == s.tail && s.head.past-s.head.first == 1
		if level == 0 || alone {
			if first.at > until {
				return entry{}, false
			}
			q.last = first.at
			q.count--
			q.removeFirst(level, digit)
			return first, true
		}
		shift := level * digitBits
		base := protocol.Time(uint64(first.at) >> shift << shift)
		if base > until {
			return entry{}, false
		}
		q.last = base
		q.spill(level, digit)
	}
	return entry{}, false
}

func (q *queue) removeFirst(level, digit int) {
	s := &q.slots[level][digit]
	c := s.head
	c.first++
	if c.first < c.past {
		return
	}
	s.head = c.next
	if s.head == nil {
		s.tail = nil
		q.used[level] &^= 1 << digit
	}
	q.release(c)
}

// spill moves the entries of a slot to lower levels, now that last has reached the slot.
func (q *queue) spill(level, digit int) {
	c := q.slots[level][digit].head
	q.slots[level][digit] = slot{}
	q.used[level] &^= 1 << digit
	for c != nil {
		for i := c.first; i < c.past; i++ {
			q.place(c.entries[i])
		}
		next := c.next
		q.release(c)
		c = next
	}
}
