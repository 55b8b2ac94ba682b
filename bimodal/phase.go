package bimodal

import "math/bits"

const (
	// longShare is which part of the buffer the long phase may take when it is full: one in so many. The rest is for the short phase, since
	// most packets are missed soon after they were sent.
	longShare = 2
	// sparse is how many times as many members as bufferers there are from which on a packet that is kept is copied: the memory that it came in
	// holds mostly packets that are not kept, and would stay with it.
	sparse = 2
	// longLife is the life in rounds beyond which packets of a topic are copied in any case, and apart from those of others: what they would share
	// memory with is long gone.
	longLife = 100
)

// divided reports whether packets of a topic have a short phase: the members of the own zone share them, since they are more than the bufferers, or
// life is so long that windows would be. Otherwise each member keeps all packets and tells of all for the whole of their life: regular digests serve
// who was paused better than polls.
func (m *Machine) divided(t *topic) bool {
	m.refreshTargets(t)
	return m.hashed() && (t.residents() > t.knobs.Bufferers || t.life() > longLife)
}

// short returns how many rounds the short phase of a topic's packets lasts; as long as life where all keep all.
func (m *Machine) short(t *topic) uint32 {
	if !m.divided(t) {
		return t.life()
	}
	return min(uint32(m.config.Short), t.life())
}

// shortOver reports whether the short phase of a packet is over by its age.
func (m *Machine) shortOver(s *stream, use *usage) bool {
	if m.divided(s.topic) {
		return m.round-use.since > m.short(s.topic)
	}
	return m.over(s, use)
}

// retire ends the short phase of the packet at the floor of a stream, which is delivered or given up. The packet stays if this node is one
// of its bufferers, and for a while if it was asked for of late. forced says that the phase ends before its time, for want of room. The
// caller raises the floor.
func (m *Machine) retire(s *stream, forced bool) {
	slot := s.at(s.base)
	if slot.packet == nil {
		return
	}
	p := slot.packet
	divided := m.divided(s.topic)
	chosen := divided && m.chosen(s, p.Seq)
	if chosen {
		m.keepProof(s, p, &slot.usage)
	}
	use := slot.usage
	m.discard(s)
	if chosen || divided && !forced && m.round-use.asked <= m.short(s.topic) {
		m.keepLong(s, p, use)
	}
	if forced && !chosen && !m.shortOver(s, &use) {
		m.stats.PacketsEvicted++
		m.stats.EvictedAge = int(m.round - use.since)
	}
}

// chosen reports whether this node is one of the bufferers of a packet. What it finds holds for the whole block, so that changes of the
// view do not divide one.
func (m *Machine) chosen(s *stream, seq uint64) bool {
	a := &s.archive
	if s.topic.levels != nil { // those of a block differ
		a.judged, a.chosen = 0, m.buffers(s, seq)
		return a.chosen
	}
	if first := blockOf(seq); a.judged != first+1 {
		a.judged, a.chosen = first+1, m.buffers(s, seq)
		if a.chosen {
			m.stats.BlocksKept++
		} else {
			m.stats.BlocksPassed++
		}
	}
	return a.chosen
}

// openBlock returns the block of a packet, which is the last one of the archive or a new one behind it.
func (m *Machine) openBlock(s *stream, seq uint64) *block {
	a := &s.archive
	if n := len(a.blocks); n > 0 && a.blocks[n-1].first == blockOf(seq) {
		a.blocks[n-1].chosen = a.blocks[n-1].chosen || a.chosen
		return a.blocks[n-1]
	}
	var b *block
	if n := len(m.freeBlocks); n > 0 {
		b = m.freeBlocks[n-1]
		m.freeBlocks = m.freeBlocks[:n-1]
	} else {
		b = new(block)
	}
	b.first, b.chosen, b.due = blockOf(seq), a.chosen, m.round
	a.blocks = append(a.blocks, b)
	m.countLong(s, 0, blockCost)
	return b
}

// copies reports whether packets that are kept beyond their short phase are copied. Nothing else is in the memory of this node's own.
func (m *Machine) copies(s *stream) bool {
	t := s.topic
	return t.life() > longLife || s.id.Author != m.config.Self && t.residents() > sparse*t.knobs.Bufferers
}

// keepLong puts a packet into the archive.
func (m *Machine) keepLong(s *stream, p *Packet, use usage) {
	switch t := s.topic; {
	case t.life() > longLife:
		p = t.longArena.clone(p)
	case m.copies(s):
		p = m.longArena.clone(p)
	}
	b, at := m.openBlock(s, p.Seq), p.Seq%blockLength
	b.packets[at], b.usages[at] = p, use
	b.held |= 1 << at
	m.countLong(s, 1, p.cost())
}

// dropLong drops a packet of a block, which holds it.
func (m *Machine) dropLong(s *stream, b *block, at int) {
	m.countLong(s, -1, -b.packets[at].cost())
	b.packets[at] = nil
	b.held &^= 1 << at
}

// countLong accounts for what the archive of a stream takes.
func (m *Machine) countLong(s *stream, packets, bytes int) {
	s.archive.bytes += bytes
	m.stats.BufferedPackets += packets
	m.stats.BufferedBytes += bytes
	m.stats.LongPackets += packets
	m.stats.LongBytes += bytes
}

// freeBlock lets go of a block, with what it holds.
func (m *Machine) freeBlock(s *stream, b *block) {
	for b.held != 0 {
		m.dropLong(s, b, bits.TrailingZeros32(b.held))
	}
	m.countLong(s, 0, -blockCost)
	if *b = (block{}); len(m.freeBlocks) < freeBlocksMax {
		m.freeBlocks = append(m.freeBlocks, b)
	}
}

// sweepLong drops what the archive of a stream has held for long enough.
func (m *Machine) sweepLong(s *stream) {
	a := &s.archive
	kept := a.blocks[:0]
	for _, b := range a.blocks {
		if int32(m.round-b.due) >= 0 {
			m.sweepBlock(s, b)
		}
		if b.held == 0 {
			m.freeBlock(s, b)
		} else {
			kept = append(kept, b)
		}
	}
	clear(a.blocks[len(kept):])
	a.blocks = kept
}

// sweepBlock drops what is over of a block, and finds when it is to be looked at next.
func (m *Machine) sweepBlock(s *stream, b *block) {
	life, short := s.topic.life(), m.short(s.topic)
	b.due = m.round + life
	for held := b.held; held != 0; held &= held - 1 {
		at := bits.TrailingZeros32(held)
		use, due := &b.usages[at], uint32(0)
		if due = use.asked + short + 1; b.chosen {
			due = max(use.since, use.asked) + life + 1
		}
		if int32(m.round-due) >= 0 {
			m.dropLong(s, b, at)
		} else {
			b.due = min(b.due, due)
		}
	}
}

// clearLong drops all that the archive of a stream holds.
func (m *Machine) clearLong(s *stream) {
	for _, b := range s.archive.blocks {
		m.freeBlock(s, b)
	}
	s.archive = archive{}
}

// evictBlock drops the oldest block of a stream.
func (m *Machine) evictBlock(s *stream) {
	b := s.archive.blocks[0]
	for held := b.held; held != 0; held &= held - 1 {
		m.stats.PacketsEvicted++
		m.stats.LongEvicted++
		m.stats.LongEvictedAge = int(m.round - b.usages[bits.TrailingZeros32(held)].since)
	}
	m.freeBlock(s, b)
	s.archive.blocks[0] = nil
	s.archive.blocks = s.archive.blocks[1:]
}
