package vsync_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/vsync"
	"spinglass/wire"
)

const name = "g"

// fleet is a simulated group: hosts that run the multicast and groups, know each other, and learn after a while that one of them has restarted.
type fleet struct {
	world    *sim.World
	hosts    []protocol.NodeID
	options  vsync.Options
	change   func(*vsync.Config)
	apps     map[protocol.NodeID]*app
	mutate   func(host protocol.NodeID, effects []protocol.Effect) []protocol.Effect // a planted bug; nil for none
	watch    []func(now protocol.Time, a *app, e protocol.Event)
	casts    map[uint64]cast            // by identifier
	last     uint64                     // identifier given
	founders []protocol.NodeID          // in their first runs; nil for host 1
	heavy    map[protocol.NodeID]uint64 // weights that are not 1
}

// cast is what the test knows of a message.
type cast struct {
	sender protocol.NodeID
	view   vsync.ViewID
	number uint64            // of the sender's in this view
	after  map[uint64]uint64 // by sender: how many of its casts of this view the sender had delivered; for causal order
}

// app is the application at a host, in one run of it.
type app struct {
	fleet *fleet
	host  protocol.NodeID
	run   int
	node  *node

	view    *vsync.View
	blocked bool
	outside bool
	ready   bool
	log     []uint64 // identifiers of casts, the state
	loading []byte
	seen    map[uint64]uint64       // by sender: casts delivered in the view
	sent    map[vsync.ViewID]uint64 // casts, by view
	ejected map[vsync.EjectReason]int
	flushed uint64
	shorten bool // a planted bug: the state that it gives lacks the latest cast
	size    int  // of casts
	founded bool // it has joined before
}

// node is the machine of a host. It knows all others, and joins when it starts.
type node struct {
	sim.Watched
	Groups *vsync.Machine
	app    *app
}

func (n *node) Start(now protocol.Time, out *protocol.Output) {
	n.Watched.Start(now, out)
	f := n.app.fleet
	for _, id := range f.hosts {
		if id != n.app.host {
			n.Notify(now, protocol.PeerUp{Peer: f.peer(id)}, out)
		}
	}
	n.join(now, out)
}

func (n *node) join(now protocol.Time, out *protocol.Output) {
	f := n.app.fleet
	options := f.options
	options.FoundAfter = 0
	options.Weight = f.weight(n.app.host)
	founds := n.app.host == 1 || slices.Contains(f.founders, n.app.host)
	if founds && n.app.run == 0 && !n.app.founded {
		n.app.founded = true
		options.FoundAfter = 300 * time.Millisecond
	}
	if err := n.Groups.Join(now, name, options, out); err != nil {
		panic(err)
	}
}

// settle has the application take in what happened.
func (n *node) settle(now protocol.Time, mark int, out *protocol.Output) {
	if f := n.app.fleet; f.mutate != nil {
		changed := f.mutate(n.app.host, slices.Clone(out.Effects[mark:]))
		out.Effects = append(out.Effects[:mark], changed...)
	}
	for i := mark; i < len(out.Effects); i++ {
		if e := out.Effects[i].Event; e != nil {
			n.app.take(now, e, out)
			for _, watch := range n.app.fleet.watch {
				watch(now, n.app, e)
			}
		}
	}
}

// take is the application.
func (a *app) take(now protocol.Time, e protocol.Event, out *protocol.Output) {
	switch e := e.(type) {
	case *vsync.Installed:
		a.view, a.blocked, a.outside, a.seen = e.View, false, false, map[uint64]uint64{}
		if e.Joined {
			a.ready, a.log = false, nil
		}
	case *vsync.Delivery:
		id := binary.BigEndian.Uint64(e.Payload)
		a.log = append(a.log, id)
		a.seen[uint64(e.Sender)]++
	case vsync.SnapshotWanted:
		a.give(now, e.Number, out)
	case *vsync.State:
		if e.Offset == 0 {
			a.loading = nil
		}
		a.loading = append(a.loading, e.Data...)
	case vsync.Ready:
		a.ready = true
		for b := a.loading; len(b) >= 8; b = b[8:] {
			a.log = append(a.log, binary.BigEndian.Uint64(b))
		}
		a.loading = nil
	case vsync.Blocked:
		a.blocked = true
	case vsync.Outside:
		a.outside = true
	case vsync.Ejected:
		a.view, a.ready, a.log, a.loading = nil, false, nil, nil
		a.ejected[e.Reason]++
	case vsync.Left:
		a.view, a.ready, a.log, a.loading = nil, false, nil, nil
	case vsync.Flushed:
		a.flushed = e.Number
	}
}

