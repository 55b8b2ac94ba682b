package vsync

import (
	"cmp"
	"slices"
	"time"

	"spinglass/protocol"
)

// total is the total order of a view: terms, of which each follows on another one, and in each the messages of its holder that order casts. The order is that of the path, which leads from the first term to the latest.
type total struct {
	terms   []*term // known, ascending by number
	path    []*term // from the first to the one in force
	index   int     // of the term in the path by which is delivered
	known   []uint64
	pending []pending // casts without a place, in the order in which they came
	sealed  uint64    // the latest term for which this member has sealed those before
	limit   uint64    // up to which number the holder of the term in force is followed, once a later one was sealed for

	taking  *taking
	stopped protocol.Time // since when nothing has a place
}

// term is who orders, for a time.
type term struct {
	number uint64
	beginning
	start   uint64          // number of the message that begins it
	orders  []numberedOrder // by which not all is delivered
	runs    int             // of the first of them, that are done
	touched uint64          // the latest by which something was delivered; 0 for none
}

type numberedOrder struct {
	seq  uint64
	runs []place
}

// pending is a cast that has no place in the order.
type pending struct {
	rank int
	seq  uint64
	at   protocol.Time
}

// taking is the attempt of this member to begin a term.
type taking struct {
	term     uint64
	began    protocol.Time
	answered ranks
	current  uint64 // the latest term that any of who answered keeps to,
	limit    uint64 // and up to where
	from     int    // who said so

	sealed uint64 // what this member had sealed for before
	upto   uint64 // and its limit
}

// sealWait is how long who takes over waits for all to answer.
const sealWait = 150 * time.Millisecond

// holder returns the rank of who orders in a term.
func (g *group) holder(term uint64) int { return int((term - 1) % uint64(len(g.view.Members))) }

func newTotal(members int) total {
	first := &term{number: 1, beginning: beginning{term: 1}}
	return total{terms: []*term{first}, path: []*term{first}, known: make([]uint64, members), limit: unlimited}
}

// active returns the term in force.
func (t *total) active() *term { return t.path[len(t.path)-1] }

func (t *total) find(number uint64) *term {
	i, ok := slices.BinarySearchFunc(t.terms, number, func(x *term, number uint64) int { return cmp.Compare(x.number, number) })
	if !ok {
		return nil
	}
	return t.terms[i]
}

// termsMax bounds the terms of a view that are known. At half of it the coordinator changes the view, in which they begin anew.
const termsMax = 1 << 12

// examine takes in what a message, which has none missing before it, says of the order.
func (g *group) examine(now protocol.Time, rank int, seq uint64, body []byte) {
	t := &g.total
	switch body[0] {
	case bodyCast:
		t.pending = append(t.pending, pending{rank, seq, now})
		if !g.blocked && g.holder(t.active().number) == g.rank {
			g.setSooner(taskOrder, now)
		}
	case bodyOrder:
		o, ok := readOrderBody(body)
		x := t.find(o.term)
		if !ok || x == nil || g.holder(x.number) != rank || slices.ContainsFunc(o.runs, func(p place) bool { return p.rank >= len(g.streams) }) {
			return
		}
		x.orders = append(x.orders, numberedOrder{seq, o.runs})
		if x == t.active() && seq <= t.limit {
			t.place(o.runs)
		}
	case bodyTerm:
		b, ok := readBeginning(body)
		if !ok || b.term < 2 || g.holder(b.term) != rank || t.find(b.term) != nil || len(t.terms) >= termsMax {
			return
		}
		t.terms = append(t.terms, &term{number: b.term, beginning: b, start: seq})
		slices.SortFunc(t.terms, func(a, b *term) int { return cmp.Compare(a.number, b.number) })
	}
}

// place notes that casts have a place.
func (t *total) place(runs []place) {
	for _, p := range runs {
		t.known[p.rank] = max(t.known[p.rank], p.upto)
	}
}

// pathTo returns the terms from the first to one, nil while one of them is not known, or begins behind the cut.
func (g *group) pathTo(x *term, cut []uint64) (path []*term) {
	for {
		if cut != nil && x.start > cut[g.holder(x.number)] {
			return nil
		}
		path = append(path, x)
		if x.number == 1 {
			slices.Reverse(path)
			return path
		}
		if x = g.total.find(x.prev); x == nil {
			return nil
		}
	}
}

