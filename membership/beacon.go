package membership

import (
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Bounds of beacons.
const (
	beaconsMax   = listsMax // authorities whose beacons are passed on
	beaconLooks  = 16       // beacons of authorities that are not known yet, for which a round looks through all members
	beaconPushes = 3        // how often each member that a beacon is news to pushes it to some peers
	// beaconSilence is the awake time after which an authority that was heard is silent: ten beacons were missed.
	beaconSilence = 10 * identity.BeaconPeriod
)

// Errors of Beacon.
var (
	ErrBeaconTime  = errors.New("membership: the beacon is not of this time: this host's clock is wrong, or the authority's")
	ErrBeaconsFull = errors.New("membership: beacons of too many authorities")
)

// authority is what is heard of an authority by its beacons.
type authority struct {
	beacon *identity.Beacon // the latest
	pushes int              // still to come
	// heard is when (in awake time) the last beacon came whose list is known here, and instant is that beacon's.
	heard   protocol.Time
	instant identity.Instant
	silent  bool // and the application was told
}

// heardOf returns what is heard of an authority, nil when nothing is.
func (g *guard) heardOf(issuer identity.PublicKey) *authority {
	if i := slices.IndexFunc(g.authorities, func(a authority) bool { return a.beacon.Issuer == issuer }); i >= 0 {
		return &g.authorities[i]
	}
	return nil
}

// Beacon tells all members that an authority's list is the latest. It does so once its signature was checked. One that is older than the latest is no error.
//
// Errors: ErrLeft; ErrNotRunning before the own row is signed; ErrVerifyQueue when too much waits; ErrBeaconTime; ErrBeaconsFull; identity.ErrAuthority when the
// issuer is no authority above a member that is known; identity.ErrTooLarge above 512 bytes; and those of identity.Beacon.Check.
func (m *Machine) Beacon(now protocol.Time, b *identity.Beacon, out *protocol.Output) error {
	m.awake.observe(now)
	if err := m.takesPart(); err != nil {
		return err
	}
	if err := b.Check(); err != nil {
		return err
	}
	if len(b.Append(nil)) > beaconSizeMax {
		return identity.ErrTooLarge
	}
	return m.offerBeacon(now, m.config.Self, b, out)
}

// receiveBeacon takes a beacon that a peer pushes.
func (m *Machine) receiveBeacon(now protocol.Time, from protocol.NodeID, b *identity.Beacon, out *protocol.Output) {
	if !m.noticesWith(from) {
		out.Drop(from, ReasonStranger)
		return
	}
	if err := m.offerBeacon(now, from, b, out); err != nil && err != ErrVerifyQueue { // which was counted
		m.stats.BeaconsRefused++
		out.Drop(from, ReasonBeacon)
	}
}

// offerBeacon has a beacon verified, if it is news.
func (m *Machine) offerBeacon(now protocol.Time, from protocol.NodeID, b *identity.Beacon, out *protocol.Output) error {
	if !m.guard.beaconIsNews(b) {
		return nil
	}
	if instant := m.guard.instant(now); b.Instant.Sub(instant) > identity.Skew || b.Stale(instant) {
		return ErrBeaconTime
	}
	if m.guard.heardOf(b.Issuer) == nil {
		if err := m.seek(b.Issuer); err != nil {
			return err
		}
	}
	s := suspect{from: from, sum: sha256.Sum256(b.Append(nil)), checks: []protocol.Check{b.SignatureCheck()}, ownZone: true, beacon: b}
	if !m.verify(now, s, out) {
		return ErrVerifyQueue
	}
	return nil
}

// seek looks for an authority of which no beacon was heard above this member, and above all others as long as the round allows it.
func (m *Machine) seek(issuer identity.PublicKey) error {
	is := func(c *identity.Certificate) bool { return c.Kind == identity.KindZone && c.Key == issuer }
	switch {
	case len(m.guard.authorities) >= beaconsMax:
		return ErrBeaconsFull
	case slices.ContainsFunc(m.guard.own.chain, is):
		return nil
	case m.guard.looks == 0:
		return ErrBeaconsFull
	}
	m.guard.looks--
	if m.chainOf(identity.KindZone, issuer) == nil {
		return identity.ErrAuthority
	}
	return nil
}

// beaconIsNews reports whether a beacon is later than all that were heard of its issuer.
func (g *guard) beaconIsNews(b *identity.Beacon) bool {
	a := g.heardOf(b.Issuer)
	return a == nil || b.Compare(a.beacon) > 0
}

// takeBeacon takes a beacon whose signature is good, and tells others of it. A list that it names and that is not known here is asked for as all notices are.
func (m *Machine) takeBeacon(now protocol.Time, from protocol.NodeID, b *identity.Beacon, out *protocol.Output) {
	if m.stage != stageRunning || !m.guard.beaconIsNews(b) {
		return
	}
	a := m.guard.heardOf(b.Issuer)
	first := a == nil
	if first {
		if len(m.guard.authorities) >= beaconsMax {
			m.stats.BeaconsRefused++
			out.Drop(from, ReasonBeacon)
			return
		}
		m.guard.authorities = append(m.guard.authorities, authority{})
		a = &m.guard.authorities[len(m.guard.authorities)-1]
	}
	a.beacon, a.pushes = b, beaconPushes
	if first || !b.Missing(m.guard.revocations.List(b.Issuer)) {
		a.heard, a.instant, a.silent = m.awake.time, b.Instant, false
	}
	m.stats.BeaconsTaken++
	m.deadlines.Set(taskBeacons, now)
}

// pushBeacons tells some peers of the beacons that are news. As long as none is known they wait, so that who made one before it has met anybody is heard by the first that it
// meets, and not only by the next one.
func (m *Machine) pushBeacons(now protocol.Time, out *protocol.Output) {
	more, alone := false, m.partner() == nil && len(m.remotes) == 0
	for i := range m.guard.authorities {
		a := &m.guard.authorities[i]
		switch {
		case a.pushes == 0:
			continue
		case a.beacon.Stale(m.guard.instant(now)):
			a.pushes = 0
			continue
		case alone:
			more = true
			continue
		}
		a.pushes--
		more = more || a.pushes > 0
		targets := m.targetsOf(wire.KindFormat(wire.KindBeacon), m.config.Fanout)
		if to, known := m.remote(); known {
			targets = append(targets, to)
		}
		if len(targets) > 0 {
			message := &Beacon{Signed: a.beacon}
			m.stats.BeaconsSent += uint64(len(targets))
			m.stats.BytesSent += uint64(len(targets) * message.Size())
			out.Spread(targets, message)
		}
	}
	if more {
		m.deadlines.Set(taskBeacons, now.Add(m.config.Round))
	}
}

// watchAuthorities tells of authorities that are heard no longer, or whose lists do not come. After RecordLife they are forgotten.
func (m *Machine) watchAuthorities(out *protocol.Output) {
	silence := func(a *authority) time.Duration { return m.awake.time.Sub(a.heard) }
	g := m.guard
	g.authorities = slices.DeleteFunc(g.authorities, func(a authority) bool { return silence(&a) >= max(m.config.RecordLife, 2*beaconSilence) })
	for i := range g.authorities {
		a := &g.authorities[i]
		if a.silent || silence(a) < beaconSilence {
			continue
		}
		a.silent = true
		told := AuthoritySilent{Issuer: a.beacon.Issuer, Since: a.instant}
		if a.beacon.Missing(g.revocations.List(a.beacon.Issuer)) {
			told.Missing = a.beacon.Number
		}
		out.Emit(told)
	}
}

// silentAuthorities returns how many authorities are silent.
func (g *guard) silentAuthorities() (count int) {
	for i := range g.authorities {
		if g.authorities[i].silent {
			count++
		}
	}
	return count
}
