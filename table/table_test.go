package table

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"spinglass/protocol"
)

type testTable = Table[int]

func newTable(rows int) *testTable { return New[int](Limits{Rows: rows, RowSize: RowSizeDefault}) }

func testRow(owner protocol.NodeID, epoch, sequence uint64, name string) *Row {
	return &Row{Owner: owner, Epoch: epoch, Sequence: sequence, Name: "/" + name}
}

// checkInvariants reports the first broken one: owners ascending, silence in order and complete.
func checkInvariants(t *testTable) error {
	watched := 0
	for i := range t.order {
		e := t.order[i].entry
		if t.order[i].owner != e.row.Owner || i > 0 && t.order[i-1].owner >= e.row.Owner {
			return fmt.Errorf("entry %d is out of order", i)
		}
		if e.watched {
			watched++
		}
	}
	for e := t.silence.first; e != nil; e = e.shorter {
		if watched--; !e.watched || e.shorter != nil && (e.shorter.advanced < e.advanced || e.shorter.longer != e) {
			return errors.New("silence is out of order")
		}
	}
	if watched != 0 {
		return errors.New("silence is incomplete")
	}
	return nil
}

// update is one thing that reaches a table.
type update struct {
	row       *Row
	heartbeat uint64
}

// oracle is the dumb table: for each owner the greatest update by version, then by encoding.
type oracle map[protocol.NodeID]update

func (o oracle) merge(u update) {
	held, ok := o[u.row.Owner]
	c := u.row.Version(0).CompareRow(held0(held))
	switch {
	case !ok || c > 0:
		o[u.row.Owner] = u
	case c == 0:
		if slices.Compare(u.row.Append(nil), held.row.Append(nil)) > 0 {
			held.row = u.row
		}
		held.heartbeat = max(held.heartbeat, u.heartbeat)
		o[u.row.Owner] = held
	}
}

func held0(u update) Version {
	if u.row == nil {
		return Version{}
	}
	return u.row.Version(0)
}

func drawUpdates(t *rapid.T) []update {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) update {
		name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
		return update{
			row: testRow(protocol.NodeID(rapid.Uint64Range(1, 5).Draw(t, "owner")), rapid.Uint64Range(1, 3).Draw(t, "epoch"),
				rapid.Uint64Range(1, 3).Draw(t, "sequence"), name),
			heartbeat: rapid.Uint64Range(0, 4).Draw(t, "heartbeat"),
		}
	}), 1, 40).Draw(t, "updates")
}

func same(t *testTable, o oracle) error {
	if t.Len() != len(o) {
		return fmt.Errorf("%d rows, not %d", t.Len(), len(o))
	}
	for owner, u := range o {
		e := t.Get(owner)
		if e == nil || e.Row().Compare(u.row) != 0 || e.Version().Heartbeat != u.heartbeat {
			return fmt.Errorf("row of %v differs from the oracle's", owner)
		}
	}
	return nil
}

// Merging is commutative, associative, idempotent and monotone, and agrees with an oracle: "newer (epoch, sequence) for the same
// ... wins".
func TestMergeAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		updates := drawUpdates(t)
		want, one, other := make(oracle), newTable(10), newTable(10)
		for i, u := range updates {
			want.merge(u)
			var before Version
			if e := one.Get(u.row.Owner); e != nil {
				before = e.Version()
			}
			if _, _, err := one.Merge(protocol.Time(i), u.row, u.heartbeat, nil); err != nil {
				t.Fatal(err)
			}
			if after := one.Get(u.row.Owner).Version(); after.Compare(before) < 0 {
				t.Fatalf("version went from %v to %v", before, after)
			}
			if err := errors.Join(same(one, want), checkInvariants(one)); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range rapid.Permutation(slices.Repeat(updates, 2)).Draw(t, "order") {
			if _, _, err := other.Merge(0, i.row, i.heartbeat, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := same(other, want); err != nil {
			t.Fatalf("in another order, twice: %v", err)
		}
	})
}

