package plan

import "math"

// Rules of repair that are constants of package bimodal.
const (
	pollsMost   = 5 // a round
	pollsAgain  = 3 // of these, for what is missing for long when a round begins
	pollUrgent  = 2 // rounds after which these are sent
	askPause    = 2 // rounds for which a packet that was asked for is not asked for again because of a regular digest
	shortPhase  = 4 // rounds
	pollEager   = 2 // rounds for which a member that knows other zones polls in each
	pollRarely  = 4
	oldToHolder = 0.875 // part of the polls for old packets that go to a bufferer or the author
)

// Resolution of the course of repair.
const (
	roundSteps  = 100 // steps of a round
	phases      = 20  // phases of a member's rounds that are told apart
	negligible  = 1e-15
	roundsSpare = 2
	roundsMost  = 20 // for which a packet is followed; what is missing then counts as lost
)

// surroundings are what a member that lacks a packet finds around it.
type surroundings struct {
	parameters Parameters
	loss       float64
	round      float64 // seconds
	pause      float64 // seconds between packets
	hop        int     // steps that a datagram takes
	relayed    bool
	far        bool    // other zones are known
	near       float64 // digests that come to a member from its zone, a round
	wanting    float64 // polls a round for other packets, whose answers tell of this one as well
	// first is when a packet comes on its first way, as a part of those that get it.
	first  func(seconds float64) float64
	reach  float64 // part of the members that packets reach at first
	others others
	kept   float64 // part of the members that are bufferers of a packet
	older  float64 // probability that a member lacks an older packet for long, for which it sends several polls
}

// course is what becomes of a packet that a member lacks, from when it is published on.
type course struct {
	step    float64   // seconds
	polled  []float64 // probability that what ends it begins with a poll, by the step of the poll
	heard   []float64 // the same of digests
	pushed  []float64 // the same of pushes
	ticked  []float64 // of all these, what begins with a round of the member
	lost    []float64 // probability that it is given up, by step
	unknown []float64 // probability that the member does not know of it yet, by step
	polls   float64   // expected; those that are sent because a gap shows
	recent  float64   // expected ticks at which it is missing and one poll is sent
	old     float64   // the same, more are sent
	asks    []float64 // expected requests, by step
	asked   float64   // of these, all
	missing float64   // expected seconds until it ends
}

// overtaking reports whether packets come so fast that a gap says nothing.
func (s *surroundings) overtaking() bool { return s.relayed && s.round/s.pause > stripes }

// phased is how many rounds have begun since some time, of rounds with a random phase: the part of members for which that is more than count.
func phased(rounds float64, count int) float64 { return min(max(rounds-float64(count), 0), 1) }

// whole is the same of rounds of which the first began at that time.
func whole(rounds float64, count int) float64 {
	if rounds < float64(count+1) {
		return 0
	}
	return 1
}

// short returns the rounds of the short phase.
func (p *Parameters) short() int { return min(shortPhase, p.Life) }

// others is which part of the others knows that there is the packet, tells of it in digests, sends it unasked to who lacks it, has it if a poll names it, and has it at all, by step.
type others struct{ knowing, telling, pushing, named, holding []float64 }

