package table

import (
	"cmp"
	"math"
	"slices"

	"spinglass/protocol"
)

// Digest says which rows somebody holds. Claims is in ascending order of owners. It names every row held whose owner is in
// First to Last, so that the receiver sees which ones are lacking; beyond that range it may name any.
type Digest struct {
	First, Last protocol.NodeID // inclusive
	Claims      []Claim
}

// Digest appends claims of at most room bytes to claims and returns them as a digest. When not all rows fit, half of the room
// goes to the rows that have been silent for longest: those are what the table is most in need of. The other half rotates over
// all rows, so that rows that are missing somewhere are found.
func (t *Table[S]) Digest(claims []Claim, room int) Digest {
	t.pass++
	if t.fits(room) {
		for i := range t.order {
			claims = append(claims, t.order[i].entry.Claim())
		}
		return Digest{First: 0, Last: math.MaxUint64, Claims: claims}
	}
	size := 0
	for e := t.silence.first; e != nil; e = e.shorter {
		claim := e.Claim()
		if size += claim.Size(); size > room/2 {
			size -= claim.Size()
			break
		}
		e.pass = t.pass
		claims = append(claims, claim)
	}
	first, last, claims := t.rotate(claims, room-size)
	slices.SortFunc(claims, func(a, b Claim) int { return cmp.Compare(a.Owner, b.Owner) })
	return Digest{First: first, Last: last, Claims: claims}
}

// fits reports whether the claims of all rows fit into room bytes.
func (t *Table[S]) fits(room int) bool {
	size := len(t.order) * ClaimSizeMin
	for i := 0; i < len(t.order) && size <= room; i++ {
		claim := t.order[i].entry.Claim()
		size += claim.Size() - ClaimSizeMin
	}
	return size <= room
}

// rotate appends the claims of the next range of owners that fit into room bytes. Rows that the digest already took cost nothing.
func (t *Table[S]) rotate(claims []Claim, room int) (first, last protocol.NodeID, all []Claim) {
	first = t.cursor
	i, _ := t.search(first)
	for ; i < len(t.order); i++ {
		e := t.order[i].entry
		if e.pass != t.pass {
			claim := e.Claim()
			if room -= claim.Size(); room < 0 {
				break
			}
			e.pass = t.pass
			claims = append(claims, claim)
		}
		last = t.order[i].owner
	}
	if i == len(t.order) {
		t.cursor = 0
		return first, math.MaxUint64, claims
	}
	t.cursor = last + 1
	return first, last, claims
}

// Difference is what a table and a digest have not in common. Its slices are reused by the next Compare.
type Difference[S any] struct {
	Rows      []*Entry[S] // rows that the other lacks, or holds in an older version
	Beats     []*Entry[S] // rows of which the other has an older heartbeat
	WantRows  []protocol.NodeID
	WantBeats []protocol.NodeID
}

// Compare sets d to the difference between t and a digest. It takes one search for each claim and a walk over the range of the
// digest.
func (t *Table[S]) Compare(digest Digest, d *Difference[S]) {
	d.Rows, d.Beats = d.Rows[:0], d.Beats[:0]
	d.WantRows, d.WantBeats = d.WantRows[:0], d.WantBeats[:0]
	for i := range digest.Claims {
		claim := &digest.Claims[i]
		e := t.Get(claim.Owner)
		if e == nil {
			d.WantRows = append(d.WantRows, claim.Owner)
			continue
		}
		switch c := e.Version().CompareRow(claim.Version); {
		case c > 0:
			d.Rows = append(d.Rows, e)
		case c < 0:
			d.WantRows = append(d.WantRows, claim.Owner)
		case e.heartbeat > claim.Heartbeat:
			d.Beats = append(d.Beats, e)
		case e.heartbeat < claim.Heartbeat:
			d.WantBeats = append(d.WantBeats, claim.Owner)
		}
	}
	t.lacking(digest, d)
}

// lacking adds the rows within the digest's range that it does not name.
func (t *Table[S]) lacking(digest Digest, d *Difference[S]) {
	claims := digest.Claims
	for i, _ := t.search(digest.First); i < len(t.order) && t.order[i].owner <= digest.Last; i++ {
		owner := t.order[i].owner
		for len(claims) > 0 && claims[0].Owner < owner {
			claims = claims[1:]
		}
		if len(claims) == 0 || claims[0].Owner != owner {
			d.Rows = append(d.Rows, t.order[i].entry)
		}
	}
}
