package astrolabe

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
)

// Config describes a run.
type Config struct {
	Branching       int // child zones of a zone, and hosts of the lowest ones
	Root            int // child zones of the root, at most as many; 0 for as many
	Levels          int // of zones
	Representatives int // of a zone
	Loss            float64
	Crashed         float64 // part of the agents that crash at the instant of the change
	Updates         int     // times a round that each agent changes its row in another way: a flood, which changes all summaries up to the root's
	Rounds          int     // to wait for all agents to see the change, at most RoundsMax; 0 for these
	Before          int     // rounds before the change, roundsToStart or more; 0 for roundsBefore
	Seed            uint64
}

// Members returns the number of agents.
func (c *Config) Members() int { return c.root() * power(c.Branching, c.Levels-1) }

func (c *Config) root() int { return cmp.Or(c.Root, c.Branching) }

// Result is what a run found.
type Result struct {
	Experiment      string  `json:"experiment"`
	Protocol        string  `json:"protocol"`
	Members         int     `json:"members"`
	Branching       int     `json:"branching"`
	Root            int     `json:"root_branching"` // child zones of the root
	Levels          int     `json:"levels"`
	Representatives int     `json:"representatives"`
	Loss            float64 `json:"loss"`
	Crashed         float64 `json:"crashed"`
	Updates         int     `json:"updates"`
	Seed            uint64  `json:"seed"`
	// Rounds is for how many the fleet ran, those before the change among them.
	Rounds float64 `json:"rounds"`
	// Up is how many agents were up, Reached how many of these saw the change.
	Up      int `json:"up"`
	Reached int `json:"reached"`
	// RoundsToAll is in how many rounds all saw it, nil if not all did; RoundsMean in how many an agent did that saw it.
	RoundsToAll *float64 `json:"rounds_to_all"`
	RoundsMean  float64  `json:"rounds_mean"`
	// Loads are of an agent that is up and a round, from the change until all see it: all messages, those that begin an exchange, bytes of UDP payload; and the
	// messages of the busiest agent in its busiest round.
	Messages  float64 `json:"messages_per_round"`
	Exchanges float64 `json:"exchanges_per_round"`
	Bytes     float64 `json:"bytes_per_round"`
	Most      uint64  `json:"messages_per_round_max"`
	// What is published for this branching factor and number of representatives, for PublishedMembers agents; nil where nothing is.
	PublishedRounds  *float64 `json:"published_rounds"`
	PublishedMost    *float64 `json:"published_messages_max"`
	PublishedMembers int      `json:"published_members"`
	// MemoryBytes is the most memory that the process had during the run beyond what it had before it, nil where that is not known. It is for who runs it to fill in, and differs between runs of one seed.
	MemoryBytes *uint64 `json:"memory_bytes"`
}

// Times of a run, in rounds.
const (
	RoundsMax     = 240 // to wait for those that do not see the change, by default
	roundsToStart = 2   // in which all agents start, and after which a flood begins
	roundsBefore  = 10  // until the change, by default
	stepsOfRound  = 5   // at which agents are looked at
)

// run is a fleet in which a change spreads.
type run struct {
	config  Config
	fleet   *Fleet
	random  *rand.Rand
	host    int // that changes
	topic   uint64
	waiting []int // agents that are up and have not seen the change
	sent    []uint64
	result  Result
	sum     float64 // of rounds until an agent saw it
	tell    func(string)
}

// Run measures a fleet. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) (Result, error) {
	r := &run{config: c, random: rand.New(rand.NewPCG(c.Seed, 1)), tell: tell}
	n := c.Members()
	r.result = Result{
		Experiment: "astrolabe", Protocol: "astrolabe", Members: n, Branching: c.Branching, Root: c.root(), Levels: c.Levels, Representatives: c.Representatives,
		Loss: c.Loss, Crashed: c.Crashed, Updates: c.Updates, Seed: c.Seed,
	}
	r.result.published()
	tell("making agents")
	r.fleet = Settled(sim.Config{Seed: c.Seed, Network: LAN(c.Loss)}, unevenTree(c.root(), c.Branching, c.Levels), c.Representatives, Options{})
	r.host = r.random.IntN(n)
	r.topic = r.random.Uint64()
	if c.Updates > 0 {
		r.flood()
	}
	before := cmp.Or(c.Before, roundsBefore)
	for i := range before * stepsOfRound {
		tell(fmt.Sprintf("%d of %d rounds before the change", i/stepsOfRound, before))
		if err := r.step(ctx); err != nil {
			return Result{}, err
		}
	}
	if err := r.settled(); err != nil {
		return Result{}, err
	}
	r.crash()
	err := r.spread(ctx)
	return r.result, err
}

