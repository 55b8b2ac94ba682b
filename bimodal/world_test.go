package bimodal

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// world is a small event-driven network of machines, for tests that want to look inside them.
type world struct {
	t       *testing.T
	now     protocol.Time
	rand    *rand.Rand
	nodes   []*node
	index   map[protocol.NodeID]*node
	queue   arrivals
	order   uint64
	loss    float64
	twice   float64 // probability of duplication
	delay   time.Duration
	spread  time.Duration // further delay, evenly up to
	lose    func(from, to protocol.NodeID, m protocol.Message) bool
	groups  map[protocol.Group][]protocol.NodeID // who joined, in the order of joining
	stopped func(from, to protocol.NodeID) bool  // the network does not forward to groups from one to the other
	alter   func(from, to protocol.NodeID, m protocol.Message) protocol.Message
	encoded bool // encode and decode every message, and scribble over it afterwards
	signed  bool // members sign what they publish
	decoder Decoder
}

type node struct {
	*Machine
	id      protocol.NodeID
	out     protocol.Output
	pausing protocol.Time // asleep until then
	events  []protocol.Event
	got     map[StreamID]*account
	quiet   bool // count, but do not keep events
	rated   bool // its rating leaves messages out
	tainted *int // messages delivered that their authors have not made; nil where there must be none
}

// account is what a node was told of one stream.
type account struct {
	next      uint64 // number expected
	delivered uint64
	lost      uint64
	spared    uint64 // between what was delivered or lost
}

type arrival struct {
	at       protocol.Time
	order    uint64
	from, to protocol.NodeID
	message  protocol.Message
	kind     protocol.Kind
	body     []byte
}

type arrivals []arrival

