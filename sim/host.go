package sim

import (
	"fmt"
	"math/rand/v2"

	"spinglass/protocol"
)

// HostConfig describes a host.
type HostConfig struct {
	ID      protocol.NodeID // not zero, one host each
	Address protocol.Address
	Zone    string        // path of the zone, such as /eu/fra, for topologies that know zones
	Segment string        // name of the network on which it hears groups; empty for none
	Cost    *Cost         // nil for that of the world
	Egress  int64         // bytes per second that it sends at most; 0 for Network.Egress
	At      protocol.Time // when it starts; at once if that has passed
	// Build makes the machine, at the start and again at each restart.
	Build func(Boot) protocol.Machine
}

// Boot is what a machine is built from.
type Boot struct {
	ID          protocol.NodeID
	Address     protocol.Address
	Zone        string
	Now         protocol.Time
	Incarnation int        // 0 at the first start, one more at each restart
	Rand        *rand.Rand // the machine's own
	Disk        *Disk      // what was persisted before
	PublicKey   []byte     // 32 bytes: its own latest key, under which what it signs is valid
}

// host is one host of a world.
type host struct {
	machine     protocol.Machine // nil when down
	free        protocol.Time    // when core 0 is free; a pause keeps it busy
	wake        protocol.Time    // of the one wake entry that counts
	deadline    protocol.Time    // of the machine
	index       uint32
	incarnation uint32

	// The inbox is a list of slots.
	head, tail uint32
	held       int32 // inputs in the inbox
	packets    int32 // datagrams of these
	bytes      int32 // of these datagrams
	batch      int32 // inputs left of the present batch
	owed       bool  // timers have not had their turn since the latest batch

	cost  *Cost
	place Place
	sent  uint64 // datagrams so far, which is what the draws derive from
	stats HostStats

	egress    protocol.Time // when what waits for the egress has left
	bandwidth int64         // of the egress, 0 for unlimited
	address   protocol.Address
	build     func(Boot) protocol.Machine
	extra     *extra // what most hosts never need
}

// extra is the part of a host that is made when first needed.
type extra struct {
	disk    Disk
	written protocol.Time   // when the writes under way are durable
	failure error           // of every write
	cores   []protocol.Time // when each further core is free
	work    int             // pieces of work under way
	streams []*end          // in the order in which they began
	taken   uint64          // streams opened by peers so far
	decoder protocol.Decoder
	sleep   sleep
	segment *segment
	groups  []protocol.Group // joined
	deaf    protocol.Time    // hears no group until then
}

func (h *host) more() *extra {
	if h.extra == nil {
		h.extra = new(extra)
	}
	return h.extra
}

// emptyDisk is the disk of all hosts that have persisted nothing.
var emptyDisk Disk

func (h *host) persisted() *Disk {
	if h.extra == nil {
		return &emptyDisk
	}
	return &h.extra.disk
}

// slabSize is how many hosts are allocated at once.
const slabSize = 256

// Add adds a host and starts it at its time.
func (w *World) Add(c HostConfig) {
	if c.ID == 0 || c.Build == nil {
		panic("sim: a host needs an ID and a Build")
	}
	if _, known := w.find(c.ID); known {
		panic(fmt.Sprintf("sim: two hosts with the ID %v", c.ID))
	}
	if len(w.slab) == 0 {
		w.slab = make([]host, slabSize)
	}
	h := &w.slab[0]
	w.slab = w.slab[1:]
	cost := w.cost
	if c.Cost != nil {
		cost = c.Cost.withDefaults()
	}
	index := uint32(len(w.hosts))
	*h = host{
		place: Place{ID: c.ID, Index: int(index), Zone: c.Zone}, index: index, address: c.Address,
		wake: protocol.Never, deadline: protocol.Never, cost: cost, bandwidth: c.Egress, build: c.Build,
	}
	if h.bandwidth <= 0 {
		h.bandwidth = w.config.Network.Egress
	}
	w.hosts = append(w.hosts, h)
	w.learn(c.ID, index)
	if w.medium != nil {
		w.tune(h)
	}
	if c.Segment != "" {
		w.attach(h, c.Segment)
	}
	if c.At > w.now {
		w.At(c.At, func() { w.start(h) })
		return
	}
	w.start(h)
}

// denseMax is how much larger than the number of hosts a NodeID may be for the index to be a slice.
const denseMax = 4

// learn puts a host into the index: a slice for small NodeIDs, a map for the others.
func (w *World) learn(id protocol.NodeID, index uint32) {
	if uint64(id) > uint64(len(w.hosts)*denseMax) {
		w.index[id] = index
		return
	}
	for uint64(len(w.dense)) <= uint64(id) {
		w.dense = append(w.dense, 0)
	}
	w.dense[id] = index + 1
}

