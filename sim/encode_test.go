package sim

import (
	"errors"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// sendOnce is a world in which host 1 sends m to host 2.
func sendOnce(c Config, m protocol.Message) *World {
	w := New(c)
	cast(w, 2, actor{})
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) { out.Send(2, m) })
	return w
}

// misfit is a message that breaks one rule.
type misfit struct {
	toyMessage
	size    int // more than there is
	appends func()
}

func (m *misfit) Size() int { return m.toyMessage.Size() + m.size }
func (m *misfit) Append(b []byte) []byte {
	if m.appends != nil {
		m.appends()
	}
	return m.toyMessage.Append(b)
}

// oddDecoder breaks one rule of decoders.
type oddDecoder struct {
	toyDecoder
	err   error
	alter bool
}

func (d *oddDecoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	m, err := d.toyDecoder.Decode(kind, body)
	if d.alter {
		d.message.number++
	}
	return m, errors.Join(err, d.err)
}

func TestWireModeBites(t *testing.T) {
	wired := Config{Wire: true, Decoder: newToyDecoder}
	with := func(d oddDecoder) Config {
		return Config{Wire: true, Decoder: func() protocol.Decoder { return &d }}
	}
	mustPanic(t, "bytes more than its Size", func() { sendOnce(wired, &misfit{size: -1}).Run(1) })
	mustPanic(t, "the decoder refuses", func() { sendOnce(with(oddDecoder{err: errors.New("no")}), &toyMessage{}).Run(1) })
	mustPanic(t, "is not what was encoded", func() { sendOnce(with(oddDecoder{alter: true}), &toyMessage{}).Run(1) })
	m := &toyMessage{body: []byte("body")}
	wired.Network = Network{Topology: Flat{&Link{Latency: Constant(10)}}}
	w := sendOnce(wired, m)
	w.Run(5)
	m.body[0] = 'B'
	mustPanic(t, "was changed after", func() { w.Run(100) })
}

func TestTargetsMustNotChange(t *testing.T) {
	w := New(Config{Wire: true, Decoder: newToyDecoder, Network: Network{Topology: Flat{&Link{Latency: Constant(10)}}}})
	cast(w, 2, actor{})
	targets := []protocol.NodeID{2, 2}
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) { out.Spread(targets, &toyMessage{}) })
	w.Run(5)
	targets[1] = 1
	mustPanic(t, "the targets of a *sim.toyMessage were changed", func() { w.Run(100) })
}

// "An early or spurious Timeout does nothing."
func TestSpuriousTimeoutMustDoNothing(t *testing.T) {
	w := gossipWorld(Config{Spurious: true}, 3)
	w.Run(seconds(1))
	plain := gossipWorld(Config{}, 3)
	plain.Run(seconds(1))
	if plain.Hash() != w.Hash() {
		t.Error("spurious timeouts change the trace of machines that keep the contract")
	}
	for _, m := range []*eager{{talks: true}, {}} {
		w := New(Config{Spurious: true})
		w.Add(HostConfig{ID: 1, Build: func(Boot) protocol.Machine { return m }})
		mustPanic(t, "did something at a Timeout before its deadline", func() { w.Run(1) })
	}
}

// eager is a machine that acts at every Timeout, whether it is due or not.
type eager struct {
	actor
	talks bool
}

func (e *eager) Start(now protocol.Time, _ *protocol.Output) { e.deadline = now + 100 }
func (e *eager) Timeout(now protocol.Time, out *protocol.Output) {
	if e.talks {
		out.Emit(toyEvent{})
		return
	}
	e.deadline++
}

func TestLentMessageMustNotBeEmitted(t *testing.T) {
	w := New(Config{Wire: true, Decoder: newToyDecoder})
	cast(w, 2, actor{receive: func(a *actor, _ protocol.Time, from protocol.NodeID, m *toyMessage, out *protocol.Output) {
		out.Send(from, m)
	}})
	say(w, 1, 2, 1, 0)
	mustPanic(t, "emitted a lent", func() { w.Run(1) })
}

// hoarder keeps the bodies that it was lent, which is a bug that shows with Wire only.
type hoarder struct {
	gossiper
	last []byte
}

func (h *hoarder) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	for _, c := range h.last {
		h.sum += uint64(c)
	}
	h.last = m.(*toyMessage).body
	h.gossiper.Receive(now, from, m, out)
}

// "Equal seeds must give equal trace hashes either way": a machine that keeps lent memory gives itself away.
func TestKeptMemoryChangesTheHash(t *testing.T) {
	trial := Trial{Config: Config{Seed: 1, Decoder: newToyDecoder}, Safety: 5e9, Build: func(w *World) {
		for i := range 4 {
			w.Add(HostConfig{ID: protocol.NodeID(i + 1), Build: func(b Boot) protocol.Machine {
				return &hoarder{gossiper: gossiper{boot: b, peers: 4, period: 5e7}}
			}})
		}
	}}
	bites(t, trial.Repeat(), "wire on and off differ: step ")
}

func TestContentCountsForTheHash(t *testing.T) {
	run := func(content bool, number uint64) uint64 {
		w := sendOnce(Config{Content: content}, &toyMessage{number: number})
		w.Run(1)
		return w.Hash()
	}
	if run(false, 1) != run(false, 2) {
		t.Error("without Content, the hash covers the body")
	}
	if run(true, 1) == run(true, 2) {
		t.Error("with Content, the hash does not cover the body")
	}
}

func TestSizeIsThatOfTheDatagram(t *testing.T) {
	w := sendOnce(Config{}, &toyMessage{body: make([]byte, 300)})
	w.Run(1)
	want := len(appendDatagram(nil, 1, &toyMessage{body: make([]byte, 300)}))
	if s := w.Stats(); s.SentBytes != uint64(want) || want != wire.HeaderSize+1+2+308 {
		t.Errorf("%d bytes sent, the datagram has %d", s.SentBytes, want)
	}
	if h := w.HostStats(2); h.ReceivedBytes != uint64(want) || h.Received != 1 {
		t.Errorf("host 2: %+v", h)
	}
}
