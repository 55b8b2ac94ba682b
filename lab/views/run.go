package views

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
)

const (
	latency  = 200 * time.Microsecond // of the network, each way
	forming  = 2 * time.Minute        // in which a group forms, at most
	patience = 2 * time.Minute        // in which a change is done, or is not
	settling = 5 * time.Second        // before anything is measured
	slot     = 100 * time.Millisecond // of sleep
	step     = 100 * time.Millisecond
)

// Config describes a run.
type Config struct {
	Protocol string
	Order    vsync.Order // of casts, causal only of vsync-bimodal
	Members  int
	Loss     float64       // of each datagram
	Perturb  float64       // probability that one member is asleep, in intervals of 100 ms; 0 for none that sleeps
	Missed   int           // pings, of one a second, after which the traditional protocol suspects a member
	Rate     int           // casts a second, of one member
	Size     int           // bytes of a cast
	Cycles   int           // of all kinds of changes
	Interval time.Duration // from one change to the next
	Seed     uint64
}

// Kind is what kind of change there is.
type Kind uint8

// The kinds, in the order of a cycle, in which some come more than once.
const (
	KindNone        Kind = iota // no change, to begin with
	KindCrash                   // a member that does not coordinate crashes
	KindCoordinator             // the one that coordinates does
	KindReturn                  // who crashed starts again
	KindLeave                   // a member leaves, as it is told to
	KindJoin                    // and joins again
	KindAll                     // all of it

	kinds = iota
)

var kindNames = [kinds]string{"none", "crash", "coordinator", "return", "leave", "join", "all"}

// String returns the name.
func (k Kind) String() string { return kindNames[k] }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// host is what is known of a member.
type host struct {
	present bool              // it is up, and meant to be in the group
	view    []protocol.NodeID // that it is in, nil for none
	blocked protocol.Time     // since when; Never if it is not
	held    time.Duration     // for how long casts were held back so far
	before  time.Duration     // of that, before the present phase
}

// change is one under way.
type change struct {
	kind                  Kind
	subject               protocol.NodeID
	began, found, propose protocol.Time // Never before
}

// run is a group under way.
type run struct {
	config  Config
	group   group
	world   *sim.World
	hosts   []protocol.NodeID
	members []host // by ID
	caster  protocol.NodeID
	sleeper protocol.NodeID // 0 for none
	random  *rand.Rand
	change  *change // nil for none
	phase   Kind
	found   [kinds]found
	wanted  []protocol.Time // when each cast was
	phases  []Kind          // in which
	taken   int             // of these
	casting bool
	waiting protocol.Time // since when what is wanted waits, Never if it does not
	waited  time.Duration // in all, before that
	before  time.Duration // in all, before the present phase
	ended   bool
}

// Run measures a group, and returns a result for each kind of change that there was. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) ([]Result, error) {
	r := newRun(c)
	if err := r.form(ctx, tell); err != nil {
		return nil, err
	}
	return r.measure(ctx, tell)
}

func newRun(c Config) *run {
	r := &run{config: c, waiting: protocol.Never, members: make([]host, c.Members+1), random: rand.New(rand.NewPCG(c.Seed, 1))}
	r.world = sim.New(sim.Config{
		Seed: c.Seed, Cost: sim.CommodityCost(),
		Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Constant(latency), Loss: c.Loss}}},
	})
	for i := range c.Members {
		r.hosts = append(r.hosts, protocol.NodeID(i+1))
	}
	for _, id := range r.hosts {
		r.members[id] = host{present: true, blocked: protocol.Never}
	}
	r.group = nodes{r}
	if c.Protocol == Traditional {
		r.group = pinging{r}
		for _, id := range r.hosts {
			r.members[id].view = r.hosts // of which nothing is told
		}
	}
	r.world.Observe(r.group.observe)
	r.world.Trace(r.trace)
	return r
}

// form lets the group come into being. Nodes start within a second; members of the traditional protocol are all in the first view.
func (r *run) form(ctx context.Context, tell func(string)) error {
	tell("forming")
	for i, id := range r.hosts {
		at := protocol.Time(time.Second) * protocol.Time(i) / protocol.Time(len(r.hosts))
		if r.config.Protocol == Traditional {
			at = 0
		}
		r.world.Add(sim.HostConfig{ID: id, Address: address(i + 1), At: at, Build: r.group.build})
	}
	if err := r.advance(ctx, forming, r.whole); err != nil {
		return err
	}
	if !r.whole() {
		return fmt.Errorf("views: a group of %d has not formed in %v", r.config.Members, forming)
	}
	return nil
}

// whole reports whether all members are in a view of all.
func (r *run) whole() bool { return r.settled(0, true) }

// advance lets time pass until something is so, for a time at most.
func (r *run) advance(ctx context.Context, long time.Duration, done func() bool) error {
	for end := r.world.Now().Add(long); r.world.Now() < end && !done() && ctx.Err() == nil; {
		r.world.Run(min(end, r.world.Now().Add(step)))
	}
	return ctx.Err()
}

func never() bool { return false }