func (w *World) find(id protocol.NodeID) (*host, bool) {
	if uint64(id) < uint64(len(w.dense)) && w.dense[id] != 0 {
		return w.hosts[w.dense[id]-1], true
	}
	if index, ok := w.index[id]; ok {
		return w.hosts[index], true
	}
	return nil, false
}

func (w *World) must(id protocol.NodeID) *host {
	h, ok := w.find(id)
	if !ok {
		panic(fmt.Sprintf("sim: no host with the ID %v", id))
	}
	return h
}

// Hosts returns the IDs of all hosts, up or down, in the order of Add.
func (w *World) Hosts() []protocol.NodeID {
	ids := make([]protocol.NodeID, len(w.hosts))
	for i, h := range w.hosts {
		ids[i] = h.place.ID
	}
	return ids
}

// Up reports whether a host is up, be it paused or not.
func (w *World) Up(id protocol.NodeID) bool { return w.must(id).machine != nil }

// Machine returns the machine of a host, nil when it is down. It is for looking at; inputs go through Command.
func (w *World) Machine(id protocol.NodeID) protocol.Machine { return w.must(id).machine }

// Disk returns what a host has persisted.
func (w *World) Disk(id protocol.NodeID) *Disk { return w.must(id).persisted() }

// start builds the machine and puts its Start into the inbox.
func (w *World) start(h *host) {
	if h.address != "" {
		if other, taken := w.addresses[h.address]; taken && other != h.index {
			panic(fmt.Sprintf("sim: two hosts listen at %q", h.address))
		}
		w.addresses[h.address] = h.index
	}
	h.free = max(h.free, w.now)
	h.machine = h.build(Boot{
		ID: h.place.ID, Address: h.address, Zone: h.place.Zone, Now: w.now, Incarnation: int(h.incarnation),
		Rand: w.machineRand(h.place.ID, int(h.incarnation)), Disk: h.persisted(), PublicKey: w.PublicKey(h.place.ID),
	})
	h.deadline = protocol.Never
	w.enqueue(h, w.slot(input{kind: InputStart, to: h.index}))
	w.offer(h)
	w.resumeSleep(h)
	w.schedule(h)
}

// Crash stops a host at once. What it held in memory is gone, work under way comes to nothing, peers see their streams break. The effects
// of an input that it has begun take place: a crash comes between two inputs.
func (w *World) Crash(id protocol.NodeID) {
	h := w.must(id)
	if h.machine == nil {
		return
	}
	w.stats.Crashes++
	w.breakStreams(h)
	h.leaveGroups()
	if w.medium != nil {
		w.silence(w.medium.stations[h.index])
	}
	for h.head != 0 {
		ref := h.head
		h.head = w.inputs[ref].next
		if w.inputs[ref].kind == InputReceive {
			w.stats.InboxLost++
		}
		w.release(ref)
	}
	h.machine, h.incarnation = nil, h.incarnation+1
	h.tail, h.held, h.packets, h.bytes, h.batch, h.owed = 0, 0, 0, 0, 0, false
	h.deadline, h.wake = protocol.Never, protocol.Never
	if h.extra != nil {
		h.extra.work, h.extra.decoder, h.extra.written = 0, nil, 0
		clear(h.extra.cores)
	}
	if w.addresses[h.address] == h.index {
		delete(w.addresses, h.address)
	}
	w.record(h, &Step{Input: InputCrash})
}

// Restart starts a host again, after a crash if it is still up. Without its disk it has lost what it persisted. It keeps its NodeID; a
// member that gets a new one is another host, which may have the address of one that is down.
func (w *World) Restart(id protocol.NodeID, withDisk bool) {
	h := w.must(id)
	w.Crash(id)
	if !withDisk && h.extra != nil {
		h.extra.disk = Disk{}
	}
	w.stats.Restarts++
	h.free = w.now
	w.start(h)
}

// Command has f called as an input of the host: it waits its turn, takes time, and what it puts into out is carried out. For a host that is
// down it comes to nothing and is counted.
func (w *World) Command(id protocol.NodeID, f func(now protocol.Time, m protocol.Machine, out *protocol.Output)) {
	h := w.must(id)
	if h.machine == nil {
		w.stats.CommandLost++
		return
	}
	w.enqueue(h, w.slot(input{kind: InputCommand, to: h.index, aside: &aside{command: f}}))
	w.schedule(h)
}
