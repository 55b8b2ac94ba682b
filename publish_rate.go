package spinglass

import (
	"fmt"

	"spinglass/bimodal"
)

// topicDefaults are the options of topics that were given none: their rate is adaptive.
func topicDefaults() topicOptions {
	defaults := bimodal.DefaultConfig()
	return topicOptions{bimodal.TopicOptions{Rate: defaults.Rate, Flow: defaults.Flow}}
}

// Rate limits what this node publishes to a topic to a fixed number of bytes of payload a second, whoever can follow; 0 is unlimited. Without it
// the rate is adaptive, see [AdaptiveRate].
func Rate(bytesPerSecond int64) TopicOption {
	return func(o *topicOptions) error {
		if bytesPerSecond < 0 {
			return fmt.Errorf("%w: rate of %d bytes a second", ErrConfig, bytesPerSecond)
		}
		o.Rate, o.Flow = bytesPerSecond, bimodal.Flow{}
		return nil
	}
}

// AdaptiveRate has the subscribers decide how much this node publishes to a topic, in bytes of payload a second between two bounds, of which 0
// stands for the default: 16 KiB/s, and no bound above. The rate begins at 2 MiB/s. It is raised while it is used and half of the subscribers,
// the best half, keep up, and lowered to what they sustain when they fall behind, within about a second. Others cannot slow it: they are told of
// what they lose. This is the default.
func AdaptiveRate(least, most int64) TopicOption {
	return func(o *topicOptions) error {
		if least < 0 || most < 0 || most > 0 && most < least {
			return fmt.Errorf("%w: adaptive rate from %d to %d bytes a second", ErrConfig, least, most)
		}
		defaults := bimodal.DefaultConfig()
		o.Rate = defaults.Rate
		o.Flow = bimodal.Flow{Adaptive: true, RateMin: least, RateMax: most, Quantile: o.Flow.Quantile}
		return nil
	}
}

// RateQuantile sets which share of the subscribers, the best first, has to keep up with an adaptive rate: above 0, at most 1; 0.5 without it. At 1
// the slowest subscriber slows everybody.
func RateQuantile(share float64) TopicOption {
	return func(o *topicOptions) error {
		if !(share > 0 && share <= 1) {
			return fmt.Errorf("%w: quantile %v is not above 0 and at most 1", ErrConfig, share)
		}
		o.Flow.Quantile = share
		return nil
	}
}
