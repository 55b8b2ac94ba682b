package plan

import "math"

// Rules that are constants of package bimodal.
const (
	remoteDigests = 8   // a round, out of a zone and so into one
	remoteMost    = 0.5 // part of a member's digests that go out of the zone, at most
	repliesMost   = 6   // the last of which goes to the whole zone
)

// epidemicSteps is how many steps of a round are told apart.
const epidemicSteps = 20

const (
	unlikely = 1e-11 // what is left out
	certain  = 1e-8  // members that may lack a packet which counts as arrived everywhere
	breadth  = 8     // standard deviations beyond which numbers are left out
)

// outbreak is a packet that did not get into a zone on its first way.
type outbreak struct {
	parameters Parameters
	members    int
	loss       float64
	round      float64                       // seconds
	aware      float64                       // seconds after which members know that it is missing
	way        float64                       // seconds from a poll to the repair
	enterWay   float64                       // the same from a digest of another zone
	near       float64                       // digests that a member gets from its zone, and sends in it, a round
	entering   float64                       // digests that a representative gets from other zones, a round
	outside    func(seconds float64) float64 // part of the members of other zones that hold the packet
	regional   float64                       // part of the zone for which a round's budget has room
	factorials
	past    []distribution // of the number of holders, by step
	ticked  []float64      // expected members that get it as a round of theirs begins, by step
	got     []float64      // all that get it
	failing []float64      // requests which lead to nothing of a member that goes on to lack the packet, expected, by step
}

// spreading is what becomes of such a packet. A packet counts as there when the poll is sent that leads to it.
type spreading struct {
	step   float64   // seconds
	got    []float64 // part of the members that have it, by step
	ended  []float64 // part of the members that have it or have given it up
	all    float64   // probability that all get it before they give it up
	each   float64   // that a member does
	polls  float64   // expected, of all members
	copies float64   // expected, to all members: repairs that went to the whole zone count fully
}

// holders is what there is of the cases in which so many hold the packet.
type holders struct {
	probability float64
	complete    float64              // of this, that nobody has given it up
	waiting     float64              // expected members that lack it and whose round has yet to begin, of those that begin one within a round
	replied     [repliesMost]float64 // expected holders that have replied so often; none where a reply has gone to the whole zone
}

// distribution is of a number: the probabilities that it is at most so much.
type distribution []float64

// moment is a step of the chain.
type moment struct {
	now     float64   // seconds
	polls   int       // that a member sends which lacks the packet, when its round begins
	gap     bool      // a later packet comes, and all poll
	begins  bool      // a round, counted from then on
	ticking float64   // part of those whose round begins, of those whose round has yet to begin
	named   int       // of the polls, those that name the packet
	knows   bool      // that there is the packet
	enters  float64   // probability that a representative gets the packet from another zone
	windows []int     // holders that tell of it no more, by holders
	pushes  []int     // holders that push it, by holders
	meets   []float64 // holders that have it already when a poll comes that is sent now, by holders
	sent    []float64 // holders that had it when what comes now was sent, by holders
	before  []float64 // of these, those that had it a round before
	ticked  float64   // part of the others that got it as their round began, and have not sent a digest since
}

// follow computes the Markov chain on the number of members that hold the packet.
func (o *outbreak) follow() spreading {
	o.factorials, o.past, o.ticked, o.got, o.failing = newFactorials(o.members), nil, nil, nil, nil
	s := spreading{step: o.round / epidemicSteps, each: 1}
	law := make([]holders, o.members+1)
	law[0].probability, law[0].complete = 1, 1
	held, patient := 0.0, 1.0 // mean of the holders if nobody gave up; part of those that lack it which have not
	got := 0.0
	for at := 0; patient > 0; at++ {
		mean := 0.0
		for k := range law {
			mean += law[k].probability * float64(k)
		}
		got += (mean - held) / float64(o.members) * patient
		held = mean
		s.got, s.ended = append(s.got, got), append(s.ended, got+1-s.each)
		if float64(o.members)-mean < certain {
			break
		}
		left := o.patient(at + 1)
		gives := 1 - left/patient
		s.each -= (float64(o.members) - mean) / float64(o.members) * (patient - left)
		patient = left
		for k := range law {
			law[k].complete *= math.Pow(1-gives, float64(o.members-k))
		}
		law = o.advance(&s, law, at)
	}
	for k := range law {
		s.all += law[k].complete
	}
	return s
}