// follow goes over to the latest term to which a path is known. It reports false when what was delivered here is not what that says.
func (g *group) follow(now protocol.Time, cut []uint64) bool {
	t := &g.total
	for i := len(t.terms) - 1; i >= 0; i-- {
		x := t.terms[i]
		if cut == nil && x == t.active() {
			return true
		}
		if cut == nil && x.number < t.sealed {
			return true // a later one is going to begin
		}
		if path := g.pathTo(x, cut); path != nil {
			return g.turn(now, path)
		}
	}
	return false
}

// turn takes up another path, if what was delivered stands on it.
func (g *group) turn(now protocol.Time, path []*term) bool {
	t := &g.total
	index := 0
	if x := t.latestTouched(); x != nil {
		index = slices.Index(path, x)
		if index < 0 || index+1 < len(path) && x.touched > path[index+1].cutoff {
			return false
		}
	}
	t.path, t.index, t.limit = path, index, unlimited
	g.replace(now)
	return true
}

// latestTouched returns the latest term by which something was delivered, nil when there is none.
func (t *total) latestTouched() *term {
	for i := t.index; i >= 0; i-- {
		if t.path[i].touched > 0 {
			return t.path[i]
		}
	}
	return nil
}

// replace finds out anew what has a place.
func (g *group) replace(now protocol.Time) {
	t := &g.total
	for rank := range g.streams {
		t.known[rank] = g.streams[rank].delivered
	}
	for i := t.index; i < len(t.path); i++ {
		for _, o := range t.path[i].orders {
			if o.seq <= t.until(i) {
				t.place(o.runs)
			}
		}
	}
	t.pending = t.pending[:0]
	for rank := range g.streams {
		s := &g.streams[rank]
		for seq := t.known[rank] + 1; seq <= s.have; seq++ {
			if s.at(seq)[0] == bodyCast {
				t.pending = append(t.pending, pending{rank, seq, now})
			}
		}
	}
	t.stopped = now
	if len(t.pending) > 0 && g.holder(t.active().number) == g.rank && !g.blocked {
		g.setSooner(taskOrder, now)
	}
}

// until returns up to which number the holder of a term of the path is followed.
func (t *total) until(index int) uint64 {
	if index+1 < len(t.path) {
		return t.path[index+1].cutoff
	}
	return t.limit
}

// deliverTotal delivers what is next by the path. At a cut what has no place follows by rank and number.
func (g *group) deliverTotal(cut []uint64, out *protocol.Output) {
	for g.deliverPlaced(cut, out) {
	}
	if cut == nil {
		return
	}
	for rank := range g.streams {
		for s := &g.streams[rank]; s.delivered < limit(s, cut, rank); {
			g.step(rank, out)
		}
	}
}

// deliverPlaced delivers by the next message that orders casts, or comes to the next term. It reports whether there may be more.
func (g *group) deliverPlaced(cut []uint64, out *protocol.Output) bool {
	t := &g.total
	x := t.path[t.index]
	holder, until := g.holder(x.number), t.until(t.index)
	if cut != nil {
		until = min(until, cut[holder])
	}
	if len(x.orders) > 0 && x.orders[0].seq <= until {
		if !g.deliverRuns(x, cut, out) {
			return false
		}
		x.runs = 0
		x.orders = slices.Delete(x.orders, 0, 1)
		return true
	}
	if t.index+1 < len(t.path) && (cut != nil || g.streams[holder].have >= until) {
		t.index++
		return true
	}
	return false
}

// deliverRuns delivers what the next message of a term orders. It reports whether all of that is here.
func (g *group) deliverRuns(x *term, cut []uint64, out *protocol.Output) bool {
	o := &x.orders[0]
	for ; x.runs < len(o.runs); x.runs++ {
		p := o.runs[x.runs]
		s := &g.streams[p.rank]
		for s.delivered < p.upto {
			if s.delivered >= limit(s, cut, p.rank) {
				if cut != nil {
					break // nobody has it
				}
				return false
			}
			x.touched = o.seq
			g.step(p.rank, out)
		}
	}
	return true
}