// give gives the state, in small pieces.
func (a *app) give(now protocol.Time, number uint64, out *protocol.Output) {
	log := a.log
	if a.shorten && len(log) > 0 {
		log = log[:len(log)-1]
	}
	for len(log) > 0 {
		n := min(len(log), 500)
		piece := make([]byte, 0, 8*n)
		for _, id := range log[:n] {
			piece = binary.BigEndian.AppendUint64(piece, id)
		}
		if a.node.Groups.Snapshot(now, number, piece, out) != nil {
			return
		}
		log = log[n:]
	}
	_ = a.node.Groups.SnapshotEnd(now, number, true, out)
}

func (f *fleet) peer(id protocol.NodeID) *protocol.Peer {
	epoch := uint64(1)
	if a := f.apps[id]; a != nil {
		epoch = uint64(a.run) + 1
	}
	return &protocol.Peer{ID: id, Epoch: epoch, RoundTrip: 2 * time.Millisecond, Attributes: []protocol.Attribute{
		{Name: bimodal.InterestAttribute, Value: bimodal.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(vsync.TopicOf(name))})},
	}}
}

// newFleet makes a group of hosts that start at the given times, one each.
func newFleet(w *sim.World, options vsync.Options, change func(*vsync.Config), starts ...protocol.Time) *fleet {
	f := &fleet{world: w, options: options, change: change, apps: map[protocol.NodeID]*app{}, casts: map[uint64]cast{}}
	for i := range starts {
		f.hosts = append(f.hosts, protocol.NodeID(i+1))
	}
	for i, at := range starts {
		w.Add(sim.HostConfig{ID: f.hosts[i], Address: protocol.Address(fmt.Sprint("a", i+1)), At: at, Build: f.build})
	}
	return f
}

func (f *fleet) build(b sim.Boot) protocol.Machine {
	a := &app{fleet: f, host: b.ID, run: b.Incarnation, ejected: map[vsync.EjectReason]int{}, sent: map[vsync.ViewID]uint64{}, size: 16}
	f.apps[b.ID] = a
	c := bimodal.DefaultConfig()
	c.Self, c.Epoch, c.Rand, c.Rate, c.Flow = b.ID, uint64(b.Incarnation)+1, b.Rand, 0, bimodal.Flow{}
	c.Round = 200 * time.Millisecond
	multicast, err := bimodal.New(c)
	if err != nil {
		panic(err)
	}
	g := vsync.DefaultConfig()
	g.Self, g.Epoch, g.Rand = b.ID, c.Epoch, b.Rand
	if f.change != nil {
		f.change(&g)
	}
	carrier, err := vsync.NewCarrier(g, multicast)
	if err != nil {
		panic(err)
	}
	a.node = &node{Groups: carrier.Groups, app: a}
	a.node.Watched = sim.Watched{Machine: carrier, Take: a.node.settle}
	if b.Incarnation > 0 {
		f.announce(b.ID, b.Incarnation)
	}
	return a.node
}

// announce has the others learn that a host has restarted, each after a while.
func (f *fleet) announce(id protocol.NodeID, run int) {
	for i, other := range f.hosts {
		if other == id {
			continue
		}
		f.world.At(f.world.Now().Add(time.Duration(200+(uint64(id)*37+uint64(i)*113+uint64(run)*59)%800)*time.Millisecond), func() {
			if f.world.Up(other) && f.apps[id].run == run {
				f.world.Command(other, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
					m.(*node).Notify(now, protocol.PeerUp{Peer: f.peer(id)}, out)
				})
			}
		})
	}
}

// detect has hosts learn that one is down, a while after it crashed, as membership tells.
func (f *fleet) detect(until protocol.Time) {
	const every, after = 500 * time.Millisecond, 3 // times in a row
	missed := map[protocol.NodeID]int{}
	var look func()
	look = func() {
		for _, id := range f.hosts {
			if missed[id]++; f.world.Up(id) || f.apps[id] == nil {
				missed[id] = 0
			}
			if missed[id] != after {
				continue
			}
			for _, other := range f.hosts {
				if other != id && f.world.Up(other) {
					f.world.Command(other, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
						m.(*node).Notify(now, protocol.PeerDown{Peer: f.peer(id)}, out)
					})
				}
			}
		}
		if next := f.world.Now().Add(every); next < until {
			f.world.At(next, look)
		}
	}
	f.world.At(f.world.Now().Add(every), look)
}

// cast has a host cast a message, if it may.
func (f *fleet) cast(id protocol.NodeID) {
	if !f.world.Up(id) {
		return
	}
	f.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		n := m.(*node)
		status, ok := n.Groups.Group(name)
		if !ok || status.View == nil {
			return
		}
		f.last++
		a := n.app
		c := cast{sender: id, view: status.View.ID, number: a.sent[status.View.ID] + 1, after: map[uint64]uint64{}}
		if a.view != nil && a.view.ID == c.view {
			maps.Copy(c.after, a.seen)
		}
		payload := make([]byte, max(8, a.size))
		binary.BigEndian.PutUint64(payload, f.last)
		mark := len(out.Effects)
		f.casts[f.last] = c
		if err := n.Groups.Cast(now, name, payload, out); err == nil {
			a.sent[c.view]++
		} else {
			delete(f.casts, f.last)
		}
		n.settle(now, mark, out)
	})
}

