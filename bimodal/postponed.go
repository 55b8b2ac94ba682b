package bimodal

import (
	"slices"

	"spinglass/protocol"
)

// postponedMax bounds how many packets wait to be sent again until they can be proven.
const postponedMax = 1024

// postpone keeps a request for a packet that cannot be proven yet. It reports whether there is a chance that it will be, and room.
func (m *Machine) postpone(r repair, use *usage) bool {
	v, by := &m.proving, &r.to.link
	if use.standing == disproven || r.seq+manifestMax < r.stream.high || !m.affords(by, by.postponed, len(v.postponed), 1, postponedMax) {
		return false
	}
	by.postponed++
	v.postponed = append(v.postponed, r)
	return true
}

// grantPostponed queues what was asked for and can be proven by the manifest of a packet, c, of a stream. Without a packet it looks at all.
func (m *Machine) grantPostponed(s *stream, c *Packet, out *protocol.Output) {
	v := &m.proving
	if len(v.postponed) == 0 {
		return
	}
	granted := false
	v.postponed = slices.DeleteFunc(v.postponed, func(r repair) bool {
		if c != nil && (r.stream != s || r.seq+c.Manifest.covers() < c.Seq || r.seq > c.Seq) {
			return false
		}
		p, use := r.stream.packet(r.seq)
		if p == nil || !m.prove(r.stream, p, use, &r.to.link) {
			return false
		}
		r.to.link.postponed--
		m.enqueue(r, out)
		granted = true
		return true
	})
	if granted {
		m.repair(out)
	}
}

// sweepPostponed looks again at requests that there was no time for, and gives up those that have waited for as long as repairs do.
func (m *Machine) sweepPostponed(out *protocol.Output) {
	m.grantPostponed(nil, nil, out)
	v := &m.proving
	v.postponed = slices.DeleteFunc(v.postponed, func(r repair) bool {
		over := m.round-r.round > repairWait || m.peers[r.to.id] != r.to
		if over {
			r.to.link.postponed--
			m.stats.NumbersUnproven++
		}
		return over
	})
}
