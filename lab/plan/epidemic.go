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
	pause      float64                       // seconds between packets
	aware      float64                       // seconds after which the packet comes that shows most members that this one is missing
	share      float64                       // part of the members that get a packet which gets into the zone, and so see a gap at once
	way        float64                       // seconds from a poll to the repair
	enterWay   float64                       // the same from a digest of another zone
	near       float64                       // digests that a member gets from its zone, and sends in it, a round
	entering   float64                       // digests that a representative gets from other zones, a round
	outside    func(seconds float64) float64 // part of the members of other zones that tell of the packet
	regional   float64                       // part of the zone for which a round's budget has room
	kept       float64                       // part of the members that are bufferers of a packet
	factorials
	layout
	past  []distribution // of the number of holders, by step
	heard float64        // digests of other zones that told a representative of the packet, expected
	after []float64      // members of a case, by class, a step later
}

// spreading is what becomes of such a packet. A packet counts as there when the poll is sent that leads to it.
type spreading struct {
	step   float64   // seconds
	got    []float64 // part of the members that have it, by step
	tells  []float64 // digests of a member that tell of it, expected, a round, by step
	ended  []float64 // part of the members that have it or have given it up
	all    float64   // probability that all get it before they give it up
	each   float64   // that a member does
	polls  float64   // expected, of all members
	copies float64   // expected, to all members: repairs that went to the whole zone count fully
}

// layout says where the classes of members are that are told apart: who does not know that there is the packet, who lacks it, and who holds it; each by when the member's rounds begin.
type layout struct {
	asked int // the most rounds since a member asked for it that are told apart; it stands for more, and for never
	age   int // the most rounds since a member got it that are told apart; it stands for more
}

// Members are told apart by the quarter of a round in which their rounds begin, and those of the present quarter by whether that of this round has begun.
const (
	quarters     = 4
	quarterSteps = epidemicSteps / quarters
	begun        = quarters
	slots        = quarters + 1
)

// How many rounds before most, and after, a member may come to know that it lacks the packet; and how many of both there are.
const (
	early  = 1
	late   = 2
	delays = early + 1 + late
)

func (l layout) unknown(slot int) int { return slot }

// lacking returns the class of members which came to know so many rounds late, and asked so many rounds ago.
func (l layout) lacking(delay, asked, slot int) int {
	return (1+(early+min(max(delay, -early), late))*(l.asked+1)+asked)*slots + slot
}

// holding returns the class of members that got the packet so many rounds ago.
func (l layout) holding(age, slot int) int { return (1+delays*(l.asked+1)+age)*slots + slot }

func (l layout) size() int { return l.holding(l.age+1, 0) }

// holders is what there is of the cases in which so many hold the packet. Numbers are expectations, times the probability. Members add up to all of them, those that have given the packet up included; these
// count as such that do not hold it.
type holders struct {
	probability float64
	complete    float64              // of this, that nobody has given it up
	gone        float64              // members that have given it up
	replied     [repliesMost]float64 // holders that have replied so often; none where a reply has gone to the whole zone
	members     []float64            // all others, by class
}

// distribution is of a number: the probabilities that it is at most so much.
type distribution []float64

// moment is a step of the chain.
type moment struct {
	turn    int       // rounds that a member has begun since most know, if it has begun this one; not above 0 before they do
	quarter int       // of the round
	shown   float64   // part of those who do not know of the packet that are shown the gap by a later one
	begins  bool      // the quarter, in this step
	ticking float64   // part of those whose round begins, of those of the quarter whose round has yet to begin
	hears   float64   // probability that a representative hears of the packet from another zone, which nothing has told of it
	enters  float64   // that one gets it from there; once most know, one that had not heard of it before
	told    float64   // that one which had is told by another zone where it is, once most know
	meets   []float64 // holders that have it already when a poll comes that is sent now, by holders
}

// follow computes the Markov chain on the number of members that hold the packet. Who asked when matters beyond the pause between requests only where the packet is given up before all have it.
func (o *outbreak) follow() spreading {
	o.factorials = newFactorials(o.members)
	short, life := o.parameters.short(), o.parameters.Life
	o.layout = layout{asked: askPause + 1, age: max(short, life/2) + 1}
	s, over := o.run()
	if !over {
		o.asked = max(life, askPause) + 1
		s, _ = o.run()
	}
	return s
}

