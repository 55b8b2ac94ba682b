package plan

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// datagramCost is how long a member takes to receive or to send a datagram, as sim.CommodityCost has it.
const datagramCost = 5 * time.Microsecond

// Figures are what a group does, predicted or simulated.
type Figures struct {
	P50, P99, P999 time.Duration // from publishing to delivery at a member that is not the author, of messages that are delivered
	Bytes          float64       // a second that a member sends and receives, mean
	Memory         float64       // bytes that packets take in a member's buffer, mean
	Miss           float64       // probability that a message does not reach all members
	MissEach       float64       // probability that a message does not reach a member
}

// model computes Figures.
type model struct {
	setting    Setting
	parameters Parameters
	grid       grid
	round      float64 // seconds
	pause      float64
	traffic    traffic
}

// place is a leaf zone: that of the author, or one of the others.
type place struct {
	count   int // zones like this
	members int
	own     bool       // the author's
	tree    tree       // below who sends in the zone
	reach   float64    // probability that who sends in it has the packet
	arrival cumulative // when, if so
	first   cumulative // when a member has the packet on its first way, if so
	share   float64    // of the members that get it so
}

// Predict returns what a setting and parameters, both valid, lead to.
func Predict(s Setting, p Parameters) Figures {
	m := newModel(s, p)
	return m.figures()
}

// Points of the grid in the time of a datagram, and in the time that it covers.
const (
	gridSteps = 20
	gridMost  = 1 << 18
)

func newModel(s Setting, p Parameters) *model {
	m := &model{setting: s, parameters: p, round: p.Round.Seconds(), pause: 1 / s.Rate}
	span := m.round*float64(2*p.Life+roundsSpare) + 4*m.pause + 20*(s.Latency[0]+s.Latency[1]).Seconds()
	step := max(min(s.Latency[0].Seconds()/gridSteps, m.round/roundSteps), span/gridMost)
	m.grid = grid{step: step, length: int(span/step) + 1}
	return m
}

// hop returns when those to whom a position sends so many copies have what it has, if they get it. class is 0 within a zone and 1 between zones.
func (m *model) hop(c cumulative, class, copies int) cumulative {
	return m.grid.later(c, m.setting.Latency[class], datagramCost+time.Duration(copies+1)*datagramCost/2)
}

// places returns the zones.
func (m *model) places() []place {
	z := m.setting.zones()
	first, end := z.membersOf(0)
	own := place{count: 1, members: end - first, own: true, tree: newTree(end-first-1, z.leaves-1), reach: 1, arrival: m.grid.now()}
	m.spread(&own)
	places := []place{own}
	if z.leaves == 1 {
		return places
	}
	// The other zones are of two sizes at most; those of the mean size stand for all.
	size := float64(z.members-own.members) / float64(z.leaves-1)
	other := place{count: z.leaves - 1, members: int(math.Round(size)), tree: newTree(int(math.Round(size))-1, 0)}
	other.arrival = make(cumulative, m.grid.length)
	for at := own.tree.members + 1; at < len(own.tree.depths); at++ {
		part := 1 / float64(other.count)
		depth := own.tree.depths[at] - 1 // of the parent
		reach := math.Pow(1-m.setting.Loss, float64(depth+1))
		other.reach += part * reach
		c := own.arrival
		for range depth {
			c = m.hop(c, 0, own.tree.copies)
		}
		other.arrival.add(part*reach, m.hop(c, 1, own.tree.copies))
	}
	for i := range other.arrival {
		other.arrival[i] /= other.reach
	}
	m.spread(&other)
	return append(places, other)
}

// spread computes the first way within a zone.
func (m *model) spread(p *place) {
	p.first = make(cumulative, m.grid.length)
	counted := float64(p.members)
	if p.own {
		counted-- // the author is none
	}
	if counted == 0 {
		return
	}
	if !p.own {
		p.first.add(1/counted, p.arrival)
		p.share = 1 / counted
	}
	c := p.arrival
	for depth, count := range p.tree.levels() {
		if depth > 0 {
			c = m.hop(c, 0, p.tree.copies)
		}
		part := float64(count) / counted * math.Pow(1-m.setting.Loss, float64(depth))
		p.first.add(part, c)
		p.share += part
	}
}

// outcome is what becomes of a message at a member of a place.
type outcome struct {
	there   cumulative
	settled cumulative
	miss    float64 // that not all members of the place get it, though it was reached
	each    float64 // that a member does not get it
	missAny float64 // that some place like this does not get it as a whole
}

