package membership

import (
	"crypto/sha256"

	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

const (
	// probesPerRound bounds the probes of a round.
	probesPerRound = 8
	// repliesPerRound bounds the probes that are answered in a round. It is apart from the bytes of other answers, so that who uses
	// those up does not make this member unreachable for the others.
	repliesPerRound = 512
)

// refill gives the round that begins its budgets.
func (m *Machine) refill() {
	m.probes = probesPerRound
	m.favours.begin()
	if m.guard != nil {
		m.guard.walks.refill()
		m.guard.looks = beaconLooks
		m.guard.verifier.decay()
	}
}

// round is what happens at each round: heartbeat, judgement of silence, one exchange of tables, and now and then a contact to
// somebody who vanished.
func (m *Machine) round(now protocol.Time, out *protocol.Output) {
	next := now.Add(m.config.Round)
	late := m.awake.serve(now, next)
	m.deadlines.Set(taskRound, next)
	m.stats.Rounds++
	m.refill()
	m.examine(now, late, out)
	m.beat(now, out)
	m.judge(now, out)
	if partner := m.partner(); partner != nil {
		m.exchange(now, partner, out)
	}
	m.followUp(now, out)
	m.contactGone(now, out)
	m.dropDeparted(now, out)
	m.tellRemote(out)
	m.findNamesakes(out)
}

// exchange begins an exchange of tables with a peer.
func (m *Machine) exchange(now protocol.Time, partner *entry, out *protocol.Output) {
	m.expect(now, partner)
	digest := m.digest(now)
	out.Send(partner.Owner(), digest)
}

// followUp goes on with a partner that had more rows than it could send, so that a newcomer has its zone soon.
func (m *Machine) followUp(now protocol.Time, out *protocol.Output) {
	if m.follow == 0 {
		return
	}
	if e := m.table.Get(m.follow); e != nil && m.talksTo(e) {
		m.exchange(now, e, out)
	}
	m.follow = 0
}

// digest makes the next digest.
func (m *Machine) digest(now protocol.Time) *Digest {
	d := &Digest{Stamp: uint64(now), Evidence: m.evidence()}
	checks := m.guard != nil && !m.guard.identity.ChecksOff
	if m.guard != nil {
		d.Notices = m.guard.notices.hash
	}
	room := min(m.config.DigestBytes, m.config.payload()) - d.Size() - 2
	if checks {
		room = (room - digestChecksMax) * table.ClaimSizeMin / (table.ClaimSizeMin + 1) // a byte for each claim
	}
	d.Held = m.table.Digest(make([]table.Claim, 0, min(m.table.Len(), room/table.ClaimSizeMin+1)), room)
	if checks {
		d.Salt = byte(m.config.Rand.IntN(sha256.Size))
		d.Checks = m.checksOf(d.Held.Claims, d.Salt)
	}
	m.stats.DigestsSent++
	m.stats.BytesSent += uint64(d.Size())
	return d
}

// Choosing a partner: a few random tries, then whoever comes next in the table.
const (
	partnerTries     = 16
	unreachableEvery = 8 // one in so many choices may fall on an unreachable peer
)

// partner returns a random peer to gossip with, nil when there is none. Unreachable ones are rarely chosen, but they are: a way
// may have opened, and if all are unreachable one of them is as good as any.
func (m *Machine) partner() *entry { return m.partnerOf(wire.FormatOldest) }

// partnerOf is partner among those who speak a format.
func (m *Machine) partnerOf(format uint64) *entry {
	n := m.table.Len()
	if n < 2 {
		return nil
	}
	patient := m.config.Rand.IntN(unreachableEvery) != 0
	for range partnerTries {
		e := m.table.At(m.config.Rand.IntN(n))
		if m.talksTo(e) && m.speaks(e, format) && !(patient && e.State.unreachable) {
			return e
		}
	}
	start := m.config.Rand.IntN(n)
	for i := range n {
		if e := m.table.At((start + i) % n); m.talksTo(e) && m.speaks(e, format) {
			return e
		}
	}
	return nil
}

// talksTo reports whether e is somebody to exchange tables with.
func (m *Machine) talksTo(e *entry) bool { return e != m.own && e.State.state != StateLeft }