// run is follow with a layout. It reports whether it got to the end: without who asked within a life it ends where the first packet may be given up.
func (o *outbreak) run() (s spreading, over bool) {
	o.past, o.heard, o.after = nil, 0, make([]float64, o.size())
	s = spreading{step: o.step(), each: 1}
	law, next, flooded := o.start(), o.newLaw(), o.newLaw()
	for at := 0; ; at++ {
		held, gone, left := 0.0, 0.0, 0.0
		for k := range law {
			held, gone = held+law[k].probability*float64(k), gone+law[k].gone
			left += total(law[k].members[:o.holding(0, 0)])
		}
		n := float64(o.members)
		s.got, s.ended, s.each = append(s.got, held/n), append(s.ended, (held+gone)/n), 1-gone/n
		if left < certain {
			break
		}
		w := o.moment(at, law)
		if w.turn+early > o.parameters.Life && o.asked <= o.parameters.Life {
			return s, false
		}
		o.advance(&s, &w, law, next, flooded)
	}
	for k := range law {
		s.all += law[k].complete
	}
	return s, true
}

// step is how many seconds a step takes.
func (o *outbreak) step() float64 { return o.round / epidemicSteps }

func total(of []float64) float64 { return sum(of, 0, len(of)) }

// newLaw returns cases for each number of holders, of which none is possible.
func (o *outbreak) newLaw() []holders {
	law, members := make([]holders, o.members+1), make([]float64, (o.members+1)*o.size())
	for k := range law {
		law[k].members, members = members[:o.size()], members[o.size():]
	}
	return law
}

func (h *holders) reset() {
	clear(h.members)
	*h = holders{members: h.members}
}

// start returns the law when the packet is published: nobody has it or knows of it, and the rounds of members begin at any time.
func (o *outbreak) start() []holders {
	law := o.newLaw()
	h, quarter := &law[0], float64(o.members)/quarters
	h.probability, h.complete = 1, 1
	for slot := range quarters {
		h.members[o.unknown(slot)] = quarter
	}
	_, position := o.clock(0)
	part := float64(position%quarterSteps) / quarterSteps // of the present quarter
	h.members[o.unknown(begun)] = part * quarter
	h.members[o.unknown(position/quarterSteps)] = (1 - part) * quarter
	return law
}

// clock returns how many rounds have begun by a step since most members know, and how many steps of the last of these are over. Before they know the former is not above 0.
func (o *outbreak) clock(at int) (turn, position int) {
	since := at - int(math.Ceil(o.aware/o.step()))
	position = (since%epidemicSteps + epidemicSteps) % epidemicSteps
	return (since-position)/epidemicSteps + 1, position
}

// moment returns a step.
func (o *outbreak) moment(at int, law []holders) moment {
	sums, sum := make(distribution, len(law)), 0.0
	for k := range law {
		sum += law[k].probability
		sums[k] = sum
	}
	o.past = append(o.past, sums)
	step, now := o.step(), float64(at)*o.step()
	turn, position := o.clock(at)
	w := moment{turn: turn, quarter: position / quarterSteps, begins: position%quarterSteps == 0, ticking: 1 / float64(quarterSteps-position%quarterSteps)}
	if turn > 0 {
		w.shown = 1 - math.Pow(1-o.share, o.shows(now)-o.shows(now-step))
	}
	o.listen(&w, now+step/2+o.way-o.enterWay)
	w.meets = o.between(float64(at) - (exchange-1)*o.way/exchange/step)
	return w
}

// shows returns how many packets have come that show the gap.
func (o *outbreak) shows(now float64) float64 {
	if now < o.aware {
		return 0
	}
	return 1 + math.Floor((now-o.aware)/o.pause)
}

// between returns how many held the packet at an earlier time, in steps, by how many hold it now: what is likelier to be many now was so before.
func (o *outbreak) between(at float64) []float64 {
	whole, part := math.Modf(max(at, 0))
	low, high := o.ago(int(whole)), o.ago(min(int(whole)+1, len(o.past)-1))
	between := make([]float64, len(low))
	for k := range between {
		between[k] = (1-part)*float64(low[k]) + part*float64(high[k])
	}
	return between
}

