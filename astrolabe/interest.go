package astrolabe

import (
	"encoding/binary"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// AttributeInterest is the attribute of every zone's row that tells which topics its hosts want: a bitmap, see protocol.Interest.
const AttributeInterest = protocol.InterestAttribute

// Interest says which topics the hosts of a zone may want.
type Interest = protocol.Interest

// bitmap returns the value of the attribute; nil wants nothing.
func bitmap(i *Interest) table.Value {
	if i == nil {
		i = new(Interest)
	}
	return table.Bitmap(i[:])
}

// addHost adds the topics that a host wants.
func addHost(i *Interest, row *table.Row) {
	topics, _ := row.Attribute(membership.TopicsAttribute)
	for ; len(topics) >= 8; topics = topics[8:] {
		i.Add(binary.BigEndian.Uint64(topics))
	}
}

// addZone adds the topics that a zone wants.
func addZone(i *Interest, row *table.Row) {
	more := InterestOf(row)
	i.Join(&more)
}

// InterestOf returns what the row of a zone says of its interest.
func InterestOf(row *table.Row) (i Interest) {
	v := attribute(row, AttributeInterest)
	if b, _ := v.Bytes(); v.Kind() == table.KindBitmap {
		copy(i[:], b)
	}
	return i
}
