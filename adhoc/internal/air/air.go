// Package air is a small deterministic world for tests of machines for ad-hoc networks: nodes, who hears whom, and one latency for all. Every message is encoded, decoded for each receiver, and
// overwritten afterwards. The radio with its medium and collisions is in package sim.
package air

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"spinglass/protocol"
)

// Latency is what a message takes over one hop, and Silence what passes until a unicast counts as not acknowledged.
const (
	Latency = time.Millisecond
	Silence = 5 * time.Millisecond
)

// World is a set of nodes in the air.
type World struct {
	Now   protocol.Time
	Nodes map[protocol.NodeID]protocol.Machine
	// Lose reports whether a message is lost on its way; nil loses none. Unicasts that are lost are told as broken links.
	Lose func(from, to protocol.NodeID, m protocol.Message, unicast bool) bool
	// Observe is called for each event of a node.
	Observe func(id protocol.NodeID, e protocol.Event)
	// Overhear is called for each message that is sent.
	Overhear func(from, to protocol.NodeID, m protocol.Message) // to is 0 for broadcasts
	// Work does work at once and returns its completion; nil panics.
	Work func(id protocol.NodeID, w protocol.Work) protocol.Event

	decoder func() protocol.Decoder
	order   []protocol.NodeID
	links   map[[2]protocol.NodeID]bool
	queue   []flight
	drops   map[protocol.Reason]int
	trace   []byte
	calls   int
}

type flight struct {
	at       protocol.Time
	from, to protocol.NodeID
	body     []byte
	kind     protocol.Kind
	event    protocol.Event
}

// New returns a world without nodes.
func New(decoder func() protocol.Decoder) *World {
	return &World{Nodes: map[protocol.NodeID]protocol.Machine{}, decoder: decoder, links: map[[2]protocol.NodeID]bool{}, drops: map[protocol.Reason]int{}}
}

// Add adds a node and starts it.
func (w *World) Add(id protocol.NodeID, m protocol.Machine) {
	w.Nodes[id] = m
	w.order = append(w.order, id)
	w.Do(id, func(out *protocol.Output) { m.Start(w.Now, out) })
}

// Link lets nodes hear each other, one after the other along the list.
func (w *World) Link(ids ...protocol.NodeID) { w.set(true, ids) }

// Cut ends that.
func (w *World) Cut(ids ...protocol.NodeID) { w.set(false, ids) }

func (w *World) set(on bool, ids []protocol.NodeID) {
	for i := 1; i < len(ids); i++ {
		w.links[[2]protocol.NodeID{ids[i-1], ids[i]}] = on
		w.links[[2]protocol.NodeID{ids[i], ids[i-1]}] = on
	}
}

// OneWay says whether one node hears another.
func (w *World) OneWay(from, to protocol.NodeID, on bool) { w.links[[2]protocol.NodeID{from, to}] = on }

// Linked reports whether to hears from.
func (w *World) Linked(from, to protocol.NodeID) bool { return w.links[[2]protocol.NodeID{from, to}] }

// Drops returns how often nodes have dropped input for a reason.
func (w *World) Drops(reason protocol.Reason) int { return w.drops[reason] }

// Hash returns a hash of all that was sent and told.
func (w *World) Hash() uint64 {
	h := fnv.New64a()
	_, _ = h.Write(w.trace)
	return h.Sum64()
}

// Do gives a node an input and carries out what comes of it.
func (w *World) Do(id protocol.NodeID, f func(out *protocol.Output)) {
	var out protocol.Output
	f(&out)
	if w.calls++; w.calls > 10_000_000 {
		panic("air: it does not end")
	}
	for i := range out.Effects {
		w.effect(id, &out.Effects[i])
	}
}

