package bimodal_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
)

// inlets are links into each host, one class each, so that the bandwidth of receivers can be limited.
type inlets struct {
	wire *sim.Link   // of all
	last []*sim.Link // by host
}

// Route implements sim.Topology.
func (n *inlets) Route(from, to *sim.Place, hops []sim.Hop) []sim.Hop {
	hops = append(hops, sim.Hop{Link: n.wire, Key: uint64(from.Index)<<32 | uint64(to.Index)})
	return append(hops, sim.Hop{Link: n.last[to.Index], Key: uint64(to.Index)})
}

// crowdTest is a fleet of which member 0 publishes as much as it may, or so much a second.
type crowdTest struct {
	*fleet
	net       *inlets
	delivered []int // bytes, by member
	published int   // bytes
	size      int
	offered   float64 // bytes a second; 0 as much as it may
}

const inletQueue = 32 << 10 // bytes that wait before a link into a host, unless a test says otherwise

func newCrowdTest(t *testing.T, seed uint64, members int, loss float64, cost sim.Cost, change func(*bimodal.Config)) *crowdTest {
	net := &inlets{wire: &sim.Link{Latency: sim.Uniform{Min: time.Millisecond, Max: 3 * time.Millisecond}, Loss: loss}}
	for range members {
		net.last = append(net.last, &sim.Link{Queue: inletQueue})
	}
	w := sim.New(sim.Config{
		Seed: seed, Network: sim.Network{Topology: net}, Cost: cost,
		Wire: seed%2 == 1, Decoder: func() protocol.Decoder { return new(bimodal.Decoder) },
	})
	c := &crowdTest{net: net, delivered: make([]int, members), size: 1000}
	c.fleet = newFleet(w, members, 1, func(_ int, config *bimodal.Config) {
		if change != nil {
			change(config)
		}
	})
	c.each = func(_ protocol.Time, member, messages int) { c.delivered[member] += messages * c.size }
	return c
}

// limit bounds what the members from first to last-1 can receive, in bytes a second; 0 lifts the limit.
func (c *crowdTest) limit(first, last int, bandwidth int64) {
	for member := first; member < last; member++ {
		c.net.last[member].Bandwidth = bandwidth
	}
}

// offer schedules publishing up to a time, as an application that waits for each of its calls.
func (c *crowdTest) offer(until time.Duration) {
	const tick = 2 * time.Millisecond
	waiting := false
	for at := tick; at < until; at += tick {
		c.world.At(protocol.Time(at), func() {
			if waiting {
				return
			}
			waiting = true
			c.command(0, func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
				waiting = false
				return c.publish(now, m, out)
			})
		})
	}
}

// publish publishes what is due, as far as the rate goes.
func (c *crowdTest) publish(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
	due := c.offered * time.Duration(now).Seconds()
	for c.offered == 0 || float64(c.published) < due {
		err := m.Publish(now, topicName, message(0, c.fleet.published[0]+1, c.size), out)
		if errors.Is(err, bimodal.ErrWouldBlock) {
			return nil
		}
		if err != nil {
			return err
		}
		c.fleet.published[0]++
		c.published += c.size
	}
	return nil
}

// flow returns how the publisher's topic stands.
func (c *crowdTest) flow() bimodal.FlowState {
	return c.world.Machine(1).(*bimodal.Machine).Flow(topicName)
}

// median returns the median of what the members from first to last-1 were delivered since a former state.
func (c *crowdTest) median(first, last int, before []int) int {
	var got []int
	for member := first; member < last; member++ {
		got = append(got, c.delivered[member]-before[member])
	}
	slices.Sort(got)
	return got[(len(got)-1)/2]
}

func (c *crowdTest) stats() bimodal.Stats { return c.world.Machine(1).(*bimodal.Machine).Stats() }

func (c *crowdTest) decreases() uint64 { return c.stats().RateDecreases }

func (c *crowdTest) run(until time.Duration) { c.world.Run(protocol.Time(until)) }

