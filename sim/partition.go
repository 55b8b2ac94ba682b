package sim

import (
	"slices"
	"time"

	"spinglass/protocol"
)

// barrier stands between two groups of hosts: a partition, or a clog.
type barrier struct {
	sides  []uint8       // by index of host: sideFrom, sideTo
	twoWay bool          // stands in the other direction, too
	clog   bool          // holds back instead of losing
	until  protocol.Time // clog: when it lets go
}

const (
	sideFrom uint8 = 1 << iota
	sideTo
)

// Partition is a partition, or clogged links, that can be healed.
type Partition struct {
	world   *World
	barrier *barrier
}

// Cut loses all datagrams from the hosts of one group to those of another, and in the other direction as well if twoWay; what
// was under way and would arrive while the partition stands is lost, too. Streams between them stall. A host may be in both groups: it is cut off from itself as well then.
func (w *World) Cut(from, to []protocol.NodeID, twoWay bool) *Partition {
	return w.bar(from, to, &barrier{twoWay: twoWay})
}

// Isolate cuts the given hosts off from all hosts that there are besides, in both directions.
func (w *World) Isolate(ids ...protocol.NodeID) *Partition {
	var others []protocol.NodeID
	for _, h := range w.hosts {
		if !slices.Contains(ids, h.place.ID) {
			others = append(others, h.place.ID)
		}
	}
	return w.Cut(ids, others, true)
}

// Clog holds back what the hosts of one group send to those of another from now on for the duration: it sets out only then, all at
// once.
func (w *World) Clog(from, to []protocol.NodeID, d time.Duration) *Partition {
	p := w.bar(from, to, &barrier{clog: true, until: w.now.Add(d)})
	w.At(w.now.Add(d), p.Heal)
	return p
}

func (w *World) bar(from, to []protocol.NodeID, b *barrier) *Partition {
	b.sides = make([]uint8, len(w.hosts))
	for _, id := range from {
		b.sides[w.must(id).index] |= sideFrom
	}
	for _, id := range to {
		b.sides[w.must(id).index] |= sideTo
	}
	w.barriers = append(w.barriers, b)
	return &Partition{world: w, barrier: b}
}

// Heal ends the partition. What a clog holds back already stays held back. Healing again does nothing.
func (p *Partition) Heal() {
	w := p.world
	w.barriers = slices.DeleteFunc(w.barriers, func(b *barrier) bool { return b == p.barrier })
}

// stands reports whether b stands between two hosts. Hosts added later than b stand on neither side.
func (b *barrier) stands(from, to uint32) bool {
	if int(max(from, to)) >= len(b.sides) {
		return false
	}
	f, t := b.sides[from], b.sides[to]
	return f&sideFrom != 0 && t&sideTo != 0 || b.twoWay && f&sideTo != 0 && t&sideFrom != 0
}

// severed reports whether a partition stands between two hosts.
func (w *World) severed(from, to uint32) bool {
	for _, b := range w.barriers {
		if !b.clog && b.stands(from, to) {
			return true
		}
	}
	return false
}

// unclogged returns when a datagram that is ready at the given time sets out.
func (w *World) unclogged(from, to uint32, at protocol.Time) protocol.Time {
	left := at
	for _, b := range w.barriers {
		if b.clog && b.stands(from, to) {
			left = max(left, b.until)
		}
	}
	if left > at {
		w.stats.Clogged++
	}
	return left
}