func (w *World) effect(id protocol.NodeID, e *protocol.Effect) {
	switch e.Kind {
	case protocol.EffectSend:
		w.send(id, e.To, e.Message)
	case protocol.EffectBroadcast:
		body := w.encode(id, 0, e.Message)
		for _, to := range w.order {
			if to != id && w.Linked(id, to) && !w.lost(id, to, e.Message, false) {
				w.push(flight{at: w.Now.Add(Latency), from: id, to: to, kind: e.Message.Kind(), body: body})
			}
		}
	case protocol.EffectEmit:
		w.trace = fmt.Appendf(w.trace, "%d %d %T%+v\n", w.Now, id, e.Event, e.Event)
		if w.Observe != nil {
			w.Observe(id, e.Event)
		}
	case protocol.EffectDrop:
		w.drops[e.Reason]++
	case protocol.EffectWork:
		w.push(flight{at: w.Now.Add(Latency), to: id, event: w.Work(id, e.Work)})
	default:
		panic(fmt.Sprintf("air: effect %d", e.Kind))
	}
}

func (w *World) send(id, to protocol.NodeID, m protocol.Message) {
	body := w.encode(id, to, m)
	if w.Nodes[to] == nil || !w.Linked(id, to) || w.lost(id, to, m, true) {
		w.push(flight{at: w.Now.Add(Silence), to: id, event: protocol.LinkBroken{To: to, Message: m}})
		return
	}
	w.push(flight{at: w.Now.Add(Latency), from: id, to: to, kind: m.Kind(), body: body})
}

func (w *World) lost(from, to protocol.NodeID, m protocol.Message, unicast bool) bool {
	return w.Lose != nil && w.Lose(from, to, m, unicast)
}

func (w *World) encode(from, to protocol.NodeID, m protocol.Message) []byte {
	if m.Lent() {
		panic(fmt.Sprintf("air: a lent %T was sent", m))
	}
	body := m.Append(nil)
	if len(body) != m.Size() {
		panic(fmt.Sprintf("air: %T of %d bytes says %d", m, len(body), m.Size()))
	}
	w.trace = fmt.Appendf(w.trace, "%d %d>%d %d %x\n", w.Now, from, to, m.Kind(), body)
	if w.Overhear != nil {
		w.Overhear(from, to, m)
	}
	return body
}

func (w *World) push(f flight) {
	i := len(w.queue)
	for i > 0 && w.queue[i-1].at > f.at {
		i--
	}
	w.queue = slices.Insert(w.queue, i, f)
}

// Run lets time pass.
func (w *World) Run(d time.Duration) {
	end := w.Now.Add(d)
	for {
		at, id := w.next()
		if at > end {
			break
		}
		w.Now = max(w.Now, at)
		if id != 0 {
			w.Do(id, func(out *protocol.Output) { w.Nodes[id].Timeout(w.Now, out) })
			continue
		}
		f := w.queue[0]
		w.queue = slices.Delete(w.queue, 0, 1)
		w.arrive(f)
	}
	w.Now = end
}

// next returns what comes next: the timeout of a node, or (0) an arrival.
func (w *World) next() (protocol.Time, protocol.NodeID) {
	at, node := protocol.Never, protocol.NodeID(0)
	if len(w.queue) > 0 {
		at = w.queue[0].at
	}
	for _, id := range w.order {
		if d := w.Nodes[id].Deadline(); d < at {
			at, node = d, id
		}
	}
	return at, node
}

func (w *World) arrive(f flight) {
	machine := w.Nodes[f.to]
	if f.event != nil {
		w.Do(f.to, func(out *protocol.Output) { machine.Notify(w.Now, f.event, out) })
		return
	}
	body := slices.Clone(f.body)
	m, err := w.decoder().Decode(f.kind, body)
	if err != nil {
		panic(fmt.Sprintf("air: kind %d: %v", f.kind, err))
	}
	if again := m.Append(nil); !bytes.Equal(again, f.body) || !m.Lent() {
		panic(fmt.Sprintf("air: kind %d is encoded in another way, or not lent", f.kind))
	}
	w.Do(f.to, func(out *protocol.Output) { machine.Receive(w.Now, f.from, m, out) })
	for i := range body {
		body[i] = 0xa5
	}
}