// A beat does what the whole row with this heartbeat would do, where the row is held in that version, and nothing otherwise.
func TestBeatIsMergeWithoutRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := newTable(10)
		for i, u := range drawUpdates(t) {
			held := table.Get(u.row.Owner)
			now := protocol.Time(i)
			if held == nil || held.Row().Compare(u.row) != 0 {
				_, _, _ = table.Merge(now, u.row, u.heartbeat, nil)
				continue
			}
			before := held.Version()
			e, outcome := table.Beat(now, Claim{Owner: u.row.Owner, Version: u.row.Version(u.heartbeat)}, make([]byte, LinkSize))
			if want := u.heartbeat > before.Heartbeat; e != held || want != (outcome == Advanced) || want != (e.Advanced() == now && len(e.Proof()) == LinkSize) {
				t.Fatalf("heartbeat %d after %d: outcome %d", u.heartbeat, before.Heartbeat, outcome)
			}
			if err := checkInvariants(table); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestBeatOfAnotherVersion(t *testing.T) {
	table := newTable(4)
	if e, outcome := table.Beat(0, Claim{Owner: 1, Version: Version{1, 1, 9}}, nil); e != nil || outcome != Missing {
		t.Error("a beat without a row")
	}
	_, _, _ = table.Merge(0, testRow(1, 2, 2, "a"), 5, nil)
	for _, c := range []struct {
		version Version
		want    Outcome
	}{
		{Version{2, 3, 9}, Missing}, {Version{3, 1, 9}, Missing}, {Version{2, 1, 9}, Unchanged}, {Version{1, 9, 9}, Unchanged},
		{Version{2, 2, 5}, Unchanged}, {Version{2, 2, 6}, Advanced}, {Version{2, 2, 6}, Unchanged},
	} {
		if _, outcome := table.Beat(0, Claim{Owner: 1, Version: c.version}, nil); outcome != c.want {
			t.Errorf("%v: %d, not %d", c.version, outcome, c.want)
		}
	}
	if got := table.Get(1).Version(); got != (Version{2, 2, 6}) {
		t.Errorf("version %v", got)
	}
}

func TestLimits(t *testing.T) {
	table := newTable(2)
	for owner := range protocol.NodeID(2) {
		if _, _, err := table.Merge(0, testRow(owner+1, 1, 1, "a"), 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	var full *FullError
	if _, _, err := table.Merge(0, testRow(3, 1, 1, "a"), 1, nil); !errors.As(err, &full) || full.Limit != 2 || !errors.Is(err, ErrZoneFull) {
		t.Errorf("a third row: %v", err)
	}
	if _, outcome, err := table.Merge(0, testRow(2, 1, 2, "b"), 1, nil); err != nil || outcome != Replaced {
		t.Errorf("a newer row in a full table: %d, %v", outcome, err)
	}
	large := testRow(2, 9, 1, "a")
	large.Attributes = []protocol.Attribute{{Name: "x", Value: make([]byte, RowSizeDefault)}}
	if _, _, err := table.Merge(0, large, 1, nil); !errors.Is(err, ErrRowFull) {
		t.Errorf("a large row: %v", err)
	}
	if s := table.Stats(); s.Full != 1 || s.TooLarge != 1 || s.Added != 2 || s.Replaced != 1 {
		t.Errorf("%+v", s)
	}
	if e := table.Remove(2); e == nil || table.Remove(2) != nil || table.Len() != 1 {
		t.Error("removing")
	}
	if _, _, err := table.Merge(0, testRow(3, 1, 1, "a"), 1, nil); err != nil {
		t.Errorf("a row where there is room again: %v", err)
	}
}

// randomTable returns a table of n rows with random owners.
func randomTable(r *rand.Rand, n int) *testTable {
	table := newTable(max(1, n))
	for table.Len() < n {
		_, _, _ = table.Merge(protocol.Time(r.IntN(100)), testRow(protocol.NodeID(r.Uint64()|1), 1, 1, "a"), 1, nil)
	}
	return table
}

// Digests stay within their room, are in order, complete within their range, and cover all rows in rotation: with half of the
// room for it, in at most ceil(2n / claims) digests.
func TestDigestsAreBoundedAndCoverAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 10, 100, 1000} {
		table := randomTable(r, n)
		const room = 300
		covered := make(map[protocol.NodeID]bool)
		perDigest := room / (ClaimSizeMin + 1)
		for range (2*n+perDigest-1)/perDigest + 2 {
			d := table.Digest(nil, room)
			size := 0
			for i, c := range d.Claims {
				size += c.Size()
				if i > 0 && c.Owner <= d.Claims[i-1].Owner {
					t.Fatal("claims out of order")
				}
				covered[c.Owner] = true
			}
			if size > room || d.First > d.Last {
				t.Fatalf("a digest of %d bytes, %v to %v", size, d.First, d.Last)
			}
			for i := range table.Len() {
				owner := table.At(i).Owner()
				named := slices.ContainsFunc(d.Claims, func(c Claim) bool { return c.Owner == owner })
				if owner >= d.First && owner <= d.Last && !named {
					t.Fatalf("%v is in the range and not named", owner)
				}
			}
		}
		if len(covered) != n {
			t.Errorf("%d of %d rows covered", len(covered), n)
		}
	}
}

// The rows silent for longest are in the digest.
func TestDigestNamesTheMostSilent(t *testing.T) {
	table := newTable(1000)
	for owner := range protocol.NodeID(1000) {
		_, _, _ = table.Merge(protocol.Time(owner*7919%1000), testRow(owner+1, 1, 1, "a"), 1, nil)
	}
	// Merge appends to the order of silence, as its callers' time does not go back; here each row beats once more at its time.
	owners := make([]protocol.NodeID, 1000)
	for i := range owners {
		owners[i] = protocol.NodeID(i + 1)
	}
	slices.SortFunc(owners, func(a, b protocol.NodeID) int { return cmp.Compare(uint64(a)*7919%1000, uint64(b)*7919%1000) })
	for i, owner := range owners {
		table.Beat(protocol.Time(1000+i), Claim{Owner: owner, Version: Version{1, 1, 2}}, nil)
	}
	table.Exempt(owners[0])
	for range 5 {
		d := table.Digest(nil, 40*ClaimSizeMin)
		for _, owner := range owners[1:20] {
			if !slices.ContainsFunc(d.Claims, func(c Claim) bool { return c.Owner == owner }) {
				t.Fatalf("%v is not in the digest", owner)
			}
		}
	}
	if table.Silent().Owner() != owners[1] {
		t.Error("the exempt row is still in the order of silence")
	}
}

// Compare finds just what a walk over both tables finds.
func TestCompareAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mine, theirs := newTable(10), newTable(10)
		for _, u := range drawUpdates(t) {
			_, _, _ = mine.Merge(0, u.row, u.heartbeat, nil)
		}
		for _, u := range drawUpdates(t) {
			_, _, _ = theirs.Merge(0, u.row, u.heartbeat, nil)
		}
		digest := theirs.Digest(nil, rapid.IntRange(2*ClaimSizeMin, 80).Draw(t, "room"))
		var d Difference[int]
		mine.Compare(digest, &d)
		var rows, beats, wantRows, wantBeats []protocol.NodeID
		for owner := protocol.NodeID(1); owner <= 5; owner++ {
			i := slices.IndexFunc(digest.Claims, func(c Claim) bool { return c.Owner == owner })
			e := mine.Get(owner)
			switch {
			case i < 0 && e != nil && owner >= digest.First && owner <= digest.Last:
				rows = append(rows, owner)
			case i >= 0 && (e == nil || e.Version().CompareRow(digest.Claims[i].Version) < 0):
				wantRows = append(wantRows, owner)
			case i >= 0 && e.Version().CompareRow(digest.Claims[i].Version) > 0:
				rows = append(rows, owner)
			case i >= 0 && e.Version().Heartbeat > digest.Claims[i].Heartbeat:
				beats = append(beats, owner)
			case i >= 0 && e.Version().Heartbeat < digest.Claims[i].Heartbeat:
				wantBeats = append(wantBeats, owner)
			}
		}
		owners := func(entries []*Entry[int]) (o []protocol.NodeID) {
			for _, e := range entries {
				o = append(o, e.Owner())
			}
			slices.Sort(o)
			return o
		}
		if !slices.Equal(owners(d.Rows), rows) || !slices.Equal(owners(d.Beats), beats) ||
			!slices.Equal(d.WantRows, wantRows) || !slices.Equal(d.WantBeats, wantBeats) {
			t.Fatalf("difference %v %v %v %v, not %v %v %v %v", owners(d.Rows), owners(d.Beats), d.WantRows, d.WantBeats, rows, beats, wantRows, wantBeats)
		}
	})
}

