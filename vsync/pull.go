package vsync

import (
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// pull is what is asked for of a stream.
type pull struct {
	have    uint64        // what there was when it was looked at last
	asked   protocol.Time // when it was asked for last
	tries   int
	from    int    // rank of who is known to have it, plus 1
	seq     uint64 // of a message of which a part has come:
	partial []byte // that,
	whole   uint64 // and its size
}

// Bounds of what one Pull brings.
const (
	pullBytes    = 128 << 10
	pullMessages = 4096
)

// need returns up to which number the messages of a member are wanted.
func (g *group) need(rank int) uint64 {
	s := &g.streams[rank]
	switch {
	case g.decided != nil:
		return g.decided.Decision.Cut[rank]
	case g.pending != nil:
		return g.pending.decision.Cut[rank]
	case g.blocked:
		return s.have
	}
	return s.told
}

// pullMissing asks for what is missing and does not come by itself.
func (g *group) pullMissing(now protocol.Time, out *protocol.Output) {
	if g.view == nil {
		return
	}
	missing := false
	for rank := range g.streams {
		s := &g.streams[rank]
		need := g.need(rank)
		if s.have >= need {
			s.pull = pull{have: s.have, from: s.pull.from}
			continue
		}
		missing = true
		if s.have > s.pull.have && !g.blocked && now.Sub(s.pull.asked) > 2*g.m.config.Retry {
			s.pull.have = s.have // it comes by the multicast
			continue
		}
		if now.Sub(s.pull.asked) >= g.m.config.Retry {
			g.askFor(now, rank, need, out)
		}
	}
	if missing {
		g.set(taskPull, now.Add(g.m.config.Retry))
	}
}

// askFor asks a member for messages of another one: who is known to have them, then its sender, then any.
func (g *group) askFor(now protocol.Time, rank int, need uint64, out *protocol.Output) {
	s := &g.streams[rank]
	p := &s.pull
	to := -1
	switch {
	case p.tries%3 == 0 && p.from > 0:
		to = p.from - 1
	case p.tries%3 == 1 || p.tries%3 == 0:
		to = rank
	}
	others := g.others(g.failed)
	if to < 0 || to == g.rank || g.failed.has(to) && !g.blocked {
		if len(others) == 0 {
			return
		}
		to = g.rankOf(others[g.m.config.Rand.IntN(len(others))])
	}
	p.tries++
	if p.seq != s.have+1 {
		p.partial = nil
	}
	p.asked, p.have = now, s.have
	g.m.stats.Pulls++
	g.m.post(out, g.view.Members[to].ID, seal(&Pull{header: g.header(), Rank: uint64(rank), Seq: s.have + 1, Last: need, Offset: uint64(len(p.partial))}))
}

// receivePull answers with messages of the present view or of the one before.
func (g *group) receivePull(now protocol.Time, from protocol.NodeID, p *Pull, out *protocol.Output) {
	streams := g.streams
	switch {
	case g.view != nil && p.View == g.view.ID:
	case g.old != nil && p.View == g.old.id:
		streams = g.old.streams
		g.teach(now, from, out)
	default:
		g.strange(now, from, p.View, out)
		return
	}
	if p.Rank >= uint64(len(streams)) || p.Seq == 0 {
		out.Drop(from, ReasonMalformed)
		return
	}
	g.m.stats.PullsTaken++
	h := header{Group: g.id, View: p.View}
	pieces := g.piecesOf(&streams[p.Rank], h, p)
	if len(pieces) == 0 {
		g.m.stats.PullsEmpty++
		return
	}
	pieces[len(pieces)-1].Last = true
	for _, piece := range pieces {
		g.m.post(out, from, seal(piece))
	}
}

// room is what a message of this package has besides what it carries, at most.
const overhead = 80

// bodyRoom returns how many bytes of messages a datagram takes.
func (m *Machine) bodyRoom() int { return m.config.DatagramSize - wire.HeaderSize - overhead }

// piecesOf cuts what a Pull asks for into messages.
func (g *group) piecesOf(s *stream, h header, p *Pull) (pieces []*Pieces) {
	room, offset := g.m.bodyRoom(), p.Offset
	var open *Pieces
	filled, total := 0, 0
	for seq := p.Seq; seq <= p.Last && seq < p.Seq+pullMessages && total < pullBytes; seq++ {
		body := s.at(seq)
		if body == nil {
			break
		}
		size := len(body) + 3
		if offset > 0 || size > room {
			open = nil
			for offset < uint64(len(body)) && total < pullBytes {
				n := min(uint64(room), uint64(len(body))-offset)
				pieces = append(pieces, &Pieces{header: h, Rank: p.Rank, Seq: seq, Offset: offset, Whole: uint64(len(body)), Bodies: [][]byte{body[offset : offset+n]}})
				offset, total = offset+n, total+int(n)
			}
			if offset < uint64(len(body)) {
				return pieces
			}
			offset = 0
			continue
		}
		if open == nil || filled+size > room || len(open.Bodies) == bodiesMax {
			open, filled = &Pieces{header: h, Rank: p.Rank, Seq: seq}, 0
			pieces = append(pieces, open)
		}
		open.Bodies = append(open.Bodies, body)
		filled, total = filled+size, total+size
	}
	return pieces
}

// receivePieces takes messages that were asked for.
func (g *group) receivePieces(now protocol.Time, from int, p *Pieces, out *protocol.Output) {
	rank := int(p.Rank)
	if rank >= len(g.streams) || rank == g.rank || p.Seq == 0 || p.Whole > 0 && len(p.Bodies) != 1 {
		out.Drop(g.view.Members[from].ID, ReasonMalformed)
		return
	}
	g.streams[rank].pull.from = from + 1
	g.streams[rank].pull.tries = 0
	view, refused := g.view, g.m.stats.HeldRefused
	if p.Whole > 0 {
		g.receiveCut(now, rank, p, out)
	}
	for i := 0; p.Whole == 0 && i < len(p.Bodies) && g.view == view; i++ {
		if seq := p.Seq + uint64(i); seq > g.streams[rank].have && len(p.Bodies[i]) > 0 && len(p.Bodies[i]) <= bodyMax {
			g.m.stats.MessagesPulled++
			g.take(now, rank, seq, slices.Clone(p.Bodies[i]), out)
		}
	}
	if g.view != view || !p.Last || g.m.stats.HeldRefused > refused {
		return // what there is no room for is asked for again later
	}
	if s := &g.streams[rank]; s.have < g.need(rank) {
		g.askFor(now, rank, g.need(rank), out)
	}
}

// receiveCut takes a part of a message, the next one.
func (g *group) receiveCut(now protocol.Time, rank int, p *Pieces, out *protocol.Output) {
	s := &g.streams[rank]
	if p.Seq != s.have+1 {
		return
	}
	x := &s.pull
	if p.Offset == 0 || x.whole != p.Whole || x.seq != p.Seq {
		x.partial, x.whole, x.seq = nil, p.Whole, p.Seq
	}
	if p.Offset != uint64(len(x.partial)) || p.Offset+uint64(len(p.Bodies[0])) > p.Whole {
		return
	}
	x.partial = append(x.partial, p.Bodies[0]...)
	if uint64(len(x.partial)) < p.Whole {
		return
	}
	body := x.partial
	x.partial, x.whole = nil, 0
	if len(body) > 0 {
		g.m.stats.MessagesPulled++
		g.take(now, rank, p.Seq, body, out)
	}
}
