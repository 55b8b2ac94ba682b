package stack_test

import (
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/wire"
)

// traffic is what a member sends a second, on average, by why it sends it.
type traffic struct {
	rhythm amount // of its own accord, round by round: digests of packets and of rows, probes of groups
	reply  amount // to that: rows and heartbeats, answers to probes of groups
	probe  amount // because an answer is missing, and the replies
	ask    amount // for what it misses: polls, their answers, requests
	repair amount // packets sent again

	polls, bytes int // of one round of a member, at most: polls, and bytes of repairs beyond its budget
	digest       int // bytes of the largest digest
}

type amount struct{ packets, bytes float64 }

// where returns the part of the traffic that a message belongs to, nil for packets on their first way.
func (t *traffic) where(m protocol.Message) *amount {
	switch m := m.(type) {
	case *bimodal.Digest:
		if m.Answer {
			return &t.ask
		}
		return &t.rhythm
	case *membership.Digest, *bimodal.MulticastProbe:
		return &t.rhythm
	case *membership.Delta, *bimodal.MulticastHeard:
		return &t.reply
	case *membership.Probe, *membership.ProbeReply:
		return &t.probe
	case *bimodal.Poll, *bimodal.Request:
		return &t.ask
	case *bimodal.Repair:
		return &t.repair
	}
	return nil
}

const trafficMembers = 32

// measureTraffic runs a fleet, in which three members publish 100 messages a second each if it is busy, and measures for twenty seconds what members send.
func measureTraffic(busy bool, loss float64) *traffic {
	link := &sim.Link{Latency: sim.Uniform{Min: 500 * time.Microsecond, Max: 2 * time.Millisecond}, Loss: loss}
	w := sim.New(sim.Config{Seed: 1, Cost: sim.CommodityCost(), Network: sim.Network{Topology: sim.Flat{Link: link}}})
	const warmup, seconds = 20, 20
	until := protocol.Time(0)
	if busy {
		until = protocol.Time((warmup + seconds) * time.Second)
	}
	newFleet(w, trafficMembers, 10*time.Millisecond, until)
	w.Run(protocol.Time(warmup * time.Second))
	t, rounds := &traffic{}, map[protocol.NodeID]*trafficOfRound{}
	w.Trace(func(s *sim.Step) {
		for i := range s.Effects {
			e := &s.Effects[i]
			if e.Message == nil || t.where(e.Message) == nil {
				continue
			}
			copies, size := max(1, len(e.Targets)), wire.HeaderSize+wire.FrameSize(e.Message.Size())
			part := t.where(e.Message)
			part.packets += float64(copies) / (trafficMembers * seconds)
			part.bytes += float64(copies*size) / (trafficMembers * seconds)
			switch e.Message.(type) {
			case *bimodal.Digest:
				t.digest = max(t.digest, size)
			case *bimodal.Poll, *bimodal.Repair:
				if rounds[s.Host] == nil {
					rounds[s.Host] = &trafficOfRound{}
				}
				rounds[s.Host].measure(w.Machine(s.Host).(subscribed).Bimodal.Stats(), t)
			}
		}
	})
	w.Run(w.Now().Add(seconds * time.Second))
	return t
}

// trafficOfRound is what a member had sent before its present round.
type trafficOfRound struct {
	round         uint64
	before, after bimodal.Stats
}

func (r *trafficOfRound) measure(now bimodal.Stats, t *traffic) {
	if r.round == 0 {
		r.after = now // of the first round part is missed
	}
	if r.round != now.Round {
		r.round, r.before = now.Round, r.after
	}
	r.after = now
	t.polls = max(t.polls, int(now.PollsSent-r.before.PollsSent))
	budget := max(now.RepairBudget, bimodal.DefaultConfig().RepairBytes) // less is granted to who finds itself overrun
	t.bytes = max(t.bytes, int(now.RepairBytesSent-r.before.RepairBytesSent)-budget)
}

// "The rate of the protocols' own traffic does not rise when error rates rise": what members send of their own accord comes round by round, whatever is lost. What
// is lost is asked for, and sent again, within what a round allows: polls, answers, and bytes of repairs; so that, too, ceases to rise. A digest takes a datagram at
// most, whatever it has to tell. That the measurement would show a rise is seen at what loss does raise.
func TestLossDoesNotRaiseTheRateOfTheProtocols(t *testing.T) {
	config := bimodal.DefaultConfig()
	for _, busy := range []bool{false, true} {
		quiet := measureTraffic(busy, 0)
		asked := 0.0 // packets a second at 20 % loss
		for _, loss := range []float64{0, 0.05, 0.2, 0.4} {
			got := measureTraffic(busy, loss)
			t.Logf("busy %v, %2.0f %% lost: packets/s rhythm %.1f, replies %.1f, probes %.1f, asking %.1f, repairs %.1f; B/s %.0f, %.0f, %.0f, %.0f, %.0f", busy, 100*loss,
				got.rhythm.packets, got.reply.packets, got.probe.packets, got.ask.packets, got.repair.packets,
				got.rhythm.bytes, got.reply.bytes, got.probe.bytes, got.ask.bytes, got.repair.bytes)
			if got.rhythm.packets > 1.02*quiet.rhythm.packets || got.reply.packets > 1.02*quiet.reply.packets {
				t.Errorf("busy %v, loss %v: %.1f and %.1f packets a second, %.1f and %.1f without loss", busy, loss,
					got.rhythm.packets, got.reply.packets, quiet.rhythm.packets, quiet.reply.packets)
			}
			if !busy && got.rhythm.bytes+got.reply.bytes > 1.1*(quiet.rhythm.bytes+quiet.reply.bytes) {
				t.Errorf("loss %v: an idle fleet sends %.0f and %.0f bytes a second", loss, got.rhythm.bytes, got.reply.bytes)
			}
			if got.polls > config.Polls || got.bytes > config.DatagramSize || got.digest > config.DatagramSize { // one packet may exceed the budget
				t.Errorf("busy %v, loss %v: %d polls and %d bytes of repairs beyond the budget in a round, digests of %d bytes", busy, loss, got.polls, got.bytes, got.digest)
			}
			switch {
			case loss == 0.2:
				asked = got.ask.packets
				if busy && got.repair.packets < 10*quiet.repair.packets {
					t.Error("the control: loss raises no repairs")
				}
			case loss > 0.2 && got.ask.packets > 1.1*asked:
				t.Errorf("busy %v, loss %v: %.1f packets a second that ask, %.1f at half of it", busy, loss, got.ask.packets, asked)
			}
		}
	}
}
