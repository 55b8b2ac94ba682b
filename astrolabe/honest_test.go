package astrolabe_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// chaos is what happens to a fleet of members that tell the truth.
type chaos struct {
	f        *fleet
	r        *rand.Rand
	versions map[string]uint64
}

// strike does one thing at random: members crash, come back, also in other zones, pause, are cut off; attributes change, functions come and go.
func (c *chaos) strike() {
	f, r := c.f, c.r
	i := r.IntN(len(f.ids))
	id := f.ids[i]
	switch r.IntN(12) {
	case 0:
		f.world.Crash(id)
	case 1, 2:
		if r.IntN(3) == 0 {
			f.names[i] = fmt.Sprintf("/%s/%d/m%d", []string{"eu", "us"}[r.IntN(2)], r.IntN(6), i)
		}
		f.world.Restart(id, true)
	case 3:
		if f.world.Up(id) {
			f.world.Pause(id, time.Duration(r.IntN(20))*time.Second)
		}
	case 4:
		cut := f.world.Isolate(f.ids[i], f.ids[r.IntN(len(f.ids))], f.ids[r.IntN(len(f.ids))])
		f.world.At(f.world.Now().Add(time.Duration(r.IntN(40))*time.Second), cut.Heal)
	case 5, 6:
		c.function(id)
	default:
		value, _ := table.Float(float64(r.IntN(100))).Encode()
		f.command(id, func(now protocol.Time, n *node, out *protocol.Output) {
			_ = n.members.SetAttribute(now, protocol.Attribute{Name: "load", Value: value}, out)
		})
	}
}

// function installs a later version of a function, or takes it back.
func (c *chaos) function(id protocol.NodeID) {
	name := fmt.Sprintf("f%d", c.r.IntN(3))
	program := []string{loads, "SELECT MAX(load) AS most, COUNT(*) AS rows", "SELECT MAX(age_s) AS oldest, SUM(rows_expected) AS wanted", "SELECT RANDOM(2, id) AS some", ""}[c.r.IntN(5)]
	c.versions[name]++
	f := &astrolabe.Function{Name: name, Scope: []string{"/", "/eu", "/us"}[c.r.IntN(3)], Version: c.versions[name], Expires: identity.Instant(1e6), Program: program}
	c.f.command(id, func(now protocol.Time, n *node, _ *protocol.Output) { _ = n.tables.Install(now, f) })
}

// command has a member that is up do something.
func (f *fleet) command(id protocol.NodeID, do func(now protocol.Time, n *node, out *protocol.Output)) {
	if f.world.Up(id) {
		f.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) { do(now, m.(*node), out) })
	}
}

// "No false accusation in 10^6 honest rounds": in fleets of sixty with loss, crashes, restarts, pauses, cuts, moves, attributes that change and functions that come and go nobody is proven
// guilty or left out. 10^6 rounds of members with SPINGLASS_FULL=1, some 3 x 10^4 otherwise.
func TestNobodyHonestIsAccused(t *testing.T) {
	seeds, span := uint64(2), 2*time.Minute
	if full() {
		seeds, span = 7, 30*time.Minute
	}
	var audits, answers uint64
	var up time.Duration // of all members together
	for seed := range seeds {
		loss := []float64{0, 0.05, 0.15}[seed%3]
		f := tunedFleetOn(sim.Config{Seed: seed + 100, Network: lan(loss)}, nil, func(int, *membership.Config, *astrolabe.Config) {})
		v := f.findings(0)
		c := &chaos{f: f, r: rand.New(rand.NewPCG(seed, 9)), versions: make(map[string]uint64)}
		quiet := 30 * time.Second
		for f.world.Now() < protocol.Time(span) {
			wait := time.Duration(c.r.IntN(3000)) * time.Millisecond
			f.world.Run(f.world.Now().Add(wait))
			for _, id := range f.ids {
				if f.world.Up(id) {
					up += wait
				}
			}
			if f.world.Now() < protocol.Time(quiet) || f.world.Now()/protocol.Time(time.Minute)%2 == 1 {
				c.strike() // every other minute is quiet
			}
		}
		for i := range f.ids {
			if n, up := f.world.Machine(f.ids[i]).(*node); up {
				s := n.tables.Stats()
				audits, answers = audits+s.Audits, answers+s.AuditAnswers
				if s.AuditsUnlike > 0 {
					t.Errorf("seed %d: %s could not judge %d rows", seed, f.names[i], s.AuditsUnlike)
				}
			}
		}
		if len(v.others) > 0 || len(v.proofs) > 0 {
			t.Errorf("seed %d, loss %v: %v", seed, loss, v.others)
		}
	}
	if audits == 0 || answers == 0 {
		t.Errorf("%d audits and %d answers: the test shows nothing", audits, answers)
	}
	t.Logf("%d rounds of members; those that were up at the end made %d audits since they started, %d of them by asking", up/round, audits, answers)
}
