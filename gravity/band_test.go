package gravity

import (
	"math"
	"testing"
)

// A rating wants nothing outside of its bands and something in each of them, and these hold less than twice what it wants, or a sixteenth.
func TestBandsHoldWhatRatingsWant(t *testing.T) {
	const packets = 100_000
	salt := NewSalt(1, 2, 3)
	var counts [Bands]int
	for seq := range uint64(packets) {
		counts[salt.Height(seq).Band()]++
	}
	for b, want := range [Bands]float64{1.0 / 16, 1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2} {
		if got := float64(counts[b]) / packets; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/packets) {
			t.Errorf("a part of %v is in band %d, want %v", got, b, want)
		}
	}
	for r := Rating(1); r != 0; r++ { // up to All
		bands := r.Bands()
		if share := r.BandShare(); share < r.Fraction() || share > max(2*r.Fraction(), 1.0/15.9) {
			t.Fatalf("the bands of %v have a part of %v", r, share)
		}
		if last := Band(bands - 1); last.Floor() >= r || bands < Bands && Band(bands).Floor() < r {
			t.Fatalf("%v wants %d bands", r, bands)
		}
		for _, h := range []Height{0, Height(r-1)<<48 | 1<<47, Height(r) << 48, math.MaxUint64} {
			if r.Wants(h) && int(h.Band()) >= bands {
				t.Fatalf("%v wants height %x, which is in band %d", r, h, h.Band())
			}
		}
		if lowest := Height(Band(bands-1).Floor()) << 48; !r.Wants(lowest) || lowest.Band() != Band(bands-1) {
			t.Fatalf("%v wants nothing of its highest band", r)
		}
	}
	if Rating(0).Bands() != 0 || Rating(0).BandShare() != 0 {
		t.Error("what is not wanted has bands")
	}
	for fraction, want := range map[float64]int{1.0 / 16: 1, 0.125: 2, 0.2: 3, 0.25: 3, 0.5: 4, 0.51: 5, 1: 5} {
		if r, _ := NewRating(fraction); r.Bands() != want {
			t.Errorf("%v has %d bands, want %d", fraction, r.Bands(), want)
		}
	}
}
