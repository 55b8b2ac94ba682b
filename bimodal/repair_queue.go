package bimodal

import (
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// Constants of the queue of repairs.
const (
	repairsMax    = 8192 // packets that wait to be repaired
	repairWait    = 2    // rounds that they wait; then the requester has asked elsewhere
	requesterPart = 2    // while several ask, each gets at most one part in so many of a round's budget
	displacedPart = 8    // who has the most waiting gives up one part in so many of it for others when there is no room
)

// repair is one packet that is to be sent again.
type repair struct {
	to     *peer
	stream *stream
	seq    uint64
	round  uint32
	pushed bool
}

// repairQueue holds repairs in a line for each requester. Requesters take turns, so that one that asks for much does not delay the others.
type repairQueue struct {
	items  []waiting
	free   int32   // first of the list of unused items; items are named by their index plus 1, and 0 is none
	length int     // items that wait
	turns  []*peer // those with a line
	turn   int     // index into turns of the next
	asking int     // requesters that asked in this round
	asked  int     // in the round before
}

// waiting is a repair in its line, or an unused item.
type waiting struct {
	repair
	next int32
}

// line is what one requester waits for, in the order in which it asked.
type line struct {
	first, last int32
	length      int
	listed      bool   // in repairQueue.turns
	asked       uint32 // round in which it asked last
	served      uint32 // round in which it was served last
	spent       int    // bytes sent to it in that round
}

// push puts a repair into the line of its requester and reports whether there was room.
func (q *repairQueue) push(r repair) bool {
	l := &r.to.line
	if q.length >= repairsMax && !q.displace(l) {
		return false
	}
	i := q.free
	if i == 0 {
		q.items = append(q.items, waiting{})
		i = int32(len(q.items))
	} else {
		q.free = q.items[i-1].next
	}
	q.items[i-1] = waiting{repair: r}
	if l.length == 0 {
		l.first = i
	} else {
		q.items[l.last-1].next = i
	}
	l.last = i
	l.length++
	q.length++
	if l.asked != r.round {
		l.asked = r.round
		q.asking++
	}
	if !l.listed {
		l.listed = true
		q.turns = append(q.turns, r.to)
	}
	return true
}

// displace makes room at the cost of the longest line, if that is not the one which asks.
func (q *repairQueue) displace(asking *line) bool {
	if asking.length*len(q.turns) > q.length {
		return false // longer than the others on average
	}
	longest := &slices.MaxFunc(q.turns, func(a, b *peer) int { return a.line.length - b.line.length }).line
	if longest.length <= asking.length {
		return false
	}
	keep := longest.length - max(1, longest.length/displacedPart)
	i := longest.first
	for range keep - 1 {
		i = q.items[i-1].next
	}
	rest := q.items[i-1].next
	if q.items[i-1].next, longest.last = 0, i; keep == 0 {
		rest, longest.first, longest.last = i, 0, 0
	}
	q.length -= longest.length - keep
	longest.length = keep
	q.release(rest)
	return true
}

// release puts a chain of items on the list of unused ones.
func (q *repairQueue) release(i int32) {
	for i != 0 {
		next := q.items[i-1].next
		q.items[i-1] = waiting{next: q.free}
		q.free, i = i, next
	}
}

// pop takes the first repair of a line.
func (q *repairQueue) pop(l *line) {
	i := l.first
	l.first = q.items[i-1].next
	q.items[i-1] = waiting{next: q.free}
	q.free = i
	l.length--
	q.length--
}

// leave drops the line of a peer that is gone.
func (q *repairQueue) leave(p *peer) {
	q.release(p.line.first)
	q.length -= p.line.length
	p.line = line{}
	q.turns = slices.DeleteFunc(q.turns, func(other *peer) bool { return other == p })
}

// beginRound counts anew who asks.
func (q *repairQueue) beginRound() { q.asked, q.asking = q.asking, 0 }

// contended reports whether several ask at this time.
func (q *repairQueue) contended() bool { return max(q.asking, q.asked, len(q.turns)) > 1 }

// enqueue reports whether there was room for a repair to wait. When there is none the rest of what was asked for is not looked at.
func (m *Machine) enqueue(r repair, out *protocol.Output) bool {
	before := m.repairs.length
	if m.repairs.push(r) {
		m.stats.RepairsDisplaced += uint64(before + 1 - m.repairs.length)
		return true
	}
	m.stats.RepairsRefused++
	out.Drop(r.to.id, ReasonRepairs)
	return false
}

// repair sends what waits, as far as the budget of the round goes, one packet to each requester by turns. The rest waits for later rounds.
func (m *Machine) repair(out *protocol.Output) {
	q := &m.repairs
	share := m.roundBudget()
	if q.contended() {
		share /= requesterPart
	}
	for passed := 0; passed < len(q.turns); {
		if q.turn >= len(q.turns) {
			q.turn = 0
		}
		p := q.turns[q.turn]
		size, served := m.repairNext(p, share, out)
		switch {
		case p.line.length == 0:
			p.line.listed = false
			q.turns = slices.Delete(q.turns, q.turn, q.turn+1)
			passed = 0
		case served:
			q.turn++
			passed = 0
		case size > m.budget:
			m.stats.RepairsDeferred++
			return
		default: // it has had its share
			q.turn++
			passed++
		}
	}
	if q.length > 0 {
		m.stats.RepairsDeferred++
	}
}

// repairNext sends a requester the next packet that it waits for, unless that would exceed the budget of the round, of which something is used, or the
// requester's share. It returns the size of the packet, 0 if nothing waits any more, and whether it was sent.
func (m *Machine) repairNext(to *peer, share int, out *protocol.Output) (int, bool) {
	q, l := &m.repairs, &to.line
	if l.served != m.round {
		l.served, l.spent = m.round, 0
	}
	for l.length > 0 {
		r := q.items[l.first-1].repair
		if m.round-r.round > repairWait {
			m.stats.RepairsExpired++
			q.pop(l)
			continue
		}
		var p *Packet
		if !r.stream.departed {
			p, _ = r.stream.packet(r.seq)
		}
		if p == nil {
			q.pop(l)
			continue
		}
		size := wire.HeaderSize + wire.FrameSize(p.Size())
		if size > m.budget && m.budget < m.granted || l.spent > 0 && l.spent+size > share {
			return size, false
		}
		l.spent += size
		q.pop(l)
		m.reply(r, p, size, out)
		return size, true
	}
	return 0, false
}
