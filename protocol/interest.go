package protocol

// InterestAttribute names the attribute of a representative of another zone, in the views of siblings, that says which topics its zone wants: the bytes of an Interest, and where ratings below 1 are wanted
// those behind it, see package gravity.
const InterestAttribute = "interest"

// interestBits is how many bits an Interest has. With 100 topics, one zone in 30 that does not want a topic seems to want it.
const interestBits = 1024

// Interest says which topics the hosts of a zone may want: all that they do want, and some that they do not (Astrolabe, section 5.2: a bit for each topic, and OR over
// the zones). Each topic, named by the first eight bytes of a hash, has two bits: the number is in the ten upper bits of the name, and in the ten below these.
// The bits of a byte count from the lowest.
type Interest [interestBits / 8]byte

// ParseInterest returns the interest that the value of an attribute holds, false when it holds none.
func ParseInterest(value []byte) (i Interest, ok bool) {
	if len(value) != len(i) {
		return i, false
	}
	return Interest(value), true
}

// bitsOf returns the numbers of the bits of a topic.
func bitsOf(topic uint64) (first, second uint64) { return topic >> 54, topic >> 44 % interestBits }

// Add makes the zone want a topic.
func (i *Interest) Add(topic uint64) {
	first, second := bitsOf(topic)
	i[first/8] |= 1 << (first % 8)
	i[second/8] |= 1 << (second % 8)
}

// Join makes the zone want all that another one wants.
func (i *Interest) Join(other *Interest) {
	for at := range other {
		i[at] |= other[at]
	}
}

// Wants reports whether the zone may want a topic. Without an interest it wants none.
func (i *Interest) Wants(topic uint64) bool {
	if i == nil {
		return false
	}
	first, second := bitsOf(topic)
	return i[first/8]>>(first%8)&1 == 1 && i[second/8]>>(second%8)&1 == 1
}
