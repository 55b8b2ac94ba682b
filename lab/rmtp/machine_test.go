package rmtp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/lab/stream"
	"spinglass/protocol"

	"pgregory.net/rapid"
)

// machine makes the machine of a member in a group of n, whose sender is member 1.
func machine(t testing.TB, self, parent protocol.NodeID, n int, change func(*Config)) *Machine {
	t.Helper()
	c := DefaultConfig()
	c.Self, c.Sender, c.Parent, c.Rand = self, 1, parent, rand.New(rand.NewPCG(1, 2))
	if change != nil {
		change(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out protocol.Output
	m.Start(0, &out)
	for id := 1; id <= n; id++ {
		if protocol.NodeID(id) != self {
			m.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{ID: protocol.NodeID(id)}}, &out)
		}
	}
	return m
}

// A status says exactly what a window lacks of what it has heard of.
func TestStatusSaysWhatIsMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := stream.NewWindow(64, false)
		for _, n := range rapid.SliceOfN(rapid.Uint64Range(1, 60), 0, 40).Draw(t, "numbers") {
			here := rapid.Bool().Draw(t, "here")
			if w.Hear(n, here); here {
				w.Put(n, nil)
			}
		}
		s := status(w)
		decoded, err := new(Decoder).Decode(KindStatus, s.Append(nil))
		if err != nil || decoded.(*Message).End != w.End() {
			t.Fatalf("%v: %+v", err, decoded)
		}
		for n := uint64(1); n <= w.End(); n++ {
			if decoded.(*Message).has(n) == w.Missing(n) {
				t.Fatalf("%d is missing: %v, and the status %+v", n, w.Missing(n), s)
			}
		}
	})
}

// publish has the sender publish so many packets.
func publish(t *testing.T, m *Machine, now protocol.Time, packets int) {
	t.Helper()
	for range packets {
		if err := m.Publish(now, []byte("packet"), new(protocol.Output)); err != nil {
			t.Fatal(err)
		}
	}
}

// lacks is the status of a member that lacks packet 2 of 3.
func lacks() *Message { return &Message{kind: KindStatus, Number: 2, End: 3, Bits: []byte{1}} }

// "Repairs unicast, or multicast above a count."
func TestRepairs(t *testing.T) {
	for _, lacking := range []int{1, 3, 4, 6} {
		m := machine(t, 1, 0, 10, nil)
		publish(t, m, 0, 3)
		for i := range lacking {
			m.Receive(1, protocol.NodeID(i+2), lacks(), new(protocol.Output))
		}
		m.Receive(1, 9, &Message{kind: KindStatus, Number: 4, End: 3}, new(protocol.Output))
		var out protocol.Output
		at := protocol.Time(m.config.RepairInterval) + 1
		m.Timeout(at, &out)
		copies, spreads := 0, 0
		for _, e := range out.Effects {
			switch {
			case e.Message.Kind() != KindRepair:
			case e.Message.(*Message).Number != 2:
				t.Fatalf("packet %d is repaired", e.Message.(*Message).Number)
			case e.Kind == protocol.EffectSend:
				copies++
			default:
				spreads++
				if len(e.Targets) != lacking+1 {
					t.Errorf("a repair for %d children goes to %d", lacking+1, len(e.Targets))
				}
			}
		}
		if few := lacking <= 3; few && (copies != lacking || spreads != 0) || !few && (copies != 0 || spreads != 1) {
			t.Errorf("%d children lack a packet: %d copies and %d multicasts", lacking, copies, spreads)
		}
		// The next status was sent before the repair arrived.
		m.Receive(at+1, 2, lacks(), &out)
		if len(m.order) > 0 {
			t.Error("a packet is sent again right after it was")
		}
		m.Receive(at.Add(m.config.AckInterval), 2, lacks(), &out)
		if len(m.order) != 1 {
			t.Error("a packet is not sent again though the repair was lost")
		}
	}
}

