package gravity

import "encoding/binary"

// The interest of a member is the attribute of its row that says which topics it wants: the topics, eight bytes each, most significant first, ascending. Where a rating is below
// All there follow eight zero bytes and the ratings in the order of the topics, two bytes each, and zeros up to a multiple of eight bytes. To builds without ratings all that are topics.

// TopicSize is how many bytes a topic takes.
const TopicSize = 8

// ratingSize is how many bytes a rating takes.
const ratingSize = 2

// AppendInterest appends an interest in topics, which are ascending and not zero. ratings are as many, none zero, or nil where all are All.
func AppendInterest[T ~uint64](b []byte, topics []T, ratings []Rating) []byte {
	for _, topic := range topics {
		b = binary.BigEndian.AppendUint64(b, uint64(topic))
	}
	below := false
	for _, r := range ratings {
		below = below || r != All
	}
	if !below {
		return b
	}
	b = append(b, make([]byte, TopicSize)...)
	for _, r := range ratings {
		b = binary.BigEndian.AppendUint16(b, uint16(r))
	}
	return append(b, make([]byte, -len(ratings)*ratingSize&(TopicSize-1))...)
}

// SplitInterest returns the part of an interest with the topics, and that with their ratings, which is nil where all are All. A value that is malformed has no ratings, and only topics
// in the first part.
func SplitInterest(value []byte) (topics, ratings []byte) {
	if len(value)%TopicSize != 0 {
		return value, nil
	}
	last := uint64(0)
	for at := 0; at < len(value); at += TopicSize {
		topic := binary.BigEndian.Uint64(value[at:])
		if topic > last {
			last = topic
			continue
		}
		count := at / TopicSize
		packed := value[min(at+TopicSize, len(value)):]
		if topic == 0 && count > 0 && len(packed) == (count*ratingSize+TopicSize-1)/TopicSize*TopicSize && sound(packed, count) {
			return value[:at], packed[:count*ratingSize]
		}
		break
	}
	return value, nil
}

// sound reports whether packed ratings of so many topics are such as AppendInterest appends.
func sound(packed []byte, count int) bool {
	below := false
	for i := range count {
		r := RatingAt(packed, i)
		if r == 0 {
			return false
		}
		below = below || r != All
	}
	for _, b := range packed[count*ratingSize:] {
		below = below && b == 0
	}
	return below
}

// RatingAt returns number i of the ratings that SplitInterest returned, All where these are nil.
func RatingAt(ratings []byte, i int) Rating {
	if ratings == nil {
		return All
	}
	return Rating(binary.BigEndian.Uint16(ratings[i*ratingSize:]))
}
