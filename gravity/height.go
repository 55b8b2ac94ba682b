package gravity

// Height says how hard a packet is to hold back: a member wants it if the height, as a fraction of 2^64, is below its rating.
type Height uint64

// Salt makes the heights of one stream differ from those of all others.
type Salt uint64

const (
	// domain keeps heights apart from other hashes of the same names.
	domain = 0x67726176697479 // "gravity"
	golden = 0x9e3779b97f4a7c15
)

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// NewSalt returns the salt of a stream: what an author publishes to a topic in one epoch.
func NewSalt(topic, author, epoch uint64) Salt {
	return Salt(mix(mix(mix(topic^domain)+author) + epoch*golden))
}

// Height returns the height of packet number seq of the stream. The heights of a stream are the numbers of SplitMix64 from its salt on.
func (s Salt) Height(seq uint64) Height { return Height(mix(uint64(s) + seq*golden)) }
