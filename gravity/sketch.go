package gravity

import "spinglass/protocol"

// Sketch says what the hosts of a zone want: the topics by a bitmap, in which each has two bits, and for each byte of that the highest rating of the topics with a bit in it, and the highest below All. The
// zero value wants nothing.
type Sketch struct {
	Topics protocol.Interest
	most   [len(protocol.Interest{})]uint8 // in parts of sketchAll, rounded up; zero exactly where Topics is
	below  [len(protocol.Interest{})]uint8 // the same of ratings below All, at most sketchAll-1; zero where there is none
}

const (
	sketchAll  = 1<<8 - 1
	sketchUnit = int(All) / sketchAll // 257
)

// Add makes the zone want a topic at a rating, which is not zero.
func (s *Sketch) Add(topic uint64, r Rating) {
	if r == 0 {
		return
	}
	var one protocol.Interest
	one.Add(topic)
	part := uint8((int(r) + sketchUnit - 1) / sketchUnit)
	for i, b := range one {
		if b != 0 {
			s.Topics[i] |= b
			if s.most[i] = max(s.most[i], part); r != All {
				s.below[i] = max(s.below[i], min(part, sketchAll-1))
			}
		}
	}
}

// Join makes the zone want all that another one wants.
func (s *Sketch) Join(other *Sketch) {
	s.Topics.Join(&other.Topics)
	for i, part := range other.most {
		s.most[i] = max(s.most[i], part)
		s.below[i] = max(s.below[i], other.below[i])
	}
}

// Rating returns the rating of the zone for a topic, zero when it does not want it.
func (s *Sketch) Rating(topic uint64) Rating {
	if s == nil || !s.Topics.Wants(topic) {
		return 0
	}
	first, second := bytesOf(topic)
	return Rating(min(s.most[first], s.most[second])) * Rating(sketchUnit)
}

// Below returns the highest rating below All that a host of the zone has for a topic, or a higher one, which is below All if it is not the highest there can be; zero when none has one.
func (s *Sketch) Below(topic uint64) Rating {
	if s == nil || !s.Topics.Wants(topic) {
		return 0
	}
	first, second := bytesOf(topic)
	part := min(s.below[first], s.below[second])
	if part == sketchAll-1 { // stands for what is rounded up to All as well
		return All - 1
	}
	return Rating(part) * Rating(sketchUnit)
}

// bytesOf returns in which bytes of the bitmap the bits of a topic are.
func bytesOf(topic uint64) (first, second uint64) {
	return topic >> 54 / 8, topic >> 44 % (8 * uint64(len(protocol.Interest{}))) / 8
}

// Append appends the encoding: the bitmap, and, where a rating is below All, two bytes for each byte of the bitmap that is not zero: the highest rating below All, and the highest.
func (s *Sketch) Append(b []byte) []byte {
	b = append(b, s.Topics[:]...)
	if s.below == [len(s.below)]uint8{} {
		return b
	}
	for i := range s.most {
		if s.Topics[i] != 0 {
			b = append(b, s.below[i], s.most[i])
		}
	}
	return b
}

// ParseSketch returns the sketch that a value encodes. Of a value that is shorter than a bitmap, zeros are missing at the end. What is behind the bitmap and not such as Append appends says nothing.
func ParseSketch(value []byte) (s Sketch) {
	rest := value[copy(s.Topics[:], value):]
	if !s.read(rest) {
		for i, b := range s.Topics {
			if s.most[i], s.below[i] = 0, 0; b != 0 {
				s.most[i] = sketchAll
			}
		}
	}
	return s
}

// read takes over the ratings behind a bitmap. It reports whether they fit to it.
func (s *Sketch) read(ratings []byte) bool {
	below := false
	for i, b := range s.Topics {
		if b == 0 {
			continue
		}
		if len(ratings) < 2 || ratings[1] == 0 || ratings[0] == sketchAll || ratings[1] != sketchAll && ratings[0] != ratings[1] {
			return false
		}
		s.below[i], s.most[i], ratings = ratings[0], ratings[1], ratings[2:]
		below = below || s.below[i] > 0
	}
	return len(ratings) == 0 && below
}
