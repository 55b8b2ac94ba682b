package live

import (
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"spinglass/protocol"
	"spinglass/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text is the message of the toy machines.
type text struct {
	body []byte
	lent bool
}

func (t *text) Kind() protocol.Kind    { return wire.KindTest }
func (t *text) Size() int              { return len(t.body) }
func (t *text) Append(b []byte) []byte { return append(b, t.body...) }
func (t *text) Lent() bool             { return t.lent }

// textDecoder decodes text, and refuses bodies that begin with '!'.
type textDecoder struct{ message text }

func (d *textDecoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	if kind != wire.KindTest {
		return nil, wire.ErrKind
	}
	if len(body) > 0 && body[0] == '!' {
		return nil, wire.ErrRange
	}
	d.message = text{body, true}
	return &d.message, nil
}

// toy is a machine made of functions. Those that are nil do nothing.
type toy struct {
	start    func(now protocol.Time, out *protocol.Output)
	receive  func(now protocol.Time, from protocol.NodeID, body []byte, out *protocol.Output)
	notify   func(now protocol.Time, e protocol.Event, out *protocol.Output)
	timeout  func(now protocol.Time, out *protocol.Output)
	deadline protocol.Time
	received atomic.Uint64
}

func (t *toy) Start(now protocol.Time, out *protocol.Output) {
	if t.start != nil {
		t.start(now, out)
	}
}

func (t *toy) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	t.received.Add(1)
	if t.receive != nil {
		t.receive(now, from, m.(*text).body, out)
	}
}

func (t *toy) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	if t.notify != nil {
		t.notify(now, e, out)
	}
}

func (t *toy) Timeout(now protocol.Time, out *protocol.Output) {
	if now < t.Deadline() {
		return
	}
	t.deadline = 0
	if t.timeout != nil {
		t.timeout(now, out)
	}
}

// Deadline treats the zero deadline as none.
func (t *toy) Deadline() protocol.Time {
	if t.deadline == 0 {
		return protocol.Never
	}
	return t.deadline
}

// run starts a node on loopback, without multicast, that ends with the test. change, which may be nil, adapts the configuration.
func run(t testing.TB, id protocol.NodeID, m protocol.Machine, change func(*Config)) *Node {
	t.Helper()
	c := Config{ID: id, Machine: m, Decoder: &textDecoder{}, Listen: "127.0.0.1:0", NoMulticast: true}
	if change != nil {
		change(&c)
	}
	n, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	n.streams.linger = patience // as for handshakes: see change
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// introduce tells a node of peers.
func introduce(t testing.TB, n *Node, peers ...*Node) {
	t.Helper()
	err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
		for _, p := range peers {
			out.Emit(protocol.PeerUp{Peer: &protocol.Peer{ID: p.config.ID, Addresses: []protocol.Address{p.Advertised()}}})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// patience is how long tests wait for what takes milliseconds on a machine that has nothing else to do.
const patience = time.Minute

// eventually waits for a condition that another goroutine brings about.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatalf("not within %v: %s", patience, what)
		case <-tick.C:
		}
	}
}