// command gives a host a command.
func (f *fleet) command(id protocol.NodeID, do func(now protocol.Time, n *node, out *protocol.Output)) {
	if !f.world.Up(id) {
		return
	}
	f.world.Command(id, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		mark := len(out.Effects)
		do(now, m.(*node), out)
		m.(*node).settle(now, mark, out)
	})
}

// castEvery has a host cast at the given interval until a time.
func (f *fleet) castEvery(id protocol.NodeID, interval time.Duration, until protocol.Time) {
	var again func()
	again = func() {
		f.cast(id)
		if next := f.world.Now().Add(interval); next < until {
			f.world.At(next, again)
		}
	}
	f.world.At(f.world.Now().Add(interval), again)
}

// weight returns that of a host.
func (f *fleet) weight(id protocol.NodeID) uint64 {
	if weight, ok := f.heavy[id]; ok {
		return weight
	}
	return f.options.Weight
}

// converged reports whether all hosts are in one view of all, with equal states, and weigh what they are to.
func (f *fleet) converged(ids ...protocol.NodeID) error {
	first := f.apps[ids[0]]
	for _, id := range ids {
		a := f.apps[id]
		if !f.world.Up(id) || a.view == nil || len(a.view.Members) != len(ids) || !a.ready || a.blocked {
			return fmt.Errorf("host %d: view %v ready %v blocked %v outside %v\n%s", id, a.view, a.ready, a.blocked, a.outside, f.describe())
		}
		if rank := a.view.Rank(id); a.view.Members[rank].Weight != f.weight(id) {
			return fmt.Errorf("host %d weighs %d, not %d\n%s", id, a.view.Members[rank].Weight, f.weight(id), f.describe())
		}
		if a.view.ID != first.view.ID {
			return fmt.Errorf("host %d is in view %v, %d in %v", ids[0], first.view.ID, id, a.view.ID)
		}
		if s, _ := a.node.Groups.Group(name); s.Held > 0 {
			return fmt.Errorf("host %d holds %d bytes that are not stable: %+v\n%s", id, s.Held, s, a.node.Groups.Debug(name))
		}
		if f.options.Order == vsync.OrderTotal && !slices.Equal(a.log, first.log) || setOf(a.log) != setOf(first.log) {
			return fmt.Errorf("hosts %d and %d have states of %d and %d casts, and not the same", ids[0], id, len(first.log), len(a.log))
		}
	}
	return nil
}

// describe tells how all hosts stand.
func (f *fleet) describe() (text string) {
	for _, id := range f.hosts {
		if f.apps[id] == nil {
			text += fmt.Sprintf("host %d has not started\n", id)
			continue
		}
		s, in := f.apps[id].node.Groups.Group(name)
		text += fmt.Sprintf("host %d up %v in %v inc %d view %v ready %v: %s\n", id, f.world.Up(id), in, s.Incarnation, s.View, s.Ready, f.apps[id].node.Groups.Debug(name))
	}
	return text
}

// setOf returns a sum of identifiers in which their order does not count.
func setOf(log []uint64) (sum uint64) {
	for _, id := range log {
		x := id * 0x9e3779b97f4a7c15
		sum += (x ^ x>>29) * 0xbf58476d1ce4e5b9
	}
	return sum
}

func lan(loss float64) sim.Network {
	return sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.Uniform{Min: 500 * time.Microsecond, Max: 1500 * time.Microsecond}, Loss: loss}}}
}

// decoder decodes what hosts of these tests say.
type decoder struct {
	bimodal bimodal.Decoder
	groups  vsync.Decoder
}

func (d *decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	if kind >= wire.KindGroupFirst && kind <= wire.KindGroupLast {
		return d.groups.Decode(kind, body)
	}
	return d.bimodal.Decode(kind, body)
}

func (f *fleet) until(t *testing.T, d time.Duration, done func() error) {
	t.Helper()
	end := f.world.Now().Add(d)
	err := done()
	for err != nil && f.world.Now() < end {
		f.world.Run(f.world.Now().Add(100 * time.Millisecond))
		err = done()
	}
	if err != nil {
		t.Fatalf("after %v, at %v: %v", d, f.world.Now(), err)
	}
}

func allOrders(t *testing.T, test func(t *testing.T, o vsync.Options)) {
	for _, order := range []vsync.Order{vsync.OrderFIFO, vsync.OrderCausal, vsync.OrderTotal} {
		t.Run(order.String(), func(t *testing.T) {
			o := vsync.DefaultOptions()
			o.Order = order
			test(t, o)
		})
	}
}
