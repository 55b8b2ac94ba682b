package gravity

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func Example() {
	fifth, _ := NewRating(0.2)
	salt := NewSalt(0x6f7264657273, 7, 1) // of what author 7 publishes to a topic
	wanted := 0
	for seq := uint64(1); seq <= 10_000; seq++ {
		if fifth.Wants(salt.Height(seq)) {
			wanted++
		}
	}
	fmt.Printf("%.2f\n", float64(wanted)/10_000)
	// Output: 0.20
}

func TestRatings(t *testing.T) {
	for _, fraction := range []float64{0, -0.1, 1.0001, math.NaN(), math.Inf(1)} {
		if _, err := NewRating(fraction); !errors.Is(err, ErrRating) {
			t.Errorf("%v: %v", fraction, err)
		}
	}
	for fraction, want := range map[float64]Rating{1: All, 1e-12: 1, 0.5: 32768, 0.1: 6554} {
		if r, err := NewRating(fraction); err != nil || r != want || math.Abs(r.Fraction()-fraction) > 1.0/65535 {
			t.Errorf("%v is %d, %v", fraction, r, err)
		}
	}
	if s := All.String(); s != "1" {
		t.Error(s)
	}
	if !All.Wants(math.MaxUint64) || Rating(0).Wants(0) || Rating(65534).Wants(math.MaxUint64) {
		t.Error("a bound of what ratings want is wrong")
	}
}

// "The wanted sets are nested", and evenly large: of 200 000 packets within four standard deviations.
func TestHeightsAreEvenAndNested(t *testing.T) {
	const packets = 200_000
	for stream := range uint64(8) {
		salt := NewSalt(stream, 1+stream/2, stream%3)
		var counts [11]int
		for seq := uint64(1); seq <= packets; seq++ {
			h, before := salt.Height(seq), false
			for i := 1; i <= 10; i++ {
				r, _ := NewRating(float64(i) / 10)
				wants := r.Wants(h)
				if before && !wants {
					t.Fatalf("rating %v does not want what a lower one wants", r)
				}
				if before = wants; wants {
					counts[i]++
				}
			}
		}
		for i := 1; i <= 10; i++ {
			p := float64(i) / 10
			if got := float64(counts[i]) / packets; math.Abs(got-p) > 4*math.Sqrt(p*(1-p)/packets) {
				t.Errorf("stream %d: %v of the packets are wanted at rating %v", stream, got, p)
			}
		}
	}
}

