package astrolabe

import (
	"cmp"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/table"
)

// goneFactor is how many versions that were removed are remembered for each row that a table may have.
const goneFactor = 4

// gone remembers the versions of rows that were removed, for longer than others can still pass them on.
type gone struct {
	rows []removed // in the order in which they were removed
}

type removed struct {
	owner   protocol.NodeID
	version table.Version
	at      protocol.Time // awake time
}

// covers reports whether a version was removed, or is older than one that was.
func (g *gone) covers(owner protocol.NodeID, version table.Version) bool {
	for i := range g.rows {
		if g.rows[i].owner == owner {
			return version.Compare(g.rows[i].version) <= 0
		}
	}
	return false
}

// put remembers a row, of so many at most. The first that was removed makes room.
func (g *gone) put(r removed, limit int) {
	g.rows = slices.DeleteFunc(g.rows, func(other removed) bool { return other.owner == r.owner })
	if len(g.rows) >= limit {
		g.rows = slices.Delete(g.rows, 0, 1)
	}
	g.rows = append(g.rows, r)
}

// forget forgets what was removed before a time.
func (g *gone) forget(before protocol.Time) {
	n := 0
	for n < len(g.rows) && g.rows[n].at < before {
		n++
	}
	g.rows = slices.Delete(g.rows, 0, n)
}

// lost is a child zone of which nothing is heard any longer.
type lost struct {
	zone      string
	since     protocol.Time
	addresses []protocol.Address // of who represented it last
	next      protocol.Time      // when to try one of them again
}

// lostAddressesMax is how many addresses of a zone that went are remembered.
const lostAddressesMax = 2 * contactAddressesMax

// Times between attempts to reach a zone that went: an eighth of the time since then, within these bounds.
const (
	lostRatio = 8
	lostMin   = time.Second
	lostMax   = 2 * time.Minute
)

// lose notes that a child zone went. There are no more of them than child zones may be.
func (l *level) lose(row *table.Row, now protocol.Time, limit int) {
	i, ok := l.searchLost(row.Name)
	if ok || len(l.lost) >= limit {
		return
	}
	addresses := slices.Clone(row.Addresses)
	for _, c := range contactsOf(row) {
		for _, address := range c.Addresses {
			if !slices.Contains(addresses, address) {
				addresses = append(addresses, address)
			}
		}
	}
	addresses = addresses[:min(len(addresses), lostAddressesMax)]
	l.lost = slices.Insert(l.lost, i, lost{zone: row.Name, since: now, addresses: addresses, next: now.Add(lostMin)})
}

// found notes that a child zone is there.
func (l *level) found(zone string) {
	if i, ok := l.searchLost(zone); ok {
		l.lost = slices.Delete(l.lost, i, i+1)
	}
}

// expire forgets the child zones that went before a time.
func (l *level) expire(before protocol.Time) {
	l.lost = slices.DeleteFunc(l.lost, func(z lost) bool { return z.since < before })
}

func (l *level) searchLost(zone string) (int, bool) {
	return slices.BinarySearchFunc(l.lost, zone, func(z lost, zone string) int { return cmp.Compare(z.zone, zone) })
}
