package sim

import (
	"encoding/binary"
	"math"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// toyMessage is the message of the toy machines.
type toyMessage struct {
	number uint64
	body   []byte
	lent   bool
}

func (m *toyMessage) Kind() protocol.Kind { return wire.KindTest }
func (m *toyMessage) Size() int           { return 8 + len(m.body) }
func (m *toyMessage) Lent() bool          { return m.lent }
func (m *toyMessage) Append(b []byte) []byte {
	return append(wire.AppendFixed64(b, m.number), m.body...)
}

type toyDecoder struct{ message toyMessage }

func newToyDecoder() protocol.Decoder { return new(toyDecoder) }

func (d *toyDecoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	r := wire.NewReader(body)
	d.message = toyMessage{number: r.Fixed64(), body: r.Rest(), lent: true}
	return &d.message, r.Done()
}

// toyEvent tells of a message that arrived.
type toyEvent struct {
	protocol.EventMark
	from   protocol.NodeID
	number uint64
}

func (e toyEvent) AppendTrace(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(e.from)), e.number)
}

// gossiper sends a message of random size to a random peer every period, and answers some.
type gossiper struct {
	boot   Boot
	peers  int
	period time.Duration
	next   protocol.Time
	number uint64
	heard  uint64
	sum    uint64 // over all that was heard, so that a damaged body shows
}

func (g *gossiper) Start(now protocol.Time, _ *protocol.Output) {
	g.next = now.Add(time.Duration(g.boot.Rand.Int64N(int64(g.period))))
}

func (g *gossiper) Receive(_ protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	t := m.(*toyMessage)
	g.heard++
	g.sum = mix(g.sum ^ t.number)
	for _, c := range t.body {
		g.sum = g.sum*31 + uint64(c)
	}
	out.Emit(toyEvent{from: from, number: t.number ^ g.sum})
	if t.number%4 == 0 {
		out.Send(from, &toyMessage{number: t.number + 1, body: []byte("answer")})
	}
}

func (g *gossiper) Notify(protocol.Time, protocol.Event, *protocol.Output) {}

func (g *gossiper) Timeout(now protocol.Time, out *protocol.Output) {
	if now < g.next {
		return
	}
	g.next = now.Add(g.period)
	g.number++
	body := make([]byte, g.boot.Rand.IntN(200))
	for i := range body {
		body[i] = byte(g.boot.Rand.Uint32())
	}
	m := &toyMessage{number: g.number<<20 | uint64(g.boot.ID), body: body}
	if g.number%8 == 0 {
		out.Spread([]protocol.NodeID{g.peer(), g.peer(), g.peer()}, m)
		return
	}
	out.Send(g.peer(), m)
}

func (g *gossiper) peer() protocol.NodeID { return protocol.NodeID(1 + g.boot.Rand.IntN(g.peers)) }

func (g *gossiper) Deadline() protocol.Time { return g.next }

// restless is a network with a little of every fault.
func restless() Network {
	return Network{
		Topology: Flat{&Link{
			Latency: LogNormal{Min: 100 * time.Microsecond, Median: 2 * time.Millisecond, Sigma: 0.7},
			Loss:    0.05, Duplicate: 0.03, Reorder: 0.05, ReorderDelay: Exponential{Mean: 20 * time.Millisecond}, Corrupt: 0.02,
		}},
		Egress: 1 << 20,
	}
}

// gossipWorld is a world of n gossipers.
func gossipWorld(c Config, n int) *World {
	w := New(c)
	for i := range n {
		w.Add(HostConfig{ID: protocol.NodeID(i + 1), Build: func(b Boot) protocol.Machine {
			return &gossiper{boot: b, peers: n, period: 50 * time.Millisecond}
		}})
	}
	return w
}

func seconds(s float64) protocol.Time { return protocol.Time(s * float64(time.Second)) }

// actor is a machine whose every input is a function; nil ones do nothing. It notes what it was given.
type actor struct {
	boot     Boot
	deadline protocol.Time
	times    []protocol.Time // of Receive
	numbers  []uint64        // received
	from     []protocol.NodeID
	timeouts []protocol.Time
	events   []protocol.Event
	notified []protocol.Time

	start   func(a *actor, now protocol.Time, out *protocol.Output)
	receive func(a *actor, now protocol.Time, from protocol.NodeID, m *toyMessage, out *protocol.Output)
	notify  func(a *actor, now protocol.Time, e protocol.Event, out *protocol.Output)
	timeout func(a *actor, now protocol.Time, out *protocol.Output)
}

func (a *actor) Start(now protocol.Time, out *protocol.Output) {
	if a.start != nil {
		a.start(a, now, out)
	}
}

func (a *actor) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	t := m.(*toyMessage)
	a.times, a.numbers, a.from = append(a.times, now), append(a.numbers, t.number), append(a.from, from)
	if a.receive != nil {
		a.receive(a, now, from, t, out)
	}
}

func (a *actor) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	if read, ok := e.(protocol.StreamRead); ok {
		read.Data = append([]byte(nil), read.Data...)
		e = read
	}
	a.events, a.notified = append(a.events, e), append(a.notified, now)
	if a.notify != nil {
		a.notify(a, now, e, out)
	}
}

func (a *actor) Timeout(now protocol.Time, out *protocol.Output) {
	if now < a.deadline {
		return
	}
	a.deadline = protocol.Never
	a.timeouts = append(a.timeouts, now)
	if a.timeout != nil {
		a.timeout(a, now, out)
	}
}

func (a *actor) Deadline() protocol.Time { return a.deadline }

// cast adds hosts 1 to n that are copies of the given actor.
func cast(w *World, n int, like actor) {
	for i := range n {
		w.Add(HostConfig{ID: protocol.NodeID(i + 1), Address: protocol.Address(rune('a' + i)), Build: func(b Boot) protocol.Machine {
			a := like
			a.boot, a.deadline = b, protocol.Never
			return &a
		}})
	}
}

func actorOf(w *World, id protocol.NodeID) *actor { return w.Machine(id).(*actor) }

// say has one host send a message of the given number and size of body to another.
func say(w *World, from, to protocol.NodeID, number uint64, size int) {
	w.Command(from, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
		out.Send(to, &toyMessage{number: number, body: make([]byte, size)})
	})
}

// do has a host ask for work.
func do(w *World, id protocol.NodeID, work protocol.Work) {
	w.Command(id, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) { out.Do(work) })
}

func ms(n float64) protocol.Time { return protocol.Time(math.Round(n * float64(time.Millisecond))) }
