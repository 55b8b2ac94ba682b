package sim

import (
	"encoding/binary"
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
