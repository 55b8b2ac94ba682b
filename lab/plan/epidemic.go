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
)

// outbreak is a packet that did not get into a zone on its first way.
type outbreak struct {
	parameters Parameters
	members    int
	loss       float64
	round      float64                       // seconds
	aware      float64                       // seconds after which members know that it is missing
	latency    float64                       // seconds, within the zone
	near       float64                       // digests that a member gets from its zone, a round
	entering   float64                       // digests that a representative gets from other zones, a round
	outside    func(seconds float64) float64 // part of the members of other zones that hold the packet
	regional   bool                          // a round's budget has room for the whole zone
	factorials
	flooded []float64 // probability that a repair goes to the whole zone in this step, by holders
}

// spreading is what becomes of such a packet.
type spreading struct {
	step   float64   // seconds
	got    []float64 // part of the members that have it, by step
	all    float64   // probability that all get it before they give it up
	each   float64   // that a member does
	polls  float64   // expected, of all members
	copies float64   // expected, to all members: repairs that went to the whole zone count fully
}

// follow computes the Markov chain on the number of members that hold the packet, and on how often the first of them has replied.
func (o *outbreak) follow() spreading {
	o.factorials, o.flooded = newFactorials(o.members), make([]float64, o.members+1)
	end := o.aware/o.round + float64(o.parameters.Life) + 0.5 // rounds; then members give up
	s := spreading{step: o.round / epidemicSteps}
	law := make([][repliesMost + 1]float64, o.members+1)
	law[0][0] = 1
	for at := 0; float64(at)/epidemicSteps < end; at++ {
		mean := 0.0
		for k := range law {
			for _, p := range law[k] {
				mean += p * float64(k)
			}
		}
		s.got = append(s.got, mean/float64(o.members))
		law = o.advance(&s, law, float64(at)*s.step)
		if float64(o.members)-mean < certain {
			break
		}
	}
	for k, row := range law {
		for _, p := range row {
			s.each += p * float64(k) / float64(o.members)
			if k == o.members {
				s.all += p
			}
		}
	}
	return s
}

// polls returns how many polls a member sends that lacks the packet, when the rounds-th round since it knows begins.
func pollsAt(rounds int) int {
	switch {
	case rounds < pollUrgent:
		return 1
	case rounds > pollEager && rounds%pollRarely != 0:
		return 0
	}
	return pollsAgain
}

// advance makes a step.
func (o *outbreak) advance(s *spreading, law [][repliesMost + 1]float64, now float64) [][repliesMost + 1]float64 {
	next := make([][repliesMost + 1]float64, len(law))
	polls, ticking := 0, 1.0/epidemicSteps
	if since := now - o.aware; since >= 0 {
		polls = pollsAt(int(since/o.round) + 1)
		if since < s.step {
			polls, ticking = 1, 1 // the gap shows
		}
	}
	enters := o.enters(now)
	for k := range law {
		sum := 0.0
		for _, p := range law[k] {
			sum += p
		}
		if sum < unlikely {
			continue
		}
		missing := o.members - k
		s.polls += sum * float64(missing) * ticking * float64(polls)
		told := o.told(k, polls, ticking, now >= o.aware)
		enter := 1 - math.Pow(1-enters, o.entrances(k))
		o.spread(s, next, law[k], k, told, enter)
	}
	o.flood(s, next)
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
	hears := o.entering * (1 - o.loss) * o.outside(now)
	rate := hears
	if now < o.aware {
		rate = hears * hears * now / o.round / (1 + hears*now/o.round)
	}
	return 1 - math.Exp(-rate*(1-o.loss)*(1-o.loss)/epidemicSteps)
}

// told returns the probability that a member which lacks the packet gets it in a step from one of k in the zone.
func (o *outbreak) told(k, polls int, ticking float64, knows bool) float64 {
	both := (1 - o.loss) * (1 - o.loss)
	// Who gets the packet now serves others only when it is there: it grows by about as much as it is in a round, so that as large a part is under way.
	holders := float64(k) / float64(max(o.members-1, 1)) * max(0, 1-exchange*o.latency/o.round)
	polled := ticking * (1 - math.Pow(1-both*min(holders, 1), float64(polls))) * both
	heard := o.near / epidemicSteps * (1 - o.loss) * both * holders
	if !knows {
		heard = 0 // who first hears of a packet by a digest does not ask for it because of the same one
	}
	return 1 - (1-polled)*(1-min(heard, 1))
}

// spread adds to next what becomes of k holders.
func (o *outbreak) spread(s *spreading, next [][repliesMost + 1]float64, row [repliesMost + 1]float64, k int, told, enter float64) {
	missing := o.members - k
	sum, left := 0.0, 1.0
	for _, p := range row {
		sum += p
	}
	for j := 0; j <= missing && left > unlikely; j++ {
		p := o.choose(missing, j, told)
		left -= p
		if p*sum < unlikely {
			continue
		}
		s.copies += sum * p * float64(j)
		for r, have := range row {
			if have < unlikely {
				continue
			}
			for replies := 0; replies <= j; replies++ {
				q := have * p
				if k > 1 {
					q *= o.choose(j, replies, 1/float64(k))
				} else if replies < j {
					continue
				}
				if q < unlikely {
					continue
				}
				o.settle(next, k+j, r, replies, q, enter)
			}
		}
	}
}

// settle adds a probability of so many holders, of which the first has replied so often before and now.
func (o *outbreak) settle(next [][repliesMost + 1]float64, k, r, replies int, p, enter float64) {
	if o.regional && r < repliesMost && r+replies >= repliesMost {
		o.flooded[k] += p
		return
	}
	r = min(r+replies, repliesMost)
	if k < o.members {
		next[k+1][r] += p * enter
		p *= 1 - enter
	}
	next[k][r] += p
}

// flood has the repairs arrive that go to the whole zone.
func (o *outbreak) flood(s *spreading, next [][repliesMost + 1]float64) {
	for k, p := range o.flooded {
		if p < unlikely {
			continue
		}
		s.copies += p * float64(o.members-1)
		for j := 0; j <= o.members-k; j++ {
			next[k+j][repliesMost] += p * o.choose(o.members-k, j, 1-o.loss)
		}
		o.flooded[k] = 0
	}
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
