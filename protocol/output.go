package protocol

// Reason says why input was dropped. It is a short constant text, in lower case with underscores, that serves as the label of a counter.
type Reason string

// EffectKind tells effects apart.
type EffectKind uint8

// The effects that a machine can ask for.
const (
	EffectSend        EffectKind = iota + 1 // a datagram to the peer To
	EffectSendAddress                       // a datagram to Address, where the member's NodeID is not known yet
	EffectSpread                            // the same datagram to each of Targets
	EffectEmit                              // Event, for siblings and the application
	EffectDrop                              // input from To was dropped for Reason
	EffectWork                              // Work, whose completion comes back as an event
	EffectMulticast                         // one datagram to Group, and the same to each of Targets
	EffectJoinGroup                         // what is sent to Group is wanted
	EffectLeaveGroup                        // and no longer
	EffectBroadcast                         // a datagram to whoever is within one hop of the radio
)

// Effect is one thing that a machine wants done. Which fields are set depends on Kind.
type Effect struct {
	Kind    EffectKind
	To      NodeID
	Address Address
	Targets []NodeID
	Group   Group
	Message Message
	Event   Event
	Reason  Reason
	Work    Work
}

// Output collects the effects of one input, in order. The caller owns it and may reuse it after Reset. The zero Output is
// ready for use.
type Output struct {
	Effects []Effect
}

// Reset forgets all effects and keeps the memory.
func (o *Output) Reset() {
	clear(o.Effects)
	o.Effects = o.Effects[:0]
}

// Send asks for m to be sent to one peer, best effort.
func (o *Output) Send(to NodeID, m Message) {
	o.Effects = append(o.Effects, Effect{Kind: EffectSend, To: to, Message: m})
}

// SendAddress asks for m to be sent to an address whose owner is not known yet, best effort.
func (o *Output) SendAddress(to Address, m Message) {
	o.Effects = append(o.Effects, Effect{Kind: EffectSendAddress, Address: to, Message: m})
}

// Spread asks for m to be sent to each of the targets, best effort, encoded once. The targets must not change afterwards.
func (o *Output) Spread(targets []NodeID, m Message) {
	o.Effects = append(o.Effects, Effect{Kind: EffectSpread, Targets: targets, Message: m})
}

// Emit hands an event to the sibling machines and to the application.
func (o *Output) Emit(e Event) {
	o.Effects = append(o.Effects, Effect{Kind: EffectEmit, Event: e})
}

// Drop tells that input from a peer was not acted upon, and why.
func (o *Output) Drop(from NodeID, reason Reason) {
	o.Effects = append(o.Effects, Effect{Kind: EffectDrop, To: from, Reason: reason})
}

// Do asks for work whose completion comes back through Notify.
func (o *Output) Do(w Work) {
	o.Effects = append(o.Effects, Effect{Kind: EffectWork, Work: w})
}
