package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// Topics travel by their ids, and grants speak of names. Whoever subscribes to a topic or publishes to it knows its name, and so can tell who may.

// mayPublish reports whether a member may publish to a topic. Of who is no member, and was none of late, nothing is known.
func (m *Machine) mayPublish(id protocol.NodeID, t *topic) bool {
	a, known := m.proving.authors[id]
	return !known || t.name == "" || a.credential.MayPublish(t.name)
}

// forbidden reports whether the author of a stream may not publish to its topic, as far as this node can tell.
func (m *Machine) forbidden(id StreamID) bool {
	t := m.topics[id.Topic]
	return t != nil && !m.mayPublish(id.Author, t)
}

// maySubscribe reports whether a peer may subscribe to a topic.
func (p *peer) maySubscribe(t *topic) bool {
	return p.credential == nil || t.name == "" || p.credential.MaySubscribe(t.name)
}

// permitted returns those of the topics that a peer wants to which it may subscribe. A topic of which this node does not know the name stays: it has nothing of it.
func (m *Machine) permitted(topics []TopicID, c protocol.Credential) []TopicID {
	if c == nil {
		return topics
	}
	allowed := func(id TopicID) bool { t := m.topics[id]; return t == nil || t.name == "" || c.MaySubscribe(t.name) }
	if !slices.ContainsFunc(topics, func(id TopicID) bool { return !allowed(id) }) {
		return topics
	}
	return slices.DeleteFunc(slices.Clone(topics), func(id TopicID) bool { return !allowed(id) })
}

// revisePublisher forgets the streams of a peer that it may not publish any more, since its certificates are others now.
func (m *Machine) revisePublisher(p *peer) {
	if p.credential == nil {
		return
	}
	forbidden := func(s *stream) bool {
		return s.id.Author == p.id && s.topic.name != "" && !p.credential.MayPublish(s.topic.name)
	}
	if slices.ContainsFunc(m.streams, forbidden) {
		m.forget(forbidden)
	}
}
