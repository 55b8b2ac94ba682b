package sim

import (
	"maps"
	"time"

	"spinglass/protocol"
)

// Overhead is what IP and UDP add to each datagram on the links, in bytes. It counts for bandwidth, not in Stats.
const Overhead = 28

// QueueDefault is the number of bytes that wait before a link or an egress of limited bandwidth where nothing else is said.
const QueueDefault = 1 << 20

// maxHops bounds the links of a route.
const maxHops = 128

// Network is what lies between the hosts. The zero Network carries every datagram at once.
type Network struct {
	Topology Topology // which links a datagram passes; nil for none
	// Egress is the bandwidth with which each host sends, in bytes per second; 0 for unlimited. EgressQueue is how many bytes may wait for
	// it, 0 for QueueDefault; what comes on top is lost and counted.
	Egress      int64
	EgressQueue int64
	// Multicast makes a Spread one transmission: it costs the sender one datagram, passes each link of a Topology once, and is lost there
	// for all receivers behind that link or for none.
	Multicast bool
	// Radio, where given, is the only network of all hosts: each Send and Spread is a unicast over one hop, and Broadcast has a meaning. There is no Topology with it, nor are there
	// segments, and Egress says nothing.
	Radio *Radio
}

// Link is one link, or a class of links with equal properties. A running world may change it from within At.
type Link struct {
	Latency Latency // nil for none
	Loss    float64 // probability that a datagram is lost
	// Duplicate is the probability that a datagram arrives twice; the copy draws a latency of its own.
	Duplicate float64
	// Reorder is the probability that a datagram is held back by ReorderDelay, so that later ones overtake it.
	Reorder      float64
	ReorderDelay Latency
	// Corrupt is the probability that one to three bits are flipped; the checksum always detects as few, so the datagram costs its
	// receiver time and is dropped.
	Corrupt float64
	// Bandwidth is in bytes per second, 0 for unlimited; Queue is how many bytes may wait for it, 0 for QueueDefault.
	Bandwidth int64
	Queue     int64
}

// Hop is one link of a route. Key tells the links apart that share a *Link; each has its own queue and its own draws.
type Hop struct {
	Link *Link
	Key  uint64
}

// Place is where a host stands.
type Place struct {
	ID    protocol.NodeID
	Index int    // hosts in the order of Add, from 0
	Zone  string // as in HostConfig
}

// Topology says which links lie between two hosts.
type Topology interface {
	// Route appends the links from one host to another, in order, to hops and returns the result. It depends on its arguments only.
	Route(from, to *Place, hops []Hop) []Hop
}

// linkKey names the queue of one link of limited bandwidth.
type linkKey struct {
	link *Link
	key  uint64
}

// linkState is the queue before a link of limited bandwidth.
type linkState struct {
	free protocol.Time
	// The datagram that passed last, so that a multicast passes once.
	from    uint32
	lost    bool
	counter uint64
}

// flight is a datagram on its way: who sent it and which of that host's datagrams it is; the draws derive from that.
type flight struct {
	from    *host
	to      *host
	counter uint64
	size    int
}

// serialize lets size bytes through a queue that is free from *free on and returns when the last byte is through; false when
// the queue is full.
func serialize(free *protocol.Time, at protocol.Time, size int, bandwidth, queue int64) (protocol.Time, bool) {
	if queue <= 0 {
		queue = QueueDefault
	}
	start := max(*free, at)
	if float64(start-at)*float64(bandwidth)/1e9 > float64(queue) {
		return 0, false
	}
	*free = start + protocol.Time(int64(size)*int64(time.Second)/bandwidth)
	return *free, true
}

// carry takes a datagram that left its host at the given time over its route and returns when it arrives; false when it is lost.
func (w *World) carry(f flight, at protocol.Time) (arrival protocol.Time, corrupt, ok bool) {
	if w.config.Network.Topology == nil {
		return at, false, true
	}
	w.hops = w.config.Network.Topology.Route(&f.from.place, &f.to.place, w.hops[:0])
	if len(w.hops) > maxHops {
		panic("sim: a route of too many links")
	}
	id := uint64(f.from.place.ID)
	for _, hop := range w.hops {
		l := hop.Link
		if w.chance(l.Loss, purposeLoss, id, f.counter, hop.Key) {
			w.stats.Lost++
			return 0, false, false
		}
		if l.Bandwidth > 0 {
			if at, ok = w.passLink(f, hop, at); !ok {
				w.stats.LinkFull++
				return 0, false, false
			}
		}
		if l.Latency != nil {
			at = at.Add(l.Latency.Draw(w.draw(purposeLatency, id, f.counter, hop.Key)))
		}
		if w.chance(l.Reorder, purposeReorder, id, f.counter, hop.Key) {
			w.stats.Reordered++
			if l.ReorderDelay != nil {
				at = at.Add(l.ReorderDelay.Draw(w.random))
			}
		}
		corrupt = w.chance(l.Corrupt, purposeCorrupt, id, f.counter, hop.Key) || corrupt
	}
	return at, corrupt, true
}

// passLink queues a datagram before a link of limited bandwidth.
func (w *World) passLink(f flight, hop Hop, at protocol.Time) (protocol.Time, bool) {
	key := linkKey{hop.Link, hop.Key}
	state := w.links[key]
	if state == nil {
		w.forgetLinks()
		state = &linkState{counter: ^uint64(0)}
		w.links[key] = state
	}
	if state.from == f.from.index && state.counter == f.counter {
		return state.free, !state.lost
	}
	at, ok := serialize(&state.free, at, f.size+Overhead, hop.Link.Bandwidth, hop.Link.Queue)
	state.from, state.counter, state.lost = f.from.index, f.counter, !ok
	return at, ok
}

// linksKept is how many queues before links are kept before those that are empty are forgotten.
const linksKept = 1 << 18

// forgetLinks bounds the memory of links by those that are in use, at a constant cost for each that is added.
func (w *World) forgetLinks() {
	if len(w.links) < w.crowd {
		return
	}
	maps.DeleteFunc(w.links, func(_ linkKey, s *linkState) bool { return s.free <= w.now })
	w.crowd = max(linksKept, 2*len(w.links))
}

// duplicated returns when the copy arrives of a datagram that left at the given time, over the route that carry found last; false
// when there is none.
func (w *World) duplicated(f flight, at protocol.Time) (protocol.Time, bool) {
	if w.config.Network.Topology == nil {
		return 0, false
	}
	id, twice := uint64(f.from.place.ID), false
	for _, hop := range w.hops {
		twice = w.chance(hop.Link.Duplicate, purposeDuplicate, id, f.counter, hop.Key) || twice
	}
	if !twice {
		return 0, false
	}
	for _, hop := range w.hops {
		if hop.Link.Latency != nil {
			at = at.Add(hop.Link.Latency.Draw(w.draw(purposeDuplicateLatency, id, f.counter, hop.Key)))
		}
	}
	return at, true
}
