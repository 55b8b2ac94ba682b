package vsync

import (
	"slices"

	"spinglass/wire"
)

// What the topic of a group carries begins with one of these.
const (
	payloadNumbered = 1 // view, number, body
	payloadSeek     = 2 // a member that wants to join
)

// The bodies of numbered messages begin with one of these.
const (
	bodyCast  = 0 // what it depends on, where the order is causal; then the payload of the application
	bodyOrder = 1 // which casts are next
	bodyTerm  = 2 // a term of ordering begins
)

// bodyMax bounds the body of a numbered message.
const bodyMax = CastMax + 16*MembersMax

// runsMax bounds what one message orders.
const runsMax = 512

func appendNumbered(b []byte, view ViewID, seq uint64, body []byte) []byte {
	b = view.append(append(b, payloadNumbered))
	return append(wire.AppendUvarint(b, seq), body...)
}

// numbered is a message of a member in a view. body aliases what it was read from.
type numbered struct {
	view ViewID
	seq  uint64
	body []byte
}

func readNumbered(payload []byte) (n numbered, ok bool) {
	r := wire.NewReader(payload)
	n = numbered{view: readViewID(&r), seq: r.Uvarint(), body: r.Rest()}
	return n, r.Done() == nil && n.seq > 0 && len(n.body) > 0 && len(n.body) <= bodyMax
}

// seek is what a member says that wants to join.
type seek struct {
	member Member
	order  Order
	state  bool
	founds bool // it would found the group
}

func (s *seek) append(b []byte) []byte {
	b = s.member.append(append(b, payloadSeek))
	return appendBool(appendBool(append(b, byte(s.order)), s.state), s.founds)
}

func readSeek(payload []byte) (s seek, ok bool) {
	r := wire.NewReader(payload)
	s = seek{member: readMember(&r), order: readOrder(&r), state: readBool(&r), founds: readBool(&r)}
	return s, r.Done() == nil && s.member.Incarnation > 0
}

// place names casts: those of a member up to a number.
type place struct {
	rank int
	upto uint64
}

// order is a message that orders casts.
type order struct {
	term uint64
	runs []place
}

func (o *order) append(b []byte) []byte {
	b = wire.AppendUvarint(append(b, bodyOrder), o.term)
	b = wire.AppendUvarint(b, uint64(len(o.runs)))
	for _, p := range o.runs {
		b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(p.rank)), p.upto)
	}
	return b
}

func readOrderBody(body []byte) (o order, ok bool) {
	r := wire.NewReader(body[1:])
	o.term = r.Uvarint()
	for range r.Count(runsMax, 2) {
		o.runs = append(o.runs, place{rank: int(r.UvarintMax(MembersMax - 1)), upto: r.Uvarint()})
	}
	return o, r.Done() == nil
}

// beginning is a message that begins a term.
type beginning struct {
	term   uint64
	prev   uint64 // the term on which it follows
	cutoff uint64 // up to which number of the holder of that one its messages count
}

func (t *beginning) append(b []byte) []byte {
	b = wire.AppendUvarint(append(b, bodyTerm), t.term)
	return wire.AppendUvarint(wire.AppendUvarint(b, t.prev), t.cutoff)
}

func readBeginning(body []byte) (t beginning, ok bool) {
	r := wire.NewReader(body[1:])
	t = beginning{term: r.Uvarint(), prev: r.Uvarint(), cutoff: r.Uvarint()}
	return t, r.Done() == nil && t.prev < t.term
}

// appendDepends appends by how much what a sender has delivered has grown since its cast before.
func appendDepends(b []byte, now, before []uint64, self int) []byte {
	count := 0
	for i := range now {
		if i != self && now[i] > before[i] {
			count++
		}
	}
	b = wire.AppendUvarint(b, uint64(count))
	last := 0
	for i := range now {
		if i != self && now[i] > before[i] {
			b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(i-last)), now[i]-before[i])
			last = i
		}
	}
	return b
}

// readCast returns what a cast depends on, given what the one before of its sender did, and the payload. Where that makes no sense it depends on nothing more.
func readCast(body []byte, causal bool, before []uint64) (depends []uint64, payload []byte, ok bool) {
	r := wire.NewReader(body[1:])
	if !causal {
		return nil, r.Rest(), true
	}
	depends = slices.Clone(before)
	rank := uint64(0)
	for range r.Count(MembersMax, 2) {
		rank += r.UvarintMax(MembersMax - 1)
		increment := r.Uvarint()
		if rank >= uint64(len(depends)) || depends[rank]+increment < depends[rank] {
			r.Fail(wire.ErrRange)
			break
		}
		depends[rank] += increment
	}
	payload = r.Rest()
	return depends, payload, r.Done() == nil
}
