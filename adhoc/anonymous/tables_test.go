package anonymous

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
)

// The lost table against a member that remembers everything: "missing numbers per source, at most 200", the expected number behind the greatest that arrived.
func TestLostTable(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		most := 1 + r.IntN(20)
		s := &source{expected: 1 + r.Uint64N(5)}
		arrived, given := map[uint64]bool{}, uint64(0)
		start := s.expected
		expected := start
		var missing []uint64 // of the oracle, ascending
		for range 200 {
			number := uint64(max(1, int64(expected)+r.Int64N(40)-30))
			if r.IntN(20) == 0 {
				number = expected + r.Uint64N(100)
			}
			want := number >= expected || slices.Contains(missing, number)
			fresh, dropped := s.arrive(0, number, most)
			if fresh != want || fresh && arrived[number] {
				t.Fatalf("seed %d: %d is fresh: %v", seed, number, fresh)
			}
			arrived[number] = arrived[number] || fresh
			for n := expected; n < number; n++ {
				missing = append(missing, n)
			}
			missing = slices.DeleteFunc(missing, func(n uint64) bool { return n == number })
			expected = max(expected, number+1)
			if over := len(missing) - most; over > 0 {
				if dropped.count != uint64(over) || dropped.first != missing[0] || dropped.last != missing[over-1] {
					t.Fatalf("seed %d: gave up %+v, not %v", seed, dropped, missing[:over])
				}
				given += uint64(over)
				missing = missing[over:]
			} else if dropped.count != 0 {
				t.Fatalf("seed %d: gave up %+v with room", seed, dropped)
			}
			if got := numbersOf(s); !slices.Equal(got, missing) || s.expected != expected {
				t.Fatalf("seed %d: missing %v, not %v; expected %d, not %d", seed, got, missing, s.expected, expected)
			}
		}
		count := uint64(0)
		for n := start; n < expected; n++ {
			if arrived[n] {
				count++
			}
		}
		if count+given+uint64(len(missing)) != expected-start {
			t.Fatalf("seed %d: numbers do not add up", seed)
		}
	}
}

func numbersOf(s *source) (numbers []uint64) {
	for _, l := range s.lost {
		numbers = append(numbers, l.number)
	}
	return numbers
}

// A number far ahead costs no more memory than the table has.
func TestLostTableIsBounded(t *testing.T) {
	s := &source{expected: 1}
	_, dropped := s.arrive(0, numberMax, 200)
	if len(s.lost) != 200 || dropped.count != numberMax-1-200 || dropped.first != 1 || dropped.last != numberMax-201 {
		t.Errorf("%d lost, dropped %+v", len(s.lost), dropped)
	}
}

// Numbers expire one by one, by the time for which they are missing.
func TestLostExpires(t *testing.T) {
	s := &source{expected: 1}
	s.arrive(0, 3, 10)
	s.arrive(protocol.Time(5*time.Second), 5, 10)
	if gone := s.expire(protocol.Time(10*time.Second), 10*time.Second); gone != (span{1, 2, 2}) || len(s.lost) != 1 || s.lost[0].number != 4 {
		t.Errorf("%+v, left %+v", gone, s.lost)
	}
}

// The history against a list: the last messages, first in, first out, within a number of them and of bytes.
func TestHistory(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		limit, bytesLimit := 1+r.IntN(12), 200+r.IntN(400)
		h := newHistory(limit, bytesLimit)
		var list []*Message
		evicted, crowded := uint64(0), uint64(0)
		for range 120 {
			m := &Message{Source: Source{protocol.NodeID(1 + r.IntN(3)), 1}, Number: 1 + r.Uint64N(30), Payload: make([]byte, r.IntN(100))}
			if r.IntN(40) == 0 {
				m.Payload = make([]byte, 700) // alone beyond the limit
			}
			if !slices.ContainsFunc(list, func(o *Message) bool { return o.Source == m.Source && o.Number == m.Number }) {
				list = append(list, m)
			}
			for len(list) > limit {
				list, evicted = list[1:], evicted+1
			}
			for len(list) > 1 && bytesOf(list) > bytesLimit {
				list, evicted, crowded = list[1:], evicted+1, crowded+1
			}
			h.add(m)
			var got []*Message
			h.oldest(func(m *Message) bool { got = append(got, m); return true })
			if !slices.Equal(got, list) || len(h.index) != len(list) || h.len() != len(list) || h.bytes != bytesOf(list) || h.evicted != evicted || h.crowded != crowded {
				t.Fatalf("seed %d: %d messages, not %d; %d bytes, not %d; %d evicted, not %d", seed, len(got), len(list), h.bytes, bytesOf(list), h.evicted, evicted)
			}
			if len(h.queue) > 2*limit+2 {
				t.Fatalf("seed %d: room for %d messages of %d", seed, len(h.queue), limit)
			}
			for _, o := range list {
				if h.find(o.Source, o.Number) != o {
					t.Fatalf("seed %d: %+v is not found", seed, o)
				}
			}
		}
	}
}

func bytesOf(list []*Message) (sum int) {
	for _, m := range list {
		sum += m.size()
	}
	return sum
}

// The member cache against its rule: "evict the greatest hop count, then the most recently gossiped".
func TestCache(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		c := cache{limit: 1 + r.IntN(6)}
		var list []cached
		for step := range 150 {
			id, hops := protocol.NodeID(1+r.IntN(15)), 1+r.IntN(4)
			if r.IntN(3) == 0 && len(list) > 0 {
				i := r.IntN(len(list))
				list[i].gossiped = protocol.Time(step)
				c.members[c.find(list[i].node)].gossiped = protocol.Time(step)
				continue
			}
			c.add(id, hops)
			if i := slices.IndexFunc(list, func(m cached) bool { return m.node == id }); i >= 0 {
				list[i].hops = hops
			} else {
				list = append(list, cached{id, hops, never})
			}
			for len(list) > c.limit {
				// The victim: among those with the most hops the one that was gossiped with last; of several that never were, the newest.
				most := slices.MaxFunc(list, func(a, b cached) int { return a.hops - b.hops }).hops
				victim := -1
				for i, m := range list {
					if m.hops == most && (victim < 0 || m.gossiped >= list[victim].gossiped) {
						victim = i
					}
				}
				list = slices.Delete(list, victim, victim+1)
			}
			if !slices.Equal(list, c.members) {
				t.Fatalf("seed %d: %v, not %v", seed, c.members, list)
			}
		}
	}
}

// Of the lost numbers the latest are asked for and others drawn evenly, and a request shares its room among sources.
func TestDraw(t *testing.T) {
	m := &Machine{config: Config{Rand: rand.New(rand.NewPCG(1, 1))}}
	s := &source{expected: 1}
	s.arrive(0, 41, 100)
	counts := map[uint64]int{}
	for range 4000 {
		numbers := m.draw(s, 10)
		if len(numbers) != 10 || !slices.IsSorted(numbers) || !slices.Equal(numbers[5:], []uint64{36, 37, 38, 39, 40}) {
			t.Fatal(numbers)
		}
		for _, n := range numbers {
			counts[n]++
		}
	}
	for n := uint64(1); n <= 35; n++ {
		if counts[n] < 460 || counts[n] > 690 { // 571 expected, sigma 22
			t.Errorf("%d was drawn %d times of 4000", n, counts[n])
		}
	}
	short := &source{expected: 1}
	short.arrive(0, 3, 100)
	if got := fmt.Sprint(m.share([]*source{s, short, {}, s})); got != "[4 2 0 4]" {
		t.Errorf("shares %v", got)
	}
}