// measure has one change follow on the other.
func (r *run) measure(ctx context.Context, tell func(string)) ([]Result, error) {
	c := &r.config
	view := r.members[1].view
	r.caster = view[len(view)-1]
	if c.Perturb > 0 && len(view) > 2 {
		r.sleeper = view[len(view)-2]
		r.world.Sleep(r.sleeper, c.Perturb, slot)
	}
	r.castEvery(time.Second / time.Duration(c.Rate))
	if err := r.advance(ctx, settling, never); err != nil {
		return nil, err
	}
	if err := r.pass(ctx, KindNone, 0); err != nil {
		return nil, err
	}
	for cycle := range c.Cycles {
		if c.Members <= 2 {
			break
		}
		tell(fmt.Sprintf("cycle %d of %d", cycle+1, c.Cycles))
		if err := r.cycle(ctx); err != nil {
			return nil, err
		}
	}
	r.ended = true
	return r.results(), nil
}

// cycle makes each kind of change.
func (r *run) cycle(ctx context.Context) error {
	for _, kind := range []Kind{KindCrash, KindCoordinator, KindLeave} {
		subject, ok := r.choose(kind)
		if !ok {
			r.found[kind].skipped++
			continue
		}
		if err := r.pass(ctx, kind, subject); err != nil {
			return err
		}
		back := KindReturn
		if kind == KindLeave {
			back = KindJoin
		}
		if err := r.pass(ctx, back, subject); err != nil {
			return err
		}
	}
	return nil
}

// choose returns who is the subject of a change, neither who casts nor who sleeps, if there is anybody.
func (r *run) choose(kind Kind) (protocol.NodeID, bool) {
	view := r.members[r.caster].view
	if len(view) == 0 {
		return 0, false // the caster is in none
	}
	spared := func(id protocol.NodeID) bool { return id == r.caster || id == r.sleeper || !r.members[id].present }
	if kind == KindCoordinator {
		return view[0], !spared(view[0])
	}
	candidates := slices.DeleteFunc(slices.Clone(view[1:]), spared)
	if len(candidates) == 0 {
		return 0, false
	}
	return candidates[r.random.IntN(len(candidates))], true
}

// pass makes a change, and lets an interval pass, or as much time as the change takes.
func (r *run) pass(ctx context.Context, kind Kind, subject protocol.NodeID) error {
	r.phase = kind
	began := r.world.Now()
	r.before = r.waitedBy()
	for i := range r.members {
		r.members[i].before = r.heldBy(&r.members[i])
	}
	if kind != KindNone {
		r.change = &change{kind: kind, subject: subject, began: began, found: protocol.Never, propose: protocol.Never}
		r.begin(kind, subject)
		if err := r.advance(ctx, patience, func() bool { return r.change == nil }); err != nil {
			return err
		}
		if r.change != nil {
			r.found[kind].unfinished++
			r.change = nil
		}
	}
	if err := r.advance(ctx, r.config.Interval-r.world.Now().Sub(began), never); err != nil {
		return err
	}
	r.account(kind, r.world.Now().Sub(began))
	return nil
}

// begin does what changes the group.
func (r *run) begin(kind Kind, subject protocol.NodeID) {
	h := &r.members[subject]
	switch kind {
	case KindCrash, KindCoordinator:
		r.absent(h)
		r.world.Crash(subject)
	case KindReturn:
		h.present = true
		r.world.Restart(subject, true)
	case KindLeave:
		r.absent(h)
		r.world.Command(subject, r.group.leave)
	case KindJoin:
		h.present = true
		r.world.Command(subject, r.group.join)
	}
}

// absent takes a member out of account.
func (r *run) absent(h *host) {
	*h = host{blocked: protocol.Never, held: r.heldBy(h), before: h.before}
}

// castEvery has the application want a cast at an even pace.
func (r *run) castEvery(interval time.Duration) {
	if r.ended {
		return
	}
	r.wanted, r.phases = append(r.wanted, r.world.Now()), append(r.phases, r.phase)
	r.castMore(r.caster)
	r.world.At(r.world.Now().Add(interval), func() { r.castEvery(interval) })
}

// castMore casts what waits until it is refused, as a node does when it is told that it may cast again.
func (r *run) castMore(id protocol.NodeID) {
	if id != r.caster || r.casting || r.taken == len(r.wanted) {
		return
	}
	r.casting = true
	r.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		r.casting = false
		for r.taken < len(r.wanted) {
			payload := make([]byte, r.config.Size)
			binary.BigEndian.PutUint64(payload, uint64(r.taken))
			if !r.group.cast(now, m, payload, out) {
				r.waiting = min(r.waiting, now)
				return
			}
			r.taken++
		}
		if r.waiting != protocol.Never {
			r.waited, r.waiting = r.waited+now.Sub(r.waiting), protocol.Never
		}
	})
}

// trace looks for the first proposal of a change.
func (r *run) trace(s *sim.Step) {
	if r.change == nil || r.change.propose != protocol.Never {
		return
	}
	for i := range s.Effects {
		if m := s.Effects[i].Message; m != nil && r.group.proposes(m) {
			r.change.propose = s.Now
			return
		}
	}
}
