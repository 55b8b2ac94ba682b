package stack

import (
	"errors"
	"fmt"
	"slices"

	"spinglass/directory"
	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/topic"
)

// PatternsMax bounds the patterns of one subscription.
const PatternsMax = 64

// Errors of patterns.
var (
	// ErrPatterns tells that a subscription has more than PatternsMax patterns.
	ErrPatterns = fmt.Errorf("stack: a subscription has at most %d patterns", PatternsMax)
	// ErrNoPattern tells that a subscription has no pattern of which anything is wanted.
	ErrNoPattern = errors.New("stack: a subscription has at least one pattern with a rating above 0")
)

// RatedPattern is a pattern, or a name, with the fraction that is wanted of the topics of which it is the most specific pattern that matches; 0 leaves them out.
type RatedPattern struct {
	Pattern topic.Pattern
	Rating  gravity.Rating
}

// PatternSubscription is what one subscription wants by patterns.
type PatternSubscription struct {
	ratings topic.Interests[interest]
	asked   []topic.Pattern // those of which the directory is asked for topics
	named   []string        // topics that are wanted whether anybody publishes to them or not, ascending
}

// interest is what a subscription wants of the topics of a pattern.
type interest struct {
	rating gravity.Rating
	since  protocol.Time
}

// Rating returns which fraction the subscription wants of a topic: by the most specific of its patterns that match; 0 where none does, or that leaves it out.
func (s *PatternSubscription) Rating(name string) gravity.Rating {
	i, _, _ := s.ratings.Lookup(name)
	return i.rating
}

// Patterns returns the patterns with their ratings, the more specific ones first.
func (s *PatternSubscription) Patterns() (all []RatedPattern) {
	for p, i := range s.ratings.All() {
		all = append(all, RatedPattern{p, i.rating})
	}
	return all
}

// newPatternSubscription makes what patterns want: from now on, or since that was wanted before. Of a pattern that is there twice the latter rating counts.
func newPatternSubscription(now protocol.Time, all []RatedPattern, before *PatternSubscription) (*PatternSubscription, error) {
	s := new(PatternSubscription)
	for _, rated := range all {
		if topic.IsSystem(rated.Pattern.String()) {
			return nil, directory.ErrSystem
		}
		i := interest{rated.Rating, now}
		if known, ok := before.ratings.Get(rated.Pattern); ok && known.rating > 0 {
			i.since = known.since
		}
		if err := s.ratings.Set(rated.Pattern, i); err != nil {
			return nil, err
		}
		if s.ratings.Len() > PatternsMax {
			return nil, ErrPatterns
		}
	}
	for p, i := range s.ratings.All() {
		switch {
		case i.rating == 0:
		case p.Literal():
			s.named = append(s.named, p.String())
		default:
			s.asked = append(s.asked, p)
		}
	}
	if len(s.named)+len(s.asked) == 0 {
		return nil, ErrNoPattern
	}
	slices.Sort(s.named)
	// What another pattern matches as well need not be asked for twice.
	s.asked = slices.DeleteFunc(s.asked, func(p topic.Pattern) bool {
		for q, i := range s.ratings.All() {
			if i.rating > 0 && q != p && q.Covers(p) {
				return true
			}
		}
		return false
	})
	return s, nil
}

// SubscribePatterns asks for the messages of all topics that match patterns, of those that come into being as well. Of several patterns that match a topic the most specific one says which fraction is wanted, see topic.Pattern.Compare.
// It returns at once; [TopicJoined] tells of each topic that it joins. What was published to it since the subscription is delivered as far as it can still be had. A name stands for a topic that is joined whether anybody publishes to it or
// not. Subscriptions by names and by patterns add up: a topic is rated by the highest of the ratings of those that want it. Errors: ErrNoDirectory, ErrPatterns, ErrNoPattern, those of directory.Want, and those of Subscribe, since
// topics of the system are subscribed to.
func (n *Node) SubscribePatterns(now protocol.Time, all []RatedPattern, out *protocol.Output) (*PatternSubscription, error) {
	if n.patterns == nil {
		return nil, ErrNoDirectory
	}
	s, err := newPatternSubscription(now, all, new(PatternSubscription))
	if err != nil {
		return nil, err
	}
	if err := n.patterns.want(now, s, out); err != nil {
		return nil, err
	}
	n.patterns.all = append(n.patterns.all, s)
	n.patterns.review(now, s, out)
	return s, nil
}