// touched returns the latest term by which something was delivered, and up to which of its holder's messages; zeros when there is none.
func (t *total) touched() (number, upto uint64) {
	if x := t.latestTouched(); x != nil {
		return x.number, x.touched
	}
	return 0, 0
}

// touchedBy returns the latest message by which something was delivered: its sender and its number.
func (g *group) touchedBy() (rank int, seq uint64) {
	if x := g.total.latestTouched(); x != nil {
		return g.holder(x.number), x.touched
	}
	return g.rank, 0
}

// passOrders passes over messages that are none of the application where nothing before them waits.
func (g *group) passOrders() {
	for rank := range g.streams {
		s := &g.streams[rank]
		for s.delivered < s.have && s.at(s.delivered + 1)[0] != bodyCast {
			s.delivered++
		}
	}
}

// watchOrder sees to it that a cast without a place is noticed.
func (g *group) watchOrder(now protocol.Time) {
	t := &g.total
	t.pending = slices.DeleteFunc(t.pending, func(p pending) bool { return p.seq <= t.known[p.rank] })
	if len(t.pending) == 0 || len(g.view.Members) == 1 {
		g.cancel(taskPatience)
		return
	}
	if turn := g.turnAfter(); turn > 0 {
		at := max(t.pending[0].at, t.stopped).Add(time.Duration(turn) * g.m.config.OrderPause)
		g.set(taskPatience, max(at, now))
	}
}

// turnAfter returns how many members, this one included, come in between the holder and this one: 1 for the next one that is not taken for failed, 0 for the holder itself.
func (g *group) turnAfter() int {
	n := len(g.view.Members)
	holder := g.holder(max(g.total.active().number, g.total.sealed))
	turn := 0
	for i := 1; i <= n; i++ {
		rank := (holder + i) % n
		if rank == g.rank {
			if i == n {
				return 0
			}
			return turn + 1
		}
		if !g.failed.has(rank) {
			turn++
		}
	}
	return 0
}

// patience has this member take over when casts have no place for too long.
func (g *group) patience(now protocol.Time, out *protocol.Output) {
	t := &g.total
	if g.view == nil || g.blocked || len(t.pending) == 0 || t.taking != nil {
		return
	}
	turn := g.turnAfter()
	if turn == 0 {
		return
	}
	if at := max(t.pending[0].at, t.stopped).Add(time.Duration(turn) * g.m.config.OrderPause); at > now || g.m.wasStopped(now) {
		g.set(taskPatience, max(at, now.Add(stoppedFor)))
		return
	}
	n := uint64(len(g.view.Members))
	number := max(t.active().number, t.sealed) + 1
	number += (uint64(g.rank) + n - uint64(g.holder(number))) % n
	k := &taking{term: number, began: now, sealed: t.sealed, upto: t.limit}
	t.sealTo(number, g.streams[g.holder(t.active().number)].have)
	k.current, k.limit, k.from = t.active().number, t.limit, g.rank
	t.taking, t.stopped = k, now
	t.taking.answered.add(g.rank)
	g.driveSeal(now, out)
}

// sealTo keeps to nothing more of the terms before one.
func (t *total) sealTo(number, have uint64) {
	t.sealed = number
	t.limit = min(t.limit, have)
}

// driveSeal asks those that have not answered, until enough have.
func (g *group) driveSeal(now protocol.Time, out *protocol.Output) {
	t := &g.total
	k := t.taking
	switch {
	case k == nil:
		return
	case g.blocked || k.term < t.sealed || t.active().number >= k.term || now.Sub(k.began) > 4*g.m.config.OrderPause+4*sealWait:
		g.giveUp(now, out)
		return
	}
	live := g.live()
	if g.view.majority(k.answered) && (k.answered.covers(live) || now.Sub(k.began) >= sealWait) {
		g.beginTerm(now, out)
		return
	}
	g.m.postAll(out, g.others(g.failed.union(k.answered)), seal(&Seal{header: g.header(), Term: k.term}))
	g.set(taskSeal, now.Add(sealWait/3))
}

