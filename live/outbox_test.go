package live

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// fakeLink is a link that records, and refuses segments as told.
type fakeLink struct {
	refuse error // of sends with segments
	most   int   // bytes of the largest segment that is not refused
	sends  []string
	order  []uint16 // ports of the destinations
	got    map[netip.AddrPort][][]byte
}

func (l *fakeLink) read([]byte) (arrival, error) { panic("not read from") }

func (l *fakeLink) write(b []byte, segment int, to netip.AddrPort) error {
	if segment > 0 && segment < len(b) && segment > l.most {
		return l.refuse
	}
	l.sends = append(l.sends, fmt.Sprintf("%d/%d", len(b), segment))
	l.order = append(l.order, to.Port())
	for len(b) > 0 {
		size := len(b)
		if segment > 0 {
			size = min(size, segment)
		}
		l.got[to] = append(l.got[to], slices.Clone(b[:size]))
		b = b[size:]
	}
	return nil
}

func (l *fakeLink) answer(b []byte, to netip.AddrPort) error { return l.write(b, 0, to) }

func (l *fakeLink) reaches(to netip.AddrPort) bool { return to.Addr().Is4() }
func (l *fakeLink) segments() bool                 { return true }

// idleOver returns an idle node over a link, and the function that sends what its outbox holds.
func idleOver(t testing.TB, l link) (n *Node, send func()) {
	n = idle(t, &toy{})
	n.link = l
	n.segments.Store(true)
	w := writer{node: n, segmentMax: 1 << 30}
	return n, func() {
		n.out.flush()
		for len(n.out.full) > 0 {
			for p := <-n.out.full; p != nil; {
				p = w.run(p)
			}
		}
	}
}

func know(n *Node, id protocol.NodeID, address string) {
	n.book.observe(0, protocol.PeerUp{Peer: &protocol.Peer{ID: id, Addresses: []protocol.Address{protocol.Address(address)}}})
}

// Whatever is sent to whom in what sizes, each destination gets its messages whole, once and in order, in well-formed datagrams
// that do not exceed their limit. Seeds 1 to 50.
func TestOutboxDeliversEverything(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed+1, 0))
		l := &fakeLink{most: 1 << 20, got: map[netip.AddrPort][][]byte{}}
		n, send := idleOver(t, l)
		want := map[netip.AddrPort][]string{}
		for id := range protocol.NodeID(40) {
			know(n, id+2, fmt.Sprintf("10.0.1.%d:7400", id+2))
		}
		sets := make([][]protocol.NodeID, 24)
		for i := range sets {
			for range 1 + random.IntN(5) {
				sets[i] = append(sets[i], protocol.NodeID(2+random.IntN(40)))
			}
			slices.Sort(sets[i])
			sets[i] = slices.Compact(sets[i])
		}
		used := 1 + random.IntN(len(sets))
		for i := range 400 {
			size := 10 + random.IntN([]int{50, 1300, 1300, 30000}[random.IntN(4)])
			body := append([]byte(fmt.Sprintf("%04d", i)), make([]byte, size)...)
			set := sets[random.IntN(used)]
			n.output.Spread(set, &text{body: body})
			n.carryOut(0)
			for _, id := range set {
				to := mustAddr(fmt.Sprintf("10.0.1.%d:7400", id))
				want[to] = append(want[to], fmt.Sprintf("%04d %d", i, size))
			}
			if random.IntN(50) == 0 || len(n.out.full) > 8 {
				send()
			}
		}
		send()
		for to, messages := range want {
			if got := messagesOf(t, l.got[to], n.config.DatagramSize); !sameSet(got, messages) {
				t.Fatalf("seed %d: %v got %v, want %v", seed+1, to, got, messages)
			}
		}
	}
}

// sameSet compares without order, which different destination sets may swap.
func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func messagesOf(t *testing.T, datagrams [][]byte, limit int) (messages []string) {
	for _, d := range datagrams {
		_, frames, err := wire.OpenDatagram(d)
		if err != nil {
			t.Fatal(err)
		}
		inside := 0
		for {
			kind, body, rest, err := wire.NextFrame(frames)
			if err != nil {
				t.Fatal(err)
			}
			if kind == wire.KindPadding {
				break
			}
			inside++
			messages = append(messages, fmt.Sprintf("%s %d", body[:4], len(body)-4))
			frames = rest
		}
		if inside > 1 && len(d) > limit {
			t.Errorf("%d messages share a datagram of %d bytes", inside, len(d))
		}
	}
	return messages
}

func TestSegmentsAreMadeEqual(t *testing.T) {
	l := &fakeLink{most: 1 << 20, got: map[netip.AddrPort][][]byte{}}
	n, send := idleOver(t, l)
	know(n, 2, "10.0.0.2:7400")
	for _, size := range []int{1200, 1190, 1195, 1200, 200} {
		n.output.Send(2, &text{body: make([]byte, size)})
	}
	n.carryOut(0)
	send()
	// Datagrams of 1216 bytes, and in the end one of 216: the bodies, 13 bytes of header and 3 of frame.
	if want := []string{"5080/1216"}; !slices.Equal(l.sends, want) {
		t.Errorf("sends %v, want %v", l.sends, want)
	}
	if got := n.count.bytesPadded.Load(); got != 10+5 {
		t.Errorf("%d bytes of padding, want 15", got)
	}
}