// ago is the same of a step.
func (o *outbreak) ago(at int) []int {
	before := make([]int, o.members+1)
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

// advance makes a step of a law. next is room for another, and flooded for the cases in which a repair goes to the whole zone.
func (o *outbreak) advance(s *spreading, w *moment, law, next, flooded []holders) {
	for k := range law {
		next[k].reset()
		flooded[k].reset()
	}
	tells := 0.0
	for k := range law {
		from := &law[k]
		if from.probability < unlikely {
			continue
		}
		if w.begins {
			from.begin(w.quarter)
		}
		c := o.chances(w, k, from)
		tells += c.tells
		s.polls += c.polls
		s.copies += total(c.got[:])
		o.grow(next, flooded, from, k, &c)
	}
	s.tells = append(s.tells, tells*epidemicSteps/float64(o.members))
	o.flood(s, next, flooded)
	for k := range law {
		law[k].reset()
	}
	o.enter(w, next, law)
}

// begin begins a quarter: all of it have yet to begin their round.
func (h *holders) begin(quarter int) {
	before := (quarter + quarters - 1) % quarters
	for at := 0; at < len(h.members); at += slots {
		h.members[at+before] += h.members[at+begun]
		h.members[at+begun] = 0
	}
}

// grow adds to next, and to flooded where a repair goes to the whole zone, what becomes of a case of k holders. Members are in o.after, but for those that get the packet.
func (o *outbreak) grow(next, flooded []holders, from *holders, k int, c *chances) {
	missing, p := o.members-k, from.probability
	complete := from.complete / p * math.Pow(max(1-c.gone/(p*float64(max(missing, 1))), 0), float64(missing))
	g := o.growth(complete, (from.gone+c.gone)/p, o.after, c.got)
	mean, left := total(c.got[:])/p, float64(missing)-g.gone
	gets := min(mean/max(left, mean, unlikely), 1)
	width := breadth * (math.Sqrt(mean*(1-gets)) + 1)
	for j := max(int(mean-width), 0); j <= min(int(mean+width), missing); j++ {
		chance, active := o.successes(left, j, gets)
		part := p * chance
		if part < unlikely {
			continue
		}
		g.gone = float64(missing) - active
		to := &next[k+j]
		if j == 0 || k == 0 {
			o.add(to, &g, missing, j, part)
			for r, n := range from.replied {
				to.replied[r] += part / p * n
			}
			to.replied[0] += part * float64(j)
			continue
		}
		replies := o.replies(from, j, k, c)
		over := min(from.over(&replies)/float64(k), 1) // part of the holders that have replied often enough
		none := math.Pow(1-over, float64(k))
		o.add(&flooded[k+j], &g, missing, j, part*(1-none))
		o.add(to, &g, missing, j, part*none)
		stay := part / p * none / max(1-over, unlikely)
		for r, n := range from.replied {
			for more := 0; n > 0 && r+more < repliesMost; more++ {
				to.replied[r+more] += stay * n * replies[r][more]
			}
		}
		to.replied[0] += part * none * float64(j)
	}
}

// growth is a case in which members get the packet; numbers are expectations.
type growth struct {
	complete         float64        // probability that nobody has given it up
	gone             float64        // members that have given it up
	got              [slots]float64 // those that get it, by slot, as parts of all that do
	members          []float64      // all others, by class, in any unit
	lacking, holding float64        // of these, all that lack it, and all that hold it
}

// growth returns a case with the members in the state in which they are to be. got is who gets the packet, by slot, in any unit.
func (o *outbreak) growth(complete, gone float64, members []float64, got [slots]float64) growth {
	first := o.holding(0, 0)
	g := growth{complete: complete, gone: gone, members: members, lacking: total(members[:first]), holding: total(members[first:])}
	if all := total(got[:]); all > 0 {
		for slot := range got {
			g.got[slot] = got[slot] / all
		}
	}
	return g
}

// add adds a part of the cases in which j of so many missing members get the packet.
func (o *outbreak) add(to *holders, g *growth, missing, j int, part float64) {
	to.probability += part
	to.complete += part * g.complete
	to.gone += part * g.gone
	first := o.holding(0, 0)
	if left := float64(missing-j) - g.gone; left > 0 && g.lacking > 0 {
		addScaled(to.members[:first], g.members[:first], part*left/g.lacking)
	}
	if g.holding > 0 {
		addScaled(to.members[first:], g.members[first:], part*float64(o.members-missing)/g.holding)
	}
	for slot, n := range g.got {
		to.members[first+slot] += part * float64(j) * n
	}
}

func addScaled(to, from []float64, scale float64) {
	to = to[:len(from)]
	for i, n := range from {
		to[i] += scale * n
	}
}

// laws are the probabilities that a holder which has replied so often replies so many times more.
type laws [repliesMost][repliesMost]float64

// replies returns these of requests of j members that get the packet to k holders. Those because of polls go to all holders evenly; those because of digests to those that send some, which are the oldest, and so those that have
// replied most often.
func (o *outbreak) replies(from *holders, j, k int, c *chances) (l laws) {
	tell := min(c.tellers, float64(k))
	got := total(c.got[:])
	for r, left := repliesMost-1, tell; r >= 0; r-- {
		n := from.replied[r] / from.probability
		if n <= 0 {
			continue
		}
		part := (c.asked - c.heard) / got / float64(k)
		if tell > 0 {
			part += c.heard / got / tell * min(left/n, 1)
		}
		part /= 1 - o.loss // repairs are lost
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

// still returns a case as it is, in which all that lack the packet are as likely to get it.
func (o *outbreak) still(h *holders) growth {
	var got [slots]float64
	for at, n := range h.members[:o.holding(0, 0)] {
		got[at%slots] += n
	}
	return o.growth(h.complete/h.probability, h.gone/h.probability, h.members, got)
}

// flood has the repairs arrive that go to the whole zone, as far as there is room.
func (o *outbreak) flood(s *spreading, next, flooded []holders) {
	for k := range flooded {
		h := &flooded[k]
		if h.probability < unlikely {
			continue
		}
		s.copies += h.probability * float64(o.members-1) * o.regional
		g, missing := o.still(h), o.members-k
		left := float64(missing) - g.gone
		for j := 0; j <= missing; j++ {
			chance, active := o.successes(left, j, (1-o.loss)*o.regional)
			g.gone = float64(missing) - active
			if part := h.probability * chance; part >= unlikely*unlikely {
				o.add(&next[k+j], &g, missing, j, part)
			}
		}
	}
}

// enter adds to next what becomes of a law when the packet may get to representatives from other zones.
func (o *outbreak) enter(w *moment, law, next []holders) {
	for k := range law {
		h := &law[k]
		if h.probability < unlikely {
			continue
		}
		g, missing, more := o.still(h), o.members-k, 0.0
		if float64(missing) >= 1+g.gone {
			entrances := o.entrances(k)
			if w.told > 0 {
				entrances = max(entrances-total(h.members[o.lacking(-early, 0, 0):o.lacking(1-early, 0, 0)])/h.probability, 0)
			}
			more = 1 - math.Pow(1-w.enters, entrances)
			o.add(&next[k+1], &g, missing, 1, h.probability*more)
			next[k+1].replied[0] += h.probability * more
		}
		o.add(&next[k], &g, missing, 0, h.probability*(1-more))
		for r, n := range h.replied {
			next[k].replied[r] += (1 - more) * n
			if more > 0 {
				next[k+1].replied[r] += more * n
			}
		}
	}
}

// entrances returns how many representatives lack the packet when so many members hold it: the first ones are representatives, by whom it came in.
func (o *outbreak) entrances(holders int) float64 {
	all := min(representatives, o.members)
	if holders >= all {
		return float64(o.members-holders) / float64(o.members)
	}
	return float64(all - holders)
}

// listen notes what representatives hear of the packet from other zones in a step. now is when that is sent, in the middle of the step. Who first hears of the packet by a digest does not ask for it because of the same one.
func (o *outbreak) listen(w *moment, now float64) {
	if now < 0 {
		return
	}
	digests := o.entering * (1 - o.loss) * o.outside(now) / epidemicSteps
	if now < o.aware {
		heard := o.heard + digests/2
		w.hears = -math.Exp(-o.heard) * math.Expm1(-digests)
		w.enters = -math.Expm1(-digests * heard / (1 + heard) * o.both())
		o.heard += digests
		return
	}
	w.told = -math.Expm1(-digests)
	w.enters = -math.Expm1(-digests * o.both())
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

// successes returns the probability of so many in a number of trials of which only the mean is known, and what that is then: it is one of the two whole numbers around it.
func (f factorials) successes(trials float64, successes int, p float64) (chance, mean float64) {
	whole, part := math.Modf(max(trials, 0))
	few := (1 - part) * f.choose(int(whole), successes, p)
	if part == 0 {
		return few, whole
	}
	more := part * f.choose(int(whole)+1, successes, p)
	if few+more == 0 {
		return 0, trials
	}
	return few + more, whole + more/(few+more)
}

// choose returns the probability of so many successes in n trials.
func (f factorials) choose(n, successes int, p float64) float64 {
	switch {
	case successes > n:
		return 0
	case p <= 0 && successes == 0 || p >= 1 && successes == n:
		return 1
	case p <= 0 || p >= 1:
		return 0
	}
	return math.Exp(f[n] - f[successes] - f[n-successes] + float64(successes)*math.Log(p) + float64(n-successes)*math.Log1p(-p))
}

// both is the probability that two datagrams arrive.
func (o *outbreak) both() float64 { return (1 - o.loss) * (1 - o.loss) }
