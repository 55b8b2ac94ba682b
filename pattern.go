package spinglass

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"spinglass/bimodal"
	"spinglass/directory"
	"spinglass/gravity"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/topic"
)

// Times of [Node.Topics].
const (
	// TopicsWait is for how long Topics waits when the node did not look for topics that match the pattern before.
	TopicsWait = 2 * time.Second
	// topicsLinger is for how long the node goes on looking for them, so that the next call has an answer at once.
	topicsLinger = 30 * time.Second
)

// Topic is what a node knows of a topic.
type Topic struct {
	Name       string
	Publishers []TopicPublisher // in the order of their ids
	Subscribed bool             // this node gets its messages, by its name or by a pattern
	// Received is how many bytes a second of it this node has received of late, in packets of all kinds: messages, also those that it hands on to others, and repairs.
	Received float64
}

// TopicPublisher is a member that publishes to a topic. Rates are what it has announced, powers of two, so that they are right by a factor of about 1.5; 0 for one that is new, or publishes rarely.
type TopicPublisher struct {
	ID       protocol.NodeID
	Name     string  // or the id in hexadecimal while its row is not known here
	Messages float64 // a second
	Bytes    float64 // of payload, a second
}

// looks are the patterns that calls of Topics look for, of the loop.
type looks map[topic.Pattern]*look

type look struct {
	count int
	since protocol.Time
}

// Topics returns the topics that match a pattern, by their names: those to which this node publishes, and those of others that it has heard of. For a pattern that it was not looking for before it waits for [TopicsWait]; members
// of other zones may take some seconds more, so that a later call tells of more. A name is a pattern as well, and # matches all. Names are told whether this node may subscribe to them or not. Errors: [ErrTopic] for what is no
// pattern, [ErrLimit], [ErrClosed], that of ctx.
func (n *Node) Topics(ctx context.Context, pattern string) ([]Topic, error) {
	p, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	since, err := n.lookFor(ctx, p)
	if err != nil {
		return nil, err
	}
	defer time.AfterFunc(topicsLinger, func() { n.lookAway(p) })
	if err := n.await(ctx, since); err != nil {
		return nil, err
	}
	var topics []Topic
	err = n.call(ctx, func(now protocol.Time, _ *protocol.Output) {
		for _, known := range n.stack.Topics(p) {
			topics = append(topics, n.topicOf(now, &known))
		}
	})
	return topics, err
}

// lookFor has the node look for topics, and returns for how long it does.
func (n *Node) lookFor(ctx context.Context, p topic.Pattern) (since time.Duration, err error) {
	var failed error
	err = n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		known := n.looks[p]
		if known == nil {
			if failed = n.stack.WantTopics(now, p, out); failed != nil {
				return
			}
			known = &look{since: now}
			n.looks[p] = known
		}
		known.count++
		since = now.Sub(known.since)
	})
	if err == nil && failed != nil {
		err = fmt.Errorf("%w: %w", ErrLimit, failed)
	}
	return since, err
}

// await waits until the node has looked for topics for TopicsWait.
func (n *Node) await(ctx context.Context, since time.Duration) error {
	if since >= TopicsWait {
		return nil
	}
	timer := time.NewTimer(TopicsWait - since)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-n.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lookAway ends one call of lookFor.
func (n *Node) lookAway(p topic.Pattern) {
	_ = n.call(n.lifetime, func(now protocol.Time, out *protocol.Output) { // it fails when the node is closed
		if known := n.looks[p]; known.count > 1 {
			known.count--
			return
		}
		delete(n.looks, p)
		n.stack.UnwantTopics(now, p, out)
	})
}

func (n *Node) topicOf(now protocol.Time, known *directory.Topic) Topic {
	t := Topic{
		Name: known.Name, Subscribed: n.stack.Bimodal.Subscribed(known.Name), Received: n.stack.Received(now, known.Name),
		Publishers: make([]TopicPublisher, len(known.Publishers)),
	}
	for i, p := range known.Publishers {
		t.Publishers[i] = TopicPublisher{ID: p.ID, Name: n.names.of(p.ID), Messages: p.Messages.PerSecond(), Bytes: p.Bytes.PerSecond()}
	}
	return t
}

// parsePattern returns the pattern of a text. Its error is an ErrTopic.
func parsePattern(text string) (topic.Pattern, error) {
	p, err := topic.Parse(text)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrTopic, err)
	}
	if topic.IsReserved(text) {
		return p, fmt.Errorf("%w: those of %s and %s are not for applications", ErrTopic, topic.System, topic.Groups)
	}
	return p, nil
}