func (m *model) figures() Figures {
	places := m.places()
	var f Figures
	mixture := make(cumulative, m.grid.length)
	reached, members := 1.0, float64(m.setting.Members-1)
	for i := range places {
		p := &places[i]
		o := m.outcome(p)
		if !p.own {
			m.outbreaks(&places[0], p, &o)
		}
		counted := float64(p.members * p.count)
		if p.own {
			counted--
		}
		part := counted / members
		if i == len(places)-1 && len(places) > 1 {
			part = 1 - float64(places[0].members-1)/members
		}
		reached *= math.Pow(1-o.miss, float64(p.count)) * (1 - o.missAny)
		f.MissEach += part * o.each
		mixture.add(part, m.grid.ordered(o.there, o.settled, m.pause))
	}
	f.Miss = 1 - reached
	f.P50, f.P99, f.P999 = m.grid.quantile(mixture, 0.5), m.grid.quantile(mixture, 0.99), m.grid.quantile(mixture, 0.999)
	f.Bytes, f.Memory = m.bytes(places), m.memory(places)
	return f
}

// outcome computes what becomes of a message in a place.
func (m *model) outcome(p *place) outcome {
	o := outcome{there: make(cumulative, m.grid.length), settled: make(cumulative, m.grid.length)}
	o.there.add(p.reach, p.first)
	o.settled.add(p.reach, p.first)
	counted := float64(p.members - 1) // who sends in the place has it
	if !p.own {
		counted++
	}
	all := sharings(p.tree.missing(m.setting.Loss, false))
	courses := m.courses(p, all)
	for i, s := range all {
		c := courses[i]
		m.account(p, &c, p.reach*s.probability*s.count)
		repaired, lost := m.times(&c)
		part := p.reach * s.probability * s.count / counted // that a member is one of them
		o.there.add(part, repaired)
		o.settled.add(part, repaired)
		o.settled.add(part, lost)
		missed := lost[len(lost)-1]
		o.each += part * missed
		o.miss += p.reach * s.probability * -math.Expm1(s.count*math.Log1p(-min(missed, 1-1e-9)))
	}
	return o
}

// surroundings returns what a member of a place finds around it.
func (m *model) surroundings(p *place) surroundings {
	z := m.setting.zones()
	s := surroundings{
		parameters: m.parameters, loss: m.setting.Loss, round: m.round, pause: m.pause, relayed: p.tree.members > directMost || z.leaves > 1,
		far: z.leaves > 1, near: m.near(p), reach: p.reach * p.share, kept: min(1, float64(m.parameters.Bufferers)/float64(p.members)),
		first: func(seconds float64) float64 { return m.grid.at(p.first, seconds) / p.share },
		hop:   int(math.Round(m.setting.Latency[0].Seconds() / m.round * roundSteps)),
	}
	return s
}

// remote returns which part of a member's digests goes to other zones.
func (m *model) remote(p *place) float64 {
	if m.setting.zones().leaves == 1 {
		return 0
	}
	return min(remoteMost, remoteDigests/float64(p.members))
}

// near returns how many digests a member gets from its zone in a round.
func (m *model) near(p *place) float64 {
	return float64(m.parameters.Fanout) * (1 - m.remote(p))
}

// passes is how often the part of others that still lack the packet is computed anew, and what becomes of the packets before and behind it.
const passes = 2

// courses follows a packet at a member that lacks it, for each number of members that do so at first. What becomes of the packets before and behind it at that member is the mean of these courses.
func (m *model) courses(p *place, all []sharing) []course {
	base := m.surroundings(p)
	courses, around := make([]course, len(all)), make([]surroundings, len(all))
	for i := range around {
		around[i] = base
	}
	var usual *course
	for pass := 0; pass <= passes && len(all) > 0; pass++ {
		beside := base.besides(usual)
		concurrently(len(all), func(i int) {
			s, lacking := &around[i], min((all[i].count-1)/float64(max(p.members-1, 1)), 1)
			s.beside, s.others = beside, s.newOthers(lacking, &courses[i], usual)
			courses[i] = s.follow()
		})
		usual = mean(courses, all)
	}
	return courses
}

// mean returns the mean of courses, of all members that lack a packet.
func mean(courses []course, all []sharing) *course {
	weights := 0.0
	for _, s := range all {
		weights += s.probability * s.count
	}
	usual := newCourse(len(courses[0].lost), courses[0].step)
	for i, s := range all {
		usual.add(s.probability*s.count/weights, &courses[i])
	}
	return &usual
}

// times returns when a missing packet is there, and when it is given up.
func (m *model) times(c *course) (repaired, lost cumulative) {
	hop := func(c cumulative) cumulative { return m.grid.later(c, m.setting.Latency[0], 2*datagramCost) }
	repaired = hop(hop(m.onGrid(c.polled, c.step))) // a poll, and a digest in answer
	repaired.add(1, m.onGrid(c.heard, c.step))
	repaired = hop(repaired) // a request
	repaired.add(1, m.onGrid(c.pushed, c.step))
	repaired = hop(repaired)
	return repaired, m.onGrid(c.lost, c.step)
}

// onGrid returns the distribution of what has probabilities by steps.
func (m *model) onGrid(by []float64, step float64) cumulative {
	sums := make(cumulative, len(by)+1)
	for i, p := range by {
		sums[i+1] = sums[i] + p
	}
	steps := grid{step: step, length: len(sums)}
	c := make(cumulative, m.grid.length)
	for i := range c {
		c[i] = steps.at(sums, float64(i)*m.grid.step)
	}
	return c
}

