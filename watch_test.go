package spinglass

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/protocol"
)

// host returns a row of a host with a value.
func host(id int, value byte) astrolabe.RowStatus {
	return astrolabe.RowStatus{
		Zone: "/lab", Name: fmt.Sprintf("/lab/a%d", id), Host: true, Owner: protocol.NodeID(id), RowsIn: 1, Expected: 1,
		Attributes: []protocol.Attribute{{Name: "load", Value: []byte{2, value}}},
	}
}

// told drains a watch into text: what the application gets.
func told(w *rowWatch) (all []string) {
	for c, ok := w.take(); ok; c, ok = w.take() {
		sign := "="
		if c.removed {
			sign = "-"
		}
		all = append(all, fmt.Sprintf("%s%d:%d", sign, c.status.Owner, c.status.Attributes[0].Value[1]))
		if c.missed > 0 {
			all = append(all, fmt.Sprintf("missed %d", c.missed))
		}
	}
	return all
}

func TestChangesOfATable(t *testing.T) {
	var missed uint64
	w := newRowWatch(watchChangesMax, func(count uint64) { missed += count })
	aged, twin, suspect := host(1, 1), host(9, 1), host(1, 1)
	aged.Age, twin.Name, suspect.Suspect = time.Minute, "/lab/a1", true
	for _, step := range []struct {
		rows []astrolabe.RowStatus
		want []string
	}{
		{[]astrolabe.RowStatus{host(1, 1), host(2, 1)}, []string{"=1:1", "=2:1"}}, // all at first
		{[]astrolabe.RowStatus{aged, host(2, 1)}, nil},
		{[]astrolabe.RowStatus{host(1, 2), host(2, 1)}, []string{"=1:2"}},
		{[]astrolabe.RowStatus{host(2, 1)}, []string{"-1:2"}},
		{[]astrolabe.RowStatus{host(1, 1), host(2, 1)}, []string{"=1:1"}},
		{[]astrolabe.RowStatus{host(1, 1), twin, host(2, 1)}, []string{"=9:1"}}, // two of one name
		{[]astrolabe.RowStatus{suspect, twin, host(2, 1)}, []string{"=1:1"}},
		{nil, []string{"-1:1", "-9:1", "-2:1"}},
	} {
		w.look(step.rows)
		if got := told(w); !slices.Equal(got, step.want) {
			t.Errorf("%v, want %v", got, step.want)
		}
	}
	if missed != 0 {
		t.Errorf("%d missed by an application that takes all", missed)
	}
}

func TestChangesThatAreNotTakenAreOverwrittenAndCounted(t *testing.T) {
	var missed uint64
	w := newRowWatch(watchChangesMax, func(count uint64) { missed += count })
	for value := range byte(5) {
		w.look([]astrolabe.RowStatus{host(1, value), host(2, 1)})
	}
	w.look([]astrolabe.RowStatus{host(2, 2)})
	if got := told(w); !slices.Equal(got, []string{"-1:4", "missed 5", "=2:2", "missed 1"}) || missed != 6 {
		t.Errorf("%v, %d missed", got, missed)
	}
}

// Whatever happens, the changes that an application gets and those that it is told to have missed are all that there were, and a queue is no longer than its limit.
func TestChangesAddUp(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		var missed, seen, changes uint64
		w := newRowWatch(8, func(count uint64) { missed += count })
		values := make([]byte, 20) // of hosts; 0: there is none
		for range 200 {
			var rows []astrolabe.RowStatus
			for i := range values {
				if random.IntN(4) == 0 {
					if next := byte(random.IntN(3)); next != values[i] {
						values[i] = next
						changes++
					}
				}
				if values[i] > 0 {
					rows = append(rows, host(i+1, values[i]))
				}
			}
			w.look(rows)
			if len(w.queue) > 8 || len(w.queue) != len(w.waiting) {
				t.Fatalf("seed %d: %d changes wait, of %d rows", seed, len(w.queue), len(w.waiting))
			}
			for range random.IntN(6) {
				if c, ok := w.take(); ok {
					seen += 1 + c.missed
				}
			}
		}
		for c, ok := w.take(); ok; c, ok = w.take() {
			seen += 1 + c.missed
		}
		if seen != changes || missed == 0 {
			t.Errorf("seed %d: %d changes told, %d happened, %d missed", seed, seen, changes, missed)
		}
	}
}

// An application that takes nothing for a while is told the latest of each row, and how many it has missed.
func TestABusyApplicationMissesChanges(t *testing.T) {
	n := single(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var missed uint64
	value := 0
	for c, err := range n.Watch(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for ; n.changesMissed.Load() == 0; <-tick.C { // it is busy
			value++
			if err := n.Set(t.Context(), Attrs{"load": value}); err != nil {
				t.Fatal(err)
			}
		}
		missed += c.Missed
		if c.Row.Attributes["load"] == int64(value) {
			break
		}
	}
	if missed == 0 || missed != n.changesMissed.Load() {
		t.Errorf("told of %d missed, %d are counted", missed, n.changesMissed.Load())
	}
}