// patient returns which part of the members that lack the packet at a step has not given it up: a member does so when its life is over since it knows of it and since it asked for it last, or at the end of
// a second life.
func (o *outbreak) patient(at int) float64 {
	life := o.parameters.Life
	rounds := (float64(at)/epidemicSteps - o.aware/o.round)
	if rounds < float64(life) {
		return 1
	}
	whole, part := math.Modf(rounds)
	before := 1.0 // of members whose last round that is over is the one before
	for round := life; round < int(whole); round++ {
		before *= 1 - o.gives(round)
	}
	return before * (1 - part*o.gives(int(whole)))
}

// gives returns the probability that a member which has not given the packet up does so as a round begins, with so many rounds, and half a round, behind it since it knows of the packet.
func (o *outbreak) gives(rounds int) float64 {
	life := o.parameters.Life
	if rounds >= 2*life {
		return 1
	}
	asks := func(from, to int) float64 { return sum(o.failing, from, to) }
	end := int((o.aware/o.round + float64(rounds) + 0.5) * epidemicSteps)
	begin := end - life*epidemicSteps - epidemicSteps/2
	none := math.Exp(-asks(begin, end))
	if rounds == life {
		return none
	}
	// It had asked within a life when the round before began.
	had := -math.Expm1(-asks(begin-epidemicSteps, end-epidemicSteps))
	return min(-math.Expm1(-asks(begin-epidemicSteps, begin))*none/max(had, unlikely), 1)
}

// sum returns the sum of what there is from one index to before another.
func sum(of []float64, from, to int) (sum float64) {
	for at := max(from, 0); at < min(to, len(of)); at++ {
		sum += of[at]
	}
	return sum
}

// pollsAt returns how many polls a member sends that lacks the packet, when the rounds-th round since it knows begins.
func pollsAt(rounds int) int {
	switch {
	case rounds < pollUrgent:
		return 1
	case rounds > pollEager && rounds%pollRarely != 0:
		return 0
	}
	return pollsAgain
}

// moment returns a step.
func (o *outbreak) moment(at int, s *spreading) moment {
	w := moment{now: float64(at) * s.step}
	if since := w.now - o.aware; since >= 0 {
		whole, part := math.Modf(since / o.round)
		step := int(part * epidemicSteps)
		rounds := int(whole) + 1
		w.knows, w.gap, w.begins = true, since < s.step, step == 0
		w.polls, w.ticking = pollsAt(rounds), 1/float64(epidemicSteps-step)
		if rounds > o.parameters.short() && w.polls == pollsAgain {
			w.named = pollsAgain - 1
		}
	}
	w.enters = o.enters(w.now + o.way - o.enterWay)
	if got := sum(o.got, at-epidemicSteps, at); got > 0 {
		w.ticked = sum(o.ticked, at-epidemicSteps, at) / got
	}
	late := (1 + w.ticked) / 2 // parts of a round that pass until one begins
	ago := func(rounds int) []int {
		return o.ago(at - int((float64(rounds)+late)*epidemicSteps))
	}
	hop := o.way / exchange / s.step
	w.meets, w.sent = o.between(float64(at)-(exchange-1)*hop), o.between(float64(at)-(exchange+1)*hop)
	w.before = o.between(float64(at) - (exchange+1)*hop - epidemicSteps)
	w.windows, w.pushes = ago(o.parameters.short()), ago(o.parameters.Life/2)
	return w
}

// ago returns how many held the packet at an earlier step, by how many hold it now: what is likelier to be many now was so before.
func (o *outbreak) ago(at int) []int {
	before := make([]int, o.members+1)
	if at < 0 || len(o.past) == 0 {
		return before
	}
	past, present, k := o.past[at], o.past[len(o.past)-1], 0
	low := 0.0
	for i, high := range present {
		for k < i && past[k] < (low+high)/2 {
			k++
		}
		before[i], low = k, high
	}
	return before
}

// between is the same between steps.
func (o *outbreak) between(at float64) []float64 {
	whole, part := math.Modf(max(at, 0))
	low, high := o.ago(int(whole)), o.ago(min(int(whole)+1, len(o.past)-1))
	between := make([]float64, len(low))
	for k := range between {
		between[k] = (1-part)*float64(low[k]) + part*float64(high[k])
	}
	return between
}

