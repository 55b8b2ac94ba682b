package bimodal

import (
	"encoding/binary"
	"slices"

	"spinglass/protocol"
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

// interestOf returns what the attributes of a peer say of topics: those that it wants, those that it carries, and what is said by a bitmap only.
func interestOf(p *protocol.Peer) (claimed, carried []TopicID, broad *protocol.Interest) {
	if p.Distance > 0 {
		if zone, ok := protocol.ParseInterest(p.Attribute(protocol.InterestAttribute)); ok {
			return nil, nil, &zone
		}
		return ParseInterest(p.Attribute(InterestAttribute)), nil, nil
	}
	claimed = ParseInterest(p.Attribute(InterestAttribute))
	carries := p.Attribute(CarriesAttribute)
	if some, ok := protocol.ParseInterest(carries); ok {
		return claimed, nil, &some
	}
	return claimed, ParseInterest(carries), nil
}

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
