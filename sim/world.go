package sim

import (
	"math/rand/v2"

	"spinglass/protocol"
)

// FlightMaxDefault is how many inputs may be pending in a world where Config says nothing.
const FlightMaxDefault = 1 << 26

// Config describes a world. The zero Config is a world of free hosts on a network without latency or faults.
type Config struct {
	Seed uint64
	// Wire has every message encoded when it is sent, and decoded for its receiver into memory that is overwritten afterwards. Without it
	// messages are passed by reference. The trace hash is the same either way.
	Wire bool
	// Decoder makes the decoder of a host; needed with Wire.
	Decoder func() protocol.Decoder
	// Content has the trace hash cover the bodies of messages and not just their kinds and sizes.
	Content bool
	// Ed25519 has signatures made and checked as the real driver does, with keys that derive from the seed. Without it they are modelled, which takes
	// less time: see ModelSignature. What they cost the hosts is the same.
	Ed25519 bool
	// Spurious has Timeout called early after every input, where a machine must do nothing: an effect, or a deadline that moves, panics.
	Spurious bool
	Network  Network
	Cost     Cost // of hosts that have none of their own
	// FlightMax bounds the inputs that are pending in the whole world; 0 for FlightMaxDefault. Datagrams beyond it are lost and counted.
	FlightMax int
}

// World is a simulated world: hosts with machines, the network between them, and a clock. It is not safe for concurrent use; worlds are
// independent of each other.
type World struct {
	config Config
	cost   *Cost
	now    protocol.Time
	queue  queue

	hosts     []*host
	slab      []host // what is left of the latest slab of hosts
	dense     []uint32
	index     map[protocol.NodeID]uint32
	addresses map[protocol.Address]uint32

	inputs  []input
	free    uint32 // first free slot of inputs, 0 for none
	pending int
	actions []func()
	idle    []uint32 // free slots of actions

	source source
	random *rand.Rand
	hops   []Hop
	links  map[linkKey]*linkState
	crowd  int // of links that has idle ones forgotten

	keys keys

	medium *medium // nil without a radio

	segments     map[string]*segment
	segmentOrder []*segment

	barriers []*barrier
	streams  uint64 // numbers given so far

	output  protocol.Output
	step    Step
	trace   trace
	encoder encoder
	running bool
	storms  []*storm
	calls   int // of Timeout, at one host at one instant
	caller  uint32

	observers []func(now protocol.Time, id protocol.NodeID, e protocol.Event)
	steppers  []func(*Step)
	checkers  []Checker

	stats Stats
	drops []DropCount
}

// New returns a world without hosts, at time 0.
func New(config Config) *World {
	if config.Wire && config.Decoder == nil {
		panic("sim: Wire needs a Decoder")
	}
	if config.FlightMax <= 0 {
		config.FlightMax = FlightMaxDefault
	}
	w := &World{
		config:    config,
		cost:      config.Cost.withDefaults(),
		index:     make(map[protocol.NodeID]uint32),
		addresses: make(map[protocol.Address]uint32),
		inputs:    make([]input, 1),
		segments:  make(map[string]*segment),
		links:     make(map[linkKey]*linkState),
		crowd:     linksKept,
		trace:     newTrace(),
	}
	w.random = rand.New(&w.source)
	if config.Network.Radio != nil {
		if config.Network.Topology != nil {
			panic("sim: a world with a radio has no Topology")
		}
		w.medium = newMedium(*config.Network.Radio)
	}
	return w
}

// Now returns the present time, 0 at first.
func (w *World) Now() protocol.Time { return w.now }

// Seed returns the seed of the world.
func (w *World) Seed() uint64 { return w.config.Seed }

// Run lets everything happen that is due up to and including until, and moves the clock there.
func (w *World) Run(until protocol.Time) {
	w.begin()
	for {
		e, ok := w.queue.pop(until)
		if !ok {
			break
		}
		w.dispatch(e)
	}
	w.now = max(w.now, until)
	w.running = false
}

// Step lets the next event happen, if there is one that is not after until, and reports whether there was.
func (w *World) Step(until protocol.Time) bool {
	w.begin()
	e, ok := w.queue.pop(until)
	if ok {
		w.dispatch(e)
	}
	w.running = false
	return ok
}

func (w *World) begin() {
	if w.running {
		panic("sim: Run from within the world")
	}
	w.running = true
}

func (w *World) dispatch(e entry) {
	w.now = e.at
	w.stats.Events++
	switch e.kind {
	case entryArrive:
		w.arrive(e.ref)
	case entryWake:
		if h := w.hosts[e.ref]; h.wake == e.at {
			h.wake = protocol.Never
			w.serve(h)
		}
	case entryAction:
		f := w.actions[e.ref]
		w.actions[e.ref] = nil
		w.idle = append(w.idle, e.ref)
		f()
	default:
		w.radioEvent(e)
	}
}

// At has f called at time t, or now if t has passed. Actions of one instant happen in the order in which they were given.
func (w *World) At(t protocol.Time, f func()) {
	if t == protocol.Never {
		return
	}
	var ref uint32
	if n := len(w.idle); n > 0 {
		ref = w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.actions[ref] = f
	} else {
		ref = uint32(len(w.actions))
		w.actions = append(w.actions, f)
	}
	w.queue.push(entry{at: max(t, w.now), ref: ref, kind: entryAction})
}

// Observe has f called for every event that a machine emits, in order. f may script the world, but must not call Run.
func (w *World) Observe(f func(now protocol.Time, id protocol.NodeID, e protocol.Event)) {
	w.observers = append(w.observers, f)
}

// Trace has f called after every input with what the input was and what came of it. The Step is lent: f copies what it keeps.
func (w *World) Trace(f func(*Step)) { w.steppers = append(w.steppers, f) }

// Check has c watch the world. Finish collects its verdict.
func (w *World) Check(c Checker) {
	w.checkers = append(w.checkers, c)
	w.Trace(c.Observe)
}

// Hash returns the trace hash: it covers time, host, input and effects of everything that has happened. Worlds of the same
// configuration and script have the same hash, with Wire on or off.
func (w *World) Hash() uint64 { return w.trace.hash }
