package bimodal

import (
	"math/rand/v2"
	"testing"

	"spinglass/protocol"
)

// grow makes the trees of all members of an order: of the sender, number 1, and of members 2 and up, the fast ones first.
func grow(fast, slow, zones int, number uint64) []*tree {
	order := Order{Owner: 1, Topic: 7, Number: number, Arity: arity, Fast: fast, Zones: zones, Total: fast + slow + zones}
	for i := range order.Total {
		order.IDs = append(order.IDs, protocol.NodeID(i+2))
	}
	trees := make([]*tree, fast+slow+1)
	for i := range trees {
		trees[i] = newTree([]*Order{&order}, protocol.NodeID(i+1))
	}
	return trees
}

// walk follows a packet from the sender, and counts how often each NodeID is reached, and how many copies each member sends.
func walk(t *testing.T, trees []*tree, seq uint64, reached, copies []int) {
	for _, tree := range trees {
		c := tree.children(seq)
		if tree.relays(seq) != (c.count()+len(c.zones) > 0) {
			t.Fatalf("member %d relays: %v, with %d children", tree.self, tree.relays(seq), c.count()+len(c.zones))
		}
		for _, run := range append(c.members[:], c.zones) {
			for _, id := range run {
				reached[id]++
				if int(id) <= len(trees) && trees[id-1].position(seq) <= tree.position(seq) {
					t.Fatalf("position %d hands on to position %d", tree.position(seq), trees[id-1].position(seq))
				}
			}
			copies[tree.self+1] += len(run)
		}
		if n := c.count() + len(c.zones); n > arityMax && len(reached) <= arityMax*len(trees) {
			t.Fatalf("a member sends %d copies", n)
		}
	}
}

// Whoever is in an order is reached exactly once, and copies go only to higher positions.
func TestTreeReachesAllOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		fast, slow, zones := r.IntN(150), r.IntN(80), r.IntN(80)
		if r.IntN(4) == 0 {
			fast = r.IntN(3)
		}
		if fast+slow+zones == 0 {
			continue
		}
		trees := grow(fast, slow, zones, 1+r.Uint64N(orderNumberMax))
		reached, copies := make([]int, fast+slow+zones+2), make([]int, fast+slow+1)
		seq := r.Uint64N(1 << 40)
		walk(t, trees, seq, reached, copies)
		for id, times := range reached[2:] {
			if times != 1 {
				t.Fatalf("%d fast, %d slow, %d zones, packet %d: number %d is reached %d times", fast, slow, zones, seq, id+2, times)
			}
		}
		relaying := (fast+slow+zones+arity-1)/arity - 1
		for _, sent := range copies[min(fast, len(copies)-1)+1:] {
			if sent > 0 && relaying <= fast && fast+slow+zones <= arityMax*(fast+1) {
				t.Fatalf("%d fast, %d slow, %d zones: a slow member sends %d copies", fast, slow, zones, sent)
			}
		}
	}
}

// "so each of the fast members relays about 1/T of the packets in each position": over 4096 packets, which go by four turns of the
// stripes, none sends twice as many copies as another.
func TestTreeLoad(t *testing.T) {
	for _, size := range []struct{ fast, slow int }{
		{33, 0}, {71, 24}, {95, 0}, {749, 250}, {999, 0}, {64, 1}, {65, 0}, {66, 0}, {73, 0}, {40, 20}, {120, 0}, {130, 70}, {11, 84},
	} {
		trees := grow(size.fast, size.slow, 0, 99)
		reached, copies := make([]int, size.fast+size.slow+2), make([]int, size.fast+size.slow+1)
		for seq := range uint64(4 * turnLength) {
			if seq%turnLength < stripes { // the rest of the turn is the same again
				walk(t, trees, seq, reached, copies)
			}
		}
		least, most := copies[1], copies[1]
		for _, sent := range copies[2 : size.fast+1] {
			least, most = min(least, sent), max(most, sent)
		}
		t.Logf("%d fast, %d slow: %d to %d copies in %d packets", size.fast, size.slow, least, most, 4*stripes)
		if most > 2*least {
			t.Errorf("%d fast, %d slow: between %d and %d copies", size.fast, size.slow, least, most)
		}
	}
}

// An order in many parts makes the same tree as one in one part.
func TestTreeOfParts(t *testing.T) {
	whole := grow(300, 50, 30, 5)
	order := *whole[0].parts[0]
	var parts []*Order
	for first := 0; first < order.Total; first += 143 {
		part := order
		part.First, part.IDs = first, order.IDs[first:min(first+143, order.Total)]
		parts = append(parts, &part)
	}
	for i := range whole {
		cut := newTree(parts, protocol.NodeID(i+1))
		for seq := range uint64(40) {
			if a, b := whole[i].children(seq), cut.children(seq); a.count() != b.count() || len(a.zones) != len(b.zones) {
				t.Fatalf("member %d, packet %d: %v and %v", i, seq, a, b)
			}
		}
		for n, part := range cut.parts {
			if part.First != parts[n].First || len(part.IDs) != len(parts[n].IDs) || part.IDs[0] != parts[n].IDs[0] {
				t.Fatalf("part %d is %+v", n, part)
			}
		}
	}
}