// giveUp ends the attempt of this member to take over. What it has promised itself does not bind it.
func (g *group) giveUp(now protocol.Time, out *protocol.Output) {
	t := &g.total
	k := t.taking
	t.taking, t.stopped = nil, now
	if t.sealed == k.term && t.active().number < k.term {
		t.sealed = k.sealed
		if t.active().number == k.current {
			t.limit = k.upto
		}
	}
	g.deliverAll(now, out)
}

func (g *group) receiveSeal(now protocol.Time, from int, s *Seal, out *protocol.Output) {
	t := &g.total
	if g.options.Order != OrderTotal || s.Term < 2 || g.holder(s.Term) != from {
		out.Drop(g.view.Members[from].ID, ReasonMalformed)
		return
	}
	if g.blocked || s.Term < t.sealed || s.Term <= t.active().number {
		out.Drop(g.view.Members[from].ID, ReasonStale)
		return
	}
	if s.Term > t.sealed {
		t.sealTo(s.Term, g.streams[g.holder(t.active().number)].have)
		t.stopped = now
		t.taking = nil
		g.watchOrder(now)
	}
	g.m.post(out, g.view.Members[from].ID, seal(&Sealed{header: g.header(), Term: s.Term, Current: t.active().number, Limit: t.limit}))
}

func (g *group) receiveSealed(now protocol.Time, from int, s *Sealed, out *protocol.Output) {
	k := g.total.taking
	if k == nil || s.Term != k.term || s.Current >= k.term || s.Current == 0 || k.answered.has(from) {
		out.Drop(g.view.Members[from].ID, ReasonStale)
		return
	}
	k.answered.add(from)
	if s.Current > k.current || s.Current == k.current && s.Limit > k.limit {
		k.current, k.limit, k.from = s.Current, s.Limit, from
	}
	g.driveSeal(now, out)
}

// beginTerm takes over. What the others have of the term before, and this member has not, it pulls.
func (g *group) beginTerm(now protocol.Time, out *protocol.Output) {
	t := &g.total
	k := t.taking
	b := beginning{term: k.term, prev: k.current, cutoff: k.limit}
	if err := g.send(now, b.append(nil), out); err != nil {
		g.set(taskSeal, now.Add(sealWait/3))
		return
	}
	t.taking = nil
	g.m.stats.TermsTaken++
	if s := &g.streams[g.holder(k.current)]; s.have < k.limit {
		s.told = max(s.told, min(k.limit, s.base+aheadMax))
		s.pull.from = k.from + 1
		g.set(taskPull, now)
	}
	if g.deliverAll(now, out); g.view != nil {
		g.set(taskOrder, now)
	}
}

// orderRetry is after which time what the multicast did not take is tried again.
const orderRetry = 20 * time.Millisecond

// sequence orders what has arrived, as the holder of the term in force.
func (g *group) sequence(now protocol.Time, out *protocol.Output) {
	t := &g.total
	if g.view == nil || g.blocked {
		return
	}
	x := t.active()
	if g.holder(x.number) != g.rank || t.sealed > x.number {
		return
	}
	if g.m.wasStopped(now) && len(g.view.Members) > 1 {
		g.set(taskOrder, g.m.lateAt.Add(stoppedFor)) // another one may have taken over meanwhile
		return
	}
	for !g.blocked && g.view != nil {
		o := order{term: x.number}
		for _, p := range t.pending {
			if p.seq <= t.known[p.rank] {
				continue
			}
			if n := len(o.runs); n > 0 && o.runs[n-1].rank == p.rank {
				o.runs[n-1].upto = p.seq
				continue
			}
			if len(o.runs) == runsMax {
				break
			}
			o.runs = append(o.runs, place{p.rank, p.seq})
		}
		if len(o.runs) == 0 {
			break
		}
		if err := g.send(now, o.append(nil), out); err != nil {
			g.set(taskOrder, now.Add(orderRetry))
			break
		}
		g.m.stats.OrdersSent++
		t.pending = slices.DeleteFunc(t.pending, func(p pending) bool { return p.seq <= t.known[p.rank] })
	}
	g.deliverAll(now, out)
}
