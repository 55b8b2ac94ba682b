package bimodal

import "spinglass/protocol"

// straysKept is how many packets that were handed on without being kept are remembered, and how many are handed on in the time of a round.
const straysKept = 4096

// strays are packets that a node hands on though nothing is kept of them here: of a topic that it has ceased to want, or beyond what it could take
// up. By orders that contradict themselves or each other such a packet could come in a circle, as many times more each time.
type strays struct {
	hashes []uint64      // of the latest in each place; nil before the first
	since  protocol.Time // begin of the round in which so many are handed on
}

// firstStray reports whether a packet that is not kept here is to be handed on: if it was not before, as far as that is remembered, and not too many
// others were.
func (m *Machine) firstStray(now protocol.Time, from protocol.NodeID, p *Packet, out *protocol.Output) bool {
	x := &m.orders.strays
	if x.hashes == nil || now.Sub(x.since) >= m.config.Round {
		x.since = now
		m.favours.strays.Begin()
	}
	if x.hashes == nil {
		x.hashes = make([]uint64, straysKept)
	}
	// Which packets share a place differs from node to node, so that no two of them take turns at all.
	hash := mix(p.Stream.hash()^m.hash^p.Seq*golden) | 1
	place := &x.hashes[hash/2%straysKept]
	switch {
	case *place == hash:
		return false
	case m.favours.strays.Take(&m.portions(from).strays, 1) != protocol.Granted:
		m.stats.RelaysRefused++
		out.Drop(from, ReasonRelays)
		return false
	}
	*place = hash
	return true
}