// settled makes sure that all agents see all others before anything happens.
func (r *run) settled() error {
	for i := range r.fleet.IDs {
		if hosts := r.fleet.Node(i).Tables.Root().Hosts; hosts != len(r.fleet.IDs) {
			return fmt.Errorf("agent %s sees %d of %d hosts before anything has happened", r.fleet.Names[i], hosts, len(r.fleet.IDs))
		}
	}
	return nil
}

// crash crashes some agents, and notes which ones are to see the change.
func (r *run) crash() {
	n := len(r.fleet.IDs)
	for _, i := range r.random.Perm(n)[:int(r.config.Crashed*float64(n))] {
		if i != r.host {
			r.fleet.World.Crash(r.fleet.IDs[i])
		}
	}
	r.sent = make([]uint64, n)
	for i, id := range r.fleet.IDs {
		if r.fleet.World.Up(id) {
			r.waiting = append(r.waiting, i)
		}
		r.sent[i] = r.fleet.World.HostStats(id).Sent
	}
	r.result.Up = len(r.waiting)
}

// spread makes the change, and measures until all see it.
func (r *run) spread(ctx context.Context) error {
	before, begun := r.fleet.World.Stats(), r.begun()
	r.change()
	steps, most := 0, cmp.Or(r.config.Rounds, RoundsMax)*stepsOfRound
	for ; len(r.waiting) > 0 && steps < most; steps++ {
		if err := r.step(ctx); err != nil {
			return err
		}
		rounds := float64(steps+1) / stepsOfRound
		r.look(rounds)
		if (steps+1)%stepsOfRound == 0 {
			r.busiest()
		}
		r.tell(fmt.Sprintf("%.0f rounds, %d of %d agents see the change", rounds, r.result.Up-len(r.waiting), r.result.Up))
	}
	after := r.fleet.World.Stats()
	rounds := float64(steps) / stepsOfRound
	r.result.Rounds = float64(cmp.Or(r.config.Before, roundsBefore)) + rounds
	if r.result.Reached = r.result.Up - len(r.waiting); len(r.waiting) == 0 {
		r.result.RoundsToAll = &rounds
	}
	each := float64(r.result.Up) * rounds
	r.result.RoundsMean = thousandths(r.sum / float64(max(1, r.result.Reached)))
	r.result.Messages = thousandths(float64(after.Sent-before.Sent) / each)
	r.result.Bytes = thousandths(float64(after.SentBytes-before.SentBytes) / each)
	r.result.Exchanges = thousandths(float64(r.begun()-begun) / each)
	return nil
}

// thousandths leaves out the digits that mean nothing.
func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }

// step runs the world for a part of a round.
func (r *run) step(ctx context.Context) error {
	r.fleet.World.Run(r.fleet.World.Now().Add(astrolabe.RoundDefault / stepsOfRound))
	return ctx.Err()
}

// change has the host want the topic.
func (r *run) change() {
	r.set(r.host, protocol.Attribute{Name: membership.TopicsAttribute, Value: binary.BigEndian.AppendUint64(nil, r.topic)})
}

func (r *run) set(i int, a protocol.Attribute) {
	r.fleet.World.Command(r.fleet.IDs[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		if err := m.(*Node).Members.SetAttribute(now, a, out); err != nil {
			panic(err) // all attributes here are within the limits
		}
	})
}

// look takes out who sees the change.
func (r *run) look(rounds float64) {
	r.waiting = slices.DeleteFunc(r.waiting, func(i int) bool {
		if !r.fleet.Node(i).Tables.Wanted(r.topic) {
			return false
		}
		r.sum += rounds
		return true
	})
}

// busiest notes the most messages that an agent has sent since the last time.
func (r *run) busiest() {
	for i, id := range r.fleet.IDs {
		sent := r.fleet.World.HostStats(id).Sent
		r.result.Most = max(r.result.Most, sent-r.sent[i])
		r.sent[i] = sent
	}
}

// begun returns how many messages agents that are up have sent of their own accord.
func (r *run) begun() (count uint64) {
	for i, id := range r.fleet.IDs {
		if r.fleet.World.Up(id) {
			n := r.fleet.Node(i)
			count += n.Members.Stats().DigestsSent + n.Tables.Stats().DigestsSent
		}
	}
	return count
}

// Node returns an agent that is up.
func (f *Fleet) Node(i int) *Node { return f.World.Machine(f.IDs[i]).(*Node) }
