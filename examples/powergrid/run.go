package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// config says what is run.
type config struct {
	regions int
	phase   time.Duration // of calm, of storm, and of calm again
	seed    uint64
}

// Limits of a config.
const (
	regionsMin, regionsMax = 2, 20
	phaseMin, phaseMax     = 5 * time.Second, 10 * time.Minute
)

func (c *config) validate() error {
	switch {
	case c.regions < regionsMin || c.regions > regionsMax || c.regions%2 != 0:
		return fmt.Errorf("-regions: %d is not an even number from %d to %d", c.regions, regionsMin, regionsMax)
	case c.phase < phaseMin || c.phase > phaseMax:
		return fmt.Errorf("-phase: %v is not from %v to %v", c.phase, phaseMin, phaseMax)
	}
	return nil
}

// What happens.
const (
	formation = time.Minute // for the members to find each other
	interval  = 100 * time.Millisecond
	sampling  = 100 * time.Millisecond

	calmEvents, stormEvents       = 1.0, 10.0  // changes of load a second and contract, each of which is told at once
	calmDeviation, stormDeviation = 0.01, 0.05 // how large these are, part of what is used at first
	calmLevel, stormLevel         = 1.0, 1.2   // what is used, part of that; it stays where the storm has brought it
	ramp                          = 5.0        // seconds in which the storm does
	calmLoss, calmLossFar         = 1e-4, 1e-3 // of datagrams within a region, and between regions
	stormLoss, stormLossFar       = 0.02, 0.20
)

func (f *fleet) calm() {
	f.links[0].Loss, f.links[1].Loss, f.stormy = calmLoss, calmLossFar, false
}

func (f *fleet) storm() {
	f.links[0].Loss, f.links[1].Loss, f.stormy = stormLoss, stormLossFar, true
}

// phases of a run.
const (
	before = iota
	during
	after
	phases
)

var phaseNames = [phases]string{"before the storm", "in the storm", "after it"}

// result is what a run found.
type result struct {
	config   config
	policy   policy
	topology *topology
	low      [phases]float64 // lowest and highest frequency, Hz
	high     [phases]float64
	end      float64 // frequency at the end, Hz
	lost     time.Duration
	held     bool // the frequency never left what the grid stands; otherwise lost says after how long it did

	asked   []fraction // by rating, descending
	roles   [roles]duty
	topics  float64 // bytes a second that all members send and receive
	others  float64 // the same of membership and tables
	busiest float64 // bytes a second of topics of the member that has most
	wanted  int     // subscriptions
}

// fraction is which part of the signals subscriptions with a rating got.
type fraction struct {
	rating        float64
	subscriptions int
	got           float64 // mean
	lost          float64 // mean: it was told that these are lost
}

// duty is how a role fares, the mean of its members.
type duty struct {
	members  int
	topics   float64 // bytes a second, sent and received
	tracking float64 // how far off in the storm is the load that it knows of a contract that concerns it, part of what is used at first
	energy   float64 // how far off is the energy of such a contract, part of it
	delay    float64 // of signals in the storm, ms
	stormy   float64 // these
	pairs    float64
}

// run is one policy in one world.
type run struct {
	*fleet
	config  config
	begin   protocol.Time
	energy  []float64 // MW seconds used, by contract
	samples float64   // taken in the storm
	result  result
}