// "Loss that repair mends is not overload."
func TestLossThatRepairMendsDoesNotSlowAStream(t *testing.T) {
	for i, test := range []struct {
		members int
		loss    float64
		offered float64
		length  time.Duration
	}{
		{2, 0.2, 1 << 20, 10 * time.Second},
		{32, 0.05, 1 << 20, 6 * time.Second},
		{32, 0.2, 1 << 20, 6 * time.Second},
		{32, 0.2, 1 << 20, 6 * time.Second},
		{32, 0.2, 20_000, 10 * time.Second}, // few packets, of which one more or less is much
		{32, 0.2, 20_000, 10 * time.Second},
		{128, 0.05, 1 << 20, 3 * time.Second},
	} {
		if testing.Short() && test.members > 32 {
			continue
		}
		c := newCrowdTest(t, 2+2*uint64(i%2), test.members, test.loss, sim.Cost{}, nil)
		c.offered = test.offered
		c.offer(test.length)
		c.run(test.length)
		if n := c.decreases(); n != 0 || float64(c.published) < 0.99*test.offered*test.length.Seconds() {
			t.Errorf("%d members, loss of %v: rate lowered %d times, %d bytes published of %.0f offered", test.members, test.loss, n, c.published,
				test.offered*test.length.Seconds())
		}
		c.run(test.length + 5*time.Second)
		if lost := c.lost(0, test.members); lost > 0 || c.settled() != nil {
			t.Errorf("%d members, loss of %v: %d messages lost; %v", test.members, test.loss, lost, c.settled())
		}
	}
}

// "The publisher looks at a quantile (default the median): when the crowd's lag grows it lowers its rate multiplicatively, otherwise it raises it
// additively." A crowd that is overrun by a factor of four slows the stream within a second to what it sustains, and keeps most of its capacity
// in use; so the stream recovers when the crowd does. The bounds are for headers, for what repair needs, and for the rate below and above capacity
// between which the rate moves.
func TestAnOverrunCrowdSlowsAStream(t *testing.T) {
	const capacity = 1 << 20
	for _, test := range []struct {
		seed    uint64 // with 2 members sign, with 4 they do not
		members int
		queue   int64 // bytes: 400 KiB delay packets by 400 ms, and what members say with them
	}{{4, 8, inletQueue}, {4, 32, 400 << 10}, {2, 32, 400 << 10}} {
		members := test.members
		c := newCrowdTest(t, test.seed, members, 0.01, sim.Cost{}, nil)
		for _, inlet := range c.net.last {
			inlet.Queue = test.queue
		}
		c.offer(21 * time.Second)
		c.run(1500 * time.Millisecond)
		if rate := c.flow().Rate; rate < 3*capacity {
			t.Fatalf("%d members: a rate of %d before the crowd is overrun", members, rate)
		}
		c.limit(1, members, capacity)
		c.run(2500 * time.Millisecond)
		if rate := c.flow().Rate; rate < capacity/2 || rate > capacity {
			t.Errorf("%d members: a rate of %d a second after the crowd sustains %d", members, rate, capacity)
		}
		c.run(5 * time.Second)
		published, delivered := c.published, slices.Clone(c.delivered)
		c.run(13 * time.Second)
		if share := float64(c.published-published) / (8 * capacity); share < 0.7 || share > 1 {
			t.Errorf("%d members: %.2f of the capacity is published", members, share)
		}
		if share := float64(c.median(1, members, delivered)) / (8 * capacity); share < 0.7 {
			t.Errorf("%d members: %.2f of its capacity is delivered to the median member", members, share)
		}
		c.limit(1, members, 0)
		c.run(21 * time.Second)
		if rate := c.flow().Rate; rate < 2*capacity {
			t.Errorf("%d members: a rate of %d eight seconds after the crowd has recovered", members, rate)
		}
		if c.err != nil {
			t.Error(c.err)
		}
	}
}

// The same with members that cannot process more, and lose the rest before their inboxes.
func TestACrowdShortOfProcessorTimeSlowsAStream(t *testing.T) {
	const capacity = 2500 * 1000 // bytes a second
	c := newCrowdTest(t, 3, 16, 0, sim.Cost{ReceivePacket: 400 * time.Microsecond, InboxPackets: 64}, nil)
	c.offer(14 * time.Second)
	c.run(4 * time.Second)
	published, delivered := c.published, slices.Clone(c.delivered)
	for second := 5 * time.Second; second <= 14*time.Second; second += time.Second {
		before := c.published
		c.run(second)
		if got := c.published - before; got > capacity*3/2 {
			t.Errorf("%d bytes published in a second, of which members can process %d", got, capacity)
		}
	}
	if share := float64(c.published-published) / (10 * capacity); share < 0.65 {
		t.Errorf("%.2f of the capacity is published", share)
	}
	if share := float64(c.median(1, 16, delivered)) / (10 * capacity); share < 0.65 {
		t.Errorf("%.2f of its capacity is delivered to the median member", share)
	}
}

