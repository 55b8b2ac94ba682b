package history_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/examples/ledger/history"
	"spinglass/examples/ledger/store"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/vsync"
	"spinglass/vsync/replica"
)

const group = "ledger"

// member is a whole node with a copy of the ledger: what package spinglass does for applications, with the same [replica.Replica], in the simulator.
type member struct {
	sim.Watched
	node    *stack.Node
	fleet   *fleet
	self    protocol.NodeID
	founds  bool
	ledger  *store.Ledger
	replica *replica.Replica
	state   []byte // that is being transferred
	in      bool   // it is in a view and has the state
}

// call is a request of a client at a member.
type call struct {
	request store.Request
	called  protocol.Time
}

func (m *member) Start(now protocol.Time, out *protocol.Output) {
	m.Watched.Start(now, out)
	o := vsync.DefaultOptions()
	o.FoundAfter = 0
	if m.founds {
		o.FoundAfter = 100 * time.Millisecond
	}
	mark := len(out.Effects)
	if err := m.node.JoinGroup(now, group, o, out); err != nil {
		panic(err)
	}
	m.take(now, mark, out)
}

// propose proposes a request.
func (m *member) propose(now protocol.Time, r store.Request, out *protocol.Output) {
	mark := len(out.Effects)
	p := &replica.Proposal{Tag: call{r, now}, Payload: r.Append()}
	if m.node.Cast(now, group, p.Payload, out) == nil {
		m.replica.Taken(p)
	}
	m.take(now, mark, out)
}

// take takes the events among the effects from mark on, and those that come of them.
func (m *member) take(now protocol.Time, mark int, out *protocol.Output) {
	for ; mark < len(out.Effects); mark++ {
		if e := out.Effects[mark].Event; e != nil {
			m.handle(now, e, out)
		}
		if mark == len(out.Effects)-1 && m.replica.FlushWanted() {
			if number, err := m.node.FlushGroup(now, group, out); err != nil {
				m.replica.FlushFailed()
			} else {
				m.replica.FlushAsked(number)
			}
		}
	}
}

func (m *member) handle(now protocol.Time, e protocol.Event, out *protocol.Output) {
	switch e := e.(type) {
	case *vsync.Delivery:
		m.replica.Deliver(e)
		if m.fleet.early && m.replica.FlushWanted() { // the planted bug: an answer before the command is settled
			m.replica.FlushAsked(0)
			m.answer(now, m.replica.Flushed(0))
		}
	case vsync.Flushed:
		m.answer(now, m.replica.Flushed(e.Number))
	case *vsync.State:
		m.state = append(m.state[:e.Offset], e.Data...)
	case vsync.Ready:
		if len(m.state) > 0 {
			if err := m.replica.Restore(bytes.NewReader(m.state)); err != nil {
				panic(err)
			}
		}
		m.state, m.in = nil, true
	case vsync.SnapshotWanted:
		m.give(now, e.Number, out)
	case vsync.Ejected:
		m.state, m.in = nil, false
		for _, p := range m.replica.Ejected() {
			c := p.Tag.(call)
			m.fleet.history.Uncertain(int(m.self), int64(c.called), c.request)
		}
	}
}

func (m *member) answer(now protocol.Time, proposals []*replica.Proposal) {
	for _, p := range proposals {
		c := p.Tag.(call)
		m.fleet.history.Answered(int(m.self), int64(c.called), int64(now), c.request, p.Result.(store.Response))
	}
}

// give gives the state.
func (m *member) give(now protocol.Time, number uint64, out *protocol.Output) {
	state, err := m.replica.Snapshot()
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	_, _ = state.WriteTo(&b) // a buffer takes all
	_ = m.node.Snapshot(now, number, b.Bytes(), out)
	_ = m.node.SnapshotEnd(now, number, true, out)
}

// fleet is a world of members and clients.
type fleet struct {
	world   *sim.World
	history *history.History
	members map[protocol.NodeID]*member
	early   bool // answers are given before commands are settled
	value   int
}

func newFleet(w *sim.World, size int) *fleet {
	f := &fleet{world: w, history: new(history.History), members: map[protocol.NodeID]*member{}}
	for i := 1; i <= size; i++ {
		w.Add(sim.HostConfig{ID: protocol.NodeID(i), Address: protocol.Address(fmt.Sprint("a", i)), Zone: "/lab", Segment: "lan", Build: f.build})
	}
	return f
}

