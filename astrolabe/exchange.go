package astrolabe

import (
	"slices"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// digestsMax is how many datagrams the digest of one exchange may take.
const digestsMax = 8

// exchange begins an exchange of the first tables with a peer.
func (m *Machine) exchange(now protocol.Time, to protocol.NodeID, tables int, out *protocol.Output) {
	for _, d := range m.digests(now, tables) {
		out.Send(to, d)
	}
}

// exchangeAddress does the same with whoever is at an address.
func (m *Machine) exchangeAddress(now protocol.Time, to protocol.Address, tables int, out *protocol.Output) {
	for _, d := range m.digests(now, tables) {
		out.SendAddress(to, d)
	}
}

// digests says what this member holds in the first tables, the deepest first, in as many datagrams as it takes.
func (m *Machine) digests(now protocol.Time, tables int) []*Digest {
	m.stats.Exchanges++
	d := digester{m: m, stamp: uint64(now), tables: tables}
	d.open()
	d.all[0].Functions, d.all[0].Told = m.functionsOf(tables), true
	for i := tables - 1; i >= 0; i-- {
		d.add(m.levels[i])
	}
	for _, digest := range d.all {
		m.stats.DigestsSent++
		m.stats.BytesSent += uint64(digest.Size())
	}
	return d.all
}

// digester packs the digests of tables into datagrams.
type digester struct {
	m      *Machine
	stamp  uint64
	tables int // that there are to add
	all    []*Digest
}

// digestRowsTogether is for how many rows of a table a datagram must have room left, or the table goes into the next one.
const digestRowsTogether = 32

// open begins a datagram. It reports false when there may be no more.
func (d *digester) open() bool {
	if len(d.all) == digestsMax {
		return false
	}
	d.all = append(d.all, &Digest{Zone: d.m.zone, Stamp: d.stamp, Held: make([]Held, 0, d.tables)})
	return true
}

// last returns the present datagram and how many bytes it has left.
func (d *digester) last() (*Digest, int) {
	digest := d.all[len(d.all)-1]
	return digest, d.m.config.payload() - digest.Size()
}

// add adds a table. One that does not fit into a datagram continues in the next, as its digests rotate over its rows.
func (d *digester) add(l *level) {
	for covered := 0; ; {
		need := heldHeaderMax + table.ClaimSizeTypical*min(l.table.Len()-covered, digestRowsTogether)
		if _, room := d.last(); room < need && !d.open() {
			return
		}
		digest, room := d.last()
		h := Held{Depth: l.depth, Digest: l.table.Digest(make([]table.Claim, 0, min(l.table.Len(), room/table.ClaimSizeMin)), room-heldHeaderMax)}
		digest.Held = append(digest.Held, h)
		if covered += len(h.Digest.Claims); covered >= l.table.Len() || !d.open() {
			return
		}
	}
}

// meet notes whom this member has heard of: somebody of another child zone of one of its tables is a reason to be a representative there. It returns how many
// tables both have.
func (m *Machine) meet(now protocol.Time, zone string) int {
	tables := common(m.zone, zone)
	if zone != m.zone {
		m.levels[tables-1].met = now
	}
	return min(tables, len(m.levels))
}

// receiveDigest answers with what the sender lacks, and asks for what it has and this member lacks.
func (m *Machine) receiveDigest(now protocol.Time, from protocol.NodeID, d *Digest, out *protocol.Output) {
	m.stats.DigestsReceived++
	tables := m.meet(now, d.Zone)
	a := m.answerTo(from, d.Stamp, len(d.Held), out)
	if d.Zone != m.zone {
		if m.way(from, d, tables-1, &a) {
			return
		}
		a.toward = toward(m.levels[tables-1].zone, d.Zone)
	}
	for i := range d.Held {
		h := &d.Held[i]
		if h.Depth >= tables {
			continue
		}
		l := m.levels[h.Depth]
		l.table.Compare(h.Digest, &m.difference)
		a.add(l, &m.difference, h.Digest.Claims)
	}
	if d.Told {
		a.functions(d.Functions, tables)
	}
	if d.Zone != m.zone {
		a.room(0) // it is answered in any case: it may not know yet that there is anybody
	}
	a.flush()
}

// wayRows is how many rows show the way to who looks for its zone: another one each time, so that not all ask the same representative.
const wayRows = 2

// way answers a member of another zone that is not known here, and that knows nobody of the child zone, in the deepest table that both have, in which its own is: it gets the rows of that, and nothing
// else, since it is to ask there. It reports false where there are none, or the member does not need them.
func (m *Machine) way(from protocol.NodeID, d *Digest, deepest int, a *answer) bool {
	if m.knowsRepresentative(from) || m.knowsHost(from) {
		return false
	}
	l := m.levels[deepest]
	rows := l.childOf(toward(l.zone, d.Zone))
	for i := range d.Held {
		for _, claim := range d.Held[i].Digest.Claims {
			if d.Held[i].Depth == l.depth && slices.ContainsFunc(rows, func(e *entry) bool { return e.Owner() == claim.Owner }) {
				return false
			}
		}
	}
	start := m.config.Rand.IntN(max(1, len(rows)))
	for i, told := 0, 0; i < len(rows) && told < wayRows; i++ {
		if e := rows[(start+i)%len(rows)]; !e.Row().Left {
			a.row(e)
			told++
		}
	}
	if a.delta == nil {
		return a.full
	}
	a.flush()
	return true
}

// receiveDelta takes over what is news and sends what is asked for.
func (m *Machine) receiveDelta(now protocol.Time, from protocol.NodeID, d *Delta, out *protocol.Output) {
	m.stats.DeltasReceived++
	tables := m.meet(now, d.Zone)
	if d.Zone != m.zone && !m.reached {
		m.reached = true
		out.Emit(protocol.FleetReached{})
	}
	if d.Zone == m.zone {
		m.introduce(from, out)
	}
	for i := range d.Rows {
		m.adopt(from, &d.Rows[i], out)
	}
	a := m.answerTo(from, 0, len(d.Parts), out)
	for i := range d.Parts {
		p := &d.Parts[i]
		if p.Depth >= tables {
			continue
		}
		l := m.levels[p.Depth]
		for j := range p.Beats {
			if b := &p.Beats[j]; b.Owner != m.config.Self {
				m.beat(l, from, b)
			}
		}
		a.grant(l, p)
	}
	a.flush()
	for _, id := range d.WantFunctions {
		if h := m.functions.get(functionID(id)); h != nil && m.scopeOf(h.Function) < tables {
			m.sendFunction(from, h, out)
		}
	}
}

// answer packs what is sent to one peer into datagrams.
type answer struct {
	m      *Machine
	to     protocol.NodeID
	toward string // child zone in the deepest table that both have on the way to the other's zone: its rows go first
	head   Delta
	delta  *Delta
	size   int
	full   bool // there may be no more
	sent   int  // datagrams
	limit  int  // of them
	parts  int  // that one may come to have
	out    *protocol.Output
}

// Bounds of answers.
const (
	answersMax      = 64 // datagrams of one answer,
	answersStranger = 1  // and of one to who is not known, where no link has proven that it is at its address
	answersShare    = 4  // one peer gets a quarter of a round's bytes at most
)

// answerTo begins an answer to what is of so many tables.
func (m *Machine) answerTo(to protocol.NodeID, echo uint64, tables int, out *protocol.Output) answer {
	a := answer{m: m, to: to, head: Delta{Zone: m.zone, Echo: echo}, limit: answersMax, parts: min(tables, len(m.levels)), out: out}
	if m.stranger(to) {
		a.limit = answersStranger
	}
	return a
}

// stranger reports whether a member is not known, and no link has proven that it is at its address.
func (m *Machine) stranger(id protocol.NodeID) bool {
	return m.notary == nil && !m.knowsHost(id) && !m.knowsRepresentative(id)
}

// knowsRepresentative reports whether a member has a row in one of the tables.
func (m *Machine) knowsRepresentative(id protocol.NodeID) bool {
	return slices.ContainsFunc(m.levels, func(l *level) bool { return l.table.Get(id) != nil })
}

// add adds the difference of one table.
func (a *answer) add(l *level, d *table.Difference[state], claims []table.Claim) {
	for _, e := range d.Rows {
		if e.Row().Name == a.toward {
			a.row(e)
		}
	}
	for _, e := range d.Rows {
		if e.Row().Name != a.toward {
			a.row(e)
		}
	}
	for i, e := range d.Beats {
		a.beat(l, e, len(d.Beats)-i)
	}
	for _, owner := range d.WantRows {
		if !a.m.unwanted(l, owner, claims) {
			p := a.part(l, 8)
			p.WantRows = append(p.WantRows, owner)
		}
	}
	for _, owner := range d.WantBeats {
		if owner != a.m.config.Self {
			p := a.part(l, 8)
			p.WantBeats = append(p.WantBeats, owner)
		}
	}
}

// unwanted reports whether the row that somebody claims to hold is one that was removed here.
func (m *Machine) unwanted(l *level, owner protocol.NodeID, claims []table.Claim) bool {
	if len(l.gone.rows) == 0 {
		return false
	}
	for i := range claims {
		if claims[i].Owner == owner {
			return l.gone.covers(owner, claims[i].Version)
		}
	}
	return false
}

// grant adds what a part of a delta asks for.
func (a *answer) grant(l *level, p *Part) {
	for _, owner := range p.WantRows {
		if e := l.table.Get(owner); e != nil {
			a.row(e)
		}
	}
	for i, owner := range p.WantBeats {
		if e := l.table.Get(owner); e != nil {
			a.beat(l, e, len(p.WantBeats)-i)
		}
	}
}

func (a *answer) row(e *entry) {
	u := membership.RowUpdate{Row: e.Row(), Heartbeat: e.Version().Heartbeat, Proof: e.Proof()}
	if a.room(rowSize(&u)) {
		a.delta.Rows = append(a.delta.Rows, u)
		a.m.stats.RowsSent++
	}
}

// beatsTogether is for how many heartbeats room is made at once.
const beatsTogether = 16

// beat adds a heartbeat, the first of so many that are to go.
func (a *answer) beat(l *level, e *entry, left int) {
	b := membership.Beat{Claim: e.Claim(), Proof: e.Proof()}
	p := a.part(l, beatSize(&b))
	if len(p.Beats) == cap(p.Beats) {
		p.Beats = slices.Grow(p.Beats, min(left, beatsTogether))
	}
	p.Beats = append(p.Beats, b)
	a.m.stats.BeatsSent++
}

// part returns the part for a table, with room for so many bytes more.
func (a *answer) part(l *level, size int) *Part {
	if !a.room(size + partHeaderMax) {
		return &Part{} // nobody will see it
	}
	if last := len(a.delta.Parts) - 1; last >= 0 && a.delta.Parts[last].Depth == l.depth {
		return &a.delta.Parts[last]
	}
	a.size += partHeaderMax
	if a.delta.Parts == nil {
		a.delta.Parts = make([]Part, 0, a.parts)
	}
	a.delta.Parts = append(a.delta.Parts, Part{Depth: l.depth})
	return &a.delta.Parts[len(a.delta.Parts)-1]
}

// room makes sure that so many bytes more fit into the present datagram. It reports false when the round allows for no more.
func (a *answer) room(size int) bool {
	if a.full {
		return false
	}
	if a.delta != nil && a.size+size > a.m.config.payload() {
		a.flush()
	}
	if a.delta == nil {
		if a.sent == a.limit || !a.m.answers.has(a.to) {
			a.full = true
			a.m.stats.AnswersRefused++
			a.out.Drop(a.to, ReasonAnswerBudget)
			return false
		}
		delta := a.head
		a.delta = &delta
		a.size = delta.Size() + 2*wire.UvarintSize(wire.DatagramMax)
	}
	a.size += size
	return true
}

// flush sends the present datagram.
func (a *answer) flush() {
	if a.delta == nil {
		return
	}
	size := a.delta.Size()
	a.sent++
	a.m.answers.spend(a.to, size)
	a.m.stats.DeltasSent++
	a.m.stats.BytesSent += uint64(size)
	a.out.Send(a.to, a.delta)
	a.delta = nil
}
