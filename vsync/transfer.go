package vsync

import (
	"errors"
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// streamMark begins what is said on a stream of this package.
const streamMark = 'G'

// transfer is a state that this node is given.
type transfer struct {
	group    *group
	number   uint64
	donor    protocol.NodeID
	at       protocol.Time // when anything came last
	closed   bool
	complete bool

	rest     []byte // what has come and was not looked at
	headed   bool
	view     ViewID   // of the donor when it gave its state,
	position []uint64 // and what that holds of the casts of this view,
	sum      sequence // in which order
	frame    uint64   // bytes left of the present piece
	offset   uint64   // bytes of the state that were handed to the application,
	taken    uint64   // and that it has taken
	held     bool     // the donor has to wait for that
}

// headerMax bounds what precedes a state.
const headerMax = 96 + 10*MembersMax

// gift is a state that this node gives; at first a stream of which it is not known what is wanted.
type gift struct {
	stream  uint64
	from    protocol.NodeID
	group   *group // nil while that is not known
	request []byte
	at      protocol.Time
	number  uint64

	waiting [][]byte
	bytes   int // of them
	writing bool
	ended   bool
	closing bool
	wanting bool // the application waits for room
}

// Bounds of the states that a node gives.
const (
	giftsMax      = 32
	giftBytesMax  = 1 << 20 // that wait to be written, of one
	SnapshotPiece = 1 << 18 // bytes of a piece of a snapshot
	requestMax    = 64
)

// stream takes in what becomes of streams.
func (m *Machine) stream(now protocol.Time, e protocol.Event, out *protocol.Output) {
	switch e := e.(type) {
	case protocol.StreamOpened:
		if t := m.transferOf(e.Number); t != nil {
			t.at = now
			m.request(t, out)
		} else if e.Number>>63 != 0 {
			m.openGift(now, e, out)
		}
	case protocol.StreamRead:
		if t := m.transferOf(e.Number); t != nil {
			m.readState(now, t, e.Data, out)
		} else if f := m.giftOf(e.Number); f != nil {
			m.readRequest(now, f, e.Data, out)
		}
	case protocol.StreamWritten:
		if f := m.giftOf(e.Number); f != nil {
			f.writing, f.at = false, now
			m.pump(f, out)
		}
	case protocol.StreamClosed:
		if t := m.transferOf(e.Number); t != nil {
			if t.closed = true; !t.held { // or the rest may be here
				m.broken(now, t, out)
			}
		} else if f := m.giftOf(e.Number); f != nil {
			m.dropGift(f, false, out)
		}
	}
}

func (m *Machine) transferOf(number uint64) *transfer {
	if i := slices.IndexFunc(m.transfers, func(t *transfer) bool { return t.number == number }); i >= 0 {
		return m.transfers[i]
	}
	return nil
}

func (m *Machine) giftOf(stream uint64) *gift {
	if i := slices.IndexFunc(m.gifts, func(f *gift) bool { return f.stream == stream }); i >= 0 {
		return m.gifts[i]
	}
	return nil
}

// request tells the donor what is wanted.
func (m *Machine) request(t *transfer, out *protocol.Output) {
	g := t.group
	b := g.view.ID.append(wire.AppendFixed64([]byte{streamMark}, g.id))
	b = wire.AppendUvarint(b, g.incarnation)
	out.Do(&protocol.StreamWrite{Number: t.number, Data: append([]byte{byte(len(b))}, b...)})
}

// broken gives up what a donor gave, and asks another one.
func (m *Machine) broken(now protocol.Time, t *transfer, out *protocol.Output) {
	g, complete := t.group, t.complete && t.group.transfer == t
	m.endTransfer(t, out)
	if complete {
		g.transfer = t // it is all here, and waits for its view
		return
	}
	if t.offset > 0 {
		m.stats.StatesRestarted++
	}
	g.set(taskState, now.Add(m.config.Retry))
}

// errState says that what a donor gave makes no sense.
var errState = errors.New("vsync: a malformed state")

// readState takes in what a donor gives.
func (m *Machine) readState(now protocol.Time, t *transfer, data []byte, out *protocol.Output) {
	if t.complete {
		return
	}
	t.at = now
	m.stats.StateBytesRead += uint64(len(data))
	t.rest = append(t.rest, data...)
	m.goOn(now, t, out)
}

// goOn hands over what has come, as far as the application has room for it.
func (m *Machine) goOn(now protocol.Time, t *transfer, out *protocol.Output) {
	if err := t.parse(out); err != nil {
		out.Drop(t.donor, ReasonMalformed)
		m.broken(now, t, out)
		return
	}
	held := !t.complete && t.room() == 0
	if held != t.held && !t.closed {
		out.Do(&protocol.StreamHold{Number: t.number, Hold: held})
	}
	if held && !t.held {
		m.stats.StatesHeld++
	}
	switch t.held = held; {
	case t.complete:
		t.group.useState(now, t, out)
	case t.closed && !held:
		m.broken(now, t, out)
	}
}

// room returns how many bytes more the application has room for.
func (t *transfer) room() uint64 {
	if window := uint64(t.group.options.StateWindow); window > 0 {
		return window - min(window, t.offset-t.taken)
	}
	return StateMax
}

// StateTaken tells that the application has taken what *State of this number told, up to an offset. It is needed with Options.StateWindow only. What it says of a transfer that is over is of no account. Errors: ErrUnknown; ErrOffset.
func (m *Machine) StateTaken(now protocol.Time, name string, number, offset uint64, out *protocol.Output) error {
	g := m.byTopic[TopicOf(name)]
	if g == nil {
		return ErrUnknown
	}
	t := g.transfer
	if t == nil || t.complete || t.number != number {
		return nil // there is nothing to wait for any longer
	}
	if offset > t.offset {
		return ErrOffset
	}
	if offset > t.taken {
		t.taken, t.at = offset, now
		if t.held {
			m.goOn(now, t, out)
		}
	}
	return nil
}

// useState takes up a state that is complete, unless it has to wait for the view in which its donor was. One of another epoch, or not of the members of that view, makes no sense; nor does one of a view that this member has not been in, and is
// not going to be in, since it has gone over to another one by a recovery.
func (g *group) useState(now protocol.Time, t *transfer, out *protocol.Output) {
	switch {
	case t.view.Epoch == g.view.ID.Epoch && g.view.ID.Less(t.view):
	case t.view.Epoch != g.view.ID.Epoch, !g.wasIn(t.view), t.view == g.view.ID && len(t.position) != len(g.view.Members):
		out.Drop(t.donor, ReasonMalformed)
		t.complete = false
		g.m.broken(now, t, out)
	default:
		g.becomeReady(out)
		g.fall(now, out)
	}
}

// wasIn reports whether this member, which waits for its state, has been in a view.
func (g *group) wasIn(view ViewID) bool {
	return view == g.entered || slices.ContainsFunc(g.queue, func(q queued) bool { return q.installed != nil && q.installed.View.ID == view })
}

// parse looks at what has come.
func (t *transfer) parse(out *protocol.Output) error {
	for len(t.rest) > 0 && !t.complete && (t.frame == 0 || t.room() > 0) {
		r := wire.NewReader(t.rest)
		switch {
		case !t.headed:
			t.view, t.position = readViewID(&r), readNumbers(&r)
			if t.sum = (sequence{r.Uvarint(), r.Fixed64()}); r.Err() != nil {
				if len(t.rest) > headerMax || !errors.Is(r.Err(), wire.ErrShort) {
					return errState
				}
				return nil
			}
			t.headed = true
			out.Emit(&State{Group: t.group.name, Donor: t.donor, Number: t.number}) // what came from another donor is void
		case t.frame == 0:
			if t.frame = r.UvarintMax(SnapshotPiece); r.Err() != nil {
				if !errors.Is(r.Err(), wire.ErrShort) {
					return errState
				}
				return nil
			}
			t.complete = t.frame == 0
		default:
			piece := r.Take(int(min(t.frame, uint64(len(t.rest)), t.room())))
			out.Emit(&State{Group: t.group.name, Donor: t.donor, Number: t.number, Offset: t.offset, Data: slices.Clone(piece)})
			t.frame -= uint64(len(piece))
			if t.offset += uint64(len(piece)); t.offset > StateMax {
				return errState
			}
		}
		t.rest = r.Rest()
	}
	t.rest = slices.Clone(t.rest)
	return nil
}

// openGift takes up a stream that a peer has opened.
func (m *Machine) openGift(now protocol.Time, e protocol.StreamOpened, out *protocol.Output) {
	if len(m.gifts) >= giftsMax {
		m.stats.SnapshotsRefused++
		out.Do(&protocol.StreamClose{Number: e.Number})
		return
	}
	m.gifts = append(m.gifts, &gift{stream: e.Number, from: e.From, at: now})
}

// readRequest takes in what a joiner wants.
func (m *Machine) readRequest(now protocol.Time, f *gift, data []byte, out *protocol.Output) {
	if f.group != nil {
		return
	}
	f.request = append(f.request, data[:min(len(data), requestMax)]...)
	if len(f.request) < 1 || len(f.request) < 1+int(f.request[0]) && len(f.request) < requestMax {
		return
	}
	r := wire.NewReader(f.request[1:])
	mark := r.Byte()
	id, view, incarnation := r.Fixed64(), readViewID(&r), r.Uvarint()
	g := m.byID[id]
	if r.Done() != nil || mark != streamMark || g == nil || !g.gives(f.from, view, incarnation) {
		m.stats.SnapshotsRefused++
		m.dropGift(f, true, out)
		return
	}
	m.giftNumber++
	f.group, f.number, f.at = g, m.giftNumber, now
	m.stats.SnapshotsGiven++
	header := wire.AppendUvarint(appendNumbers(g.view.ID.append(nil), g.vector()), g.passed.count)
	f.add(wire.AppendFixed64(header, g.passed.hash))
	out.Emit(SnapshotWanted{Group: g.name, Number: f.number, For: f.from})
	m.pump(f, out)
}

// gives reports whether this member can give its state to a joiner, which is in a view.
func (g *group) gives(to protocol.NodeID, view ViewID, incarnation uint64) bool {
	if g.view == nil || !g.ready || g.outside || g.doomed != "" || view.Epoch != g.view.ID.Epoch || g.view.ID.Less(view) {
		return false
	}
	if g.cover != nil && g.coverView == g.view.ID && !g.pastCover() {
		return false // what it was given is ahead of what it knows of the order
	}
	rank := g.rankOf(to)
	return rank >= 0 && rank != g.rank && g.view.Members[rank].Incarnation == incarnation
}

// pastCover reports whether all that the state holds of the present view was passed over.
func (g *group) pastCover() bool {
	for rank, n := range g.cover {
		if g.streams[rank].delivered < n {
			return false
		}
	}
	return true
}

func (f *gift) add(b []byte) {
	f.waiting = append(f.waiting, b)
	f.bytes += len(b)
}

// pump writes what waits.
func (m *Machine) pump(f *gift, out *protocol.Output) {
	switch {
	case f.writing:
	case len(f.waiting) > 0:
		b := f.waiting[0]
		f.waiting, f.writing = f.waiting[1:], true
		f.bytes -= len(b)
		m.stats.StateBytesSent += uint64(len(b))
		out.Do(&protocol.StreamWrite{Number: f.stream, Data: b})
	case f.ended && !f.closing:
		f.closing = true
		out.Do(&protocol.StreamClose{Number: f.stream})
	}
	if f.wanting && f.bytes < giftBytesMax/2 && f.group != nil {
		f.wanting = false
		out.Emit(SnapshotWritable{Group: f.group.name, Number: f.number})
	}
}

// dropGift forgets a state that was to be given. The application is told unless it has given all.
func (m *Machine) dropGift(f *gift, closes bool, out *protocol.Output) {
	m.gifts = slices.DeleteFunc(m.gifts, func(other *gift) bool { return other == f })
	if closes && !f.closing {
		out.Do(&protocol.StreamClose{Number: f.stream})
	}
	if f.group != nil && !f.ended {
		out.Emit(SnapshotDropped{Group: f.group.name, Number: f.number})
	}
}

// dropGifts forgets the states that a group was to give.
func (m *Machine) dropGifts(g *group, out *protocol.Output) {
	for _, f := range slices.Clone(m.gifts) {
		if f.group == g {
			m.dropGift(f, true, out)
		}
	}
}

// dropStale forgets the states of which nothing moves.
func (m *Machine) dropStale(now protocol.Time, out *protocol.Output) {
	for _, f := range slices.Clone(m.gifts) {
		if now.Sub(f.at) > m.config.SnapshotWait {
			m.stats.SnapshotsRefused++
			m.dropGift(f, true, out)
		}
	}
}

// Snapshot gives a piece of the state that SnapshotWanted of this number has asked for: of the application as it was at that place in the stream of events. Pieces of up to SnapshotPiece bytes follow on each other, and are
// copied. Errors: ErrSnapshot; ErrFull, after which SnapshotWritable tells when to try again; ErrTooLarge.
func (m *Machine) Snapshot(now protocol.Time, number uint64, piece []byte, out *protocol.Output) error {
	f := m.snapshotOf(number)
	switch {
	case f == nil:
		return ErrSnapshot
	case len(piece) > SnapshotPiece:
		return ErrTooLarge
	case f.bytes >= giftBytesMax:
		f.wanting = true
		return ErrFull
	case len(piece) == 0:
		return nil
	}
	f.at = now
	f.add(append(wire.AppendUvarint(make([]byte, 0, len(piece)+4), uint64(len(piece))), piece...))
	m.pump(f, out)
	return nil
}

// SnapshotEnd tells that a snapshot is complete, or (not complete) that the application cannot give it. Errors: ErrSnapshot.
func (m *Machine) SnapshotEnd(now protocol.Time, number uint64, complete bool, out *protocol.Output) error {
	f := m.snapshotOf(number)
	if f == nil {
		return ErrSnapshot
	}
	f.at, f.ended = now, true
	if !complete {
		m.stats.SnapshotsRefused++
		m.dropGift(f, true, out)
		return nil
	}
	f.add([]byte{0})
	m.pump(f, out)
	return nil
}

func (m *Machine) snapshotOf(number uint64) *gift {
	for _, f := range m.gifts {
		if f.group != nil && f.number == number && !f.ended {
			return f
		}
	}
	return nil
}