// sharing is a number of members, or of zones, that a message does not reach on its first way, all at once, and the probability of that.
type sharing struct{ count, probability float64 }

// rare is a probability that is left out.
const rare = 1e-8

// sharings returns how many a message does not reach, of the law of their number. Similar numbers are taken together.
func sharings(law []float64) []sharing {
	var all []sharing
	for low, high := 1, 1; low < len(law); low, high = high+1, high+1+high/7 {
		s := sharing{}
		for count := low; count <= min(high, len(law)-1); count++ {
			s.probability += law[count]
			s.count += law[count] * float64(count)
		}
		if s.probability > rare {
			s.count /= s.probability
			all = append(all, s)
		}
	}
	return all
}

// outbreaks adds to what becomes of a message at a member of the zones besides the author's what becomes of one that does not get into the zone.
func (m *model) outbreaks(own, p *place, o *outcome) {
	there := make(cumulative, len(o.there)) // if it gets into the zone
	there.add(1/p.reach, o.there)
	all := sharings(own.tree.missing(m.setting.Loss, true))
	first, again := make([]spreading, len(all)), make([]spreading, len(all))
	concurrently(len(all), func(i int) {
		first[i] = m.outbreak(p, there, all[i].count, 1, nil)
		again[i] = m.outbreak(p, there, all[i].count, 2, first[i].tells) // the next packet does not get in either
	})
	for i, s := range all {
		m.accountAll(p, s, o, &first[i], p.reach)
		m.accountAll(p, s, o, &again[i], 1-p.reach)
	}
}

// concurrently calls a function for each number below n, from as many goroutines as there are processors. Calls do not share what they write.
func concurrently(n int, call func(i int)) {
	var next atomic.Int64
	var done sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				call(i)
			}
		})
	}
	done.Wait()
}

// accountAll adds a part of what becomes of a message that does not get into so many zones.
func (m *model) accountAll(p *place, s sharing, o *outcome, e *spreading, part float64) {
	part *= s.probability
	each := part * s.count / float64(p.count) // that a zone is one of them
	m.accountOutbreak(p, e, each)
	there, settled := m.spreadTimes(e)
	o.there.add(each, there)
	o.settled.add(each, settled)
	o.each += each * (1 - e.each)
	o.missAny += part * -math.Expm1(s.count*math.Log(max(e.all, 1e-300)))
}

// fewLacking is the part of the other zones up to which it does not matter when those that lack a packet get it.
const fewLacking = 0.1

// outbreak follows a message that does not get into so many zones. Members know when so many later packets have come. there is when members of other zones have it into which it gets; tells is how many tell of it, in digests, in those into
// which it does not get, as far as it is known, and nil for nothing.
func (m *model) outbreak(p *place, there cumulative, zones float64, later int, tells []float64) spreading {
	lacking := (zones - 1) / float64(p.count)
	o := m.newOutbreak(p, later)
	steps, window := grid{step: o.step()}, (float64(m.parameters.short())+0.5)*m.round
	o.outside = func(seconds float64) float64 {
		part := (1 - lacking) * (m.grid.at(there, seconds) - m.grid.at(there, seconds-window))
		if tells != nil {
			part += lacking * steps.at(tells, seconds)
		}
		return part
	}
	s := o.follow()
	for pass := 0; pass < passes && later == 1 && lacking > fewLacking; pass++ {
		tells = s.tells
		s = o.follow()
	}
	return s
}

// newOutbreak returns what is to be followed in a zone, but for what other zones tell.
func (m *model) newOutbreak(p *place, later int) outbreak {
	return outbreak{
		parameters: m.parameters, members: p.members, loss: m.setting.Loss, round: m.round, pause: m.pause,
		aware: float64(later)*m.pause + m.grid.quantile(p.first, 0.5).Seconds(), share: p.share,
		way: exchange * m.setting.Latency[0].Seconds(), enterWay: (exchange - 1) * m.setting.Latency[1].Seconds(), near: m.near(p),
		entering: float64(m.parameters.Fanout) * m.remote(p) * float64(p.members) / float64(min(representatives, p.members)),
		regional: min(1, regionalBytes/float64(m.packet()*p.members)), kept: min(1, float64(m.parameters.Bufferers)/float64(p.members)),
	}
}

// spreadTimes returns when a member has a message that did not get into its zone, and when it has it or gives it up.
func (m *model) spreadTimes(e *spreading) (there, settled cumulative) {
	steps := grid{step: e.step}
	there, settled = make(cumulative, m.grid.length), make(cumulative, m.grid.length)
	way := exchange * m.setting.Latency[0].Seconds()
	for i := range there {
		t := float64(i) * m.grid.step
		there[i] = steps.at(e.got, t-way)
		if settled[i] = steps.at(e.ended, t-way); t >= float64(len(e.got))*e.step+way {
			settled[i] = 1
		}
	}
	return there, settled
}
