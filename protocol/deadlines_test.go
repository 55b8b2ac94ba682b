package protocol_test

import (
	"testing"

	"pgregory.net/rapid"

	"spinglass/protocol"
)

// timer is an entry of the dumb oracle: an unsorted list.
type timer struct {
	key   int
	at    protocol.Time
	order int
}

func TestDeadlinesAgreesWithList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var heap protocol.Deadlines[int]
		var list []timer
		remove := func(key int) {
			for i, e := range list {
				if e.key == key {
					list = append(list[:i], list[i+1:]...)
					return
				}
			}
		}
		order, keys := 0, rapid.SampledFrom([]int{4, 12, 40}).Draw(t, "keys") // few, and so many that there is an index
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			key := rapid.IntRange(0, keys).Draw(t, "key")
			switch rapid.IntRange(0, 5).Draw(t, "op") {
			case 0, 1, 4, 5:
				at := protocol.Time(rapid.IntRange(0, 20).Draw(t, "at"))
				heap.Set(key, at)
				remove(key)
				order++
				list = append(list, timer{key, at, order})
			case 2:
				heap.Cancel(key)
				remove(key)
			case 3:
				now := protocol.Time(rapid.IntRange(0, 20).Draw(t, "now"))
				key, ok := heap.Due(now)
				first := -1
				for i, e := range list {
					if e.at <= now && (first < 0 || e.at < list[first].at || e.at == list[first].at && e.order < list[first].order) {
						first = i
					}
				}
				if ok != (first >= 0) || ok && list[first].key != key {
					t.Fatalf("Due(%d) = %d, %v; the list has %v", now, key, ok, list)
				}
				if ok {
					remove(key)
				}
			}
			next := protocol.Never
			for _, e := range list {
				next = min(next, e.at)
				if heap.At(e.key) != e.at {
					t.Fatalf("At(%d) = %v, want %v", e.key, heap.At(e.key), e.at)
				}
			}
			if heap.Next() != next || heap.Len() != len(list) {
				t.Fatalf("Next = %v, Len = %d; want %v, %d", heap.Next(), heap.Len(), next, len(list))
			}
		}
	})
}

func TestDeadlinesNeverCancels(t *testing.T) {
	var heap protocol.Deadlines[string]
	heap.Set("round", 5)
	heap.Set("round", protocol.Never)
	if _, ok := heap.Due(protocol.Never); ok || heap.Next() != protocol.Never {
		t.Fatal("a deadline of Never came due")
	}
}

func TestTimeSaturates(t *testing.T) {
	if got := (protocol.Never - 1).Add(10); got != protocol.Never {
		t.Fatalf("adding past the end gives %d, want Never", got)
	}
}

func BenchmarkDeadlines(b *testing.B) {
	var heap protocol.Deadlines[int]
	for i := range 64 {
		heap.Set(i, protocol.Time(i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		heap.Set(i%64, protocol.Time(i))
	}
}