// "A different salt per topic keeps topics independent", and so do authors and epochs: what two streams have in common of their tenths is a hundredth.
func TestStreamsAreIndependent(t *testing.T) {
	const packets = 100_000
	tenth, _ := NewRating(0.1)
	for name, other := range map[string]Salt{"topic": NewSalt(2, 1, 1), "author": NewSalt(1, 2, 1), "epoch": NewSalt(1, 1, 2), "swapped": NewSalt(1, 1, 0)} {
		both, salt := 0, NewSalt(1, 1, 1)
		for seq := uint64(1); seq <= packets; seq++ {
			if tenth.Wants(salt.Height(seq)) && tenth.Wants(other.Height(seq)) {
				both++
			}
		}
		if got := float64(both) / packets; math.Abs(got-0.01) > 4*math.Sqrt(0.01/packets) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestHeightsDoNotAllocate(t *testing.T) {
	salt, sum := NewSalt(1, 2, 3), Height(0)
	if n := testing.AllocsPerRun(100, func() { sum += salt.Height(uint64(sum)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func someRating(r *rand.Rand) Rating {
	if r.IntN(3) == 0 {
		return All
	}
	return 1 + Rating(r.IntN(int(All)))
}

func someInterest(r *rand.Rand, most int) (topics []uint64, ratings []Rating) {
	for range r.IntN(most + 1) {
		topics = append(topics, r.Uint64()|1)
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	for range topics {
		ratings = append(ratings, someRating(r))
	}
	return topics, ratings
}

func TestInterestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		topics, ratings := someInterest(r, 20)
		value := AppendInterest(nil, topics, ratings)
		if len(value)%TopicSize != 0 {
			t.Fatalf("%d bytes", len(value))
		}
		first, second := SplitInterest(value)
		if len(first) != TopicSize*len(topics) {
			t.Fatalf("%d topics of %d", len(first)/TopicSize, len(topics))
		}
		for i := range topics {
			if binary.BigEndian.Uint64(first[TopicSize*i:]) != topics[i] || RatingAt(second, i) != ratings[i] {
				t.Fatalf("topic %d: %v", i, RatingAt(second, i))
			}
		}
		plain := AppendInterest(nil, topics, nil)
		if all := !slices.ContainsFunc(ratings, func(r Rating) bool { return r != All }); all != bytes.Equal(value, plain) || all != (second == nil) {
			t.Fatal("an interest with no rating below 1 is as it was before there were any, and no other is")
		}
	}
}

// What is malformed has no ratings: they are all 1, so that nobody gets less than it wants.
func TestMalformedInterests(t *testing.T) {
	good := AppendInterest(nil, []uint64{3, 5}, []Rating{7, All})
	for name, damage := range map[string]func([]byte) []byte{
		"zero rating":      func(b []byte) []byte { b[24], b[25] = 0, 0; return b },
		"padding":          func(b []byte) []byte { b[31] = 1; return b },
		"too long":         func(b []byte) []byte { return append(b, make([]byte, 8)...) },
		"too short":        func(b []byte) []byte { return b[:24] },
		"all are All":      func(b []byte) []byte { b[24], b[25] = 0xff, 0xff; return b },
		"not ascending":    func(b []byte) []byte { b[7] = 5; return b },
		"half a topic":     func(b []byte) []byte { return b[:28] },
		"no topics at all": func(b []byte) []byte { return b[16:] },
	} {
		if _, ratings := SplitInterest(damage(slices.Clone(good))); ratings != nil {
			t.Errorf("%s: %x", name, ratings)
		}
	}
}

func someSketch(r *rand.Rand, topics []uint64, ratings []Rating) (s Sketch) {
	for _, i := range r.Perm(len(topics)) {
		s.Add(topics[i], ratings[i])
	}
	return s
}

// A sketch covers what was added, wherever and in whatever order, and is exact to 1/255 where topics are few.
func TestSketchesMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for range 500 {
		topics, ratings := someInterest(r, 60)
		whole := someSketch(r, topics, ratings)
		cut := r.IntN(len(topics) + 1)
		a, b := someSketch(r, topics[:cut], ratings[:cut]), someSketch(r, topics[cut:], ratings[cut:])
		ab, ba := a, b
		ab.Join(&b)
		ba.Join(&a)
		twice := ab
		twice.Join(&b)
		if ab != whole || ba != whole || twice != whole {
			t.Fatal("joining depends on the order, or on how often")
		}
		for i, topic := range topics {
			if got := whole.Rating(topic); got < ratings[i] {
				t.Fatalf("rating %v, where a member has %v", got, ratings[i])
			}
			if got := whole.Below(topic); ratings[i] != All && got < ratings[i] || got == All {
				t.Fatalf("rating %v below 1, where a member has %v", got, ratings[i])
			}
		}
		if len(topics) == 1 && int(whole.Rating(topics[0]))-int(ratings[0]) >= sketchUnit {
			t.Fatalf("%v of a lone topic is told as %v", ratings[0], whole.Rating(topics[0]))
		}
	}
	if got := (*Sketch)(nil).Rating(1); got != 0 {
		t.Error(got)
	}
}

func TestSketchRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for range 500 {
		topics, ratings := someInterest(r, 200)
		s := someSketch(r, topics, ratings)
		if got := ParseSketch(s.Append(nil)); got != s {
			t.Fatal("a sketch is not what it was")
		}
	}
	// The bitmap alone, as older builds tell it, is of rating 1.
	var s Sketch
	s.Add(1<<60, 100)
	if old := ParseSketch(s.Topics[:]); old.Rating(1<<60) != All {
		t.Error(old.Rating(1 << 60))
	}
	if b := s.Append(nil); len(b) != 128+4 {
		t.Errorf("one topic takes %d bytes", len(b))
	}
}

func FuzzSplitInterest(f *testing.F) {
	f.Add(AppendInterest(nil, []uint64{3, 5}, []Rating{7, All}))
	f.Add(AppendInterest(nil, []uint64{1, 2, 3, 4, 5}, []Rating{7, All, 1, 2, 3}))
	f.Fuzz(func(t *testing.T, value []byte) {
		topics, packed := SplitInterest(value)
		if packed == nil {
			return
		}
		var ids []uint64
		var ratings []Rating
		for i := range len(topics) / TopicSize {
			ids, ratings = append(ids, binary.BigEndian.Uint64(topics[TopicSize*i:])), append(ratings, RatingAt(packed, i))
		}
		if !bytes.Equal(AppendInterest(nil, ids, ratings), value) {
			t.Error("a value with ratings has a second encoding")
		}
	})
}

func FuzzParseSketch(f *testing.F) {
	var s Sketch
	s.Add(1<<60, 100)
	f.Add(s.Append(nil))
	f.Fuzz(func(t *testing.T, value []byte) {
		s := ParseSketch(value)
		if got := ParseSketch(s.Append(nil)); got != s {
			t.Error("a sketch is not what it was")
		}
		for i, part := range s.most {
			if (part == 0) != (s.Topics[i] == 0) {
				t.Error("a rating without a topic, or a topic without a rating")
			}
		}
	})
}

func BenchmarkHeight(b *testing.B) {
	salt, wanted := NewSalt(1, 2, 3), 0
	for seq := range uint64(b.N) {
		if Rating(6554).Wants(salt.Height(seq)) {
			wanted++
		}
	}
}