// advance makes a step.
func (o *outbreak) advance(s *spreading, law []holders, at int) []holders {
	next, flooded := make([]holders, len(law)), make([]holders, len(law))
	sums, total := make(distribution, len(law)), 0.0
	for k := range law {
		total += law[k].probability
		sums[k] = total
	}
	o.past = append(o.past, sums)
	w := o.moment(at, s)
	o.ticked, o.got = append(o.ticked, 0), append(o.got, 0)
	var polled, heard, left, lacking float64 // requests that lead to nothing because of polls, if a round begins, and of digests; who lacks it after that, and before
	for k := range law {
		p := law[k].probability
		if p < unlikely {
			continue
		}
		missing := float64(o.members - k)
		if w.begins {
			law[k].waiting = p * missing
		}
		c := o.chances(&w, k, law[k].waiting/(p*max(missing, 1)))
		s.polls += p * missing * c.polls
		polled, heard = polled+p*missing*c.offered*(1-o.both()), heard+p*missing*c.told*(1-o.both())
		left, lacking = left+p*missing*(1-c.offered*o.both()), lacking+p*missing
		o.ticked[at] += p * missing * c.ticked
		o.got[at] += p * missing * c.gets
		s.copies += p * missing * c.gets
		o.grow(next, flooded, &law[k], k, c)
	}
	failing := 0.0
	if lacking > 0 {
		begins := 1.0 / epidemicSteps
		if w.gap {
			begins = 1
		}
		failing = heard/lacking - begins*math.Log1p(-min(polled/left, 1-unlikely))
	}
	o.failing = append(o.failing, failing)
	o.flood(s, next, flooded)
	return o.enter(next, w.enters)
}

// both is the probability that two datagrams arrive.
func (o *outbreak) both() float64 { return (1 - o.loss) * (1 - o.loss) }

// chances are what happens in a step to a member that lacks the packet.
type chances struct {
	offered float64 // probability that its polls lead to a request, if its round begins
	told    float64 // that a digest does
	gets    float64 // that what brings it begins
	ticked  float64 // of this, as its round begins
	polled  float64 // part of what brings it that is asked for because of a poll
	heard   float64 // the same because of a digest
	tell    float64 // holders that send digests
	polls   float64 // expected
	waits   float64 // probability that one whose round has yet to begin still lacks the packet and waits
}

// chances returns these if k members of the zone hold the packet, and a part of those that lack it have a round yet to begin.
func (o *outbreak) chances(w *moment, k int, waiting float64) chances {
	both, others := o.both(), float64(max(o.members-1, 1))
	part := func(holders float64) float64 { return min(max(holders, 0)/others, 1) }
	holding, telling, told := part(w.meets[k]), part(w.meets[k]-float64(w.windows[k])), part(w.sent[k]-w.ticked*(w.sent[k]-w.before[k])-float64(w.windows[k]))
	// Bufferers have it as soon as it is there, and the author's turn goes to any member where it is in another zone.
	bufferer := oldToHolder*holding + (1-oldToHolder)*telling
	ticking := min(waiting, 1) * w.ticking
	c := chances{offered: 1 - math.Pow(1-both*telling, float64(w.polls-w.named))*math.Pow(1-both*bufferer, float64(w.named)), polls: ticking * float64(w.polls)}
	polled := ticking * c.offered
	if w.gap {
		c.polls, c.offered, polled = 1, both*telling, both*telling
	}
	if w.knows { // who first hears of a packet by a digest does not ask for it because of the same one
		c.told = min(o.near/epidemicSteps*(1-o.loss)*told, 1)
	}
	pushed := ticking * (1 - math.Pow(1-both*part(float64(w.pushes[k])), o.near))
	c.waits = (1 - w.ticking) * (1 - c.told*both)
	asks := 1 - (1-polled)*(1-c.told)
	c.gets = 1 - (1-asks*both)*(1-pushed)
	c.ticked = 1 - (1-polled*both)*(1-pushed)
	if w.gap {
		c.ticked = 0
	}
	if c.gets > 0 {
		c.polled = polled * both / c.gets
		c.heard = asks*both/c.gets - c.polled
		c.tell = told * others
	}
	return c
}

// grow adds to next, and to flooded where a repair goes to the whole zone, what becomes of k holders.
func (o *outbreak) grow(next, flooded []holders, from *holders, k int, c chances) {
	missing := o.members - k
	mean := float64(missing) * c.gets
	width := breadth * (math.Sqrt(mean*(1-c.gets)) + 1)
	for j := max(int(mean-width), 0); j <= min(int(mean+width), missing); j++ {
		p := o.choose(missing, j, c.gets)
		if p*from.probability < unlikely {
			continue
		}
		to := &next[k+j]
		to.waiting += p * min(from.waiting*c.waits, from.probability*float64(missing-j))
		if j == 0 || k == 0 {
			to.add(from, p)
			continue
		}
		replies := o.replies(from, j, k, c)
		over := from.over(&replies) // expected holders that have replied often enough
		none := math.Pow(1-min(over/float64(k), 1), float64(k))
		flooded[k+j].add(from, p*(1-none))
		to.probability += p * none * from.probability
		to.complete += p * none * from.complete
		stay := p * none / max(1-over/float64(k), unlikely)
		for r, n := range from.replied {
			for more := 0; n > 0 && r+more < repliesMost; more++ {
				to.replied[r+more] += stay * n * replies[r][more]
			}
		}
		to.replied[0] += p * none * from.probability * float64(j)
	}
}

