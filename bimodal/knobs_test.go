package bimodal

import (
	"errors"
	"math"
	"testing"
	"time"

	"spinglass/protocol"
)

func TestKnobsOutOfRangeAreRefused(t *testing.T) {
	for name, options := range map[string]TopicOptions{
		"Life":              {Knobs: Knobs{Life: lifeMin - 1}},
		"Fanout":            {Knobs: Knobs{Fanout: fanoutMax + 1}},
		"Bufferers":         {Knobs: Knobs{Bufferers: -1}},
		"TargetProbability": {TargetProbability: 1},
	} {
		s := soloMachine(t, nil)
		var refused *OptionError
		if err := s.Configure(0, "t", options); !errors.As(err, &refused) || refused.Option != name {
			t.Errorf("%s out of range: %v", name, err)
		}
	}
	s := soloMachine(t, nil)
	if err := s.Configure(0, "t", TopicOptions{TargetProbability: math.NaN()}); err == nil {
		t.Error("a probability that is no number is accepted")
	}
}

// "Reliability is a knob per topic: life, fanout and bufferers, or a target probability from which the planner's formulas set them."
func TestKnobsInForce(t *testing.T) {
	const p = 0.9999
	planned := func(members int) Knobs {
		k, err := Plan(Target{Probability: p, Members: members, Loss: planLoss})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	for name, test := range map[string]struct {
		options TopicOptions
		want    Knobs
	}{
		"none":           {TopicOptions{}, Knobs{Life: 20, Fanout: 1, Bufferers: 6}},
		"some":           {TopicOptions{Knobs: Knobs{Life: 7, Bufferers: 3}}, Knobs{Life: 7, Fanout: 1, Bufferers: 3}},
		"target":         {TopicOptions{TargetProbability: p}, planned(2)},
		"target and one": {TopicOptions{Knobs: Knobs{Fanout: 5}, TargetProbability: p}, Knobs{Life: planned(2).Life, Fanout: 5, Bufferers: planned(2).Bufferers}},
	} {
		s := soloMachine(t, nil)
		if err := s.Configure(0, "t", test.options); err != nil {
			t.Fatal(err)
		}
		s.refreshTargets(s.byName["t"])
		if got := s.byName["t"].knobs; got != test.want {
			t.Errorf("%s: %+v in force, want %+v", name, got, test.want)
		}
	}
	s := soloMachine(t, nil)
	if err := s.Configure(0, "t", TopicOptions{TargetProbability: p}); err != nil {
		t.Fatal(err)
	}
	for id := range protocol.NodeID(98) {
		s.up(1000+id, 0, 0)
	}
	s.refreshTargets(s.byName["t"])
	if got := s.byName["t"].knobs; got != planned(100) || got.Life <= planned(2).Life {
		t.Errorf("%+v in force among 100 members, want %+v", got, planned(100))
	}
}

func TestLifeOfATopic(t *testing.T) {
	s := soloMachine(t, nil)
	if err := s.Configure(0, "t", TopicOptions{Knobs: Knobs{Life: 5}}); err != nil {
		t.Fatal(err)
	}
	s.receive(packet(1))
	s.rounds(5)
	if s.Stats().BufferedPackets != 1 {
		t.Error("dropped before its life was over")
	}
	s.rounds(1)
	if s.Stats().BufferedPackets != 0 {
		t.Error("held longer than the topic's life")
	}
}

// Digest number i of a round tells of the topics whose fanout is greater than i.
func TestFanoutOfATopic(t *testing.T) {
	w := newWorld(t, 3, 12, nil, "thrice", "once")
	nd := w.nodes[0]
	if err := nd.Configure(w.now, "thrice", TopicOptions{Knobs: Knobs{Fanout: 3}}); err != nil {
		t.Fatal(err)
	}
	w.publish(nd, "thrice", payload(1, 0, 100))
	w.publish(nd, "once", payload(1, 0, 100))
	w.run(w.now.Add(time.Millisecond))
	told := map[TopicID]int{}
	w.lose = func(from, _ protocol.NodeID, m protocol.Message) bool {
		if d, ok := m.(*Digest); ok && from == nd.id {
			for _, id := range d.Topics {
				told[id]++
			}
		}
		return false
	}
	w.run(w.now.Add(time.Second))
	if once, thrice := told[TopicOf("once")], told[TopicOf("thrice")]; once != 10 || thrice != 30 {
		t.Errorf("%d and %d digests of 10 rounds told of topics with fanout 1 and 3", once, thrice)
	}
}

func TestPlanRefusesWhatIsOutOfRange(t *testing.T) {
	for _, target := range []Target{
		{Probability: 0.4, Members: 10}, {Probability: 1, Members: 10}, {Probability: math.NaN(), Members: 10},
		{Probability: 0.9, Members: 0}, {Probability: 0.9, Members: 10, Loss: 0.95}, {Probability: 0.9, Members: 10, Loss: -1},
	} {
		if _, err := Plan(target); err == nil {
			t.Errorf("%+v is accepted", target)
		}
	}
}

// "P(no copy) = e^-C: 2.5e-3 at C=6, 4.5e-5 at C=10, 2.1e-9 at C=20": half of what may be missed.
func TestPlannedBufferers(t *testing.T) {
	for bufferers, miss := range map[int]float64{6: 2 * 2.5e-3, 10: 2 * 4.6e-5, 20: 2 * 2.1e-9} {
		if k, err := Plan(Target{Probability: 1 - miss, Members: 100}); err != nil || k.Bufferers != bufferers {
			t.Errorf("%+v, %v; want %d bufferers to miss %v", k, err, bufferers, miss)
		}
	}
}