// What flow control saves the crowd from: at a fixed rate of four times its capacity most is lost.
func TestAFixedRateDrownsTheCrowd(t *testing.T) {
	c := newCrowdTest(t, 2, 8, 0, sim.Cost{}, func(config *bimodal.Config) { config.Flow, config.Rate = bimodal.Flow{}, 4<<20 })
	c.limit(1, 8, 1<<20)
	c.offer(8 * time.Second)
	c.run(16 * time.Second)
	if err := c.settled(); err != nil {
		t.Error(err)
	}
	if lost, sent := c.lost(1, 8), 7*c.fleet.published[0]; lost < sent/2 {
		t.Errorf("%d messages lost of %d", lost, sent)
	}
}

// "So the slow, up to the quantile, cannot slow a stream; those that cannot keep up with the crowd are told of gaps."
func TestTheSlowDoNotSlowAStream(t *testing.T) {
	const members, slow, length = 32, 8, 12 * time.Second
	for name, perturb := range map[string]func(*crowdTest){
		"a tenth of the bandwidth": func(c *crowdTest) { c.limit(1, 1+slow, 100_000) },
		"asleep": func(c *crowdTest) {
			for member := 1; member <= slow; member++ {
				c.world.Sleep(protocol.NodeID(member+1), 0.9, 100*time.Millisecond)
			}
		},
	} {
		c := newCrowdTest(t, 4, members, 0.05, sim.Cost{}, nil)
		c.offered = 1 << 20
		c.offer(length)
		perturb(c)
		c.run(length)
		if n := c.decreases(); n != 0 || float64(c.published) < 0.99*c.offered*length.Seconds() {
			t.Errorf("%s: rate lowered %d times, %d bytes published", name, n, c.published)
		}
		// Sleepers tell of themselves when they are awake only.
		if n := c.stats().PeersLagging; n > slow || n < slow/2 {
			t.Errorf("%s: %d members are taken to lag, of %d that do", name, n, slow)
		}
		c.limit(1, members, 0)
		c.world.Heal()
		c.run(length + 10*time.Second)
		if err := c.settled(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if lost := c.lost(1+slow, members); lost != 0 {
			t.Errorf("%s: members that are not slow lost %d messages", name, lost)
		}
		if lost := c.lost(1, 1+slow); lost == 0 {
			t.Errorf("%s: the slow lost nothing: they were not", name)
		}
	}
}

// A quantile of 1 has the publisher wait for all: the slowest member counts.
func TestTheQuantileSaysWhoCounts(t *testing.T) {
	c := newCrowdTest(t, 5, 8, 0, sim.Cost{}, func(config *bimodal.Config) { config.Flow.Quantile = 1 })
	c.limit(1, 2, 200_000)
	c.offered = 1 << 20
	c.offer(6 * time.Second)
	c.run(6 * time.Second)
	if rate := c.flow().Rate; rate > 300_000 {
		t.Errorf("a rate of %d, of which one member sustains 200 000", rate)
	}
}

// A rate that is not used is not raised, whatever the crowd would take.
func TestARateThatIsNotUsedIsNotRaised(t *testing.T) {
	c := newCrowdTest(t, 6, 4, 0, sim.Cost{}, nil)
	c.offered = 1 << 20
	c.offer(5 * time.Second)
	c.run(5 * time.Second)
	if rate := c.flow().Rate; rate != bimodal.DefaultConfig().Rate {
		t.Errorf("a rate of %d while %.0f is published", rate, c.offered)
	}
}

// What is told of lag travels as it is written: a crowd that is overrun gives one trace, whether messages are encoded or not.
func TestLagGivesTheSameTraceByWire(t *testing.T) {
	hash := func(wired bool) uint64 {
		net := &inlets{wire: &sim.Link{Latency: sim.Constant(time.Millisecond), Loss: 0.05}}
		for range 8 {
			net.last = append(net.last, &sim.Link{Queue: inletQueue, Bandwidth: 500_000})
		}
		w := sim.New(sim.Config{
			Seed: 7, Wire: wired, Content: true, Decoder: func() protocol.Decoder { return new(bimodal.Decoder) }, Network: sim.Network{Topology: net},
		})
		c := &crowdTest{net: net, delivered: make([]int, 8), size: 1000, fleet: newFleet(w, 8, 1, nil)}
		c.offer(3 * time.Second)
		c.run(4 * time.Second)
		if c.err != nil || c.decreases() == 0 || c.stats().ReportsReceived == 0 {
			t.Fatalf("%v; %d decreases, %d reports", c.err, c.decreases(), c.stats().ReportsReceived)
		}
		return w.Hash()
	}
	if a, b := hash(false), hash(true); a != b {
		t.Errorf("trace %x by reference and %x by wire", a, b)
	}
}
