package stream

import (
	"slices"
	"testing"

	"spinglass/protocol"

	"pgregory.net/rapid"
)

// A window does what a set without bounds does, as far as its slots reach.
func TestWindowAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 9).Draw(t, "slots")
		w, got, end, lost := NewWindow(slots, false), map[uint64]bool{}, uint64(0), map[uint64]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			number := uint64(max(1, int(end)+rapid.IntRange(-12, 6).Draw(t, "number")))
			arrives := rapid.Bool().Draw(t, "arrives")
			first, last := w.Hear(number, arrives)
			for n := end + 1; n <= number; n++ {
				want := (n < number || !arrives) && n+uint64(slots) > number
				if have := n >= first && n <= last; have != want {
					t.Fatalf("after %d comes %d: %d to %d are missing, want %d: %v", end, number, first, last, n, want)
				}
			}
			end = max(end, number)
			for n := uint64(1); n+uint64(slots) <= end; n++ {
				lost[n] = lost[n] || !got[n]
			}
			if arrives {
				if isNew := w.Put(number, []byte{byte(number)}); isNew != (!got[number] && !lost[number]) {
					t.Fatalf("%d is new: %v", number, isNew)
				}
				got[number] = got[number] || !lost[number]
			}
			check(t, w, slots, end, got, lost)
		}
	})
}

func check(t *rapid.T, w *Window, slots int, end uint64, got, lost map[uint64]bool) {
	count, next := uint64(0), uint64(1)
	for n := uint64(1); n <= end; n++ {
		if lost[n] {
			count++
		}
		payload, kept := w.Get(n)
		if inside := n+uint64(slots) > end; kept && payload[0] != byte(n) || inside && kept != got[n] {
			t.Fatalf("%d is kept: %v", n, kept)
		}
		if w.Missing(n) != (!got[n] && !lost[n]) {
			t.Fatalf("%d is missing: %v", n, w.Missing(n))
		}
	}
	for got[next] || lost[next] {
		next++
	}
	if w.Lost() != count || w.Next() != next || w.End() != end {
		t.Fatalf("%d lost, want %d; next %d, want %d; end %d, want %d", w.Lost(), count, w.Next(), next, w.End(), end)
	}
}

func TestWindowThatBeginsLate(t *testing.T) {
	w := NewWindow(8, true)
	if first, last := w.Hear(100, true); first <= last || !w.Put(100, nil) || w.Next() != 101 || w.Put(99, nil) || w.Lost() != 0 {
		t.Errorf("begun by a packet: missing %d to %d, next %d", first, last, w.Next())
	}
	w = NewWindow(8, true)
	if first, last := w.Hear(100, false); first <= last || w.Missing(100) || w.Next() != 101 {
		t.Errorf("begun by word of a packet: missing %d to %d, next %d", first, last, w.Next())
	}
	if w.Hear(1<<60, true); w.Lost() != 1<<60-108 || w.Next() != 1<<60-7 {
		t.Errorf("after a leap: %d lost, next %d", w.Lost(), w.Next())
	}
}

func TestGroup(t *testing.T) {
	g := NewGroup(2)
	for i, id := range []protocol.NodeID{5, 2, 9} {
		g.Notify(protocol.PeerUp{Peer: &protocol.Peer{ID: id, Distance: i}})
	}
	all := g.All()
	if !slices.Equal(all, []protocol.NodeID{2, 5, 9}) || !slices.Equal(g.Near(), []protocol.NodeID{2, 5}) || g.Len() != 3 {
		t.Errorf("%v, near %v", all, g.Near())
	}
	g.Notify(protocol.PeerLeft{Peer: &protocol.Peer{ID: 5}})
	if g.Notify(protocol.Joined{}) || g.Has(5) || !g.Has(9) || !slices.Equal(g.All(), []protocol.NodeID{2, 9}) || !slices.Equal(all, []protocol.NodeID{2, 5, 9}) {
		t.Errorf("after one left: %v, and what was emitted before is %v", g.All(), all)
	}
}