// subscribePattern is Subscribe for a pattern with wildcards.
func (n *Node) subscribePattern(ctx context.Context, text string, o subscribeOptions) (*Subscription, error) {
	p, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	if o.history != (bimodal.History{}) {
		return nil, fmt.Errorf("%w: messages from before are for the name of a topic, not for a pattern", ErrConfig)
	}
	if err := n.allowsAny(p); err != nil {
		return nil, err
	}
	s := newSubscription(n, text, o)
	s.pattern = p
	var failed error
	err = n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		if failed = n.stack.SubscribePattern(now, p, o.rating, out); failed == nil {
			n.patterns = append(n.patterns, s)
			clear(n.matching)
		}
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, fmt.Errorf("%w: %w", ErrLimit, failed)
	}
	return s, nil
}

// allowsAny reports why the node's certificate allows to subscribe to no topic at all that matches a pattern.
func (n *Node) allowsAny(p topic.Pattern) error {
	chain := n.credentials.chain.Load()
	if chain == nil {
		return nil
	}
	for _, grant := range chain.Leaf().Grants {
		prefix, open := strings.CutSuffix(grant.Pattern, "*")
		if grant.Verb == identity.VerbSubscribe && (p.Match(grant.Pattern) || open && (strings.HasPrefix(prefix, p.Prefix()) || strings.HasPrefix(p.Prefix(), prefix))) {
			return nil
		}
	}
	return fmt.Errorf("%w: the certificate of this node has no grant to subscribe to any topic that matches %q", ErrForbidden, p)
}

// unsubscribePattern ends a subscription to a pattern, on the loop.
func (n *Node) unsubscribePattern(now protocol.Time, s *Subscription, out *protocol.Output) {
	at := slices.Index(n.patterns, s)
	if at < 0 {
		return
	}
	n.patterns = slices.Delete(n.patterns, at, at+1)
	clear(n.matching)
	n.stack.UnsubscribePattern(now, s.pattern, out)
	n.ratePattern(now, s.pattern, out)
}

// ratePattern has a pattern rated by the highest rating of the subscriptions to it. It runs on the loop.
func (n *Node) ratePattern(now protocol.Time, p topic.Pattern, out *protocol.Output) {
	highest := gravity.Rating(0)
	for _, s := range n.patterns {
		if s.pattern == p {
			highest = max(highest, s.wants())
		}
	}
	if highest > 0 {
		n.stack.SetPatternRating(now, p, highest, out)
	}
}

// matchingMax bounds the topics of which it is remembered whose patterns match them.
const matchingMax = 4096

// matches returns the subscriptions of which the patterns match a topic, on the loop.
func (n *Node) matches(name string) []*Subscription {
	if len(n.patterns) == 0 || topic.IsSystem(name) {
		return nil
	}
	known, ok := n.matching[name]
	if !ok {
		for _, s := range n.patterns {
			if s.pattern.Match(name) {
				known = append(known, s)
			}
		}
		if len(n.matching) >= matchingMax {
			clear(n.matching)
		}
		n.matching[name] = known
	}
	return known
}

// isPattern reports whether a text has wildcards.
func isPattern(text string) bool { return topic.HasWildcard(text) }
