package astrolabe

import (
	"cmp"
	"slices"

	"spinglass/protocol"
	"spinglass/table"
)

// state is what this member knows of a row.
type state struct {
	child *child
	told  *table.Row // by which siblings know its owner as a peer, nil when they do not
}

type entry = table.Entry[state]

// child is a child zone of a zone on the own path, as the rows of its representatives tell of it.
type child struct {
	zone string
	rank uint64    // of children in the order in which they provide the contacts of their zone
	rows []*entry  // by owner
	feed *entry    // what is summarised, nil when no row is of use
	only [1]*entry // memory of rows as long as there is one
}

// level is the table of one zone on the own path.
type level struct {
	depth    int
	zone     string
	own      string // the child zone on the own path
	table    *table.Table[state]
	children []*child // by path, those with rows
	gone     gone
	lost     []lost // child zones that went, by path

	child  *summed       // the own child zone
	issued issued        // the row that this member makes of it
	met    protocol.Time // when a member of another child zone was last heard; 0 for never
}

// issued is the own row of a representative.
type issued struct {
	entry    *entry // nil when there is none
	epoch    uint64
	sequence uint64 // the last one used in the epoch
	beat     uint64 // the last heartbeat
	stale    bool   // a later version than this run has made is in circulation
	links    *table.Chain
	linksOf  uint64 // epoch of links
}

func newLevel(depth int, zone, own string, c *Config) *level {
	rows := c.Children*(c.Representatives+rowsBeyond) + 1
	return &level{depth: depth, zone: zone, own: own, child: &summed{zone: own, depth: depth + 1}, table: table.New[state](table.Limits{Rows: rows, RowSize: c.RowLimit}), gone: gone{limit: goneFactor * rows}}
}

// rowsBeyond is how many rows of a child zone are kept beside those of as many representatives as it should have: while they change there are more.
const rowsBeyond = 2

// weakest returns the row of a child zone that is to make room for that of another representative, nil when there is room: the one that stands for the fewest hosts.
func (l *level) weakest(zone string, self protocol.NodeID, limit int) *entry {
	c := l.childOf(zone)
	if c == nil || len(c.rows) < limit {
		return nil
	}
	var weakest *entry
	for _, e := range c.rows {
		if e.Owner() != self && (weakest == nil || weaker(e.Row(), weakest.Row())) {
			weakest = e
		}
	}
	return weakest
}

// weaker reports whether a is the one of two rows of a zone that is less worth keeping.
func weaker(a, b *table.Row) bool {
	if a.Left != b.Left {
		return a.Left
	}
	return cmp.Or(cmp.Compare(count(a, AttributeHosts), count(b, AttributeHosts)), cmp.Compare(b.Owner, a.Owner)) < 0
}

// search returns the position of a child zone, or where it would stand.
func (l *level) search(zone string) (int, bool) {
	return slices.BinarySearchFunc(l.children, zone, func(c *child, zone string) int { return cmp.Compare(c.zone, zone) })
}

// childOf returns a child zone, nil when there is none.
func (l *level) childOf(zone string) *child {
	if i, ok := l.search(zone); ok {
		return l.children[i]
	}
	return nil
}

// enter notes that e is a row of its child zone, also when it was one of another.
func (l *level) enter(e *entry) {
	zone := e.Row().Name
	if c := e.State.child; c != nil {
		if c.zone == zone {
			return
		}
		l.leave(e)
	}
	i, ok := l.search(zone)
	if !ok {
		c := &child{zone: zone, rank: rankOf(zone)}
		c.rows = c.only[:0]
		l.children = slices.Insert(l.children, i, c)
		l.found(zone)
	}
	c := l.children[i]
	at, _ := slices.BinarySearchFunc(c.rows, e.Owner(), func(e *entry, owner protocol.NodeID) int { return cmp.Compare(e.Owner(), owner) })
	c.rows = slices.Insert(c.rows, at, e)
	e.State.child = c
}

// leave notes that e is no longer a row of its child zone. It reports whether it was the last one.
func (l *level) leave(e *entry) (last bool) {
	c := e.State.child
	e.State.child = nil
	c.rows = slices.DeleteFunc(c.rows, func(other *entry) bool { return other == e })
	if c.feed == e {
		c.feed = nil
	}
	if len(c.rows) > 0 {
		return false
	}
	i, _ := l.search(c.zone)
	l.children = slices.Delete(l.children, i, i+1)
	return true
}

// others reports whether the zone has other child zones than the own one.
func (l *level) others() bool {
	return len(l.children) > 1 || len(l.children) == 1 && l.children[0].zone != l.own
}

// contains reports whether a row of this table may be about a child zone.
func (l *level) contains(zone string) bool { return zone != Root && parent(zone) == l.zone }

// rankOf spreads what contacts have to do over the child zones of a zone.
func rankOf(zone string) uint64 {
	hash := uint64(14695981039346656037) // FNV-1a
	for i := range len(zone) {
		hash = (hash ^ uint64(zone[i])) * 1099511628211
	}
	hash ^= hash >> 29
	return hash * 0xbf58476d1ce4e5b9
}

// feedPatience is for how many rounds longer than another row the feed has to be silent before that one takes its place, so that values do not flap.
const feedPatience = 4

// choose chooses the feeds of the child zones: the row that advanced last, by the own clock; of equal ones that with the lower NodeID; and the present feed as long as it
// is not much older.
func (l *level) choose(c *child, patience protocol.Time) {
	if len(c.rows) == 1 && c.feed == c.rows[0] && !c.feed.Row().Left {
		return
	}
	var best *entry
	for _, e := range c.rows {
		if !e.Row().Left && (best == nil || e.Advanced() > best.Advanced()) {
			best = e
		}
	}
	if best == nil || c.feed == nil || c.feed.Row().Left || c.feed.Advanced()+patience < best.Advanced() {
		c.feed = best
	}
}