func TestRefusedSegmentsAreSentPlain(t *testing.T) {
	for _, c := range []struct {
		refuse error
		most   int
		lasts  bool // whether segments are given up
		sends  int
	}{
		{syscall.EIO, 0, true, 20},
		{syscall.EINVAL, 1000, false, 10 + 1},
		{syscall.EMSGSIZE, 1000, false, 10 + 1},
	} {
		l := &fakeLink{refuse: c.refuse, most: c.most, got: map[netip.AddrPort][][]byte{}}
		n, send := idleOver(t, l)
		know(n, 2, "10.0.0.2:7400")
		for _, size := range []int{1300, 900} {
			for range 10 {
				n.output.Send(2, &text{body: append([]byte("0000"), make([]byte, size-4)...)})
			}
			n.carryOut(0)
			send()
		}
		if got := len(messagesOf(t, l.got[mustAddr("10.0.0.2:7400")], n.config.DatagramSize)); got != 20 {
			t.Errorf("%v: %d of 20 messages arrived", c.refuse, got)
		}
		if n.segments.Load() == c.lasts || len(l.sends) != c.sends {
			t.Errorf("%v: segments %t after %d sends, want %t after %d", c.refuse, n.segments.Load(), len(l.sends), !c.lasts, c.sends)
		}
		if drops := n.count.drops.snapshot(); len(drops) != 0 {
			t.Errorf("%v: drops %v", c.refuse, drops)
		}
	}
}

func TestSendDropsAreCounted(t *testing.T) {
	l := &fakeLink{got: map[netip.AddrPort][][]byte{}}
	n, send := idleOver(t, l)
	know(n, 2, "10.0.0.2:7400")
	know(n, 6, "[2001:db8::6]:7400")
	m := &text{body: []byte("0000")}
	n.output.Spread([]protocol.NodeID{2, 3, 4}, m)
	n.output.Spread([]protocol.NodeID{2, 3, 4}, m)
	n.output.Send(5, m)
	n.output.Send(6, m)
	n.output.Send(2, &text{body: make([]byte, wire.DatagramMax)})
	for _, address := range []protocol.Address{"", "10.0.0.1", "10.0.0.1:0", "0.0.0.0:1", "224.0.0.1:7", "255.255.255.255:7", "host:name"} {
		n.output.SendAddress(address, m)
	}
	n.output.Drop(9, "of_the_machine")
	n.carryOut(0)
	send()
	want := map[protocol.Reason]uint64{
		ReasonAddressUnknown: 5, ReasonSendUnreachable: 1, ReasonMessageOversize: 1, ReasonAddressBad: 7, "of_the_machine": 1,
	}
	if got := n.count.drops.snapshot(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("drops %v, want %v", got, want)
	}
	if got := len(l.got[mustAddr("10.0.0.2:7400")]); got != 1 {
		t.Errorf("peer 2 got %d datagrams, want both messages in one", got)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	var d drops
	d.init()
	for i := range 2 * reasonsMax {
		d.add(protocol.Reason(fmt.Sprint("reason", i)), 1)
	}
	got := d.snapshot()
	if len(got) != reasonsMax+1 || got[ReasonOther] != reasonsMax {
		t.Errorf("%d reasons, %d under other; want %d and %d", len(got), got[ReasonOther], reasonsMax+1, reasonsMax)
	}
}

// "No allocation per packet": steady state of sending and of receiving.
func TestPacketsAllocateNothing(t *testing.T) {
	n, send := idleOver(t, nullLink{})
	targets := []protocol.NodeID{2, 3, 4}
	for _, id := range targets {
		know(n, id, fmt.Sprintf("10.0.0.%d:7400", id))
	}
	m := protocol.Message(&text{body: make([]byte, 1100)})
	sending := func() {
		for range 60 {
			n.output.Spread(targets, m)
			n.output.Send(3, m)
		}
		n.carryOut(0)
		send()
	}
	if got := testing.AllocsPerRun(100, sending); got != 0 {
		t.Errorf("sending 120 messages allocates %v times", got)
	}
	b := datagram(2, "one", "two", "three")
	s := &slab{buffer: b}
	s.add(arrival{size: len(b), from: mustAddr("10.0.0.2:7400")}, 0)
	if got := testing.AllocsPerRun(100, func() { n.receiveSlab(s) }); got != 0 {
		t.Errorf("receiving a datagram allocates %v times", got)
	}
}

// nullLink takes everything.
type nullLink struct{ *fakeLink }

func (nullLink) write([]byte, int, netip.AddrPort) error { return nil }
func (nullLink) reaches(netip.AddrPort) bool             { return true }

// TestRunsOfParcels has parcels in a row go to one destination before the next, as long as they go to the same ones, and up to runMax at a time.
func TestRunsOfParcels(t *testing.T) {
	l := &fakeLink{got: map[netip.AddrPort][][]byte{}}
	n, send := idleOver(t, l)
	to := func(ports ...uint16) {
		p := n.out.parcel()
		for _, port := range ports {
			p.targets = append(p.targets, target{to: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), port)})
		}
		p.buffer = wire.BeginDatagram(p.buffer, 1)
		p.count, p.segment = 1, len(p.buffer)
		n.out.hand(p)
	}
	for range runMax + 1 {
		to(1, 2)
	}
	to(3)
	to(2, 1)
	to(2, 1)
	send()
	want := slices.Concat(slices.Repeat([]uint16{1}, runMax), slices.Repeat([]uint16{2}, runMax), []uint16{1, 2, 3, 2, 2, 1, 1})
	if !slices.Equal(l.order, want) {
		t.Errorf("%v, want %v", l.order, want)
	}
	if n.out.busy() {
		t.Error("a parcel was not taken back")
	}
}
