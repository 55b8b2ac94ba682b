package protocol

// On a radio (a mobile ad-hoc network) a node reaches whoever is within one hop, and knows of nobody beyond. There Send is a unicast over one hop: the link repeats it until it is
// acknowledged, and LinkBroken tells when it gave up. A broadcast is repeated by nobody. A driver without a radio sends no broadcast and counts it, and tells no LinkBroken.

// Broadcast asks for m to be sent once to whoever is within one hop, best effort: nobody acknowledges it.
func (o *Output) Broadcast(m Message) {
	o.Effects = append(o.Effects, Effect{Kind: EffectBroadcast, Message: m})
}

// LinkBroken tells that a unicast was not acknowledged, for all the retries of the link: To may have moved away, or the medium is busy, or only the acknowledgements were lost and
// the message has arrived. Message is what was sent, as it was emitted.
type LinkBroken struct {
	To      NodeID
	Message Message
}

func (LinkBroken) event() {}
