package spinglass

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"spinglass/bimodal"
	"spinglass/identity"
	"spinglass/live"
	"spinglass/protocol"
	"spinglass/topic"
	"spinglass/wire"
)

// Bounds of what Publish accepts per topic ahead of the loop. A message larger than that waits until nothing else does.
const (
	waitingBytesMax    = 256 << 10
	waitingMessagesMax = 16 << 10
)

// TopicOption is an option of a topic.
type TopicOption func(*topicOptions) error

type topicOptions struct{ bimodal.TopicOptions }

// SpreadMeans is by which means messages go on their first way; see the constants of its values.
type SpreadMeans = bimodal.Spread

// The means of spreading.
const (
	SpreadAuto      = bimodal.SpreadAuto      // the node chooses, by the number of subscribers and what the network offers
	SpreadDirect    = bimodal.SpreadDirect    // a copy to each subscriber
	SpreadTree      = bimodal.SpreadTree      // subscribers hand messages on to each other
	SpreadMulticast = bimodal.SpreadMulticast // IP multicast, wherever it works
)

// Spread sets by which means what this node publishes to a topic goes on its first way. Without it that is [SpreadAuto].
func Spread(means SpreadMeans) TopicOption {
	return func(o *topicOptions) error {
		if !means.Valid() {
			return fmt.Errorf("%w: means of spreading %d", ErrConfig, means)
		}
		o.Spread = means
		return nil
	}
}

func checkTopic(name string) error {
	if err := topic.CheckName(name); err != nil {
		return fmt.Errorf("%w: %w", ErrTopic, err)
	}
	if topic.IsReserved(name) {
		return fmt.Errorf("%w: those of %s and %s are not for applications", ErrTopic, topic.System, topic.Groups)
	}
	return nil
}

// ConfigureTopic sets options of a topic.
func (n *Node) ConfigureTopic(ctx context.Context, topic string, options ...TopicOption) error {
	if err := checkTopic(topic); err != nil {
		return err
	}
	// They are tried once here, where errors are of no consequence, and then applied to what the topic has so far.
	trial := topicDefaults()
	if err := apply(&trial, options); err != nil || len(options) == 0 {
		return err
	}
	var failed error
	err := n.call(ctx, func(now protocol.Time, _ *protocol.Output) {
		o, configured := n.options[topic]
		if !configured {
			o = topicDefaults()
		}
		_ = apply(&o, options)
		failed = n.setOptions(now, topic, o)
	})
	if err != nil {
		return err
	}
	return failed
}

func apply(o *topicOptions, options []TopicOption) error {
	for _, option := range options {
		if err := option(o); err != nil {
			return err
		}
	}
	return nil
}

// setOptions sets the options of a topic, which keeps a place for it in the protocol, on the loop.
func (n *Node) setOptions(now protocol.Time, topic string, o topicOptions) error {
	err := n.stack.Bimodal.Configure(now, topic, o.TopicOptions)
	var knob *bimodal.OptionError
	switch {
	case errors.Is(err, bimodal.ErrRate), errors.Is(err, bimodal.ErrFlow), errors.Is(err, bimodal.ErrSpread), errors.As(err, &knob):
		return fmt.Errorf("%w: %w", ErrConfig, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrLimit, err)
	}
	n.options[topic] = o
	return nil
}

// keepOptions sets the options of a topic again that the protocol has forgotten together with the last subscription, which it does while nothing was
// published. It runs in the input that ended the subscription, so that there still is room for the topic.
func (n *Node) keepOptions(now protocol.Time, topic string) {
	if o, configured := n.options[topic]; configured && !n.outgoing.begun(topic) {
		_ = n.setOptions(now, topic, o) // they were accepted before
	}
}

// Publish sends a message to all subscribers of a topic. It returns once the node has taken the message over, and waits while the node is not a
// member yet or the topic's rate is used up. The payload is copied. Messages of one goroutine to one topic arrive in their order.
//
// An error says that the message was not taken: [ErrTooLarge], [ErrTopic], [ErrLimit], [ErrClosed], or that of ctx.
func (n *Node) Publish(ctx context.Context, topic string, payload []byte) error {
	if len(payload) > wire.MessageMax {
		return ErrTooLarge
	}
	if err := checkTopic(topic); err != nil {
		return err
	}
	if err := n.Ready(ctx); err != nil {
		return err
	}
	t, err := n.outgoing.topic(ctx, topic)
	if err != nil {
		return err
	}
	return t.add(ctx, payload)
}

