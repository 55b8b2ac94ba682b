package table

import (
	"math"
	"slices"

	"spinglass/protocol"
)

// RowsDefault is how many rows a zone holds by default.
const RowsDefault = 128

// Limits bound a table.
type Limits struct {
	Rows    int // rows of the zone, 1 to math.MaxInt32
	RowSize int // bytes of a row's encoding, at most RowSizeMax
}

// Entry is a row in a table, with the latest evidence that its owner lives. State is the caller's own record about the owner; the
// table does not look at it.
type Entry[S any] struct {
	// What digests and merging look at comes first, to lie in one line of the processor's cache.
	row             *Row
	heartbeat       uint64 // with the row's epoch and sequence the version
	proof           *Link
	advanced        protocol.Time
	longer, shorter *Entry[S] // neighbours in the order of silence
	pass            uint32    // the digest that last took this entry
	watched         bool      // in the order of silence

	State S // one of a few bytes takes no more room
}

// Row returns the row.
func (e *Entry[S]) Row() *Row { return e.row }

// Owner returns the owner of the row.
func (e *Entry[S]) Owner() protocol.NodeID { return e.row.Owner }

// Version returns the version of the row with its latest heartbeat.
func (e *Entry[S]) Version() Version { return e.row.Version(e.heartbeat) }

// Claim returns owner and version.
func (e *Entry[S]) Claim() Claim { return Claim{Owner: e.row.Owner, Version: e.Version()} }

// Proof returns the link of the heartbeat; it is empty when heartbeats are not proven, and never changes in place.
func (e *Entry[S]) Proof() []byte {
	if e.proof == nil {
		return nil
	}
	return e.proof[:]
}

// Advanced returns when the version last advanced, by the caller's clock.
func (e *Entry[S]) Advanced() protocol.Time { return e.advanced }

// Shorter returns the entry with the next shorter silence, nil after the last.
func (e *Entry[S]) Shorter() *Entry[S] { return e.shorter }

// Outcome tells what a merge did.
type Outcome uint8

// The outcomes of a merge.
const (
	Unchanged Outcome = iota // nothing newer
	Advanced                 // the heartbeat of the row held is newer
	Replaced                 // the row is newer than the one held
	Added                    // the row was not held
	Missing                  // a beat of a row that is not held, or not in this version
)

// Stats counts what a table met since it was made.
type Stats struct {
	Added       uint64
	Replaced    uint64
	Advanced    uint64
	Conflicting uint64 // different rows under one version
	Full        uint64 // rows refused because the zone is full
	TooLarge    uint64 // rows refused because of their size
}

// slot keeps the owner beside the pointer, so that a search stays within one piece of memory.
type slot[S any] struct {
	owner protocol.NodeID
	entry *Entry[S]
}

// Table holds the rows of a zone.
type Table[S any] struct {
	rowsMax int32     // Limits.Rows
	sizeMax int32     // Limits.RowSize
	order   []slot[S] // by owner
	silence silence[S]
	cursor  protocol.NodeID // where the rotating part of the next digest begins
	pass    uint32
	stats   Stats
}

// New returns an empty table.
func New[S any](limits Limits) *Table[S] {
	if limits.Rows < 1 || limits.Rows > math.MaxInt32 || limits.RowSize < 1 || limits.RowSize > RowSizeMax {
		panic("table: limits out of range")
	}
	return &Table[S]{rowsMax: int32(limits.Rows), sizeMax: int32(limits.RowSize)}
}

// Limits returns the limits that the table was made with.
func (t *Table[S]) Limits() Limits { return Limits{Rows: int(t.rowsMax), RowSize: int(t.sizeMax)} }

// Stats returns the counters.
func (t *Table[S]) Stats() Stats { return t.stats }

// Grow makes room for n more rows.
func (t *Table[S]) Grow(n int) { t.order = slices.Grow(t.order, n) }

// Len returns the number of rows.
func (t *Table[S]) Len() int { return len(t.order) }

// At returns the i-th entry in the order of owners.
func (t *Table[S]) At(i int) *Entry[S] { return t.order[i].entry }

// Get returns the entry of owner, nil when there is none.
func (t *Table[S]) Get(owner protocol.NodeID) *Entry[S] {
	if i, ok := t.search(owner); ok {
		return t.order[i].entry
	}
	return nil
}