// Two tables that exchange digests and what they lack become the same.
func TestExchangesConverge(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	a, b := randomTable(r, 300), randomTable(r, 300)
	a.rowsMax, b.rowsMax = 600, 600
	var d Difference[int]
	for range 100 {
		b.Compare(a.Digest(nil, 500), &d)
		for _, e := range d.Rows {
			_, _, _ = a.Merge(0, e.Row(), e.Version().Heartbeat, nil)
		}
		for _, owner := range d.WantRows {
			e := a.Get(owner)
			_, _, _ = b.Merge(0, e.Row(), e.Version().Heartbeat, nil)
		}
	}
	if a.Len() != 600 || b.Len() != 600 {
		t.Errorf("%d and %d rows of 600", a.Len(), b.Len())
	}
	a.Compare(b.Digest(nil, math.MaxInt), &d)
	if len(d.Rows)+len(d.Beats)+len(d.WantRows)+len(d.WantBeats) != 0 {
		t.Errorf("still different: %+v", d)
	}
}

func BenchmarkDigest(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table := randomTable(rand.New(rand.NewPCG(3, 3)), n)
			claims := make([]Claim, 0, 200)
			b.ReportAllocs()
			for b.Loop() {
				table.Digest(claims, 1280)
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	table := randomTable(rand.New(rand.NewPCG(3, 3)), 1000)
	digest := table.Digest(nil, 1280)
	var d Difference[int]
	b.ReportAllocs()
	for b.Loop() {
		table.Compare(digest, &d)
	}
}