// Flush waits until everything that Publish has taken over before was given to the network.
func (n *Node) Flush(ctx context.Context) error {
	for _, t := range n.outgoing.all() {
		if err := t.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// outgoings are the topics that a node publishes to.
type outgoings struct {
	node   *Node
	mu     sync.Mutex                           // of those who add a topic
	topics atomic.Pointer[map[string]*outgoing] // replaced, never changed, so that publishers of different topics do not meet here
}

// named returns the queue of a topic, nil when there is none.
func (o *outgoings) named(name string) *outgoing {
	if topics := o.topics.Load(); topics != nil {
		return (*topics)[name]
	}
	return nil
}

// topic returns the queue of a topic. The first time it asks the protocol for the topic, which may refuse.
func (o *outgoings) topic(ctx context.Context, name string) (*outgoing, error) {
	t, chain := o.named(name), o.node.credentials.chain.Load()
	if t == nil || t.allowed.Load() != chain {
		if err := o.node.allows(identity.VerbPublish, name); err != nil {
			return nil, err
		}
	}
	if t != nil {
		t.allowed.Store(chain)
		return t, nil
	}
	var failed error
	err := o.node.call(ctx, func(now protocol.Time, _ *protocol.Output) {
		if _, configured := o.node.options[name]; !configured {
			failed = o.node.setOptions(now, name, topicDefaults())
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.named(name); t != nil {
		return t, nil
	}
	t = &outgoing{node: o.node, name: name, progress: make(chan struct{})}
	t.run = t.send
	topics := map[string]*outgoing{name: t}
	if before := o.topics.Load(); before != nil {
		maps.Copy(topics, *before)
	}
	o.topics.Store(&topics)
	return t, nil
}

func (o *outgoings) all() []*outgoing {
	topics := o.topics.Load()
	if topics == nil {
		return nil
	}
	return slices.Collect(maps.Values(*topics))
}

// begun reports whether anything was published to a topic; the loop calls it.
func (o *outgoings) begun(name string) bool {
	t := o.named(name)
	return t != nil && (t.sent > 0 || t.next > 0)
}

// writable goes on with a topic whose rate was used up; the loop calls it.
func (o *outgoings) writable(name string) {
	if t := o.named(name); t != nil {
		t.schedule()
	}
}

// outgoing is the queue between Publish and the loop, for one topic. The loop takes all that waits at once, so that a busy publisher
// costs it one call for many messages.
type outgoing struct {
	node *Node
	name string
	run  func(protocol.Time, *protocol.Output) // send

	allowed atomic.Pointer[identity.Chain] // the certificates that were found to allow it

	mu       sync.Mutex
	waiting  batch
	turns    []*turn       // behind what waits
	active   bool          // the loop has something to send or will look
	accepted uint64        // messages that Publish has taken over
	sent     uint64        // of those, given to the protocol; the loop writes it
	progress chan struct{} // closed and replaced when the loop has taken what waited, or has sent all

	// of the loop
	sending batch
	next    int
}

// batch holds messages one behind the other.
type batch struct{ wire.Messages }

// takes reports whether a message of so many bytes can be added within the bounds.
func (b *batch) takes(bytes int) bool {
	return b.Len() == 0 || b.Len() < waitingMessagesMax && len(b.Records)+bytes <= waitingBytesMax
}

func (b *batch) reset() {
	if b.Reset(); cap(b.Records) > 2*waitingBytesMax {
		b.Records = nil
	}
}

func (t *outgoing) add(ctx context.Context, payload []byte) error {
	t.mu.Lock()
	if t.node.closed() {
		t.mu.Unlock()
		return ErrClosed
	}
	if len(t.turns) > 0 || !t.waiting.takes(len(payload)) {
		w := t.ask(payload)
		t.mu.Unlock()
		return t.await(ctx, w)
	}
	t.accept(payload)
	wake := !t.active
	t.active = true
	t.mu.Unlock()
	if wake && t.node.live.Do(t.run) != nil {
		return ErrClosed
	}
	return nil
}

// await waits until the loop has taken a message over.
func (t *outgoing) await(ctx context.Context, w *turn) error {
	err := ErrClosed
	select {
	case <-w.taken:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-t.node.closing:
	}
	if t.giveUp(w) {
		return nil
	}
	return err
}

// accept takes a message over; t.mu is held.
func (t *outgoing) accept(payload []byte) {
	t.waiting.Add(payload)
	t.accepted++
}

// flush waits until all that is accepted by now is sent, whatever comes behind it.
func (t *outgoing) flush(ctx context.Context) error {
	t.mu.Lock()
	accepted := t.accepted
	t.mu.Unlock()
	for {
		t.mu.Lock()
		sent, progress := t.sent, t.progress
		t.mu.Unlock()
		if sent >= accepted {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		case <-t.node.closing:
			return ErrClosed
		}
	}
}

// send publishes what the loop has of the topic and one batch of what waits, and comes again for more, so that others get their turn.
func (t *outgoing) send(now protocol.Time, out *protocol.Output) {
	for fetched := false; ; fetched = true {
		var err error
		if t.next, err = t.node.stack.PublishAll(now, t.name, &t.sending.Messages, t.next, out); errors.Is(err, bimodal.ErrWouldBlock) {
			return // Writable will come
		}
		if err != nil {
			panic(fmt.Sprintf("spinglass: the protocol refuses a message that was checked: %v", err))
		}
		if !t.fetch() {
			return
		}
		if fetched {
			t.schedule()
			return
		}
	}
}

// fetch takes what waits and reports whether there was anything.
func (t *outgoing) fetch() bool {
	sent := t.sending.Len()
	t.sending.reset()
	t.next = 0
	t.mu.Lock()
	t.sent += uint64(sent)
	t.sending, t.waiting = t.waiting, t.sending
	t.giveTurns()
	t.active = t.sending.Len() > 0
	more := t.active
	close(t.progress)
	t.progress = make(chan struct{})
	t.mu.Unlock()
	return more
}

// schedule lets send run again; the loop calls it, which must not wait.
func (t *outgoing) schedule() {
	if errors.Is(t.node.live.Post(t.run), live.ErrQueueFull) {
		t.node.posting.Go(func() { _ = t.node.live.Do(t.run) }) // one at a time per topic; ends with the node
	}
}
