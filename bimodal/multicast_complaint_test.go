package bimodal

import (
	"testing"
	"time"

	"spinglass/protocol"
)

// Where queues are long, probes come at longer intervals, and who misses packets complains of silence between two of them, or when one was lost. A
// publisher that believed that would add copies to the load. A few may be believed: of a member that has lost two probes in a row.
func TestMulticastComplaintsOfSlowProbes(t *testing.T) {
	for _, delay := range []time.Duration{30 * time.Millisecond, 90 * time.Millisecond, 120 * time.Millisecond} {
		var packets, copies, resent, complaints uint64
		for seed := range uint64(5) {
			w, sent := newGroups(t, 15+seed, 8, nil), 0
			w.delay, w.loss = delay, 0.02
			w.stream(second(4), &sent)
			before := w.nodes[0].Stats()
			w.stream(second(10), &sent)
			s := w.nodes[0].Stats()
			packets += s.PacketsSent - before.PacketsSent
			copies += s.PacketsSpread - before.PacketsSpread - (s.PacketsSent - before.PacketsSent)
			resent += s.PacketsResent - before.PacketsResent
			if s.MulticastFallbacks > before.MulticastFallbacks {
				t.Errorf("delay %v, seed %d: %d fallbacks", delay, 15+seed, s.MulticastFallbacks-before.MulticastFallbacks)
			}
			for _, nd := range w.nodes[1:] {
				complaints += nd.Stats().ComplaintsSent
			}
			w.run(w.now.Add(3 * time.Second))
			w.complete(sent)
		}
		// With the longest delay single runs have up to a third of copies and 0.7 sent again, and these five 0.09 and 0.35 on average.
		if copies > packets/8 || resent > packets*2/5 {
			t.Errorf("delay %v: %d packets made %d copies, and %d were sent again", delay, packets, copies, resent)
		}
		if complaints == 0 {
			t.Errorf("delay %v: nobody complained", delay)
		}
	}
}

// A complaint counts if two probes were sent since the one that it names, and the member has answered none of them. What is sent again because of it
// goes no further back than the probes that are remembered, whatever it names.
func TestMulticastComplaintsBelieved(t *testing.T) {
	w, sent := newGroups(t, 16, 4, nil), 0
	w.stream(second(1), &sent)
	w.run(w.now.Add(10 * time.Second)) // probing ends, and begins anew far on in the stream
	silent := sent
	w.stream(w.now.Add(2*time.Second), &sent)
	author := w.nodes[0]
	g := &author.topics[TopicOf("topic")].group
	complain := func(round uint32) bool {
		var out protocol.Output
		author.Receive(w.now, 2, &MulticastHeard{Lost: true, Topic: TopicOf("topic"), Round: round}, &out)
		return !g.find(2).hears
	}
	for _, round := range []uint32{author.round, author.round - 1, author.round + 5, g.find(2).heard - 1} {
		if complain(round) {
			t.Errorf("a complaint in round %d about round %d was believed of a member that heard probe %d", author.round, round, g.find(2).heard)
		}
	}
	g.find(2).heard = author.round - 5
	if !complain(author.round - 5) {
		t.Error("a complaint about the five rounds past was not believed")
	}
	if first := g.resend.packets.First; first <= uint64(silent) {
		t.Errorf("packets from %d on are sent again, which were sent before probing began", first)
	}
	g.resend = resend{}
	author.resendTo(author.topics[TopicOf("topic")], g, []protocol.NodeID{2}, author.round-probesKept+1)
	if first := g.resend.packets.First; first != 0 && first <= uint64(silent) {
		t.Errorf("packets from %d on are sent again for a round without a probe", first)
	}
}
