package vsync

import (
	"time"

	"spinglass/protocol"
)

// group is one that this node has joined.
type group struct {
	m       *Machine
	name    string
	topic   string
	id      uint64
	options Options

	incarnation uint64
	attempt     uint64 // that the incarnation stands for
	leaving     bool
	ejected     bool // it was in a view since it joined

	seeking
	view    *View // nil while in none
	rank    int
	latest  *Decided // what the present view came of
	index   map[protocol.NodeID]int
	joined  bool // in this view
	taughtA protocol.Time
	askedAt protocol.Time

	streams []stream
	held    int // bytes
	total   total
	sent    []uint64 // what the latest own cast depends on
	future  []future
	futures int     // bytes of them
	old     *former // the view before, for who has not installed the present one

	stability
	change
	serving

	flushes     []flushWait
	flushNumber uint64
	wanting     bool // to cast
}

// former is what is kept of the view before.
type former struct {
	id      ViewID
	streams []stream
	bytes   int // that they hold
}

// future is a message of a view that is not installed yet.
type future struct {
	author protocol.NodeID
	numbered
}

// Bounds of what is kept of views that are not installed yet.
const (
	futuresMax     = 4096
	futureBytesMax = 4 << 20
)

// flushWait is a Flush that waits.
type flushWait struct {
	number uint64
	seq    uint64   // of the own messages
	upto   []uint64 // what of each member was delivered here once all of them were, and what ordered that; nil until then

	term    uint64 // of total order: the latest by which something was delivered then,
	touched uint64 // and up to which of its holder's messages
	settled bool   // no later term can leave that out
}

// rankOf returns the rank of a node in the present view, -1 when it has none.
func (g *group) rankOf(id protocol.NodeID) int {
	if rank, ok := g.index[id]; ok {
		return rank
	}
	return -1
}

// others returns the members of the view but for this one and those given.
func (g *group) others(without ranks) []protocol.NodeID {
	ids := make([]protocol.NodeID, 0, len(g.view.Members))
	for i := range g.view.Members {
		if i != g.rank && !without.has(i) {
			ids = append(ids, g.view.Members[i].ID)
		}
	}
	return ids
}

func (g *group) members() ranks { return allRanks(len(g.view.Members)) }

// live returns the members that are not taken for failed.
func (g *group) live() ranks { return g.members().minus(g.failed) }

func (g *group) header() header { return header{Group: g.id, View: g.view.ID} }

// jitter draws from three quarters to five quarters of a time.
func (m *Machine) jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(m.config.Rand.Int64N(int64(d)/2+1))
}

// payload takes what the topic of the group carries.
func (g *group) payload(now protocol.Time, author protocol.NodeID, payload []byte, out *protocol.Output) {
	if len(payload) == 0 {
		return
	}
	switch payload[0] {
	case payloadNumbered:
		if n, ok := readNumbered(payload[1:]); ok {
			g.numbered(now, author, n, out)
			return
		}
	case payloadSeek:
		if s, ok := readSeek(payload[1:]); ok && s.member.ID == author {
			g.receiveSeek(now, s, out)
			return
		}
	}
	out.Drop(author, ReasonMalformed)
}

// numbered takes a message of a view.
func (g *group) numbered(now protocol.Time, author protocol.NodeID, n numbered, out *protocol.Output) {
	switch {
	case g.view != nil && n.view == g.view.ID:
		rank := g.rankOf(author)
		if rank < 0 || rank == g.rank {
			out.Drop(author, ReasonStranger)
			return
		}
		g.take(now, rank, n.seq, append([]byte(nil), n.body...), out)
	case g.view != nil && n.view.Epoch == g.view.ID.Epoch && n.view.Number < g.view.ID.Number:
		if g.rankOf(author) < 0 {
			g.teach(now, author, out)
		}
	case g.view != nil:
		g.heard = now
		if n.view.Epoch == g.view.ID.Epoch {
			g.keepFuture(author, n) // who goes over to another epoch joins there, and has the state
		}
		g.ask(now, author, out)
	default:
		g.heard = now
		g.keepFuture(author, n)
	}
}

// keepFuture keeps a message of a view that is not installed yet.
func (g *group) keepFuture(author protocol.NodeID, n numbered) {
	if len(g.future) >= futuresMax || g.futures+len(n.body) > futureBytesMax {
		g.m.stats.FutureRefused++
		return
	}
	n.body = append([]byte(nil), n.body...)
	g.future = append(g.future, future{author, n})
	g.futures += len(n.body)
}

// replayFuture takes the messages that came before their view.
func (g *group) replayFuture(now protocol.Time, out *protocol.Output) {
	waiting := g.future
	g.future, g.futures = nil, 0
	for _, f := range waiting {
		switch {
		case g.view == nil || f.view.Epoch == g.view.ID.Epoch && g.view.ID.Number < f.view.Number:
			g.future = append(g.future, f)
			g.futures += len(f.body)
		case f.view == g.view.ID:
			if rank := g.rankOf(f.author); rank >= 0 && rank != g.rank {
				g.take(now, rank, f.seq, f.body, out)
			}
		}
	}
}

// offer tells the application that it can cast, if it waits for that.
func (g *group) offer(out *protocol.Output) {
	if g.wanting && g.view != nil && !g.blocked && !g.full() {
		g.wanting = false
		out.Emit(Writable{Group: g.name})
	}
}

// dropFormer forgets what is kept of the view before.
func (g *group) dropFormer() {
	if g.old != nil {
		g.m.hold(-g.old.bytes)
		g.old = nil
	}
}

// clear forgets what belongs to the present view and to the attempt to be in it.
func (g *group) clear(out *protocol.Output) {
	g.m.hold(-g.held)
	g.held = 0
	g.dropFormer()
	g.endServing(out)
	g.view, g.index, g.latest, g.streams = nil, nil, nil, nil
	g.change, g.stability, g.total = change{joiners: g.joiners}, stability{}, total{}
	g.flushes, g.sent = nil, nil
	for what := taskGossip; what <= taskState; what++ {
		g.cancel(what)
	}
}
