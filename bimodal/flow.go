package bimodal

import (
	"cmp"
	"math"
	"slices"
	"time"

	"spinglass/protocol"
)

// Constants of flow control. Shares are of the rate, steps in bytes a second; both apply once a round.
const (
	lagLeast    = 4         // packets that a member may always lag
	lagShare    = 2         // and one part in so many of the packets of a round
	lagRaise    = 8         // one part in so many, beyond which the rate is not raised
	cutShare    = 0.8       // of what the crowd sustains is the rate after a decrease, so that repair has room
	approach    = 0.9       // of what the crowd sustained may be approached at the full step
	stepShare   = 1.0 / 20  // of an increase
	stepMin     = 16 << 10  // of an increase that approaches
	probeShare  = 1.0 / 500 // of an increase beyond, at first
	probeMin    = 1 << 10   // the least of it
	probeGrowth = 1.1       // by which it grows, up to stepShare
	usedRounds  = 4         // over which the use of a rate is measured
	usedShare   = 0.75      // of the rate makes it used
	sampleLeast = 16        // reports that a decision rests on, if there are so many that are not too old
	sampleFresh = 4         // rounds within which all reports count
	sampleOld   = 20        // rounds after which none counts
	sentRounds  = 16        // remembered
	effectMin   = lagRounds // rounds ago that reports tell of
	effectMax   = lagRounds + 10
)

// Flow says how the subscribers change the rate of a topic. The publisher looks at what their digests tell of lag: when those up to the
// quantile fall behind it lowers the rate to what they sustain; otherwise, and while it uses the rate, it raises it.
type Flow struct {
	Adaptive bool
	RateMin  int64   // bytes a second; 0 for the default
	RateMax  int64   // bytes a second; 0 for the default
	Quantile float64 // share of the members, the best first, that have to keep up: above 0 to 1; 0 for the default, the median
}

func (f *Flow) valid() bool {
	return f.RateMin >= 1 && f.RateMin <= f.RateMax && f.RateMax <= rateMax && f.Quantile > 0 && f.Quantile <= 1
}

// limits are what a topic was configured with.
type limits struct {
	Flow
	rate  int64
	burst int64
}

// flow is what a publisher knows of one topic's rate.
type flow struct {
	limits
	allowed float64 // bytes a second; 0 when the rate is fixed
	ceiling float64 // what the crowd sustained when it last fell behind; 0 when that is past
	probe   float64 // share by which a rate beyond is raised
	lag     uint32  // packets, of the crowd at the quantile
	present volume  // of the present round
	sent    [sentRounds]volume
	rounds  int
}

// volume is what was published in a round.
type volume struct{ bytes, packets int }

// defaultLimits returns the limits of topics that were not configured.
func (m *Machine) defaultLimits() limits {
	l := limits{Flow: m.config.Flow, rate: m.config.Rate, burst: m.config.Burst}
	if !l.Adaptive || l.rate == 0 {
		l.Flow = Flow{}
	}
	return l
}

// limitsOf returns the limits that options stand for, with the defaults put in.
func (m *Machine) limitsOf(o *TopicOptions) (limits, error) {
	l := limits{Flow: o.Flow, rate: o.Rate, burst: cmp.Or(o.Burst, m.config.Burst)}
	if l.rate < 0 || l.rate > rateMax || l.burst < burstMin || l.burst > burstMax {
		return l, ErrRate
	}
	if !l.Adaptive {
		l.Flow = Flow{}
		return l, nil
	}
	usual, own := DefaultConfig(), m.config.Flow
	l.RateMin = cmp.Or(l.RateMin, own.RateMin, usual.Flow.RateMin)
	l.RateMax = cmp.Or(l.RateMax, own.RateMax, usual.Flow.RateMax)
	l.Quantile = cmp.Or(l.Quantile, own.Quantile, usual.Flow.Quantile)
	l.rate = cmp.Or(l.rate, m.config.Rate, usual.Rate)
	if !l.valid() {
		return l, ErrFlow
	}
	return l, nil
}

// limit gives a topic other limits, and the tokens of a whole burst.
func (t *topic) limit(now protocol.Time, l limits) {
	t.flow = flow{limits: l}
	if !l.Adaptive {
		t.bucket = newBucket(now, l.rate, l.burst)
		return
	}
	t.flow.allowed = float64(min(max(l.rate, l.RateMin), l.RateMax))
	t.bucket = newBucket(now, int64(t.flow.allowed), l.burst)
}

// burstShares of a rate may be published at once, as long as they are less than the burst of the topic; rates too high for that have more.
const (
	burstShare     = 10
	burstShareHigh = 100
	burstLeast     = 4 << 10
)

// allow puts the rate of an adaptive topic into effect.
func (t *topic) allow(now protocol.Time) {
	rate := int64(t.flow.allowed)
	t.bucket.change(now, rate, max(burstLeast, min(rate/burstShare, t.flow.burst), min(rate/burstShareHigh, burstMax)))
}

