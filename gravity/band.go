package gravity

// Band is a range of heights, for senders that reach many at once: who wants little listens to the lower bands only. Bands halve from the highest down, and the last one takes the rest.
type Band uint8

// Bands is how many bands there are. BandLast is the highest.
const (
	Bands    = 5
	BandLast = Bands - 1
)

// bandTops are the ratings that want all of a band and of those below it: 1/16, 1/8, 1/4, 1/2 and 1.
var bandTops = [Bands]Rating{4096, 8192, 16384, 32768, All}

// Band returns the band of a height.
func (h Height) Band() Band {
	for b, top := range bandTops {
		if top.Wants(h) {
			return Band(b)
		}
	}
	return BandLast
}

// Floor returns the rating above which something of the band is wanted.
func (b Band) Floor() Rating {
	if b == 0 {
		return 0
	}
	return bandTops[b-1]
}

// Bands returns how many bands the rating wants something of, from the lowest on.
func (r Rating) Bands() (count int) {
	for count < Bands && Band(count).Floor() < r {
		count++
	}
	return count
}

// BandShare returns which fraction of all packets is in the bands that the rating wants something of: less than twice the rating, or 1/16.
func (r Rating) BandShare() float64 {
	if r == 0 {
		return 0
	}
	return bandTops[r.Bands()-1].Fraction()
}