// search returns the position of owner, or where it would stand.
func (t *Table[S]) search(owner protocol.NodeID) (int, bool) {
	low, high := 0, len(t.order)
	for low < high {
		middle := int(uint(low+high) / 2)
		if t.order[middle].owner < owner {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(t.order) && t.order[low].owner == owner
}

// Merge takes over a row with its heartbeat and the link that proves it, when they are newer than what the table holds. The row
// is kept by pointer, the proof is copied; one that has not the length of a link is none. The error is a *FullError or a *RowTooLargeError; then nothing changes.
func (t *Table[S]) Merge(now protocol.Time, row *Row, heartbeat uint64, proof []byte) (*Entry[S], Outcome, error) {
	i, held := t.search(row.Owner)
	if !held {
		if err := t.admit(row, true); err != nil {
			return nil, Unchanged, err
		}
		e := &Entry[S]{
			heartbeat: heartbeat, advanced: now, row: row, proof: link(proof),
		}
		t.insert(i, e)
		return e, Added, nil
	}
	e := t.order[i].entry
	c := row.Compare(e.row)
	same := row.Version(0).CompareRow(e.Version()) == 0
	switch {
	case c > 0 && same:
		return t.settle(now, e, row, heartbeat, proof)
	case c > 0:
		if err := t.admit(row, false); err != nil {
			return e, Unchanged, err
		}
		e.row, e.heartbeat = row, heartbeat
		t.advance(now, e, proof)
		t.stats.Replaced++
		return e, Replaced, nil
	case c < 0 && !same:
		return e, Unchanged, nil
	case c < 0:
		t.stats.Conflicting++
	}
	return e, t.beat(now, e, heartbeat, proof), nil
}

// Load adds rows at one heartbeat, without proofs, for experiments that begin with full tables. Their entries are one piece of memory, which is there until the last
// of them is gone. Rows whose owner has one already and rows beyond the limits are left out; refused is how many.
func (t *Table[S]) Load(now protocol.Time, rows []*Row, heartbeat uint64) (refused int) {
	entries := make([]Entry[S], len(rows))
	t.order = slices.Grow(t.order, len(rows))
	for _, row := range rows {
		i, held := t.search(row.Owner)
		if held || t.admit(row, true) != nil {
			refused++
			continue
		}
		e := &entries[0]
		entries = entries[1:]
		e.row, e.heartbeat, e.advanced = row, heartbeat, now
		t.insert(i, e)
	}
	return refused
}

// insert puts in an entry whose owner has none, at its position.
func (t *Table[S]) insert(i int, e *Entry[S]) {
	t.order = slices.Insert(t.order, i, slot[S]{owner: e.row.Owner, entry: e})
	t.silence.append(e)
	t.stats.Added++
}

// settle deals with a row that has the version of the one held and a greater encoding: the greater one stays, with the greater
// heartbeat, so that all tables end with the same one.
func (t *Table[S]) settle(now protocol.Time, e *Entry[S], row *Row, heartbeat uint64, proof []byte) (*Entry[S], Outcome, error) {
	t.stats.Conflicting++
	if err := t.admit(row, false); err != nil {
		return e, Unchanged, err
	}
	e.row = row
	t.beat(now, e, heartbeat, proof)
	return e, Replaced, nil
}

// admit checks the limits for a row that is about to be taken.
func (t *Table[S]) admit(row *Row, added bool) error {
	limits := t.Limits()
	if size := row.Size(); size > limits.RowSize {
		t.stats.TooLarge++
		return &RowTooLargeError{Size: size, Limit: limits.RowSize}
	}
	if added && len(t.order) >= limits.Rows {
		t.stats.Full++
		return &FullError{Limit: limits.Rows}
	}
	return nil
}

// Beat takes over a heartbeat without its row. The outcome is Unchanged, Advanced or Missing; the entry is nil when the owner has
// none.
func (t *Table[S]) Beat(now protocol.Time, claim Claim, proof []byte) (*Entry[S], Outcome) {
	e := t.Get(claim.Owner)
	if e == nil {
		return nil, Missing
	}
	switch c := claim.CompareRow(e.Version()); {
	case c > 0:
		return e, Missing
	case c < 0:
		return e, Unchanged
	}
	return e, t.beat(now, e, claim.Heartbeat, proof)
}

func (t *Table[S]) beat(now protocol.Time, e *Entry[S], heartbeat uint64, proof []byte) Outcome {
	if heartbeat <= e.heartbeat {
		return Unchanged
	}
	e.heartbeat = heartbeat
	t.advance(now, e, proof)
	t.stats.Advanced++
	return Advanced
}

// advance notes fresh evidence for e.
func (t *Table[S]) advance(now protocol.Time, e *Entry[S], proof []byte) {
	e.advanced = now
	e.proof = link(proof) // never in place: messages share the old one
	if e.watched {
		t.silence.remove(e)
		t.silence.append(e)
	}
}

// link copies the link that proves a heartbeat; nil when it is none.
func link(proof []byte) *Link {
	if len(proof) != LinkSize {
		return nil
	}
	return new(Link(proof))
}

// Exempt takes the row of owner, the table's own, out of the order of silence.
func (t *Table[S]) Exempt(owner protocol.NodeID) {
	if e := t.Get(owner); e != nil && e.watched {
		t.silence.remove(e)
	}
}

// Watch puts a row that Exempt took out of the order of silence back into it, as the one that advanced last.
func (t *Table[S]) Watch(owner protocol.NodeID) {
	if e := t.Get(owner); e != nil && !e.watched {
		t.silence.append(e)
	}
}

// Silent returns the entry whose version has not advanced for longest, nil when there is none; Entry.Shorter leads on from there.
func (t *Table[S]) Silent() *Entry[S] { return t.silence.first }

// Remove takes the row of owner out and returns its entry, nil when there is none.
func (t *Table[S]) Remove(owner protocol.NodeID) *Entry[S] {
	i, ok := t.search(owner)
	if !ok {
		return nil
	}
	e := t.order[i].entry
	t.order = slices.Delete(t.order, i, i+1)
	if e.watched {
		t.silence.remove(e)
	}
	return e
}
