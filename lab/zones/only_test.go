package zones

import (
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/table"
)

// A zone that is the only one of its table is represented to nobody, and has a signed row for who asks all the same: the same one as long as it says the same, then one of a later version, and later again is what a
// representative makes when there is another zone. So nobody has two rows of one version by which its maker could be proven a liar.
func TestRowsForWhoAsks(t *testing.T) {
	f := newFleetAt(t, 9, 0, func(i int) time.Duration {
		if i >= 4 {
			return 40 * time.Second
		}
		return time.Duration(i) * 20 * time.Millisecond
	}, 2, "/eu/fra", "/us/ny", "/us/la")
	answer := func() *table.Row {
		t.Helper()
		a := f.node(3).tables.Resolve(f.world.Now(), astrolabe.SubjectTable, "/us")
		for _, r := range a.Rows {
			if r.Row.Name == "/us/ny" {
				if _, err := a.Check(astrolabe.SubjectTable, "/us", identity.Policy{}, nil); err != nil || len(r.Row.Signature) == 0 {
					t.Errorf("%+v, %v", r, err)
				}
				return r.Row
			}
		}
		t.Fatalf("no row of /us/ny in %+v", a)
		return nil
	}
	f.pass(30 * time.Second)
	first := answer()
	f.pass(2 * time.Second)
	if answer() != first {
		t.Error("a row that says the same was made again")
	}
	f.attribute(2, "load")
	f.pass(3 * time.Second)
	second := answer()
	if second.Owner != first.Owner || second.Compare(first) <= 0 || answer() != second {
		t.Errorf("%+v after %+v", second, first)
	}
	f.pass(time.Minute) // /us/la has come
	a := f.node(3).tables.Resolve(f.world.Now(), astrolabe.SubjectTable, "/us")
	if len(a.Rows) != 2 {
		t.Fatalf("%d rows with another zone", len(a.Rows))
	}
	for i := range f.names {
		if s := f.node(i).members.Stats(); s.Equivocations > 0 || len(f.node(i).members.Quarantine()) > 0 {
			t.Errorf("%s has found a liar", f.names[i])
		}
	}
	if issued := answer(); issued.Owner == first.Owner && issued.Compare(second) <= 0 {
		t.Errorf("%+v was issued after %+v", issued, second)
	}
}
