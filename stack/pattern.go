package stack

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/bimodal"
	"spinglass/directory"
	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/topic"
)

// DirectoryConfig says how a member learns which topics there are.
type DirectoryConfig struct {
	Rand *rand.Rand
	// Allowed reports whether this member may subscribe to a topic; nil allows all.
	Allowed func(topic string) bool
}

// ErrNoDirectory tells that a member was configured not to learn which topics there are.
var ErrNoDirectory = errors.New("stack: without a directory nothing is known of topics that match a pattern")

// joinAgain is after which time topics that could not be joined are tried again.
const joinAgain = 10 * time.Second

// Events of patterns.
type (
	// TopicJoined tells that this member has subscribed to a topic that matches a pattern that it is subscribed to.
	TopicJoined struct {
		protocol.EventMark
		Topic string
	}
	// TopicLeft ends TopicJoined: nobody publishes to the topic any longer, or no pattern that matches it is subscribed to.
	TopicLeft struct {
		protocol.EventMark
		Topic string
	}
	// TopicsRefused tells how many topics match a pattern and cannot be subscribed to, and why the last one cannot. They are tried again.
	TopicsRefused struct {
		protocol.EventMark
		Count int
		Err   error
	}
)

// PatternStats counts what subscriptions to patterns did, and tells what there is.
type PatternStats struct {
	Joined    uint64 // times that a topic was subscribed to because it matches a pattern
	Left      uint64 // times that such a subscription ended
	Refused   uint64 // attempts to subscribe that failed
	Patterns  int    // subscribed to
	Topics    int    // subscribed to because they match
	Unjoined  int    // that match and could not be subscribed to, for want of room
	Forbidden int    // that match and may not be subscribed to
	Metered   int    // topics of which it is known what is received
	Unmetered uint64 // packets of others, since there are too many
}

// patterns is what a member is subscribed to by patterns.
type patterns struct {
	node      *Node
	allowed   func(string) bool
	directory *directory.Directory
	all       []*PatternSubscription // in the order in which they were made
	uses      topic.Interests[int]   // of patterns, by subscriptions
	found     []*found               // topics that match, ascending
	again     protocol.Time
	crowded   bool // a topic was refused since topics were tried last
	meters    meters
	stats     PatternStats
}

// found is a topic that matches a pattern.
type found struct {
	name    string
	joined  bool
	literal bool           // it is subscribed to by its name as well,
	rated   gravity.Rating // with this rating
	barred  bool           // it may not be subscribed to
}

func newPatterns(n *Node, self protocol.NodeID, c *DirectoryConfig) *patterns {
	if c.Rand == nil {
		return nil
	}
	p := &patterns{node: n, allowed: c.Allowed, again: protocol.Never, meters: newMeters()}
	if p.allowed == nil {
		p.allowed = func(string) bool { return true }
	}
	p.directory = directory.New(directory.Config{Self: self, Rand: c.Rand, Host: directoryHost{p}})
	return p
}

// directoryHost carries the messages of a directory.
type directoryHost struct{ *patterns }

func (h directoryHost) Publish(now protocol.Time, topic string, payload []byte, out *protocol.Output) error {
	return h.node.publish(now, topic, payload, out)
}

func (h directoryHost) Subscribe(now protocol.Time, topic string, out *protocol.Output) error {
	return h.node.subscribe(now, now, topic, bimodal.SubscribeOptions{Rating: gravity.All}, out)
}

func (h directoryHost) Unsubscribe(now protocol.Time, topic string, out *protocol.Output) error {
	return h.node.unsubscribe(now, topic, out)
}

func (h directoryHost) MayPublish(author protocol.NodeID, topic string) bool {
	return h.node.Bimodal.MayPublish(author, topic)
}

func (h directoryHost) Found(now protocol.Time, topic string, out *protocol.Output) {
	h.add(now, topic, out)
}

func (h directoryHost) Lost(now protocol.Time, topic string, out *protocol.Output) {
	h.lose(now, topic, out)
}

