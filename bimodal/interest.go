package bimodal

import (
	"bytes"
	"encoding/binary"
	"slices"

	"spinglass/gravity"
	"spinglass/protocol"
)

// InterestAttribute names the attribute of a member's row that says which topics it wants: the TopicIDs, eight bytes each, most
// significant first, ascending; and their ratings behind them where any is below 1, see package gravity.
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

// ParseInterest returns the topics of an attribute's value, ascending, without their ratings. What is malformed says nothing.
func ParseInterest(value []byte) []TopicID {
	value, _ = gravity.SplitInterest(value)
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

// CarriesAttribute names the attribute of a member's row that says which topics it carries for its zone without wanting them: TopicIDs in the form of InterestAttribute, or the
// bytes of a protocol.Interest where that is shorter.
const CarriesAttribute = "carries"

// carriesListed is how many topics are listed in CarriesAttribute; more are told by a bitmap.
const carriesListed = len(protocol.Interest{})/8 - 1

// appendCarries returns the value of CarriesAttribute for topics, which are ascending, and the bitmap that it is if it is one.
func appendCarries(topics []TopicID) ([]byte, *protocol.Interest) {
	if len(topics) <= carriesListed {
		return AppendInterest(nil, topics), nil
	}
	var broad protocol.Interest
	for _, id := range topics {
		broad.Add(uint64(id))
	}
	return broad[:], &broad
}

// stated is what the attributes of a peer say of topics.
type stated struct {
	claimed []TopicID          // that it wants, ascending
	ratings []byte             // of these, see gravity.RatingAt; nil where all are 1
	carried []TopicID          // that it carries
	broad   *protocol.Interest // topics that it carries, or that its zone wants, where these are not listed; nil where they are
	sketch  *gravity.Sketch    // of its zone, with ratings; nil of a member of the own zone, and where there are no ratings below 1
}

// interestOf returns what the attributes of a peer say of topics.
func interestOf(p *protocol.Peer) (s stated) {
	interest := p.Attribute(InterestAttribute)
	if p.Distance > 0 {
		if value := p.Attribute(protocol.InterestAttribute); len(value) >= len(protocol.Interest{}) {
			zone := gravity.ParseSketch(value)
			if s.broad = &zone.Topics; len(value) > len(protocol.Interest{}) {
				s.sketch = &zone
			}
			return s
		}
	}
	if s.claimed = ParseInterest(interest); len(s.claimed) > 0 {
		_, s.ratings = gravity.SplitInterest(interest)
	}
	if p.Distance > 0 {
		return s
	}
	carries := p.Attribute(CarriesAttribute)
	if some, ok := protocol.ParseInterest(carries); ok {
		s.broad = &some
		return s
	}
	s.carried = ParseInterest(carries)
	return s
}

// equal reports whether two statements of one peer say the same, but for what the bitmap of a zone says, of which the topics that this node knows are compared.
func (s *stated) equal(other *stated, distant bool) bool {
	return slices.Equal(s.claimed, other.claimed) && bytes.Equal(s.ratings, other.ratings) && slices.Equal(s.carried, other.carried) &&
		same(s.sketch, other.sketch) && (distant || same(s.broad, other.broad))
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// topicsOf returns the topics that a peer counts as wanting.
func (m *Machine) topicsOf(claimed, carried []TopicID, broad *protocol.Interest, c protocol.Credential) []TopicID {
	topics := claimed
	if len(carried) > 0 || broad != nil {
		topics = append(slices.Clone(claimed), carried...)
		for _, t := range m.topicOrder {
			if broad != nil && broad.Wants(uint64(t.id)) {
				topics = append(topics, t.id)
			}
		}
		slices.Sort(topics)
		topics = slices.Compact(topics)
	}
	return m.permitted(topics, c)
}

// claims reports whether a peer itself wants a topic, as its row says.
func (p *peer) claims(id TopicID) bool {
	_, ok := slices.BinarySearch(p.claimed, id)
	return ok
}

// wantsAny reports whether a peer or its zone wants a topic, which this node need not know.
func (p *peer) wantsAny(id TopicID) bool {
	return p.wants(id) || p.broad != nil && p.broad.Wants(uint64(id))
}

// regardTopic looks again at what peers want, because of a topic that is new here or whose name has become known.
func (m *Machine) regardTopic(t *topic) {
	for _, p := range m.peerOrder {
		if p.wantsAny(t.id) {
			m.regardPeer(p)
		}
	}
}

// regardPeer looks again at what a peer wants.
func (m *Machine) regardPeer(p *peer) {
	topics := m.topicsOf(p.claimed, p.carried, p.broad, p.credential)
	if !slices.Equal(topics, p.topics) {
		m.changed(p)
		p.topics = topics
		m.changed(p)
	}
}
