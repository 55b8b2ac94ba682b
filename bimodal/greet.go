package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// Bounds of greeting.
const (
	greetingsMax = 64 // members that wait for it
	greetRound   = 8  // members greeted a round
)

// A member of the own zone that has just come to want a topic may want what was published a moment before: it learned of the topic by that. Of a stream of a few packets gossip tells each
// member only now and then, perhaps when the packets are gone. So the author **greets** newcomers: it sends them a digest in its next round.

// meet notes a peer to be greeted if it wants a topic, and did not before, of which there are own packets to repair.
func (m *Machine) meet(p *peer, before []TopicID) {
	if m.config.Mode != ModeFull || !p.regional || slices.Contains(m.greetings, p.id) {
		return
	}
	for _, id := range p.topics {
		t := m.topics[id]
		if t == nil || t.background || t.stream == nil || !t.stream.active() || !p.claims(id) { // who carries it for others has what comes from now on
			continue
		}
		if _, known := slices.BinarySearch(before, id); known {
			continue
		}
		if len(m.greetings) >= greetingsMax {
			m.stats.GreetingsRefused++
		} else {
			m.greetings = append(m.greetings, p.id)
		}
		return
	}
}

// greet sends digests to newcomers.
func (m *Machine) greet(now protocol.Time, out *protocol.Output) {
	for range min(greetRound, len(m.greetings)) {
		if p := m.peers[m.greetings[0]]; p != nil {
			m.stats.Greetings++
			m.scratch.weight = 0 // it was not drawn
			m.sendDigest(now, p, 0, out)
		}
		m.greetings = slices.Delete(m.greetings, 0, 1)
	}
}
