package bimodal

import "spinglass/protocol"

// windowMax is the most packets of one stream between its floor and the newest heard of. A member that is further behind gives
// up the oldest.
const windowMax = 1 << 16

// windowMin is the least number of slots that a stream takes when it has any.
const windowMin = 16

// What packets and slots cost in the buffer's account beyond the bodies, in bytes.
const (
	packetCost = 128
	slotCost   = 24
)

// slot is what is known of one packet number.
type slot struct {
	packet   *Packet // nil: missing, or given up when it is below next
	since    uint32  // round in which the packet was received, or was found to be missing
	asked    uint32  // round in which it was last asked for: by others when held, by this node when missing
	requests uint8   // how often others asked for it
	replies  uint8   // how often it was sent in reply
	gossiper uint16  // who was last asked for it, shortened
	echo     uint16  // the gossiper's round that was echoed then, shortened
}

// occasion is a digest as far as asking because of it goes.
type occasion struct {
	from  protocol.NodeID
	round uint32 // the gossiper's, echoed in the request
	pause uint32 // rounds after which a packet may be asked for again
}

// mayAsk reports whether a missing packet may be asked for because of a digest in this node's round: when it was not "requested in
// the last 2 rounds". Those are this node's rounds, or the gossiper's own when it is the one who was asked: a node that was paused
// finds the digests of all that time at once, and what it asks for by the first of them is refused as late.
func (s *slot) mayAsk(round uint32, o occasion) bool {
	return round-s.asked > o.pause || s.gossiper == uint16(o.from) && int32(int16(uint16(o.round)-s.echo)) > int32(o.pause)
}

// ask notes that a missing packet is asked for because of a digest.
func (s *slot) ask(round uint32, o occasion) {
	s.asked, s.gossiper, s.echo = round, uint16(o.from), uint16(o.round)
}

// window is the part of a stream that a member deals with: base <= next <= high+1. Numbers below base are done with; those from
// base to next-1 are delivered (or given up) and held for repairing others; those from next on are wanted.
type window struct {
	slots   []slot // a ring, its length a power of two
	base    uint64
	next    uint64
	high    uint64 // highest number heard of
	held    int    // packets in slots
	waiting int    // packets in slots from next on
	bytes   int    // what the packets in slots cost
}

// cost returns what the window takes of the buffer, in bytes.
func (w *window) cost() int { return w.bytes + slotCost*len(w.slots) }

// at returns the slot of a number from base to high.
func (w *window) at(seq uint64) *slot { return &w.slots[seq&uint64(len(w.slots)-1)] }

// packet returns the packet of any number, nil if it is not held.
func (w *window) packet(seq uint64) *Packet {
	if seq < w.base || seq > w.high {
		return nil
	}
	return w.at(seq).packet
}

// missing returns how many packets are wanted and not held.
func (w *window) missing() uint64 { return w.high + 1 - w.next - uint64(w.waiting) }

// active reports whether there is anything to repair for others or for this node.
func (w *window) active() bool { return w.held > 0 || w.next <= w.high }

// extend raises high, which must fit in the window, and marks the new numbers as missing since round. It returns by how many
// slots the ring grew.
func (w *window) extend(high uint64, round uint32) int {
	grown := 0
	if need := high + 1 - w.base; need > uint64(len(w.slots)) {
		grown = w.grow(need)
	}
	for seq := w.high + 1; seq <= high; seq++ {
		*w.at(seq) = slot{since: round, asked: round - neverAsked}
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
	w.slots = make([]slot, length)
	for seq := old.base; seq <= old.high; seq++ {
		*w.at(seq) = *old.at(seq)
	}
	return length - len(old.slots)
}

// ranges appends the ranges of packets held, newest first, at most max, and returns the number from which on they are complete.
func (w *window) ranges(ranges []Range, max int) ([]Range, uint64) {
	if w.held == 0 {
		return ranges, w.base
	}
	if uint64(w.held) == w.high+1-w.base {
		return append(ranges, Range{First: w.base, Last: w.high}), w.base
	}
	mark := len(ranges)
	for seq := w.high; seq >= w.base; seq-- {
		if w.at(seq).packet == nil {
			continue
		}
		if n := len(ranges); n > mark && ranges[n-1].First == seq+1 {
			ranges[n-1].First = seq
			continue
		}
		if len(ranges)-mark == max {
			return ranges, ranges[len(ranges)-1].First
		}
		ranges = append(ranges, Range{First: seq, Last: seq})
	}
	return ranges, w.base
}

// neverAsked is how many rounds ago a packet was asked for that never was: longer than any pause.
const neverAsked = requestPauseMax + 1
