package spinglass

import (
	"context"
	"fmt"
	"time"

	"spinglass/directory"
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
	count  int // calls under way
	since  protocol.Time
	until  protocol.Time // when no call is under way
	ticket bool          // endLook will be called
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
	defer n.lookAway(p)
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

// lookAway ends one call of lookFor. The node goes on looking for a while, with one timer a pattern however many calls there were.
func (n *Node) lookAway(p topic.Pattern) {
	_ = n.call(n.lifetime, func(now protocol.Time, _ *protocol.Output) { // it fails when the node is closed
		known := n.looks[p]
		if known.count--; known.count == 0 {
			known.until = now.Add(topicsLinger)
		}
		if !known.ticket {
			known.ticket = true
			time.AfterFunc(topicsLinger, func() { n.endLook(p) })
		}
	})
}

// endLook ends looking for topics, if no call was made for long.
func (n *Node) endLook(p topic.Pattern) {
	_ = n.call(n.lifetime, func(now protocol.Time, out *protocol.Output) {
		known := n.looks[p]
		switch left := known.until.Sub(now); {
		case known.count > 0:
			known.ticket = false // the call under way will see to it
		case left > 0:
			time.AfterFunc(left, func() { n.endLook(p) })
		default:
			delete(n.looks, p)
			n.stack.UnwantTopics(now, p, out)
		}
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