// laws are the probabilities that a holder which has replied so often replies so many times more.
type laws [repliesMost][repliesMost]float64

// replies returns these of j requests to k holders. Those because of polls go to all holders evenly; those because of digests to those that send some, which are the oldest, and so those that have replied most often.
func (o *outbreak) replies(from *holders, j, k int, c chances) (l laws) {
	tell := min(c.tell, float64(k))
	for r, left := repliesMost-1, tell; r >= 0; r-- {
		n := from.replied[r] / from.probability
		if n <= 0 {
			continue
		}
		part := c.polled / float64(k)
		if tell > 0 {
			part += c.heard / tell * min(left/n, 1)
		}
		left = max(left-n, 0)
		if part >= 1 {
			if r+j < repliesMost {
				l[r][j] = 1
			}
			continue
		}
		few := math.Exp(float64(j) * math.Log1p(-part))
		for more := 0; r+more < repliesMost && more <= j; more++ {
			l[r][more] = few
			few *= part / (1 - part) * float64(j-more) / float64(more+1)
		}
	}
	return l
}

// add adds a part of other cases, but for who waits.
func (h *holders) add(other *holders, part float64) {
	h.probability += part * other.probability
	h.complete += part * other.complete
	for r, n := range other.replied {
		h.replied[r] += part * n
	}
}

// over returns how many holders are expected to send their last reply, if each is to send a number of replies with these probabilities.
func (h *holders) over(replies *laws) (sum float64) {
	for r, n := range h.replied {
		few := 0.0
		for more := 0; r+more < repliesMost; more++ {
			few += replies[r][more]
		}
		sum += n / h.probability * max(1-few, 0)
	}
	return sum
}

// flood has the repairs arrive that go to the whole zone, as far as there is room.
func (o *outbreak) flood(s *spreading, next, flooded []holders) {
	for k := range flooded {
		h := &flooded[k]
		if h.probability < unlikely {
			continue
		}
		h.replied = [repliesMost]float64{}
		s.copies += h.probability * float64(o.members-1) * o.regional
		o.got[len(o.got)-1] += h.probability * float64(o.members-k) * o.regional
		for j := 0; j <= o.members-k; j++ {
			next[k+j].add(h, o.choose(o.members-k, j, (1-o.loss)*o.regional))
		}
	}
}

// enter returns what becomes of a law when the packet may get to representatives from other zones.
func (o *outbreak) enter(law []holders, enters float64) []holders {
	next := make([]holders, len(law))
	for k := range law {
		if law[k].probability < unlikely {
			continue
		}
		p := 1 - math.Pow(1-enters, o.entrances(k))
		next[k].add(&law[k], 1-p)
		next[k].waiting += (1 - p) * law[k].waiting
		if k < o.members {
			next[k+1].add(&law[k], p)
			next[k+1].waiting += p * law[k].waiting
			o.got[len(o.got)-1] += p * law[k].probability
			next[k+1].replied[0] += p * law[k].probability
		}
	}
	return next
}

// entrances returns how many representatives lack the packet when so many members hold it: the first ones are representatives, by whom it came in.
func (o *outbreak) entrances(holders int) float64 {
	all := min(representatives, o.members)
	if holders >= all {
		return float64(o.members-holders) / float64(o.members)
	}
	return float64(all - holders)
}

// enters returns the probability that a representative gets the packet from elsewhere in a step. Who first hears of the packet by a digest does not ask for it because of the same one.
func (o *outbreak) enters(now float64) float64 {
	if now < 0 {
		return 0
	}
	hears := o.entering * (1 - o.loss) * o.outside(now)
	rate := hears
	if now < o.aware {
		rate = hears * hears * now / o.round / (1 + hears*now/o.round)
	}
	return 1 - math.Exp(-rate*o.both()/epidemicSteps)
}

// factorials are the logarithms of factorials.
type factorials []float64

func newFactorials(n int) factorials {
	f := make(factorials, n+1)
	for i := 1; i <= n; i++ {
		f[i] = f[i-1] + math.Log(float64(i))
	}
	return f
}

// choose returns the probability of so many successes in n trials.
func (f factorials) choose(n, successes int, p float64) float64 {
	switch {
	case p <= 0 && successes == 0 || p >= 1 && successes == n:
		return 1
	case p <= 0 || p >= 1:
		return 0
	}
	return math.Exp(f[n] - f[successes] - f[n-successes] + float64(successes)*math.Log(p) + float64(n-successes)*math.Log1p(-p))
}