// rerate rates a topic that is joined by what wants it.
func (n *Node) rerate(now protocol.Time, name string, out *protocol.Output) error {
	if r := n.patterns.rating(n.patterns.named(name)); r != n.Bimodal.Rating(name) {
		return n.setRating(now, name, r, false, out)
	}
	return nil
}

// WantTopics asks the directory for topics that match a pattern, without subscribing to them, until UnwantTopics.
func (n *Node) WantTopics(now protocol.Time, p topic.Pattern, out *protocol.Output) error {
	if n.patterns == nil {
		return ErrNoDirectory
	}
	return n.patterns.directory.Want(now, p, out)
}

// UnwantTopics ends WantTopics.
func (n *Node) UnwantTopics(now protocol.Time, p topic.Pattern, out *protocol.Output) {
	if n.patterns != nil {
		n.patterns.directory.Unwant(now, p, out)
	}
}

// Topics returns what is known of topics that match a pattern: all to which this member publishes, and those of others as far as a pattern was asked for that matches them.
func (n *Node) Topics(p topic.Pattern) []directory.Topic {
	if n.patterns == nil {
		return nil
	}
	return n.patterns.directory.Topics(p)
}

// DirectoryStats returns what the directory counted.
func (n *Node) DirectoryStats() directory.Stats {
	if n.patterns == nil {
		return directory.Stats{}
	}
	return n.patterns.directory.Stats()
}

// PatternStats returns what subscriptions to patterns counted.
func (n *Node) PatternStats() PatternStats {
	if n.patterns == nil {
		return PatternStats{}
	}
	s := n.patterns.stats
	s.Patterns, s.Metered, s.Unmetered = n.patterns.uses.Len(), len(n.patterns.meters.topics), n.patterns.meters.refused
	for _, f := range n.patterns.found {
		switch {
		case f.joined:
			s.Topics++
		case f.barred:
			s.Forbidden++
		default:
			s.Unjoined++
		}
	}
	return s
}

func (p *patterns) find(name string) (int, bool) {
	return slices.BinarySearchFunc(p.found, name, func(f *found, name string) int { return cmp.Compare(f.name, name) })
}

// named returns a topic that matches a pattern, nil when it does not.
func (p *patterns) named(name string) *found {
	if p == nil {
		return nil
	}
	if at, ok := p.find(name); ok {
		return p.found[at]
	}
	return nil
}

// add takes up a topic that is wanted.
func (p *patterns) add(now protocol.Time, name string, out *protocol.Output) {
	if p.wants(name) == 0 {
		return
	}
	at, ok := p.find(name)
	if ok {
		return
	}
	f := &found{name: name}
	if f.literal = p.node.Bimodal.Subscribed(name); f.literal {
		f.rated = p.node.Bimodal.Rating(name)
	}
	p.found = slices.Insert(p.found, at, f)
	p.join(now, f, out)
	if p.again == protocol.Never {
		p.again = now.Add(joinAgain)
	}
}

// join subscribes to a topic, unless there was no room a short time ago.
func (p *patterns) join(now protocol.Time, f *found, out *protocol.Output) {
	if f.barred = !p.allowed(f.name); f.barred {
		return
	}
	if !f.literal {
		if p.crowded {
			return
		}
		if err := p.node.subscribe(now, p.since(now, f.name), f.name, bimodal.SubscribeOptions{Rating: p.rating(f)}, out); err != nil {
			p.stats.Refused++
			p.crowded = true
			out.Emit(TopicsRefused{Count: p.unjoined(), Err: err})
			return
		}
	}
	f.joined = true
	if f.literal {
		_ = p.node.rerate(now, f.name, out) // where the row has no room it stays as it is
	}
	p.stats.Joined++
	out.Emit(TopicJoined{Topic: f.name})
}

func (p *patterns) unjoined() (count int) {
	for _, f := range p.found {
		if !f.joined && !f.barred {
			count++
		}
	}
	return count
}

// rating returns the highest rating of what wants a topic: patterns, and its name.
func (p *patterns) rating(f *found) gravity.Rating {
	if f.literal {
		return max(f.rated, p.wants(f.name))
	}
	return p.wants(f.name)
}

