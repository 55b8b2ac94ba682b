package membership

import (
	"math"
	"time"
)

// FailModel says what T_fail has to withstand. The zero value stands for the defaults.
//
// Let a digest hold d claims of n rows. If not all fit, half of each digest rotates over the rows, so that a row is named in
// every R-th one, R = ceil(2n/d), and the other half is for the rows silent for longest, so that these are soon named in each
// one. One exchange ends the silence unless one of its two messages is lost or the partner sleeps (together Loss, for each) or
// the partner knows no newer heartbeat either (Stale). So k exchanges all fail with probability f^k, f = 1 - (1-Loss)^2
// (1-Stale), and T_fail = beat + round*(R + k) with f^k = Mistake/n. A member is removed at twice T_fail, where the probability
// is about the square of that.
//
// How long news takes to spread does not enter: it delays all heartbeats alike and makes no silence longer.
type FailModel struct {
	Mistake float64 // probability that one member suspects any healthy one within T_fail, 0 to 1; 1e-3 by default
	Loss    float64 // probability that a message or its receiver fails, 0 to 1; 0.05 by default
	Stale   float64 // probability that a partner has nothing newer, 0 to 1; 0.5 by default
}

func (f FailModel) withDefaults() FailModel {
	setDefault(&f.Mistake, 1e-3)
	setDefault(&f.Loss, 0.05)
	setDefault(&f.Stale, 0.5)
	return f
}

// Exchanges returns k, how many exchanges in a row may fail for a silence that is still no mistake.
func (f FailModel) Exchanges(members int) float64 {
	fail := 1 - (1-f.Loss)*(1-f.Loss)*(1-f.Stale)
	return math.Log(f.Mistake/float64(max(2, members))) / math.Log(fail)
}

// Timeout returns T_fail for a zone of so many members, digests of so many claims, and the given times between digests and
// between heartbeats. With the defaults it is 5.4 s for 100 members and 9.8 s for 1024.
func (f FailModel) Timeout(members, claims int, round, beat time.Duration) time.Duration {
	cover := 1
	if members > claims {
		cover = (2*members + claims - 1) / claims
	}
	return beat + time.Duration((float64(cover)+f.Exchanges(members))*float64(round))
}