// The window stops the sender until its slowest child has the packets, or is forgotten.
func TestWindow(t *testing.T) {
	m := machine(t, 1, 0, 3, func(c *Config) { c.Window = 4 })
	m.Receive(0, 2, &Message{kind: KindStatus, Number: 1}, new(protocol.Output))
	m.Receive(0, 3, &Message{kind: KindStatus, Number: 1}, new(protocol.Output))
	publish(t, m, 0, 4)
	var out protocol.Output
	if err := m.Publish(0, nil, &out); !errors.Is(err, ErrWindow) {
		t.Fatalf("beyond the window: %v", err)
	}
	m.Receive(1, 2, &Message{kind: KindStatus, Number: 5, End: 4}, &out)
	if len(out.Effects) > 0 {
		t.Fatalf("one of two children has everything: %v", out.Effects)
	}
	m.Receive(2, 3, &Message{kind: KindStatus, Number: 2, End: 4, Bits: []byte{7}}, &out)
	if len(out.Effects) != 1 || out.Effects[0].Event != (Writable{}) || m.Publish(2, nil, &out) != nil || !errors.Is(m.Publish(2, nil, &out), ErrWindow) {
		t.Fatalf("there is room for one packet: %v", out.Effects)
	}
	out.Reset()
	for now := protocol.Time(0); now < protocol.Time(6*time.Second); now = m.Deadline() {
		m.Receive(now, 2, &Message{kind: KindStatus, Number: 6, End: 5}, &out)
		m.Timeout(now, &out)
	}
	if m.Stats().Forgotten != 1 || m.Publish(protocol.Time(7*time.Second), nil, &out) != nil {
		t.Errorf("a silent child holds up the sender: %+v", m.Stats())
	}
}

// A designated receiver repairs from what it keeps, and one that lacks the packet itself does when it has it.
func TestDesignatedReceiver(t *testing.T) {
	m := machine(t, 2, 1, 4, nil)
	var out protocol.Output
	m.Receive(0, 1, &Message{kind: KindData, Number: 1, Body: []byte("packet")}, &out)
	m.Receive(0, 1, &Message{kind: KindData, Number: 3, Body: []byte("packet")}, &out)
	m.Receive(0, 3, lacks(), &out)
	if m.Stats().Unheld != 1 || len(m.order) > 0 {
		t.Errorf("%+v", m.Stats())
	}
	m.Receive(1, 1, &Message{kind: KindRepair, Number: 2, Body: []byte("packet")}, &out)
	m.Receive(2, 3, lacks(), &out)
	out.Reset()
	m.Timeout(protocol.Time(m.config.RepairInterval)+2, &out)
	found := false
	for _, e := range out.Effects {
		found = found || e.To == 3 && e.Message.Kind() == KindRepair && bytes.Equal(e.Message.(*Message).Body, []byte("packet"))
	}
	if !found {
		t.Errorf("no repair: %v", out.Effects)
	}
}

// Whatever decodes has one encoding, and harms no member.
func FuzzDecode(f *testing.F) {
	for _, m := range []*Message{
		{kind: KindData, Number: 1, Body: []byte("x")}, {kind: KindRepair, Number: 1 << 40}, lacks(), {kind: KindExtent, Number: 3}, {kind: KindExtent},
		{kind: KindStatus, Number: 1 << 60, End: 1<<60 + 9, Bits: []byte{0, 0}},
	} {
		f.Add(uint8(m.kind), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		m, err := new(Decoder).Decode(protocol.Kind(kind), body)
		if err != nil {
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, body) || m.Size() != len(body) {
			t.Fatalf("%x decodes and encodes to %x, of %d bytes", body, again, m.Size())
		}
		for self := protocol.NodeID(1); self <= 2; self++ {
			member := machine(t, self, self-1, 4, nil)
			var out protocol.Output
			if self == 1 {
				for range 3 {
					if err := member.Publish(0, []byte("own"), &out); err != nil {
						t.Fatal(err)
					}
				}
			}
			for from := range protocol.NodeID(5) {
				member.Receive(protocol.Time(from), from, m, &out)
			}
			for range 20 {
				member.Timeout(member.Deadline(), &out)
				out.Reset()
			}
		}
	})
}
