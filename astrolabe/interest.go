package astrolabe

import (
	"encoding/binary"

	"spinglass/membership"
	"spinglass/table"
)

// AttributeInterest is the attribute of every zone's row that tells which topics its hosts want: a bitmap with two bits for each topic, see Interest.
const AttributeInterest = "interest"

// interestBits is how many bits the bitmap of a zone has. With 100 topics, one zone in 30 that does not want a topic seems to want it.
const interestBits = 1024

// Interest says which topics the hosts of a zone may want: all that they do want, and some that they do not (Astrolabe, section 5.2: a bit for each topic, and OR
// over the zones).
type Interest [interestBits / 8]byte

// bitsOf returns the bits of a topic, which is the first eight bytes of a hash.
func bitsOf(topic uint64) (first, second uint64) { return topic >> 54, topic >> 44 % interestBits }

// Add makes the zone want a topic.
func (i *Interest) Add(topic uint64) {
	first, second := bitsOf(topic)
	i[first/8] |= 1 << (first % 8)
	i[second/8] |= 1 << (second % 8)
}

// Wants reports whether the zone may want a topic.
func (i *Interest) Wants(topic uint64) bool {
	first, second := bitsOf(topic)
	return i[first/8]>>(first%8)&1 == 1 && i[second/8]>>(second%8)&1 == 1
}

// addHost adds the topics that a host wants.
func (i *Interest) addHost(row *table.Row) {
	topics, _ := row.Attribute(membership.TopicsAttribute)
	for ; len(topics) >= 8; topics = topics[8:] {
		i.Add(binary.BigEndian.Uint64(topics))
	}
}

// addZone adds the topics that a zone wants.
func (i *Interest) addZone(row *table.Row) {
	more := InterestOf(row)
	for at := range more {
		i[at] |= more[at]
	}
}

// InterestOf returns what the row of a zone says of its interest.
func InterestOf(row *table.Row) (i Interest) {
	v := attribute(row, AttributeInterest)
	if b, _ := v.Bytes(); v.Kind() == table.KindBitmap {
		copy(i[:], b)
	}
	return i
}
