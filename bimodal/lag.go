package bimodal

import "math/bits"

// A member measures its lag with each stream that it follows. A packet is due four rounds after the member first knew of it, or as soon as it is
// delivered or given up. What is due and not there is behind: missing still, or given up. Loss that repair mends leaves a few packets behind, as
// many now as later; a member that gets less than is sent falls further behind with every round. So what tells overload is not how many packets are
// lost but whether ever more are.

const (
	lagRounds   = 4  // rounds in which a packet is to be recovered
	lagWindow   = 15 // rounds over which growth is measured, at most
	lagWorth    = 24 // packets over which growth is measured, at least
	lagSlow     = 7  // rounds over which growth is measured that is too slow for fewer
	lagFade     = 4  // rounds in which most of what was given up stops counting as lag
	growthShare = 32 // one part in so many of the packets due, and two more, is no growth
)

// lagMeter measures how far this node is behind with one stream. Its rings are indexed by rounds.
type lagMeter struct {
	known  [lagRounds]uint64     // highest packet known of
	due    [lagWindow + 1]uint64 // packets up to this number were due
	behind [lagWindow + 1]uint64 // of these, were missing or had been given up
	rounds int
	missed uint64  // packets given up until the last round
	lost   float64 // of these, not faded yet
	busy   bool    // enough packets come for a measurement
	lag    Lag
}

// measure takes the lag of a stream, once a round.
func (m *Machine) measure(s *stream) {
	if m.own(s.id) {
		return
	}
	if s.order.seeking {
		s.meter = nil // what is missing may be from before the subscription
		return
	}
	l := s.meter
	if l == nil {
		l = &lagMeter{missed: s.missed}
		l.fill(s)
		s.meter = l
	}
	l.lost += float64(s.missed-l.missed) - l.lost/lagFade
	l.missed = s.missed

	at := l.rounds % lagRounds
	due := max(l.known[at], s.next-1)
	l.known[at] = s.high
	missing := s.missingUpTo(due)
	now := l.rounds % (lagWindow + 1)
	l.due[now], l.behind[now] = due, s.missed+missing
	l.rounds++
	l.lag = Lag{}
	if l.busy = l.worth(now, lagWindow) >= lagWorth; !l.busy {
		return
	}
	if l.lag.Packets = uint32(min(missing+uint64(l.lost), lagMax)); l.lag.Packets > 0 {
		l.lag.Growth = l.growth(now)
	}
}

// fill begins the measurement: what is missing so far is no growth.
func (l *lagMeter) fill(s *stream) {
	for i := range l.known {
		l.known[i] = s.high
	}
	for i := range l.due {
		l.due[i], l.behind[i] = s.high, s.missed+s.missingUpTo(s.high)
	}
}

// growth returns the growth of lag over the fewest rounds that show any, in parts of growthScale. Few rounds show a large one, more a small one;
// what is past already is none.
func (l *lagMeter) growth(now int) uint8 {
	recent := true
	for width := 1; width <= lagWindow; width++ {
		worth := l.worth(now, width)
		if worth < lagWorth {
			continue
		}
		grown := int(l.behind[now] - l.behind[l.before(now, width)])
		if recent && grown <= 0 || width > lagSlow && !recent {
			return 0
		}
		if recent = false; grown > 2+worth/growthShare {
			return uint8(min(growthScale*grown/worth, growthScale))
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
		word := w.filled[i/64] >> (i % 64)
		if span < 64 {
			word &= 1<<span - 1
		}
		held += uint64(bits.OnesCount64(word))
		seq += span
	}
	return last + 1 - w.next - held
}
