package spinglass

// The knobs of reliability. They say what this node does for a topic, whether it publishes or subscribes: give all members of a topic the
// same. A value out of range is an error of [Node.ConfigureTopic] that matches ErrConfig and, by errors.As, [*bimodal.OptionError].

// Life sets for how many rounds of gossip, of 100 ms, a packet is kept after it was received or asked for last: 2 to 10 000, 20 by default. A
// member that was away for longer gets gaps.
func Life(rounds int) TopicOption {
	return func(o *topicOptions) error { o.Knobs.Life = rounds; return nil }
}

// Fanout sets how many members are told in a round what this node holds of a topic: 1 to 16, 1 by default.
func Fanout(members int) TopicOption {
	return func(o *topicOptions) error { o.Knobs.Fanout = members; return nil }
}

// Bufferers sets how many members of a zone keep a packet for its whole life: 1 to 64, 6 by default. The others keep it for four rounds.
func Bufferers(members int) TopicOption {
	return func(o *topicOptions) error { o.Knobs.Bufferers = members; return nil }
}

// TargetProbability sets life, fanout and bufferers, as far as they are not set themselves, such that a subscriber which stays up misses a
// message with a probability of no more than 1 - p: by [bimodal.Plan], for the members that subscribe and 5 % loss. p is 0.5 to 1-1e-12.
func TargetProbability(p float64) TopicOption {
	return func(o *topicOptions) error { o.TargetProbability = p; return nil }
}
