package gravity

import "spinglass/protocol"

// Sketch says what the hosts of a zone want: the topics by a bitmap, in which each has two bits, and for each byte of that the highest rating of the topics with a bit in it. The
// zero value wants nothing.
type Sketch struct {
	Topics protocol.Interest
	most   [len(protocol.Interest{})]uint8 // in parts of sketchAll, rounded up; zero exactly where Topics is
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
			s.most[i] = max(s.most[i], part)
		}
	}
}

// Join makes the zone want all that another one wants.
func (s *Sketch) Join(other *Sketch) {
	s.Topics.Join(&other.Topics)
	for i, part := range other.most {
		s.most[i] = max(s.most[i], part)
	}
}

// Rating returns the rating of the zone for a topic, zero when it does not want it.
func (s *Sketch) Rating(topic uint64) Rating {
	if s == nil || !s.Topics.Wants(topic) {
		return 0
	}
	first, second := topic>>54/8, topic>>44%(8*uint64(len(s.most)))/8
	return Rating(min(s.most[first], s.most[second])) * Rating(sketchUnit)
}

// Append appends the encoding: the bitmap, and, where a rating is below All, a byte for each byte of the bitmap that is not zero.
func (s *Sketch) Append(b []byte) []byte {
	b = append(b, s.Topics[:]...)
	below := false
	for i, part := range s.most {
		below = below || s.Topics[i] != 0 && part != sketchAll
	}
	for i, part := range s.most {
		if below && s.Topics[i] != 0 {
			b = append(b, part)
		}
	}
	return b
}

// ParseSketch returns the sketch that a value encodes. Of a value that is shorter than a bitmap, zeros are missing at the end. What is behind the bitmap and not such as Append appends says nothing.
func ParseSketch(value []byte) (s Sketch) {
	rest := value[copy(s.Topics[:], value):]
	if !s.read(rest) {
		for i, b := range s.Topics {
			if s.most[i] = 0; b != 0 {
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
		if len(ratings) == 0 || ratings[0] == 0 {
			return false
		}
		s.most[i], ratings = ratings[0], ratings[1:]
		below = below || s.most[i] != sketchAll
	}
	return len(ratings) == 0 && below
}