// simulate runs a policy. Worlds and loads with equal seeds are equal, whatever the policy.
func simulate(ctx context.Context, c config, p policy) (*result, error) {
	t := newTopology(c.regions, rand.New(rand.NewPCG(c.seed, 1)))
	r := &run{
		fleet: newFleet(t, p, c.seed), config: c, begin: protocol.Time(formation), energy: make([]float64, len(t.contracts)),
		result: result{config: c, policy: p, topology: t, held: true},
	}
	for i := range phases {
		r.result.low[i], r.result.high[i] = math.Inf(1), math.Inf(-1)
	}
	r.world.Run(r.begin)
	if late := r.unsettled(); late != "" {
		return nil, fmt.Errorf("these do not know all regions after %v: %s", formation, late)
	}
	r.start()
	for r.world.Now() < r.end() && ctx.Err() == nil && r.err == nil {
		r.world.Run(min(r.end(), r.world.Now().Add(time.Second)))
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.summarise()
	return &r.result, r.err
}

func (r *run) end() protocol.Time { return r.begin.Add(phases * r.config.phase) }

// phaseNow returns in which phase the run is.
func (r *run) phaseNow() int {
	return min(phases-1, int(r.world.Now().Sub(r.begin)/r.config.phase))
}

// start has the grid and its consumers begin, and the storm come and go.
func (r *run) start() {
	for m := range r.known {
		for c := range r.known[m] {
			r.known[m][c].latest.at, r.known[m][c].received, r.known[m][c].acted = r.begin, true, r.begin // the contract says what is used at first
		}
	}
	r.counting = true
	random := rand.New(rand.NewPCG(r.config.seed, 3))
	for c := range r.topology.contracts {
		r.every(r.begin.Add(time.Duration(random.Int64N(int64(interval)))), interval, func() { r.publish(c) })
		r.events(c, rand.New(rand.NewPCG(r.config.seed, uint64(4+c))))
	}
	r.every(r.begin, tick, r.tick)
	r.every(r.begin, sampling, r.sample)
	r.world.At(r.begin.Add(r.config.phase), r.storm)
	r.world.At(r.begin.Add(2*r.config.phase), r.calm)
}

// every does something from a time to the end.
func (r *run) every(at protocol.Time, d time.Duration, do func()) {
	r.world.At(at, func() {
		do()
		if next := at.Add(d); next < r.end() {
			r.every(next, d, do)
		}
	})
}

// events changes the load of a contract now and then, and has its consumer tell at once.
func (r *run) events(c int, random *rand.Rand) {
	rate := calmEvents
	if r.phaseNow() == during {
		rate = stormEvents
	}
	wait := time.Duration(min(random.ExpFloat64()/rate, 1) * float64(time.Second)) // a second later the storm may have come
	next := max(r.world.Now(), r.begin).Add(wait)
	if next >= r.end() {
		return
	}
	r.world.At(next, func() {
		if wait < time.Second {
			r.change(c)
		}
		r.events(c, random)
	})
}

func (r *run) change(c int) {
	deviation := calmDeviation
	if r.phaseNow() == during {
		deviation = stormDeviation
	}
	r.plant.event(c, r.level(), deviation)
	r.publish(c)
}

// level returns what is used at present, part of what is used at first.
func (r *run) level() float64 {
	since := r.world.Now().Sub(r.begin.Add(r.config.phase)).Seconds()
	return calmLevel + (stormLevel-calmLevel)*min(max(since/ramp, 0), 1)
}

// tick lets time pass for the grid.
func (r *run) tick() {
	r.plant.grid.Advance(r.plant.load(), tick)
	for c, load := range r.plant.loads {
		r.energy[c] += load * tick.Seconds()
	}
	f, phase := r.plant.grid.Frequency, r.phaseNow()
	r.result.low[phase], r.result.high[phase] = min(r.result.low[phase], f), max(r.result.high[phase], f)
	if r.result.held && math.Abs(f-nominal) > deviationMax {
		r.result.held, r.result.lost = false, r.world.Now().Sub(r.begin)
	}
}

// sample compares what members know in the storm with what is.
func (r *run) sample() {
	if r.phaseNow() != during {
		return
	}
	r.samples++
	for m, who := range r.topology.members {
		for c := range r.topology.contracts {
			if r.topology.rating(m, c) > 0 {
				r.result.roles[who.role].tracking += math.Abs(r.known[m][c].latest.load-r.plant.loads[c]) / r.topology.contracts[c].base
			}
		}
	}
}

// summarise makes means of what was counted.
func (r *run) summarise() {
	sums := map[float64]*fraction{}
	for m, who := range r.topology.members {
		d := &r.result.roles[who.role]
		d.members++
		r.addTraffic(d, r.load[m])
		for c := range r.topology.contracts {
			k := &r.known[m][c]
			if r.topology.rating(m, c) > 0 {
				energy := k.energy + k.latest.load*r.end().Sub(k.latest.at).Seconds()
				d.energy += math.Abs(energy-r.energy[c]) / r.energy[c]
				d.pairs++
			}
			d.delay += k.delay.Seconds() * 1000
			d.stormy += float64(k.stormy)
			if k.wanted > 0 {
				addFraction(sums, k, float64(r.sent[c]))
				r.result.wanted++
			}
		}
	}
	for i := range r.result.roles {
		d := &r.result.roles[i]
		d.topics /= float64(d.members)
		d.delay /= max(1, d.stormy)
		if d.pairs > 0 {
			d.tracking, d.energy = d.tracking/d.pairs/r.samples, d.energy/d.pairs
		}
	}
	r.result.asked = fractions(sums)
	r.result.end = r.plant.grid.Frequency
}

// addTraffic adds what a member has sent and received to what its role and all have, a second.
func (r *run) addTraffic(d *duty, load traffic) {
	seconds := (phases * r.config.phase).Seconds()
	topics := float64(load.topics) / seconds
	d.topics += topics
	r.result.topics += topics
	r.result.others += float64(load.others) / seconds
	r.result.busiest = max(r.result.busiest, topics)
}

// addFraction adds what a subscription got of so many signals.
func addFraction(sums map[float64]*fraction, k *known, sent float64) {
	f := sums[k.wanted]
	if f == nil {
		f = &fraction{rating: k.wanted}
		sums[k.wanted] = f
	}
	f.subscriptions++
	f.got += float64(k.got) / sent
	f.lost += float64(k.lost) / sent
}