// SetPatterns has a subscription want other patterns, or the same ones with other ratings. Topics that it wants before and after stay joined. Where the row of this member has no room for a rating, a topic stays rated as it was. Errors
// leave everything as it was: those of SubscribePatterns.
func (n *Node) SetPatterns(now protocol.Time, s *PatternSubscription, all []RatedPattern, out *protocol.Output) error {
	if n.patterns == nil || !slices.Contains(n.patterns.all, s) {
		return ErrNoDirectory
	}
	next, err := newPatternSubscription(now, all, s)
	if err != nil {
		return err
	}
	if err := n.patterns.want(now, next, out); err != nil {
		return err
	}
	before := *s
	*s = *next
	n.patterns.unwant(now, &before, out)
	n.patterns.review(now, s, out)
	return nil
}

// UnsubscribePatterns ends SubscribePatterns.
func (n *Node) UnsubscribePatterns(now protocol.Time, s *PatternSubscription, out *protocol.Output) {
	if n.patterns == nil {
		return
	}
	at := slices.Index(n.patterns.all, s)
	if at < 0 {
		return
	}
	n.patterns.all = slices.Delete(n.patterns.all, at, at+1)
	n.patterns.unwant(now, s, out)
	n.patterns.review(now, nil, out)
}

// want asks the directory for what a subscription wants: for all of it, or, if it fails, for nothing.
func (p *patterns) want(now protocol.Time, s *PatternSubscription, out *protocol.Output) error {
	for i, q := range s.asked {
		if err := p.directory.Want(now, q, out); err != nil {
			for _, asked := range s.asked[:i] {
				p.directory.Unwant(now, asked, out)
			}
			return err
		}
	}
	for q := range s.ratings.All() {
		uses, _ := p.uses.Get(q)
		_ = p.uses.Set(q, uses+1) // there are far fewer than it takes
	}
	return nil
}

// unwant ends want.
func (p *patterns) unwant(now protocol.Time, s *PatternSubscription, out *protocol.Output) {
	for _, q := range s.asked {
		p.directory.Unwant(now, q, out)
	}
	for q := range s.ratings.All() {
		if uses, _ := p.uses.Get(q); uses > 1 {
			_ = p.uses.Set(q, uses-1) // it is there
		} else {
			p.uses.Remove(q)
		}
	}
}

// review looks again at all topics, since subscriptions have changed: those that nobody wants any more are left, others are rated anew, and those are taken up that are known and that a subscription wants which is new, or nil.
func (p *patterns) review(now protocol.Time, fresh *PatternSubscription, out *protocol.Output) {
	for _, f := range slices.Clone(p.found) {
		if p.wants(f.name) == 0 {
			p.remove(now, f.name, out)
		}
	}
	if fresh != nil {
		for _, name := range fresh.named {
			p.add(now, name, out)
		}
		for _, q := range fresh.asked {
			for _, known := range p.directory.Topics(q) {
				p.add(now, known.Name, out)
			}
		}
	}
	for _, f := range p.found {
		if f.joined {
			_ = p.node.rerate(now, f.name, out) // where the row has no room it stays as it is
		}
	}
}

// wants returns the highest rating that subscriptions have for a topic, 0 where none wants it.
func (p *patterns) wants(name string) (highest gravity.Rating) {
	for _, s := range p.all {
		highest = max(highest, s.Rating(name))
	}
	return highest
}

// names reports whether a subscription wants a topic by its name, so that it does not matter whether anybody publishes to it.
func (p *patterns) names(name string) bool {
	for _, s := range p.all {
		if _, found := slices.BinarySearch(s.named, name); found {
			return true
		}
	}
	return false
}

// since returns when the first of the subscriptions was made that want a topic.
func (p *patterns) since(now protocol.Time, name string) protocol.Time {
	since := now
	for _, s := range p.all {
		if i, _, ok := s.ratings.Lookup(name); ok && i.rating > 0 {
			since = min(since, i.since)
		}
	}
	return since
}
