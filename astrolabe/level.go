package astrolabe

import (
	"cmp"
	"slices"

	"spinglass/protocol"
	"spinglass/table"
)

// state is what this member knows of a row.
type state struct {
	feed bool // it is the one of its child zone that is summarised
	told bool // siblings know its owner as a peer,
	old  bool // but by an earlier row
}

type entry = table.Entry[state]

// child is the rows of a child zone of a zone on the own path, by owner; at least one.
type child []*entry

func (c child) zone() string { return c[0].Row().Name }

// feed returns the row that is summarised, nil when none is of use.
func (c child) feed() *entry {
	for _, e := range c {
		if e.State.feed {
			return e
		}
	}
	return nil
}

// level is the table of one zone on the own path.
type level struct {
	depth int
	zone  string
	own   string // the child zone on the own path
	table table.Table[state]
	rows  []*entry // by child zone and owner
	gone  gone
	lost  []lost // child zones that went, by path

	aged   bool          // a row may tell of an age, which those of a fleet in which all is well do not
	child  summed        // the own child zone
	issued *issued       // the row that this member makes of it, nil before the first one: most members never make any
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
	linksOf  uint64     // epoch of links
	accounts []*account // what the last rows were made of
	answer   *table.Row // the last one that was made for who asked, nil before the first
}

// current returns the row that is there now, nil when there is none.
func (i *issued) current() *entry {
	if i == nil {
		return nil
	}
	return i.entry
}

// newSummed returns what the own child zone of a table is to be.
func newSummed(depth int, own string) summed { return summed{zone: own, depth: depth + 1} }

func newLevel(depth int, zone, own string, c *Config) *level {
	rows := c.Children*(c.Representatives+rowsBeyond) + 1
	return &level{depth: depth, zone: zone, own: own, child: newSummed(depth, own), table: *table.New[state](table.Limits{Rows: rows, RowSize: c.RowLimit})}
}

// remember notes that a version of a row was removed.
func (l *level) remember(owner protocol.NodeID, version table.Version, awake protocol.Time) {
	l.gone.put(removed{owner: owner, version: version, at: awake}, goneFactor*l.table.Limits().Rows)
}

// rowsBeyond is how many rows of a child zone are kept beside those of as many representatives as it should have: while they change there are more.
const rowsBeyond = 2

// weakest returns the row of a child zone that is to make room for that of another representative, nil when there is room: the one that stands for the fewest hosts.
func (l *level) weakest(zone string, self protocol.NodeID, limit int) *entry {
	c := l.childOf(zone)
	if len(c) < limit {
		return nil
	}
	var weakest *entry
	for _, e := range c {
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

// search returns the position of the row of a child zone that owner made, or where it would stand. That of owner 0 is where the zone begins.
func (l *level) search(zone string, owner protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(l.rows, owner, func(e *entry, owner protocol.NodeID) int {
		return cmp.Or(cmp.Compare(e.Row().Name, zone), cmp.Compare(e.Owner(), owner))
	})
}

// childOf returns the rows of a child zone, none when there is no such zone.
func (l *level) childOf(zone string) child {
	from, _ := l.search(zone, 0)
	return l.childAt(from, zone)
}

// childAt returns the rows from a position on that are of one child zone.
func (l *level) childAt(from int, zone string) child {
	to := from
	for to < len(l.rows) && l.rows[to].Row().Name == zone {
		to++
	}
	return child(l.rows[from:to:to])
}

// children goes through the child zones by path. It is not for changing them.
func (l *level) children(yield func(child) bool) {
	for i := 0; i < len(l.rows); {
		c := l.childAt(i, l.rows[i].Row().Name)
		if !yield(c) {
			return
		}
		i += len(c)
	}
}

// zones returns how many child zones have rows.
func (l *level) zones() (count int) {
	for range l.children {
		count++
	}
	return count
}

// childNumber returns one of the child zones, by path.
func (l *level) childNumber(i int) (c child) {
	for c = range l.children {
		if i--; i < 0 {
			break
		}
	}
	return c
}

// enter notes that e, which is new in the table, is a row of its child zone.
func (l *level) enter(e *entry) {
	zone := e.Row().Name
	if len(l.childOf(zone)) == 0 {
		l.found(zone)
	}
	i, _ := l.search(zone, e.Owner())
	l.rows = slices.Insert(l.rows, i, e)
	l.age(e)
}

// age notes what the row of e, which is new, tells of its age.
func (l *level) age(e *entry) { l.aged = l.aged || count(e.Row(), AttributeAge) > 0 }

// leave notes that e is no longer a row of a child zone, which is not that of the row that it has now where the owner is in another one since. It reports whether it was the last one.
func (l *level) leave(e *entry, zone string) (last bool) {
	e.State.feed = false
	i := slices.Index(l.rows, e)
	l.rows = slices.Delete(l.rows, i, i+1)
	return len(l.childOf(zone)) == 0
}

// others reports whether the zone has other child zones than the own one.
func (l *level) others() bool {
	n := len(l.rows)
	return n > 0 && (l.rows[0].Row().Name != l.own || l.rows[n-1].Row().Name != l.own)
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

// choose chooses the feed of a child zone: the row that advanced last, by the own clock; of equal ones that with the lower NodeID; and the present feed as long as it
// is not much older.
func (c child) choose(patience protocol.Time) (feed *entry) {
	if len(c) == 1 && c[0].State.feed && !c[0].Row().Left {
		return c[0]
	}
	var best *entry
	for _, e := range c {
		if !e.Row().Left && (best == nil || e.Advanced() > best.Advanced()) {
			best = e
		}
	}
	feed = c.feed()
	if best != nil && feed != nil && !feed.Row().Left && feed.Advanced()+patience >= best.Advanced() {
		return feed
	}
	if feed != nil {
		feed.State.feed = false
	}
	if best != nil {
		best.State.feed = true
	}
	return best
}
