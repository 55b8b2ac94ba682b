package stack_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/stack"
	"spinglass/table"
	"spinglass/wire"
)

// recordTraffic runs a small fleet and returns the frames that its nodes sent, a few of each kind.
func recordTraffic() (frames [][]byte) {
	const perKind = 4
	seen := map[protocol.Kind]int{}
	w := sim.New(sim.Config{Seed: 3, Network: sim.Network{Topology: sim.Flat{Link: &sim.Link{Loss: 0.2, Latency: sim.Constant(time.Millisecond)}}}})
	newFleet(w, 4, 20*time.Millisecond, protocol.Time(6*time.Second))
	for id := range protocol.NodeID(4) {
		joinGroup(w, id+1, protocol.Time(time.Second), protocol.Time(6*time.Second))
	}
	w.At(protocol.Time(3*time.Second), func() {
		w.Command(1, func(now protocol.Time, m protocol.Machine, _ *protocol.Output) {
			if err := m.(subscribed).Bimodal.Configure(now, topic, bimodal.TopicOptions{Spread: bimodal.SpreadTree}); err != nil {
				panic(err)
			}
		})
	})
	w.Trace(func(s *sim.Step) {
		for i := range s.Effects {
			m := s.Effects[i].Message
			if m == nil || seen[m.Kind()] == perKind {
				continue
			}
			seen[m.Kind()]++
			frames = append(frames, wire.AppendFrame(nil, m))
		}
	})
	w.Run(protocol.Time(7 * time.Second))
	for _, m := range []protocol.Message{
		&bimodal.MulticastProbe{Topic: bimodal.TopicOf(topic), Round: 1}, &bimodal.MulticastHeard{Topic: bimodal.TopicOf(topic), Round: 1},
		&bimodal.MulticastHeard{Topic: bimodal.TopicOf(topic), Round: 1, Lost: true},
		&astrolabe.Digest{Zone: "/eu", Stamp: 1}, &astrolabe.Delta{Zone: "/eu", Rows: []membership.RowUpdate{{Row: &table.Row{Owner: 3, Epoch: 1, Sequence: 1, Name: "/eu"}, Heartbeat: 1}}},
		&astrolabe.FunctionPart{Zone: "/lab", ID: 1, Whole: 3, Bytes: []byte("abc")},
		&astrolabe.Ask{Number: 1, Subject: astrolabe.SubjectTable, Path: "/"}, &astrolabe.Ask{Number: 2, Subject: astrolabe.SubjectBlob}, &astrolabe.Piece{Number: 1, Sum: 1, Whole: 3, Bytes: []byte("abc")},
	} {
		frames = append(frames, wire.AppendFrame(nil, m))
	}
	return frames
}

// fuzzed is a node in the middle of its life: it has peers, a subscription, streams, and holes in them.
func fuzzed(frames [][]byte) (*stack.Node, *stack.Decoder, *protocol.Output) {
	n, err := stack.New(nodeConfig(sim.Boot{ID: 9, Address: "a9", Rand: rand.New(rand.NewPCG(1, 2))}, 0, true))
	if err != nil {
		panic(err)
	}
	d, out := &stack.Decoder{}, &protocol.Output{}
	n.Start(0, out)
	for _, effect := range out.Effects {
		if p, ok := effect.Work.(*protocol.Persist); ok {
			n.Notify(0, protocol.Persisted{Number: p.Number, Key: p.Key}, out)
		}
	}
	if err := n.Subscribe(0, topic, out); err != nil {
		panic(err)
	}
	if err := n.Publish(0, topic, make([]byte, 5000), out); err != nil {
		panic(err)
	}
	if err := n.JoinGroup(0, groupName, groupOptions(), out); err != nil {
		panic(err)
	}
	n.Notify(0, protocol.MulticastOffered{Groups: 20}, out)
	n.Timeout(0, out)
	for i, frame := range frames {
		deliver(n, d, out, protocol.Time(i), protocol.NodeID(i%4+1), frame)
	}
	return n, d, out
}

// deliver gives a node the frames as the real driver does, in lent memory that is overwritten afterwards.
func deliver(n *stack.Node, d *stack.Decoder, out *protocol.Output, now protocol.Time, from protocol.NodeID, frames []byte) {
	lent := append([]byte(nil), frames...)
	for rest := lent; rest != nil; {
		kind, body, next, err := wire.NextFrame(rest)
		if err != nil || kind == wire.KindPadding {
			break
		}
		if m, err := d.Decode(kind, body); err == nil {
			n.Receive(now, from, m, out)
		}
		rest = next
	}
	for i := range lent {
		lent[i] = 0xa5
	}
	out.Reset()
}

// protocol, contract 4: "Bad input from a peer never panics". A datagram whose checksum fits may still hold anything at all: what decodes goes to
// the machines, with rounds in between. The first byte of a block says who sends it, the second how much time passes, two give its length.
func FuzzReceive(f *testing.F) {
	frames := recordTraffic()
	var session []byte
	for i, frame := range frames {
		block := append([]byte{byte(i), 60}, binary.BigEndian.AppendUint16(nil, uint16(len(frame)))...)
		session = append(session, append(block, frame...)...)
		f.Add(append(block, frame...))
	}
	f.Add(session)
	f.Fuzz(func(t *testing.T, input []byte) {
		n, d, out := fuzzed(frames)
		now := protocol.Time(time.Second)
		for len(input) >= 4 {
			from, wait := protocol.NodeID(input[0]%10+1), time.Duration(input[1])*10*time.Millisecond
			length := min(int(binary.BigEndian.Uint16(input[2:])), len(input)-4)
			for end := now.Add(wait); n.Deadline() <= end; {
				now = max(now, n.Deadline())
				n.Timeout(now, out)
				out.Reset()
			}
			now = now.Add(wait)
			deliver(n, d, out, now, from, input[4:4+length])
			input = input[4+length:]
		}
		for range 200 {
			now = max(now, n.Deadline())
			n.Timeout(now, out)
			out.Reset()
		}
		if stats := n.Bimodal.Stats(); stats.BufferedBytes < 0 || stats.BufferedPackets < 0 {
			t.Fatalf("the buffer's account is negative: %+v", stats)
		}
	})
}
