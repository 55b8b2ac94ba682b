package spinglass

import (
	"errors"
	"testing"

	"spinglass/bimodal"
	"spinglass/protocol"
)

func TestKnobsOfATopic(t *testing.T) {
	n := single(t)
	ctx := t.Context()
	for _, option := range []TopicOption{Life(50), Fanout(2), Bufferers(9), TargetProbability(0.999)} {
		if err := n.ConfigureTopic(ctx, "orders", option); err != nil {
			t.Fatal(err)
		}
	}
	for name, option := range map[string]TopicOption{
		"Life": Life(-1), "Fanout": Fanout(17), "Bufferers": Bufferers(65), "TargetProbability": TargetProbability(1),
	} {
		var refused *bimodal.OptionError
		if err := n.ConfigureTopic(ctx, "orders", option); !errors.Is(err, ErrConfig) || !errors.As(err, &refused) || refused.Option != name {
			t.Errorf("%s out of range: %v", name, err)
		}
	}
	err := n.call(ctx, func(protocol.Time, *protocol.Output) {
		want := bimodal.TopicOptions{
			Rate: topicDefaults().Rate, Flow: topicDefaults().Flow, Knobs: bimodal.Knobs{Life: 50, Fanout: 2, Bufferers: 9}, TargetProbability: 0.999,
		}
		if o := n.options["orders"]; o.TopicOptions != want {
			t.Errorf("options %+v", o)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
