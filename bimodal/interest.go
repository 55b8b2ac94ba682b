package bimodal

import (
	"encoding/binary"
	"slices"
)

// InterestAttribute names the attribute of a member's row that says which topics it wants: the TopicIDs, eight bytes each, most
// significant first, ascending.
const InterestAttribute = "topics"

// interestTopicsMax bounds how many topics of a peer are regarded.
const interestTopicsMax = 1024

// AppendInterest appends the value of the attribute for topics, which are ascending.
func AppendInterest(b []byte, topics []TopicID) []byte {
	for _, topic := range topics {
		b = binary.BigEndian.AppendUint64(b, uint64(topic))
	}
	return b
}

// ParseInterest returns the topics of an attribute's value, ascending. What is malformed says nothing.
func ParseInterest(value []byte) []TopicID {
	if len(value)%8 != 0 || len(value) > 8*interestTopicsMax {
		return nil
	}
	topics := make([]TopicID, 0, len(value)/8)
	for ; len(value) > 0; value = value[8:] {
		topics = append(topics, TopicID(binary.BigEndian.Uint64(value)))
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}
