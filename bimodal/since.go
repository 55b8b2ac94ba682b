package bimodal

import (
	"time"

	"spinglass/protocol"
)

// SubscribeSince does what SubscribeWith does for a subscription that began at an earlier instant, but no longer ago than packets of the topic live: of what was published since then, messages
// are delivered as far as they can still be had. It is for topics that a subscriber learned of after the first messages.
func (m *Machine) SubscribeSince(now, since protocol.Time, name string, options SubscribeOptions, out *protocol.Output) error {
	if err := m.SubscribeWith(now, name, options, out); err != nil {
		return err
	}
	t := m.byName[name]
	t.since = min(now, max(since, 0, now.Add(-time.Duration(t.life())*m.config.Round)))
	return nil
}

// MayPublish reports whether a member may publish to a topic. Of who is no member, and was none of late, nothing is known.
func (m *Machine) MayPublish(id protocol.NodeID, name string) bool {
	a, known := m.proving.authors[id]
	return !known || a.credential.MayPublish(name)
}

// TopicOfPacket returns the topic of a message that carries a packet, false for other messages.
func TopicOfPacket(message protocol.Message) (TopicID, bool) {
	switch message := message.(type) {
	case *Packet:
		return message.Stream.Topic, true
	case *Relay:
		return message.Packet.Stream.Topic, true
	case *Repair:
		return message.Packet.Stream.Topic, true
	case *Shared:
		return message.Packet.Stream.Topic, true
	}
	return 0, false
}

// Subscribed reports whether this node subscribes to a topic.
func (m *Machine) Subscribed(name string) bool {
	t := m.byName[name]
	return t != nil && t.subscribed
}
