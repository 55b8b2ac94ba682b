package table

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"
)

// naiveLinks computes all links of a chain, that of heartbeat 0 (the anchor) first.
func naiveLinks(seed Link, owner, epoch, length uint64) []Link {
	links := make([]Link, length+1)
	links[length] = seed
	for i := length; i > 0; i-- {
		input := binary.BigEndian.AppendUint64(nil, owner)
		input = binary.BigEndian.AppendUint64(input, epoch)
		sum := sha256.Sum256(append(input, links[i][:]...))
		copy(links[i-1][:], sum[:])
	}
	return links
}

// "The row's signed part carries the anchor h_n of a hash chain, heartbeat i reveals h_(n-i)".
func TestChainAgreesWithNaive(t *testing.T) {
	seed := Link{1, 2, 3}
	for _, length := range []uint64{1, 2, chainStride - 1, chainStride, chainStride + 1, 2*chainStride + 7} {
		chain, err := NewChain(seed, 42, 7, length)
		if err != nil {
			t.Fatal(err)
		}
		links := naiveLinks(seed, 42, 7, length)
		if chain.Anchor() != links[0] || chain.Length() != length {
			t.Fatalf("length %d: anchor differs", length)
		}
		for i := uint64(1); i <= length; i++ {
			if link, err := chain.Reveal(i); err != nil || link != links[i] {
				t.Fatalf("length %d: link %d differs, %v", length, i, err)
			}
		}
		if _, err := chain.Reveal(length + 1); !errors.Is(err, ErrChainSpent) {
			t.Errorf("beyond the end: %v", err)
		}
		if _, err := chain.Reveal(0); err == nil {
			t.Error("heartbeat 0 is the anchor")
		}
	}
	for _, length := range []uint64{0, ChainLengthMax + 1} {
		if _, err := NewChain(seed, 42, 7, length); !errors.Is(err, ErrChainLength) {
			t.Errorf("length %d: %v", length, err)
		}
	}
}

// "Checking it against the last known value costs one hash per step", a bounded number of them.
func TestCheckLink(t *testing.T) {
	chain, err := NewChain(Link{5}, 42, 7, ChainStepsMax+10)
	if err != nil {
		t.Fatal(err)
	}
	reveal := func(i uint64) Link {
		link, _ := chain.reveal(i)
		return link
	}
	check := func(since, at uint64, link Link) error { return CheckLink(42, 7, reveal(since), since, link, at) }
	for _, c := range []struct{ since, at uint64 }{{0, 1}, {0, ChainStepsMax}, {5, 6}, {9, ChainStepsMax + 9}} {
		if err := check(c.since, c.at, reveal(c.at)); err != nil {
			t.Errorf("%d to %d: %v", c.since, c.at, err)
		}
	}
	for _, c := range []struct{ since, at uint64 }{{5, 5}, {6, 5}, {0, ChainStepsMax + 1}, {0, 1 << 63}} {
		if err := check(c.since, c.at, reveal(5)); !errors.Is(err, ErrLinkSteps) {
			t.Errorf("%d to %d: %v", c.since, c.at, err)
		}
	}
	forged := reveal(6)
	forged[15] ^= 1
	for name, err := range map[string]error{
		"forged":           check(5, 6, forged),
		"claims to be on":  check(5, 7, reveal(6)),
		"of another":       CheckLink(43, 7, reveal(5), 5, reveal(6), 6),
		"of another epoch": CheckLink(42, 8, reveal(5), 5, reveal(6), 6),
	} {
		if !errors.Is(err, ErrLinkForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkCheckLink(b *testing.B) {
	chain, _ := NewChain(Link{5}, 42, 7, 10)
	anchor := chain.Anchor()
	link, _ := chain.Reveal(1)
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckLink(42, 7, anchor, 0, link, 1); err != nil {
			b.Fatal(err)
		}
	}
}