// steer sets the rate of an adaptive topic by what is known of the crowd, once a round, and notes who does not keep up with it.
func (m *Machine) steer(now protocol.Time, s *stream) {
	f := &s.topic.flow
	if s.topic.stream != s {
		return
	}
	used := f.turn(m.config.Round)
	reports := s.crowd.present(m.round)
	if len(reports) == 0 {
		return
	}
	bytes, packets := f.past()
	behind := uint32(max(lagLeast, packets/lagShare))
	lag, growth := m.crowdAt(reports, cmp.Or(f.Quantile, 0.5), behind)
	f.lag = lag
	if lag <= behind {
		m.accuse(s)
	}
	if !f.Adaptive {
		return
	}
	switch {
	case growth > 0 && bytes == 0:
		// They tell of what was sent before, and so nothing of what the crowd sustains.
	case growth > 0:
		f.lower(bytes*(1-float64(growth)/growthScale)*float64(time.Second)/float64(m.config.Round), &m.stats)
	case lag <= uint32(max(lagLeast, packets/lagRaise)) && used:
		f.raise()
	}
	s.topic.allow(now)
}

// turn ends a round, and reports whether the rate is used.
func (f *flow) turn(round time.Duration) (used bool) {
	f.sent[f.rounds%sentRounds] = f.present
	f.present = volume{}
	f.rounds++
	bytes := 0
	for ago := range usedRounds {
		bytes += f.ago(ago).bytes
	}
	return float64(bytes) >= usedShare*f.allowed*(usedRounds*round).Seconds()
}

// past returns how much a round carried of late, as far as reports can tell of it yet: the most that two successive ones did on average.
func (f *flow) past() (bytes float64, packets int) {
	for ago := effectMin; ago < effectMax; ago++ {
		a, b := f.ago(ago), f.ago(ago+1)
		bytes = max(bytes, float64(a.bytes+b.bytes)/2)
		packets = max(packets, (a.packets+b.packets)/2)
	}
	return bytes, packets
}

func (f *flow) ago(rounds int) volume { return f.sent[(f.rounds+sentRounds-1-rounds)%sentRounds] }

// present returns the reports that the rate depends on: those that are fresh, and older ones where there are few.
func (c *crowd) present(round uint32) []report {
	if c == nil {
		return nil
	}
	reports := c.freshest(round)
	n := 0
	for n < len(reports) {
		if age := round - reports[n].round; age > sampleOld || age > sampleFresh && n >= sampleLeast {
			break
		}
		n++
	}
	return reports[:n]
}

// crowdAt returns the lag of the member at the quantile, and the growth of lag of that at the quantile among those that are more than so many packets
// behind and the others, whose lag does not count as growing.
func (m *Machine) crowdAt(reports []report, quantile float64, behind uint32) (lag uint32, growth uint8) {
	c := &m.scratch
	c.lags, c.growths = c.lags[:0], c.growths[:0]
	for i := range reports {
		l := reports[i].lag
		if l.Packets <= behind {
			l.Growth = 0
		}
		c.lags, c.growths = append(c.lags, l.Packets), append(c.growths, l.Growth)
	}
	slices.Sort(c.lags)
	slices.Sort(c.growths)
	at := max(int(math.Ceil(quantile*float64(len(reports))))-1, 0)
	return c.lags[at], c.growths[at]
}

// lower sets the rate below what the crowd sustains, in bytes a second. Reports that tell of the same time again change nothing.
func (f *flow) lower(sustained float64, stats *Stats) {
	if rate := max(cutShare*sustained, float64(f.RateMin)); rate < f.allowed {
		f.allowed, f.ceiling, f.probe = rate, approach*sustained, probeShare
		stats.RateDecreases++
	}
}

// raise raises the rate by a step: a full one up to what the crowd sustained, then small ones that grow.
func (f *flow) raise() {
	step := max(stepMin, stepShare*f.allowed)
	switch {
	case f.ceiling == 0:
	case f.allowed < f.ceiling:
		step = min(step, f.ceiling-f.allowed)
	case f.probe < stepShare:
		step = max(probeMin, f.probe*f.allowed)
		f.probe *= probeGrowth
	default:
		f.ceiling = 0
	}
	f.allowed = min(f.allowed+step, float64(f.RateMax))
}

// FlowState is how an adaptive topic stands.
type FlowState struct {
	Rate    int64 // bytes a second that may be published
	Lag     int   // packets that the crowd lags, at the quantile
	Reports int   // of members, not older than twenty rounds
}

// Flow returns how a topic stands that this node publishes to; the zero FlowState when its rate is fixed.
func (m *Machine) Flow(name string) FlowState {
	t := m.byName[name]
	if t == nil || !t.flow.Adaptive {
		return FlowState{}
	}
	state := FlowState{Rate: int64(t.flow.allowed), Lag: int(t.flow.lag)}
	if t.stream != nil && t.stream.crowd != nil {
		for _, r := range t.stream.crowd.reports {
			if m.round-r.round <= sampleOld {
				state.Reports++
			}
		}
	}
	return state
}

// slowest returns the least rate of the adaptive topics with packets held, and the lag of that topic's crowd.
func (m *Machine) slowest() (rate int64, lag int) {
	for _, t := range m.topicOrder {
		if f := &t.flow; f.Adaptive && t.stream != nil && t.stream.active() && (rate == 0 || int64(f.allowed) < rate) {
			rate, lag = int64(f.allowed), int(f.lag)
		}
	}
	return rate, lag
}
