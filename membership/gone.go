package membership

import (
	"cmp"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/table"
)

// Limits of the records of vanished members.
const (
	goneMaxFactor    = 4               // records for each row of the zone's limit
	contactRatio     = 8               // the next contact comes after an eighth of the time since the member vanished
	contactMin       = time.Second     // the shortest time between contacts
	contactMax       = 2 * time.Minute // the longest
	contactsPerRound = 2
)

// record is what is kept of a member that is down or has left.
type record struct {
	row     *table.Row
	version table.Version // the highest one seen; nothing at or below it brings the member back
	left    bool
	since   protocol.Time

	proof      []byte      // link of version's heartbeat
	credential *credential // nil without an identity
	barred     bool        // its word does not count: it is not contacted
}

// gone holds the records of members that vanished, by owner, and when to contact them or to forget them.
type gone struct {
	records []record
	due     protocol.Deadlines[protocol.NodeID]
	limit   int
	off     bool // experiments: no memory of the dead
	dropped uint64
}

func (g *gone) search(owner protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(g.records, owner, func(r record, owner protocol.NodeID) int {
		return cmp.Compare(r.row.Owner, owner)
	})
}

// get returns the record of owner, nil when there is none. It is valid until the next change.
func (g *gone) get(owner protocol.NodeID) *record {
	if i, ok := g.search(owner); ok {
		return &g.records[i]
	}
	return nil
}

// covers reports whether the version is none that could bring owner back: it was seen before owner went.
func (g *gone) covers(owner protocol.NodeID, version table.Version) bool {
	if g.off {
		return false
	}
	r := g.get(owner)
	return r != nil && version.Compare(r.version) <= 0
}

// put keeps a record, in place of an older one of the same owner, until at, when it is due.
func (g *gone) put(r record, at protocol.Time) {
	owner := r.row.Owner
	i, held := g.search(owner)
	switch {
	case held:
		g.records[i] = r
	case len(g.records) >= g.limit:
		g.remove(g.oldest())
		g.dropped++
		i, _ = g.search(owner)
		fallthrough
	default:
		g.records = slices.Insert(g.records, i, r)
	}
	g.due.Set(owner, at)
}

// oldest returns the owner whose record is worth least: the first that left, or, when none has, the first that vanished.
func (g *gone) oldest() protocol.NodeID {
	first := &g.records[0]
	for i := range g.records {
		if r := &g.records[i]; r.left && !first.left || r.left == first.left && r.since < first.since {
			first = r
		}
	}
	return first.row.Owner
}

// remove forgets owner and returns what was known.
func (g *gone) remove(owner protocol.NodeID) (record, bool) {
	i, held := g.search(owner)
	if !held {
		return record{}, false
	}
	r := g.records[i]
	g.records = slices.Delete(g.records, i, i+1)
	g.due.Cancel(owner)
	return r, true
}

// contactAfter returns when to contact a member next that vanished that long ago: ever more rarely.
func contactAfter(ago time.Duration) time.Duration {
	return min(max(ago/contactRatio, contactMin), contactMax)
}