func (f *fleet) build(b sim.Boot) protocol.Machine {
	stored, _ := b.Disk.Get(membership.EpochKey)
	epoch, err := membership.ParseEpoch(stored)
	if err != nil {
		panic(err)
	}
	topics := bimodal.DefaultConfig()
	topics.Self, topics.Epoch, topics.Rand = b.ID, epoch+1, rand.New(rand.NewPCG(b.Rand.Uint64(), 1))
	groups := vsync.DefaultConfig()
	groups.Rand, groups.FlushLimit, groups.StallTicks = rand.New(rand.NewPCG(b.Rand.Uint64(), 4)), 500*time.Millisecond, 15
	node, err := stack.New(stack.Config{
		Membership: membership.Config{
			Self: b.ID, Epoch: epoch, Durable: true, Name: fmt.Sprintf("/lab/a%d", b.ID), Addresses: []protocol.Address{b.Address},
			Seeds: []protocol.Address{"a1", "a2"}, First: b.ID == 1, Rand: rand.New(rand.NewPCG(b.Rand.Uint64(), 2)),
		},
		Bimodal: topics, Groups: groups, Tables: astrolabe.Config{Rand: rand.New(rand.NewPCG(uint64(b.ID), 3))},
	})
	if err != nil {
		panic(err)
	}
	if before := f.members[b.ID]; before != nil { // a crash: nobody answers any more
		for _, p := range before.replica.Ejected() {
			c := p.Tag.(call)
			f.history.Uncertain(int(b.ID), int64(c.called), c.request)
		}
	}
	ledger := new(store.Ledger)
	m := &member{node: node, fleet: f, self: b.ID, founds: b.ID == 1 && b.Incarnation == 0, ledger: ledger, replica: replica.New(b.ID, ledger)}
	m.Watched = sim.Watched{Machine: node, Take: m.take}
	f.members[b.ID] = m
	return m
}

// request has a client at a host ask for something.
func (f *fleet) request(r *rand.Rand, id protocol.NodeID) {
	if !f.world.Up(id) || !f.members[id].in {
		return
	}
	f.value++
	request := store.Request{Verb: [...]store.Verb{store.Get, store.Put, store.Swap}[r.IntN(3)], Key: strconv.Itoa(r.IntN(20)), Value: strconv.Itoa(f.value)}
	switch request.Verb {
	case store.Get:
		request.Value = ""
	case store.Swap:
		request.Expected = f.members[id].ledger.Do(store.Request{Verb: store.Get, Key: request.Key}).Value // as a client that has just read it
	}
	f.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(*member).propose(now, request, out)
	})
}

// clients has clients ask, at all hosts, until an instant.
func (f *fleet) clients(r *rand.Rand, size int, interval time.Duration, until protocol.Time) {
	var again func()
	again = func() {
		f.request(r, protocol.NodeID(1+r.IntN(size)))
		if next := f.world.Now().Add(interval/2 + time.Duration(r.Int64N(int64(interval)))); next < until {
			f.world.At(next, again)
		}
	}
	f.world.At(f.world.Now().Add(interval), again)
}

// together waits until all are in one view.
func (f *fleet) together(size int) error {
	for _, m := range f.members {
		if s, _ := m.node.Groups.Group(group); !m.in || s.View == nil || len(s.View.Members) != size {
			return fmt.Errorf("member %d: %+v", m.self, s)
		}
	}
	return nil
}

const safety = 40 * time.Second

// run runs one seed: all come together, clients ask while faults strike, and in the end what nobody has answered is uncertain.
func run(seed uint64, early bool) (*fleet, error) {
	r := sim.Draw(seed)
	size := 3 + r.IntN(3)
	w := sim.New(sim.Config{Seed: seed, Network: sim.DrawNetwork(r), Cost: sim.CommodityCost()})
	f := newFleet(w, size)
	f.early = early
	for f.together(size) != nil {
		if w.Now() > protocol.Time(2*time.Minute) {
			return f, fmt.Errorf("not together: %w", f.together(size))
		}
		w.Run(w.Now().Add(time.Second))
	}
	faults := sim.DrawFaults(r, safety)
	faults.Longest, faults.DiskKept = min(faults.Longest, 8*time.Second), 1
	until := w.Now().Add(safety)
	f.clients(r, size, 20*time.Millisecond, until)
	w.Strike(faults, until)
	w.Run(until)
	w.Heal()
	w.Run(until.Add(10 * time.Second))
	for _, m := range f.members {
		for _, p := range m.replica.Ejected() {
			c := p.Tag.(call)
			f.history.Uncertain(int(m.self), int64(c.called), c.request)
		}
	}
	return f, f.history.Check(time.Minute)
}

// Histories of clients of whole nodes are linearizable, whatever crashes, stops, is cut off or lost.
func TestSimulatedHistoriesAreLinearizable(t *testing.T) {
	seeds := 100
	if testing.Short() {
		seeds = 10
	}
	var ran, requests, uncertain int
	sim.Swarm(t, seeds, func(seed uint64) error {
		ran++
		f, err := run(seed, false)
		all, open := f.history.Len()
		requests, uncertain = requests+all, uncertain+open
		return err
	})
	t.Logf("%d requests, of %d of which nobody knows what became of them", requests, uncertain)
	if requests < 100*ran {
		t.Errorf("only %d requests in %d seeds", requests, ran)
	}
}

// Without the rule that an answer waits until the command is settled, some history is not linearizable, and the check finds it.
func TestEarlyAnswersAreFound(t *testing.T) {
	for seed := range uint64(60) {
		if _, err := run(seed+1, true); err != nil {
			if t.Logf("seed %d: %v", seed+1, err); errors.Is(err, history.ErrHistory) {
				return
			}
		}
	}
	t.Error("answers before commands were settled, and all histories are linearizable")
}
