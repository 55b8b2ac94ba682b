package bimodal

import (
	"math/bits"

	"spinglass/protocol"
)

// windowMax is the most packets of one stream between its floor and the newest heard of. A member that is further behind gives
// up the oldest.
const windowMax = 1 << 16

// windowMin is the least number of slots that a stream takes when it has any.
const windowMin = 16

// What packets and slots cost in the buffer's account beyond the bodies, in bytes.
const (
	packetCost   = 136
	slotCost     = 24
	manifestCost = 96
)

// slot is what is known of one packet number.
type slot struct {
	packet *Packet // nil: missing, or given up when it is below next
	usage
	gossiper uint16 // who was last asked for it, shortened
	relayed  bool   // handed on already
	echo     uint16 // the gossiper's round that was echoed then, shortened
}

// occasion is a digest as far as asking because of it goes, and what it may still cost.
type occasion struct {
	from    protocol.NodeID
	answer  bool   // to a poll
	round   uint32 // the gossiper's, echoed in the request
	pause   uint32 // rounds after which a packet may be asked for again
	numbers int    // packets that may still be asked for
	scan    int    // missing packets that may still be looked at
	known   uint64 // highest packet of the stream that was heard of before
}

// mayAsk reports whether a missing packet may be asked for because of a digest in this node's round: when it was not "requested in
// the last 2 rounds". Those are this node's rounds, or the gossiper's own when it is the one who was asked: a node that was paused
// finds the digests of all that time at once, and what it asks for by the first of them is refused as late.
func (s *slot) mayAsk(round uint32, o *occasion) bool {
	return round-s.asked > o.pause || s.gossiper == uint16(o.from) && int32(int16(uint16(o.round)-s.echo)) > int32(o.pause)
}

// ask notes that a missing packet is asked for because of a digest.
func (s *slot) ask(round uint32, o *occasion) {
	s.asked, s.gossiper, s.echo = round, uint16(o.from), uint16(o.round)
}

// window is the part of a stream that a member deals with: base <= next <= high+1. Numbers below base are done with; those from
// base to next-1 are delivered (or given up) and held for repairing others; those from next on are wanted.
type window struct {
	slots   []slot   // a ring, its length a power of two
	filled  []uint64 // a bit for each slot: it has a packet. So runs of packets, and of holes, are found 64 at a time
	spared  []uint64 // a bit for each slot: it has no packet, and this node wants none; nil as long as there is none
	base    uint64
	next    uint64
	high    uint64 // highest number heard of
	held    int    // packets in slots
	waiting int    // packets in slots from next on
	sparing int    // numbers from next on that are spared
	bytes   int    // what the packets in slots cost
}

// cost returns what the window takes of the buffer, in bytes.
func (w *window) cost() int { return w.bytes + slotCost*len(w.slots) }

// at returns the slot of a number from base to high.
func (w *window) at(seq uint64) *slot { return &w.slots[w.index(seq)] }

// missing returns how many packets are wanted and not held.
func (w *window) missing() uint64 { return w.high + 1 - w.next - uint64(w.waiting+w.sparing) }

// active reports whether there is anything to repair for others or for this node.
func (w *window) active() bool { return w.held > 0 || w.next <= w.high }

// put stores a packet in the slot of its number, which has none.
func (w *window) put(p *Packet) *slot {
	slot, i := w.at(p.Seq), w.index(p.Seq)
	slot.packet = p
	w.filled[i/64] |= 1 << (i % 64)
	if w.spared != nil {
		w.setWanted(p.Seq)
	}
	return slot
}

// take empties the slot of a number, which has a packet.
func (w *window) take(seq uint64) {
	i := w.index(seq)
	w.at(seq).packet = nil
	w.filled[i/64] &^= 1 << (i % 64)
}

func (w *window) index(seq uint64) uint64 { return seq & uint64(len(w.slots)-1) }

// last returns the highest number from low to seq that is looked for; base <= low and seq <= high.
func (w *window) last(seq, low uint64, f find) (uint64, bool) {
	for seq >= low {
		i := w.index(seq)
		word := w.word(i, f)
		span := i%64 + 1 // numbers that this word has of the ring, from seq down
		if n := uint64(bits.LeadingZeros64(word << (64 - span))); n < span {
			return seq - n, seq-n >= low && seq >= n
		}
		if seq < span {
			break
		}
		seq -= span
	}
	return 0, false
}

// first returns the lowest number from seq to high that is looked for; base <= seq and high is at most the window's.
func (w *window) first(seq, high uint64, f find) (uint64, bool) {
	for seq <= high {
		i := w.index(seq)
		word := w.word(i, f)
		span := min(64, uint64(len(w.slots))) - i%64 // numbers that this word has of the ring, from seq up
		if n := uint64(bits.TrailingZeros64(word >> (i % 64))); n < span {
			return seq + n, seq+n <= high
		}
		seq += span
	}
	return 0, false
}

// extend raises high, which must fit in the window, and marks the new numbers as missing since round. It returns by how many
// slots the ring grew.
func (w *window) extend(high uint64, round uint32) int {
	grown := 0
	if need := high + 1 - w.base; need > uint64(len(w.slots)) {
		grown = w.grow(need)
	}
	for seq := w.high + 1; seq <= high; seq++ {
		*w.at(seq) = slot{usage: usage{since: round, asked: round - neverAsked}}
		if w.spared != nil {
			i := w.index(seq)
			w.spared[i/64] &^= 1 << (i % 64)
		}
	}
	w.high = high
	return grown
}

func (w *window) grow(need uint64) int {
	if need > windowMax {
		panic("bimodal: window of a stream exceeds its limit")
	}
	old := *w
	length := max(windowMin, len(old.slots))
	for uint64(length) < need {
		length *= 2
	}
	w.slots, w.filled = make([]slot, length), make([]uint64, (length+63)/64)
	if w.spared != nil {
		w.spared = make([]uint64, len(w.filled))
	}
	for seq := old.base; seq <= old.high; seq++ {
		slot, i := old.at(seq), w.index(seq)
		*w.at(seq) = *slot
		switch {
		case slot.packet != nil:
			w.filled[i/64] |= 1 << (i % 64)
		case old.spares(seq):
			w.spared[i/64] |= 1 << (i % 64)
		}
	}
	return length - len(old.slots)
}

// ranges appends the ranges of packets held, newest first, at most max, and returns the number from which on they are complete. Those for a member that wants no more than this node
// go over what is spared, which neither misses.
func (w *window) ranges(ranges []Range, max int, overSpared bool) ([]Range, uint64) {
	part, rest := findHeld, findAbsent
	if overSpared {
		part, rest = findSettled, findMissing
	}
	if w.held == 0 {
		return ranges, w.base
	}
	for seq, count := w.high, 0; ; count++ {
		last, held := w.last(seq, w.base, part)
		if !held {
			return ranges, w.base
		}
		if count == max {
			return ranges, ranges[len(ranges)-1].First
		}
		hole, more := w.last(last, w.base, rest)
		if !more {
			return append(ranges, Range{First: w.base, Last: last}), w.base
		}
		ranges = append(ranges, Range{First: hole + 1, Last: last})
		seq = hole
	}
}

// neverAsked is how many rounds ago a packet was asked for that never was: longer than any pause.
const neverAsked = requestPauseMax + 1
