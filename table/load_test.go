package table

import "testing"

// Load makes the table that as many merges make, and leaves out what those would refuse.
func TestLoad(t *testing.T) {
	rows := []*Row{testRow(5, 1, 1, "e"), testRow(2, 1, 3, "b"), testRow(9, 2, 1, "i"), testRow(2, 1, 4, "again"), testRow(7, 1, 1, "beyond")}
	loaded, merged := newTable(3), newTable(3)
	if refused := loaded.Load(4, rows, 6); refused != 2 {
		t.Errorf("%d rows refused, want 2", refused)
	}
	for _, row := range rows[:3] {
		if _, _, err := merged.Merge(4, row, 6, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkInvariants(loaded); err != nil {
		t.Error(err)
	}
	if loaded.Len() != merged.Len() {
		t.Fatalf("%d rows, want %d", loaded.Len(), merged.Len())
	}
	for i := range merged.Len() {
		a, b := loaded.At(i), merged.At(i)
		if a.Row() != b.Row() || a.Version() != b.Version() || a.Advanced() != b.Advanced() || a.Proof() != nil {
			t.Errorf("entry %d: %v and %v", i, a.Claim(), b.Claim())
		}
	}
	for a, b := loaded.Silent(), merged.Silent(); a != nil || b != nil; a, b = a.Shorter(), b.Shorter() {
		if a == nil || b == nil || a.Owner() != b.Owner() {
			t.Fatal("the order of silence differs")
		}
	}
	if loaded.Remove(2); loaded.Get(2) != nil || loaded.Get(5).Row() != rows[0] || loaded.Get(9).Row() != rows[2] {
		t.Error("removing one took others with it")
	}
	if stats := loaded.Stats(); stats.Added != 3 || stats.Full != 1 {
		t.Errorf("counters: %+v", stats)
	}
}
