package astrolabe

import (
	"encoding/binary"

	"spinglass/gravity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// AttributeInterest is the attribute of every zone's row that tells which topics its hosts want, and at which ratings: a bitmap, see gravity.Sketch.
const AttributeInterest = protocol.InterestAttribute

// Interest says which topics the hosts of a zone may want.
type Interest = protocol.Interest

// bitmap returns the value of the attribute; nil wants nothing.
func bitmap(s *gravity.Sketch) table.Value {
	if s == nil {
		s = new(gravity.Sketch)
	}
	return table.Bitmap(s.Append(nil))
}

// addHost adds the topics that a host wants.
func addHost(s *gravity.Sketch, row *table.Row) {
	value, _ := row.Attribute(membership.TopicsAttribute)
	topics, ratings := gravity.SplitInterest(value)
	for i := 0; len(topics) >= gravity.TopicSize; i, topics = i+1, topics[gravity.TopicSize:] {
		s.Add(binary.BigEndian.Uint64(topics), gravity.RatingAt(ratings, i))
	}
}

// addZone adds the topics that a zone wants.
func addZone(s *gravity.Sketch, row *table.Row) {
	more := SketchOf(row)
	s.Join(&more)
}

// InterestOf returns what the row of a zone says of its interest.
func InterestOf(row *table.Row) Interest { return SketchOf(row).Topics }

// SketchOf returns what the row of a zone says of its interest, with ratings.
func SketchOf(row *table.Row) (s gravity.Sketch) {
	v := attribute(row, AttributeInterest)
	if b, _ := v.Bytes(); v.Kind() == table.KindBitmap {
		return gravity.ParseSketch(b)
	}
	return s
}