func (a arrivals) Len() int { return len(a) }
func (a arrivals) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)   { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any {
	old := *a
	x := old[len(old)-1]
	*a = old[:len(old)-1]
	return x
}

// newWorld makes n machines with ids from 1 that subscribe to topics and know each other.
func newWorld(t *testing.T, seed uint64, n int, change func(i int, c *Config), topics ...string) *world {
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), index: make(map[protocol.NodeID]*node), groups: make(map[protocol.Group][]protocol.NodeID),
		delay: time.Millisecond, encoded: seed%2 == 0, signed: Signs(seed),
	}
	for i := range n {
		c := DefaultConfig()
		c.Self, c.Epoch, c.Rand = protocol.NodeID(i+1), 1, rand.New(rand.NewPCG(seed, uint64(i)+2))
		if w.signed {
			c.Notary = modelNotary(c.Self)
		}
		if change != nil {
			change(i, &c)
		}
		m, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		nd := &node{Machine: m, id: c.Self, got: make(map[StreamID]*account)}
		w.nodes = append(w.nodes, nd)
		w.index[c.Self] = nd
		m.Start(w.now, &nd.out)
		for _, topic := range topics {
			if err := m.Subscribe(w.now, topic, &nd.out); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, nd := range w.nodes {
		w.flush(nd)
	}
	w.introduce()
	return w
}

// interest returns the attribute that a node last announced.
func (nd *node) interest() []protocol.Attribute {
	var out protocol.Output
	nd.announceInterest(&out)
	return []protocol.Attribute{out.Effects[0].Event.(protocol.SetAttribute).Attribute}
}

// introduce tells every node of every other.
func (w *world) introduce() {
	for _, a := range w.nodes {
		peer := &protocol.Peer{ID: a.id, Epoch: a.config.Epoch, RoundTrip: 2 * w.delay, Attributes: a.interest()}
		if w.signed {
			peer.Credential = credentialOf(a.id)
		}
		for _, b := range w.nodes {
			if a != b {
				b.Notify(w.now, protocol.PeerUp{Peer: peer}, &b.out)
				w.flush(b)
			}
		}
	}
}

func (w *world) publish(nd *node, topic string, payload []byte) {
	w.t.Helper()
	if err := nd.Publish(w.now, topic, payload, &nd.out); err != nil {
		w.t.Fatal(err)
	}
	w.flush(nd)
}

func (w *world) flush(nd *node) {
	for _, e := range nd.out.Effects {
		switch e.Kind {
		case protocol.EffectSend:
			w.send(nd.id, e.To, e.Message)
		case protocol.EffectSpread:
			for _, to := range e.Targets {
				w.send(nd.id, to, e.Message)
			}
		case protocol.EffectMulticast:
			for _, to := range w.groups[e.Group] {
				if to != nd.id && (w.stopped == nil || !w.stopped(nd.id, to)) {
					w.send(nd.id, to, e.Message)
				}
			}
			for _, to := range e.Targets {
				w.send(nd.id, to, e.Message)
			}
		case protocol.EffectJoinGroup:
			w.groups[e.Group] = append(w.groups[e.Group], nd.id)
		case protocol.EffectLeaveGroup:
			w.groups[e.Group] = slices.DeleteFunc(w.groups[e.Group], func(id protocol.NodeID) bool { return id == nd.id })
		case protocol.EffectEmit:
			nd.take(w.t, e.Event)
		}
	}
	nd.out.Reset()
}

func (w *world) send(from, to protocol.NodeID, m protocol.Message) {
	if w.index[to] == nil || w.lose != nil && w.lose(from, to, m) {
		return
	}
	if w.alter != nil {
		m = w.alter(from, to, m)
	}
	copies := 1
	if w.rand.Float64() < w.twice {
		copies = 2
	}
	for range copies {
		if w.rand.Float64() < w.loss {
			continue
		}
		at := w.now.Add(w.delay)
		if w.spread > 0 {
			at = at.Add(time.Duration(w.rand.Int64N(int64(w.spread))))
		}
		w.order++
		a := arrival{at: at, order: w.order, from: from, to: to, message: m}
		if w.encoded {
			a.kind, a.message, a.body = m.Kind(), nil, m.Append(nil)
			if len(a.body) != m.Size() {
				w.t.Fatalf("%T says its size is %d and encodes to %d", m, m.Size(), len(a.body))
			}
		}
		if n := wire.HeaderSize + wire.FrameSize(m.Size()); n > w.index[from].config.DatagramSize {
			w.t.Fatalf("%T takes a datagram of %d bytes", m, n)
		}
		heap.Push(&w.queue, a)
	}
}

// take checks an event against what came before it.
func (nd *node) take(t *testing.T, e protocol.Event) {
	if !nd.quiet {
		nd.events = append(nd.events, e)
	}
	switch e := e.(type) {
	case *Delivery:
		a := nd.account(StreamID{e.Author, e.Epoch, TopicOf(e.Topic)}, e.First)
		if nd.rated && e.First > a.next {
			a.spared += e.First - a.next
			a.next = e.First
		}
		if e.First != a.next {
			t.Fatalf("node %v was delivered message %d of %v and expected %d", nd.id, e.First, e.Author, a.next)
		}
		count, number := 0, e.First
		for n, payload := range e.Messages {
			if n != number {
				t.Fatalf("message %d is yielded as %d", number, n)
			}
			if nd.tainted != nil && payload[len(payload)-1] != byte((len(payload)-1)*31+(int(n)-1)*7+int(e.Author)) {
				*nd.tainted++
			} else {
				checkPayload(t, e.Author, payload)
			}
			count, number = count+1, number+1
		}
		if count != e.Count || count == 0 {
			t.Fatalf("a delivery of %d messages yields %d", e.Count, count)
		}
		a.next += uint64(count)
		a.delivered += uint64(count)
	case *Gap:
		a := nd.account(StreamID{e.Author, e.Epoch, TopicOf(e.Topic)}, e.First)
		if nd.rated && e.First >= a.next && e.Count > 0 && e.Count <= e.Last-e.First+1 {
			a.spared += e.Last + 1 - a.next - e.Count
			a.next = e.Last + 1
			a.lost += e.Count
			return
		}
		if e.First != a.next || e.Last < e.First || e.Count != e.Last-e.First+1 {
			t.Fatalf("node %v: gap %+v where message %d was expected", nd.id, e, a.next)
		}
		a.next = e.Last + 1
		a.lost += e.Count
	}
}

func (nd *node) account(id StreamID, first uint64) *account {
	a := nd.got[id]
	if a == nil {
		a = &account{next: first}
		nd.got[id] = a
	}
	return a
}

// payload makes bytes that tell their author and are easily checked.
func payload(author protocol.NodeID, number, size int) []byte {
	p := make([]byte, max(size, 16))
	copy(p, fmt.Sprintf("%04d %010d ", author%10_000, number))
	for i := 16; i < len(p); i++ {
		p[i] = byte(i*31 + number*7 + int(author))
	}
	return p
}

func checkPayload(t *testing.T, author protocol.NodeID, got []byte) {
	var who protocol.NodeID
	var number int
	if _, err := fmt.Sscanf(string(got[:16]), "%04d %010d ", &who, &number); err != nil || who != author%10_000 {
		t.Fatalf("a message of %v begins with %q: %v", author, got[:min(len(got), 16)], err)
	}
	for i := 16; i < len(got); i++ {
		if got[i] != byte(i*31+number*7+int(author)) {
			t.Fatalf("message %d of %v differs at byte %d of %d", number, author, i, len(got))
		}
	}
}

// run lets everything happen up to a time.
func (w *world) run(until protocol.Time) {
	for {
		next, who := until, (*node)(nil)
		for _, nd := range w.nodes {
			if at := max(nd.Deadline(), nd.pausing); at != protocol.Never && at < next {
				next, who = at, nd
			}
		}
		if len(w.queue) > 0 && w.queue[0].at <= next {
			a := heap.Pop(&w.queue).(arrival)
			to := w.index[a.to]
			if to.pausing > a.at {
				a.at = to.pausing
				heap.Push(&w.queue, a)
				continue
			}
			w.now = max(w.now, a.at)
			w.arrive(to, a)
			continue
		}
		if who == nil {
			w.now = max(w.now, until)
			return
		}
		w.now = max(w.now, next)
		who.Timeout(w.now, &who.out)
		w.flush(who)
	}
}

func (w *world) arrive(to *node, a arrival) {
	m := a.message
	var lent []byte
	if w.encoded {
		lent = append(lent, a.body...)
		decoded, err := w.decoder.Decode(a.kind, lent)
		if err != nil {
			w.t.Fatalf("kind %d: %v", a.kind, err)
		}
		m = decoded
	}
	to.Receive(w.now, a.from, m, &to.out)
	for i := range lent {
		lent[i] = 0xa5
	}
	w.flush(to)
}

// settled checks that node nd was delivered or told as lost all messages of the stream.
func (w *world) settled(nd *node, author *node, topic string, sent uint64) *account {
	w.t.Helper()
	a := nd.got[StreamID{author.id, author.config.Epoch, TopicOf(topic)}]
	if a == nil {
		a = &account{}
	}
	if a.delivered+a.lost != sent {
		w.t.Errorf("node %v: %d delivered and %d lost of %d sent by %v", nd.id, a.delivered, a.lost, sent, author.id)
	}
	return a
}