// newOthers makes these of the part that lacks the packet at first, and of the course of repair there; nil when that is not known.
func (s *surroundings) newOthers(lacking float64, c *course) others {
	n, short, life := s.steps(), s.parameters.short(), s.parameters.Life
	got, ticked := make([]float64, n), make([]float64, n) // by step; who gets it by what began with a round, by when that began, and who at other times
	for at := range got {
		seconds := float64(at) / roundSteps * s.round
		got[at] = (1 - lacking) * (s.first(seconds+s.round/roundSteps) - s.first(seconds))
	}
	blocked, askedShort, askedLife := make([]float64, n), make([]float64, n), make([]float64, n)
	if c != nil {
		for at := range got {
			ticked[at] = lacking * c.ticked[at]
			if there := at + s.way(); there < n {
				got[there] += lacking*c.repaired(at) - ticked[at]
			}
		}
		blocked = s.blocked(c)
		askedShort, askedLife = s.askedWithin(c, lacking, short), s.askedWithin(c, lacking, life)
	}
	o := others{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	for at := range o.knowing {
		o.knowing[at] = (1 - lacking) * s.first(float64(at)/roundSteps*s.round)
		if c != nil {
			o.knowing[at] += lacking * (1 - c.unknown[at])
		}
	}
	hold := func(at, there int, part float64, begun func(rounds float64, count int) float64) {
		for later := there; later < n && part >= unlikely; later++ {
			age := float64(later-at) / roundSteps
			window := 1 - begun(age, short)*(1-blocked[later])
			bufferer := max(window, 1-begun(age, life)*(1-askedLife[later]))
			held := s.kept*bufferer + (1-s.kept)*(window+(1-window)*askedShort[later])
			o.telling[later] += part * window
			o.holding[later] += part * held
			o.named[later] += part * (oldToHolder*bufferer + (1-oldToHolder)*held)
			o.pushing[later] += part * min(held, begun(age, life/2))
		}
	}
	for at := range got {
		hold(at, at, got[at], phased)
		hold(at, at+s.way(), ticked[at], whole)
	}
	return o
}

// way is how many steps pass from a poll to the repair.
func (s *surroundings) way() int { return exchange * s.hop }

// sent returns what others had when they sent what comes in a step, and met what they have when what is sent in it arrives.
func (s *surroundings) sent(by []float64, at int) float64 { return by[max(at-s.hop, 0)] }
func (s *surroundings) met(by []float64, at int) float64  { return by[min(at+s.hop, len(by)-1)] }

// repaired returns the probability that what ends the lack of the packet begins in a step.
func (c *course) repaired(at int) float64 { return c.polled[at] + c.heard[at] + c.pushed[at] }

// blocked returns the probability that a member whose own short phase of the packet is over has it in its window all the same, by step: the window begins with the oldest packet that is missing, or is in
// its own short phase, as one that came by repair is for longer.
func (s *surroundings) blocked(c *course) []float64 {
	n, length, left := len(c.lost), s.parameters.short()*roundSteps, 1.0
	survival, ticked := make([]float64, n), make([]float64, n+1)
	sums, moments := make([]float64, n+1), make([]float64, n+1) // of repairs at any time of a round
	for i := range survival {
		survival[i] = max(left, 0)
		left -= c.repaired(i) + c.lost[i]
		repaired := c.repaired(i) - c.ticked[i]
		ticked[i+1], sums[i+1], moments[i+1] = ticked[i]+c.ticked[i], sums[i]+repaired, moments[i]+repaired*float64(i)
	}
	blocked := make([]float64, n)
	for i := range blocked {
		over := phased(float64(i)/roundSteps, s.parameters.short())
		free := 1.0
		for earlier := 1; over > 0; earlier++ {
			before := int(float64(earlier) * s.pause / c.step)
			age := i + before
			if age >= n {
				break
			}
			// Who got it as a round began is in the short phase for that round and those that follow. Of the others those are whose rounds begin late among those for which the phase of the later packet is over.
			open := survival[age] + ticked[age] - ticked[max(age-length-roundSteps, before, 0)]
			middle, begin := max(age-length, before), max(age-length-int(over*roundSteps), before)
			part, moment := sums[middle]-sums[begin], moments[middle]-moments[begin]
			open += sums[age] - sums[middle] + part - (float64(age-length)*part-moment)/(over*roundSteps)
			free *= 1 - (1-s.reach)*min(max(open, 0), 1)
		}
		blocked[i] = 1 - free
	}
	return blocked
}

// askedWithin returns the probability that a member which holds the packet was asked for it in the past rounds, by step. Who asks has been told, by one of those that still hold it.
func (s *surroundings) askedWithin(c *course, lacking float64, rounds int) []float64 {
	asked, rates, sum := make([]float64, len(c.asks)), make([]float64, len(c.asks)), 0.0
	for i := range asked {
		if holding := s.others.holding[i]; holding > unlikely {
			rates[i] = lacking * c.asks[i] * (1 - s.loss) / holding
		}
		sum += rates[i]
		if from := i - rounds*roundSteps - roundSteps/2; from >= 0 { // until the round after the last one begins, on average
			sum -= rates[from]
		}
		asked[i] = -math.Expm1(-max(sum, 0))
	}
	return asked
}

// steps is for how many steps a packet is followed.
func (s *surroundings) steps() int {
	return (min(2*s.parameters.Life+roundsSpare, roundsMost) + int(s.pause/s.round*3)) * roundSteps
}

// follow follows the packet.
func (s *surroundings) follow() course {
	n := s.steps()
	c := course{step: s.round / roundSteps, polled: make([]float64, n), heard: make([]float64, n), pushed: make([]float64, n), lost: make([]float64, n), asks: make([]float64, n), unknown: make([]float64, n), ticked: make([]float64, n)}
	for phase := range phases {
		s.followPhase(&c, (phase*roundSteps+roundSteps/2)/phases, 1.0/phases)
	}
	for _, asks := range c.asks {
		c.asked += asks
	}
	return c
}

// state is the probabilities of a packet that is known to be missing: by the rounds since then, and since it was asked for; the last of these stands for never.
type state [][]float64

// followPhase follows the packet at a member whose rounds begin a number of steps after the packet was published. weight is the probability of that.
func (s *surroundings) followPhase(c *course, phase int, weight float64) {
	never := s.parameters.Life + 2
	known := state{make([]float64, never+1)}
	unknown, left := weight, weight
	hears := s.near * (1 - s.loss) / roundSteps // digests in a step
	for at := 0; at < len(c.lost) && left > negligible*weight; at++ {
		now := float64(at) * c.step
		if at%roundSteps == phase%roundSteps {
			known = s.tick(c, known, at)
		}
		told := s.met(s.others.telling, at)
		// A later packet comes, which shows the gap.
		shows := s.shows(now, c.step)
		if gap := unknown * shows; gap > 0 {
			unknown -= gap
			if s.overtaking() {
				known[0][never] += gap
			} else {
				c.polls += gap
				s.poll(c, known[0], gap, 1, told, at)
			}
		}
		// A digest tells of it first, be it one that answers a poll for another packet.
		if first := unknown * s.sent(s.others.knowing, at) * (hears + s.wanting/roundSteps*(1-s.loss)*(1-s.loss)); first > 0 {
			unknown -= first
			known[0][never] += first
		}
		c.unknown[at] += unknown
		left = unknown + s.between(c, known, at, now, told, hears)
		c.missing += left * c.step
	}
	c.lost[len(c.lost)-1] += left
}

// shows returns the probability that a gap shows in a step which has not shown before.
func (s *surroundings) shows(now, step float64) float64 {
	hidden := func(t float64) float64 {
		p := 1.0
		for later := 1; float64(later)*s.pause < t; later++ {
			p *= 1 - s.reach*s.first(t-float64(later)*s.pause)
		}
		return p
	}
	before := hidden(now)
	if before <= 0 {
		return 1
	}
	return 1 - hidden(now+step)/before
}

// poll takes some probability through polls that are sent now, to put what remains into a row of the state.
func (s *surroundings) poll(c *course, row []float64, part float64, polls int, offers float64, at int) {
	both := (1 - s.loss) * (1 - s.loss)
	asks := part * (1 - math.Pow(1-both*offers, float64(polls)))
	c.asks[at] += asks
	c.polled[at] += asks * both
	row[0] += asks * (1 - both)
	row[len(row)-1] += part - asks
}

// between lets happen what happens between the beginnings of rounds. It returns the probability that the packet is still known to be missing.
func (s *surroundings) between(c *course, known state, at int, now, told, hears float64) (left float64) {
	both := (1 - s.loss) * (1 - s.loss)
	others := s.wanting / roundSteps * both * told
	hears *= s.sent(s.others.telling, at)
	for i, row := range known {
		fresh := i == 0 && s.overtaking() && now < stripes*s.pause
		for a, p := range row {
			if p <= 0 {
				continue
			}
			ask := 0.0
			if !fresh && a > 0 {
				ask += others
			}
			heard := 0.0
			if !fresh && a > askPause {
				heard = hears
			}
			c.heard[at] += p * heard * both
			c.polled[at] += p * ask * both
			c.asks[at] += p * (ask + heard)
			done := p * (ask + heard) * both
			failed := p * (ask + heard) * (1 - both)
			row[a] -= done
			if a > 0 {
				row[a] -= failed
				row[0] += failed
			}
			left += p - done
		}
	}
	return left
}

// tick begins a round: what is missing for too long is given up, and what is left is polled for.
func (s *surroundings) tick(c *course, known state, at int) state {
	life, never := s.parameters.Life, s.parameters.Life+2
	next := make(state, len(known)+1)
	for i := range next {
		next[i] = make([]float64, never+1)
	}
	for i, row := range known {
		i++
		for a, p := range row {
			if p <= 0 {
				continue
			}
			if a < never {
				a = min(a+1, never)
			}
			if i > 2*life || i > life && a > life {
				c.lost[at] += p
				continue
			}
			s.pollAgain(c, next[i], a, i, p, at)
		}
	}
	return next
}

// pollAgain polls for a packet that is missing for some rounds, and was asked for some rounds ago.
func (s *surroundings) pollAgain(c *course, row []float64, a, missing int, p float64, at int) {
	if s.far && missing > pollEager && missing%pollRarely != 0 {
		row[a] += s.push(c, p, at)
		return
	}
	both := (1 - s.loss) * (1 - s.loss)
	one := 1 - both*s.met(s.others.telling, at) // probability that a poll brings no offer
	var none float64
	switch {
	case missing < pollUrgent:
		c.recent += p
		none = (1-s.older)*one + s.older*math.Pow(one, pollsAgain)
	case missing > s.parameters.short():
		c.old += p
		none = one * math.Pow(1-both*s.met(s.others.named, at), 2)
	default:
		c.old += p
		none = math.Pow(one, pollsAgain)
	}
	asks := p * (1 - none)
	c.asks[at] += asks
	p, asks = s.push(c, p, at), asks*(1-s.pushes(at))
	c.polled[at] += asks * both
	c.ticked[at] += asks * both
	row[0] += asks * (1 - both)
	row[a] += p - asks
}

// pushes returns the probability that a digest by which the member tells what it lacks, when its round begins, leads to a push.
func (s *surroundings) pushes(at int) float64 {
	return 1 - math.Pow(1-(1-s.loss)*(1-s.loss)*s.met(s.others.pushing, at), s.near)
}

// push takes some probability through the digests of a round, and returns what remains.
func (s *surroundings) push(c *course, p float64, at int) float64 {
	pushed := p * s.pushes(at)
	c.pushed[at] += pushed
	c.ticked[at] += pushed
	return p - pushed
}
