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
	phaseSteps  = roundSteps / phases
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
	// first is when a packet comes on its first way, as a part of those that get it.
	first  func(seconds float64) float64
	reach  float64 // part of the members that packets reach at first
	others others
	kept   float64 // part of the members that are bufferers of a packet
	beside beside
}

// beside is what a member does because of the packets before and behind one that it lacks, by step. What it is answered tells of all of them.
type beside struct {
	gaps    []float64 // expected polls because later packets are missing
	once    []float64 // probability that the member sends one poll because of earlier packets, if its round begins then
	several []float64 // the same, several polls
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
	asks    []float64 // expected requests, by step
	gaps    []float64 // expected polls because a gap shows, by step
	once    []float64 // probability that the member's round begins and finds it missing, for which one poll is sent, by step
	several []float64 // the same, more are sent
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

// newOthers makes these of the part that lacks the packet at first, of the course of repair there, and of the usual course of other packets; nil when neither is known.
func (s *surroundings) newOthers(lacking float64, c, usual *course) others {
	n := s.steps()
	got, ticked := make([]float64, n), make([]float64, n) // by step; who gets it by what began with a round, by when that began, and who at other times
	for at := range got {
		seconds := float64(at) / roundSteps * s.round
		got[at] = (1 - lacking) * (s.first(seconds+s.round/roundSteps) - s.first(seconds))
	}
	blocked, askedShort, askedLife := make([]float64, n), make([]float64, n), make([]float64, n)
	if usual != nil {
		for at := range got {
			ticked[at] = lacking * c.ticked[at]
			if there := at + s.way(); there < n {
				got[there] += lacking*c.repaired(at) - ticked[at]
			}
		}
		blocked = s.blocked(usual)
		askedShort, askedLife = s.askedWithin(c, lacking, s.parameters.short()), s.askedWithin(c, lacking, s.parameters.Life)
	}
	o := others{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	for at := range o.knowing {
		o.knowing[at] = (1 - lacking) * s.first(float64(at)/roundSteps*s.round)
		if usual != nil {
			o.knowing[at] += lacking * (1 - c.unknown[at])
		}
	}
	hold := func(at, there int, part float64, over *rounds) {
		if part < unlikely {
			return
		}
		for later := there; later < n; later++ {
			age := later - at
			window := 1 - over.short[age]*(1-blocked[later])
			bufferer := max(window, 1-over.life[age]*(1-askedLife[later]))
			held := s.kept*bufferer + (1-s.kept)*(window+(1-window)*askedShort[later])
			o.telling[later] += part * window
			o.holding[later] += part * held
			o.named[later] += part * (oldToHolder*bufferer + (1-oldToHolder)*held)
			o.pushing[later] += part * min(held, over.half[age])
		}
	}
	anytime, ticking := s.newRounds(n, phased), s.newRounds(n, whole)
	for at := range got {
		hold(at, at, got[at], anytime)
		hold(at, at+s.way(), ticked[at], ticking)
	}
	return o
}

// rounds is the part of members for which a short phase, a life, and half of one are over, by steps since they got a packet.
type rounds struct{ short, life, half []float64 }

func (s *surroundings) newRounds(steps int, begun func(rounds float64, count int) float64) *rounds {
	r := rounds{make([]float64, steps), make([]float64, steps), make([]float64, steps)}
	for at := range steps {
		age := float64(at) / roundSteps
		r.short[at], r.life[at], r.half[at] = begun(age, s.parameters.short()), begun(age, s.parameters.Life), begun(age, s.parameters.Life/2)
	}
	return &r
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

// besides returns what a member does because of the packets before and behind the packet, of which each takes the usual course if it is missing; nil for nothing.
func (s *surroundings) besides(usual *course) beside {
	n := s.steps()
	b := beside{make([]float64, n), make([]float64, n), make([]float64, n)}
	if usual == nil {
		return b
	}
	lacks, pause := 1-s.reach, s.pause/usual.step
	once, several := begins(usual.once), begins(usual.several)
	for at := range n {
		none, few := 1.0, 1.0
		for count := 1; float64(count)*pause < float64(n); count++ {
			away := int(float64(count) * pause)
			if later := at - away; later >= 0 {
				b.gaps[at] += lacks * usual.gaps[later]
			}
			if earlier := (at + away) / phaseSteps; earlier < len(once) {
				none *= 1 - lacks*(once[earlier]+several[earlier])
				few *= 1 - lacks*several[earlier]
			}
		}
		b.once[at], b.several[at] = few-none, 1-few
		if s.overtaking() { // each packet that is missing is polled for when it is the oldest
			b.gaps[at] = lacks * s.reach / pause
		}
	}
	return b
}

// sum returns the sum of what there is from one index to before another.
func sum(of []float64, from, to int) (sum float64) {
	for at := max(from, 0); at < min(to, len(of)); at++ {
		sum += of[at]
	}
	return sum
}

// begins returns the probability of what happens with the beginning of a member's round, if its round begins in one of as many steps as lie between two phases.
func begins(by []float64) []float64 {
	of := make([]float64, len(by)/phaseSteps)
	for at := range of {
		of[at] = min(phases*sum(by, at*phaseSteps, (at+1)*phaseSteps), 1)
	}
	return of
}

// steps is for how many steps a packet is followed.
func (s *surroundings) steps() int {
	return (min(2*s.parameters.Life+roundsSpare, roundsMost) + int(s.pause/s.round*3)) * roundSteps
}

// newCourse returns one on which nothing happens.
func newCourse(steps int, step float64) course {
	c := course{step: step}
	for _, by := range c.bySteps() {
		*by = make([]float64, steps)
	}
	return c
}

// bySteps returns all that there is by step.
func (c *course) bySteps() []*[]float64 {
	return []*[]float64{&c.polled, &c.heard, &c.pushed, &c.ticked, &c.lost, &c.unknown, &c.asks, &c.gaps, &c.once, &c.several}
}

// add adds a part of another course.
func (c *course) add(part float64, other *course) {
	from := other.bySteps()
	for i, by := range c.bySteps() {
		for at, v := range *from[i] {
			(*by)[at] += part * v
		}
	}
	c.asked += part * other.asked
	c.missing += part * other.missing
}

// follow follows the packet.
func (s *surroundings) follow() course {
	n := s.steps()
	c := newCourse(n, s.round/roundSteps)
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
			unknown -= s.learn(c, known[0], unknown, at)
		}
		told := s.met(s.others.telling, at)
		// A later packet comes, which shows the gap.
		shows := s.shows(now, c.step)
		if gap := unknown * shows; gap > 0 {
			unknown -= gap
			if s.overtaking() {
				known[0][never] += gap
			} else {
				c.gaps[at] += gap
				s.poll(c, known[0], gap, 1, told, at)
			}
		}
		// A digest tells of it first.
		if first := unknown * s.sent(s.others.knowing, at) * hears; first > 0 {
			unknown -= first
			known[0][never] += first
		}
		c.unknown[at] += unknown
		left = unknown + s.between(c, known, at, now, told, hears)
		c.missing += left * c.step
	}
	c.lost[len(c.lost)-1] += left
}

// learn takes some probability that the member does not know of the packet through answers to what it polls for earlier packets when its round begins. The first that tells of it is no reason to ask for it,
// the next one is. It returns for how much the packet is known then.
func (s *surroundings) learn(c *course, row []float64, unknown float64, at int) (learnt float64) {
	both := (1 - s.loss) * (1 - s.loss)
	knowing := s.met(s.others.knowing, at)
	if knowing <= 0 {
		return 0
	}
	none := 1 - both*knowing
	first := s.beside.several[at] * pollsAgain * both * knowing * math.Pow(none, pollsAgain-1)
	again := s.beside.several[at]*(1-math.Pow(none, pollsAgain)) - first
	first += s.beside.once[at] * both * knowing
	asks := again * min(s.met(s.others.telling, at)/knowing, 1)
	c.asks[at] += unknown * asks
	c.polled[at] += unknown * asks * both
	c.ticked[at] += unknown * asks * both
	row[0] += unknown * asks * (1 - both)
	row[len(row)-1] += unknown * (first + again - asks)
	return unknown * (first + again)
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
	others := s.beside.gaps[at] * both * told
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
		c.once[at] += p
		older := s.beside.several[at]
		none = (1-older)*one + older*math.Pow(one, pollsAgain)
	case missing > s.parameters.short():
		c.several[at] += p
		none = one * math.Pow(1-both*s.met(s.others.named, at), 2)
	default:
		c.several[at] += p
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
