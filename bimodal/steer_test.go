package bimodal

import (
	"testing"

	"spinglass/wire"
)

// steered makes a machine whose one subscriber tells it of lag in a digest each round.
func steered(t *testing.T, flow Flow) *solo {
	s := soloMachine(t, nil)
	if err := s.Configure(s.now, "t", TopicOptions{Flow: flow}); err != nil {
		t.Fatal(err)
	}
	s.publish(1)
	return s
}

func (s *solo) publish(messages int) {
	for range messages {
		if err := s.Publish(s.now, "t", make([]byte, 1000), &s.out); err != nil {
			s.t.Fatal(err)
		}
		s.Timeout(s.now, &s.out)
	}
}

// tell lets a round pass and has the subscriber tell of its lag with what this node publishes.
func (s *solo) tell(lag Lag) {
	s.rounds(1)
	stream := s.topics[TopicOf("t")].stream
	d := &Digest{Topics: []TopicID{stream.id.Topic}, Entries: []DigestEntry{
		{Author: stream.id.Author, Epoch: stream.id.Epoch, High: stream.high, Messages: stream.total, Floor: stream.high + 1},
	}}
	if lag.Packets > 0 {
		d.Samples = []Sample{{Own: lag}}
	}
	s.receive(d)
}

// The highest rate that may be set lets messages through.
func TestTheHighestRatePublishes(t *testing.T) {
	s := steered(t, Flow{Adaptive: true, RateMin: rateMax})
	for range 3 {
		s.tell(Lag{})
	}
	if got := s.Flow("t").Rate; got != rateMax || !s.Ready(s.now, "t") {
		t.Errorf("rate %d, ready %v", got, s.Ready(s.now, "t"))
	}
}

// Reports lower a rate by what was sent at the time that they tell of. When nothing was, they say nothing of what the crowd sustains: after a burst
// that members fell behind with the rate is not the least of all.
func TestReportsOfALongPause(t *testing.T) {
	s := steered(t, Flow{Adaptive: true})
	s.tell(Lag{})
	s.publish(200)
	for range 8 {
		s.tell(Lag{})
	}
	falls := Lag{Packets: 100, Growth: growthScale / 2}
	s.tell(falls)
	s.tell(falls)
	lowered := s.Flow("t").Rate
	if initial := DefaultConfig().Rate; lowered >= initial || lowered <= DefaultConfig().Flow.RateMin {
		t.Fatalf("rate %d", lowered)
	}
	for range 9 {
		s.tell(falls)
	}
	if got := s.Flow("t").Rate; got < lowered*9/10 {
		t.Errorf("rate %d after a pause, %d before", got, lowered)
	}
}

// However small the budget for repairs is while a node is overrun, a packet passes, also one that is larger than the node's own datagrams; but only one.
func TestABudgetTakesAPacket(t *testing.T) {
	s := soloMachine(t, nil)
	for seq := range uint64(2) {
		large := packet(1 + seq)
		large.Body = wire.AppendRecord(nil, wire.Record{Data: make([]byte, 16_000)})
		s.receive(large)
	}
	s.rounds(1)
	s.overrun = s.round
	s.rounds(1)
	s.receive(ask(s.round, Range{1, 2}))
	if got := len(sent[*Repair](s)); got != 1 {
		t.Errorf("%d repairs within a budget of %d bytes", got, s.Stats().RepairBudget)
	}
}