// lose takes in that nobody publishes to a topic any longer.
func (p *patterns) lose(now protocol.Time, name string, out *protocol.Output) {
	if !p.names(name) {
		p.remove(now, name, out)
	}
}

// remove ends what was begun for a topic.
func (p *patterns) remove(now protocol.Time, name string, out *protocol.Output) {
	at, ok := p.find(name)
	if !ok {
		return
	}
	f := p.found[at]
	p.found = slices.Delete(p.found, at, at+1)
	if !f.joined {
		return
	}
	if f.literal {
		_ = p.node.setRating(now, name, f.rated, false, out) // which takes no more room
	} else {
		_ = p.node.unsubscribe(now, name, out) // it is subscribed
		p.freed(now)
	}
	p.stats.Left++
	out.Emit(TopicLeft{Topic: name})
}

// freed takes in that there is room again: what could not be joined is tried at once.
func (p *patterns) freed(now protocol.Time) {
	if p != nil && p.crowded {
		p.again = now
	}
}

// take has a topic that is joined count as subscribed to by its name as well, with a rating. It reports whether it is joined.
func (p *patterns) take(name string, r gravity.Rating) bool {
	f := p.named(name)
	if f == nil || f.literal || !f.joined {
		return false
	}
	f.literal, f.rated = true, r
	return true
}

// adopt takes in that a topic is subscribed to by its name with a rating, so that a pattern that matches it has it as well, whether there was room before or not.
func (p *patterns) adopt(now protocol.Time, name string, r gravity.Rating, out *protocol.Output) {
	f := p.named(name)
	if f == nil {
		return
	}
	f.literal, f.rated = true, r
	if !f.joined {
		p.join(now, f, out)
	}
}

// leave ends take and adopt. It reports whether the topic stays joined.
func (p *patterns) leave(name string) bool {
	f := p.named(name)
	if f == nil || !f.literal {
		return false
	}
	f.literal = false
	return f.joined
}

// retry tries again what could not be joined, until there is no room.
func (p *patterns) retry(now protocol.Time, out *protocol.Output) {
	p.again, p.crowded = protocol.Never, false
	for _, f := range slices.Clone(p.found) {
		if !f.joined {
			p.join(now, f, out)
		}
	}
	if len(p.found) > 0 {
		p.again = now.Add(joinAgain)
	}
}

// settle hands messages of the system among the effects from mark on to the directory.
func (n *Node) settle(now protocol.Time, mark int, out *protocol.Output) {
	if n.patterns == nil {
		return
	}
	for i := mark; i < len(out.Effects); i++ {
		d, ok := out.Effects[i].Event.(*bimodal.Delivery)
		if !ok || !topic.IsSystem(d.Topic) {
			continue
		}
		for c := d.Begin(); c.Next(); {
			n.patterns.directory.Deliver(now, d.Author, d.Topic, c.Payload, out)
		}
	}
}

// begin tells the directory that a topic is about to be published to.
func (n *Node) begin(now protocol.Time, topic string, out *protocol.Output) {
	if n.patterns != nil {
		n.patterns.directory.Begin(now, topic, out)
	}
}

// published tells the directory what was published.
func (n *Node) published(now protocol.Time, topic string, messages, bytes int) {
	if n.patterns != nil && messages > 0 {
		n.patterns.directory.Published(now, topic, messages, bytes)
	}
}

// Notify implements protocol.Machine.
func (n *Node) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	mark := len(out.Effects)
	n.Router.Notify(now, e, out)
	n.settle(now, mark, out)
}

// Timeout implements protocol.Machine.
func (n *Node) Timeout(now protocol.Time, out *protocol.Output) {
	mark := len(out.Effects)
	n.Router.Timeout(now, out)
	if p := n.patterns; p != nil {
		if p.directory.Deadline() <= now {
			p.directory.Timeout(now, out)
		}
		if p.again <= now {
			p.retry(now, out)
		}
	}
	n.settle(now, mark, out)
}

// Deadline implements protocol.Machine.
func (n *Node) Deadline() protocol.Time {
	next := n.Router.Deadline()
	if p := n.patterns; p != nil {
		next = min(next, p.directory.Deadline(), p.again)
	}
	return next
}
