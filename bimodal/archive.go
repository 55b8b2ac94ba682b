package bimodal

import (
	"math/bits"
	"slices"
)

// blockCost is what a block takes of the buffer beyond its packets, in bytes.
const blockCost = 384

// freeBlocksMax bounds how many blocks are kept for the next use.
const freeBlocksMax = 256

// usage is what is known of a packet that is held, or was.
type usage struct {
	since    uint32 // round in which the packet was received, or was found to be missing
	asked    uint32 // round in which it was last asked for: by others when held, by this node when missing
	requests uint8  // how often others asked for it
	replies  uint8  // how often it was sent in reply
	standing standing
	cover    *Packet // of a packet beyond its short phase that is not proven yet: the one with its manifest, which is held no longer otherwise; nil for none
}

// block is what a member holds beyond the short phase of blockLength packets in a row.
type block struct {
	first   uint64 // number of the first of them
	chosen  bool   // this node is one of its bufferers; otherwise it holds what was asked for of late
	held    uint32 // a bit for each packet that is held
	due     uint32 // round before which no packet is due to be dropped
	packets [blockLength]*Packet
	usages  [blockLength]usage
}

// archive is what a member holds of a stream beyond the short phase: the blocks below the window, in the order of their numbers.
type archive struct {
	blocks []*block // each holds something
	bytes  int      // what they cost
	judged uint64   // block that was looked at last, plus 1: whether this node is one of its bufferers is in chosen
	chosen bool
}

// find returns where the block of a packet is in blocks, or would be.
func (a *archive) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(a.blocks, blockOf(seq), func(b *block, first uint64) int {
		switch {
		case b.first < first:
			return -1
		case b.first > first:
			return 1
		}
		return 0
	})
}

// packet returns a packet with its usage, nil if it is not held.
func (a *archive) packet(seq uint64) (*Packet, *usage) {
	i, ok := a.find(seq)
	if !ok {
		return nil, nil
	}
	b, at := a.blocks[i], seq%blockLength
	return b.packets[at], &b.usages[at]
}

// runs calls yield with the runs of packets that are held from low to high, newest first, until it returns false. A run ends with its block,
// so that runs may touch. It reports whether there was no false.
func (a *archive) runs(low, high uint64, yield func(Range) bool) bool {
	i, found := a.find(high)
	if !found {
		i--
	}
	for ; i >= 0 && a.blocks[i].first+blockLength > low; i-- {
		b := a.blocks[i]
		held := b.held
		if high < b.first+blockLength-1 {
			held &= 1<<(high-b.first+1) - 1
		}
		if low > b.first {
			held &^= 1<<(low-b.first) - 1
		}
		for held != 0 {
			last := bits.Len32(held) - 1
			length := bits.LeadingZeros32(^(held << (31 - last)))
			first := last - length + 1
			if !yield(Range{First: b.first + uint64(first), Last: b.first + uint64(last)}) {
				return false
			}
			held &= 1<<first - 1
		}
	}
	return true
}

// oldest returns the lowest number of a packet of the stream from which on this node can tell what there is.
func (s *stream) oldest() uint64 {
	if len(s.archive.blocks) == 0 {
		return s.base
	}
	b := s.archive.blocks[0]
	return b.first + uint64(bits.TrailingZeros32(b.held))
}

// packet returns packet seq of a stream, of whatever number, and its usage; nil if it is not held.
func (s *stream) packet(seq uint64) (*Packet, *usage) {
	switch {
	case seq > s.high:
		return nil, nil
	case seq < s.base:
		return s.archive.packet(seq)
	}
	slot := s.at(seq)
	return slot.packet, &slot.usage
}

// active reports whether there is anything of a stream to repair for others or for this node.
func (s *stream) active() bool { return s.window.active() || len(s.archive.blocks) > 0 }
