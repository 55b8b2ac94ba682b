package membership

import (
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// life is the state of the own certificate.
type life uint8

const (
	lifeGood life = iota
	lifeGrace
	lifeOver
)

// setClock takes what the wall clock says, unless it puts this member before or after its own certificate's life, which is a wrong clock rather than a wrong
// certificate: then the clock that was believed so far goes on. Who believed it would expel everybody else.
func (m *Machine) setClock(now protocol.Time, e protocol.WallClock, out *protocol.Output) {
	if m.guard == nil {
		return
	}
	g := m.guard
	held := g.wall
	_, before := g.policy(now).VerifyAgain(g.own.chain)
	g.wall = identity.Instant(e.Seconds) - identity.Instant(time.Duration(now)/time.Second)
	if _, err := g.policy(now).VerifyAgain(g.own.chain); err != nil && before == nil {
		g.wall = held
		m.stats.ClocksRefused++
		out.Emit(ClockRefused{Clock: identity.Instant(e.Seconds), Believed: g.instant(now), Err: err})
		return
	}
	m.judgeCredentials(now, out)
}

// sweep looks at certificates again because time has passed.
func (m *Machine) sweep(now protocol.Time, out *protocol.Output) {
	m.deadlines.Set(taskSweep, now.Add(sweepEvery))
	m.ageNotices(now)
	m.watchAuthorities(out)
	m.judgeCredentials(now, out)
}

// watchLife tells when the own certificate comes into another state.
func (m *Machine) watchLife(now protocol.Time, out *protocol.Output) {
	g := m.guard
	verified, err := g.policy(now).VerifyAgain(g.own.chain)
	state := lifeGood
	switch {
	case err != nil:
		state = lifeOver
	case verified.InGrace:
		state = lifeGrace
	}
	if state == g.life {
		return
	}
	g.life = state
	switch state {
	case lifeGood:
		out.Emit(CertificateGood{NotAfter: verified.NotAfter})
	case lifeGrace:
		out.Emit(CertificateInGrace{NotAfter: verified.NotAfter, Until: verified.NotAfter.Add(g.policy(now).Grace)})
	case lifeOver:
		out.Emit(CertificateRefused{Err: err})
	}
}
