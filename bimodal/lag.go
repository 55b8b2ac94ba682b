package bimodal

import (
	"math/bits"
	"time"

	"spinglass/protocol"
)

// A member measures its lag with each stream that it follows. A packet is due four rounds after the member first knew of it, less what the packets of
// the stream are delayed of late (a queue before the member delays the knowledge as well), or as soon as it is delivered or given up. What is due and not there is behind: missing still, or given up. Loss that repair mends leaves a few packets behind, as
// many now as later; a member that gets less than is sent falls further behind with every round. So what tells overload is not how many packets are
// lost but whether ever more are.

const (
	lagRounds     = 4            // rounds in which a packet is to be recovered
	lagWindow     = 15           // rounds over which growth is measured, at most
	lagWorth      = 24           // packets over which growth is measured, at least
	lagSlow       = 7            // rounds over which growth is measured that is too slow for fewer
	lagFade       = 4            // rounds in which most of what was given up stops counting as lag
	overrunRounds = 10           // for which a node counts as overrun that fell behind
	overrunBytes  = 8 << 10      // least budget for repairs meanwhile
	overrunProven = 8            // growth of one part in so many that is not taken for being overrun where packets have to be proven
	lateMax       = reportAgeMax // rounds of delay that are told apart
	growthShare   = 32           // one part in so many of the packets due, and two more, is no growth
)

// lagMeter measures how far this node is behind with one stream. Its rings are indexed by rounds.
type lagMeter struct {
	known  [lagRounds]uint64     // highest packet known of
	due    [lagWindow + 1]uint64 // packets up to this number were due
	behind [lagWindow + 1]uint64 // of these, were missing or had been given up
	rounds int
	missed uint64  // packets given up until the last round
	lost   float64 // of these, not faded yet
	delay  delay
	late   int  // rounds by which packets are delayed
	busy   bool // enough packets come for a measurement
	lag    Lag
}

// measure takes the lag of a stream, once a round.
func (m *Machine) measure(s *stream) {
	if m.own(s.id) {
		return
	}
	if s.order.seeking || s.back.until > 0 {
		s.meter = nil // what is missing may be from before the subscription
		return
	}
	l := s.meter
	if l == nil {
		l = &lagMeter{missed: s.missed, delay: delay{past: protocol.Never, present: protocol.Never}}
		l.fill(s)
		s.meter = l
	}
	l.lost += float64(s.missed-l.missed) - l.lost/lagFade
	l.missed = s.missed

	now := l.rounds % (lagWindow + 1)
	l.late = int(min(l.delay.over(s, l.rounds)/m.config.Round, lateMax))
	due := max(l.dueBy(s), s.next-1, l.due[l.before(now, 1)])
	missing := s.missingUpTo(due) - m.suspectsUpTo(s, due)
	l.due[now], l.behind[now] = due, s.missed+missing
	l.rounds++
	l.lag = Lag{}
	if l.busy = l.worth(now, lagWindow) >= lagWorth; !l.busy {
		return
	}
	if l.lag.Packets = uint32(min(missing+uint64(l.lost), lagMax)); l.lag.Packets > 0 {
		if l.lag.Growth = l.growth(now); l.lag.Growth > m.overrunGrowth() {
			m.overrun = m.round
		}
	}
}

// overrunGrowth returns the growth of lag beyond which this node counts as overrun. Packets that have to be proven are recovered later, and in groups, so that their
// number varies more.
func (m *Machine) overrunGrowth() uint8 {
	if m.signed() {
		return growthScale / overrunProven
	}
	return 0
}

// dueBy returns the highest packet that is due, and notes what is known now.
func (l *lagMeter) dueBy(s *stream) uint64 {
	at := l.rounds % lagRounds
	due := l.known[(at+min(l.late, lagRounds))%lagRounds]
	if l.known[at] = s.high; l.late >= lagRounds {
		due = s.high
	}
	return due
}

// delay measures how much longer packets are on their way than the quickest of the past minute. Packets tell the age of their stream, and so when
// it began if they took no time; clocks that run at different speeds make no difference in so short a time.
type delay struct {
	past, present protocol.Time // the earliest that the stream began by any packet, in two spans of time
}

const delaySpan = 300 // rounds

// over returns the delay in the round that ends, and 0 if no packets have come in it.
func (d *delay) over(s *stream, rounds int) time.Duration {
	if rounds%delaySpan == 0 {
		d.past, d.present = d.present, protocol.Never
	}
	began := s.soonest
	if s.soonest = protocol.Never; began == protocol.Never {
		return 0
	}
	d.present = min(d.present, began)
	return began.Sub(min(d.past, d.present))
}

// isOverrun reports whether this node fell further behind with a stream of late.
func (m *Machine) isOverrun() bool { return m.overrun > 0 && m.round-m.overrun <= overrunRounds }

// fill begins the measurement: what is missing so far is no growth.
func (l *lagMeter) fill(s *stream) {
	for i := range l.known {
		l.known[i] = s.high
	}
	for i := range l.due {
		l.due[i], l.behind[i] = s.high, s.missed+s.missingUpTo(s.high)
	}
}

// growth returns the growth of lag, in parts of growthScale: that of the fewest rounds that are worth measuring, if these or a few more show that it
// is more than chance. What is past already is none.
func (l *lagMeter) growth(now int) uint8 {
	latest := 0
	for width := 1; width <= lagWindow; width++ {
		worth := l.worth(now, width)
		if worth < lagWorth {
			continue
		}
		grown := int(l.behind[now] - l.behind[l.before(now, width)])
		if grown <= 0 || latest > 0 && width > lagSlow {
			return 0
		}
		share := max(growthScale*grown/worth, 1)
		if latest == 0 {
			latest = share
		}
		if grown > 2+worth/growthShare {
			return uint8(min(share, latest, growthScale))
		}
	}
	return 0
}

// worth returns how many packets became due in so many rounds up to the present one.
func (l *lagMeter) worth(now, width int) int { return int(l.due[now] - l.due[l.before(now, width)]) }

func (l *lagMeter) before(now, width int) int { return (now + len(l.due) - width) % len(l.due) }

// missingUpTo returns how many packets from next to a number, which may be up to high, are missing.
func (w *window) missingUpTo(last uint64) uint64 {
	if last < w.next || w.missing() == 0 {
		return 0
	}
	held := uint64(0)
	for seq := w.next; seq <= last; {
		i := w.index(seq)
		span := min(64-i%64, last-seq+1, uint64(len(w.slots))-i)
		word := w.word(i, findSettled) >> (i % 64)
		if span < 64 {
			word &= 1<<span - 1
		}
		held += uint64(bits.OnesCount64(word))
		seq += span
	}
	return last + 1 - w.next - held
}
