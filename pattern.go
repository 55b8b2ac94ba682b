package spinglass

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/stack"
	"spinglass/topic"
)

// PatternsMax bounds the [Patterns] of a subscription.
const PatternsMax = stack.PatternsMax

// Patterns are the patterns, or names, of one subscription, with the fraction of the messages that is wanted of each: 0 to 1, see [Rating]; 0 leaves topics out. Of several that match a topic the most specific one counts, whatever the others
// say: at the first level in which they differ, a name of a level comes before +, and both before #.
//
//	spinglass.Patterns{"grid/#": 0.1, "grid/+/alarm": 1, "grid/test/#": 0}
type Patterns map[string]float64

// String returns the patterns with their ratings, the more specific ones first, or what is no pattern in the order of its bytes.
func (p Patterns) String() string {
	all, err := p.rated()
	if err != nil {
		return fmt.Sprint(map[string]float64(p))
	}
	var b strings.Builder
	for i, rated := range all {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%v", rated.Pattern, p[rated.Pattern.String()])
	}
	return b.String()
}

// rated returns the patterns as the protocols have them, the more specific ones first. Its errors are ErrTopic, ErrConfig and ErrLimit.
func (p Patterns) rated() (all []stack.RatedPattern, err error) {
	if len(p) > PatternsMax {
		return nil, fmt.Errorf("%w: %d patterns exceed the limit of %d", ErrLimit, len(p), PatternsMax)
	}
	wanted := false
	for _, text := range slices.Sorted(maps.Keys(p)) {
		var rated stack.RatedPattern
		if rated.Pattern, err = parsePattern(text); err != nil {
			return nil, err
		}
		if p[text] != 0 {
			if rated.Rating, err = ratingOf(p[text]); err != nil {
				return nil, fmt.Errorf("%q: %w, or 0", text, err)
			}
			wanted = true
		}
		all = append(all, rated)
	}
	if !wanted {
		return nil, fmt.Errorf("%w: of no pattern anything is wanted", ErrConfig)
	}
	slices.SortFunc(all, func(a, b stack.RatedPattern) int { return a.Pattern.Compare(b.Pattern) })
	return all, nil
}

// SubscribePatterns asks for the messages of all topics that match patterns, in one queue: as [Node.Subscribe] does for one pattern, with a rating for each. A name among them is joined whether anybody publishes to it or not. What other
// subscriptions of the node want adds to it, and is not yielded by this one. The options [Rating], [Last] and [AllBuffered] are refused. Errors: [ErrTopic] for what is no pattern, ErrConfig, [ErrForbidden] where the certificate of the node
// allows no topic of a pattern, [ErrLimit], [ErrClosed], that of ctx.
func (n *Node) SubscribePatterns(ctx context.Context, patterns Patterns, options ...SubscribeOption) (*Subscription, error) {
	o := subscribeOptions{queue: QueueDefault}
	for _, option := range options {
		if err := option(&o); err != nil {
			return nil, err
		}
	}
	if o.rating != 0 {
		return nil, fmt.Errorf("%w: patterns have ratings of their own", ErrConfig)
	}
	all, err := n.ratedPatterns(patterns)
	if err != nil {
		return nil, err
	}
	return n.subscribePatterns(ctx, patterns.String(), all, o)
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

// isPattern reports whether a text has wildcards.
func isPattern(text string) bool { return topic.HasWildcard(text) }

// ratedPatterns returns patterns of which this node may have something.
func (n *Node) ratedPatterns(patterns Patterns) ([]stack.RatedPattern, error) {
	all, err := patterns.rated()
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Rating == 0 {
			continue
		}
		if err := n.allowsAny(p.Pattern); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// subscribePattern is Subscribe for a pattern with wildcards.
func (n *Node) subscribePattern(ctx context.Context, text string, o subscribeOptions) (*Subscription, error) {
	p, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	if err := n.allowsAny(p); err != nil {
		return nil, err
	}
	return n.subscribePatterns(ctx, text, []stack.RatedPattern{{Pattern: p, Rating: o.rating}}, o)
}

func (n *Node) subscribePatterns(ctx context.Context, text string, all []stack.RatedPattern, o subscribeOptions) (*Subscription, error) {
	if o.history != (bimodal.History{}) {
		return nil, fmt.Errorf("%w: messages from before are for the name of a topic, not for a pattern", ErrConfig)
	}
	o.rating = highestOf(all)
	s := newSubscription(n, text, o)
	var failed error
	err := n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		if s.patterns, failed = n.stack.SubscribePatterns(now, all, out); failed == nil {
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

func highestOf(all []stack.RatedPattern) (highest gravity.Rating) {
	for _, p := range all {
		highest = max(highest, p.Rating)
	}
	return highest
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

// unsubscribePatterns ends a subscription to patterns, on the loop.
func (n *Node) unsubscribePatterns(now protocol.Time, s *Subscription, out *protocol.Output) {
	at := slices.Index(n.patterns, s)
	if at < 0 {
		return
	}
	n.patterns = slices.Delete(n.patterns, at, at+1)
	clear(n.matching)
	n.stack.UnsubscribePatterns(now, s.patterns, out)
}

// errSeveral tells that a subscription has no single rating.
var errSeveral = errors.New("the subscription has several patterns, whose ratings SetPatterns sets")

// ratePattern sets the rating of a subscription to one pattern. It runs on the loop.
func (n *Node) ratePattern(now protocol.Time, s *Subscription, r gravity.Rating, fetch bool, out *protocol.Output) error {
	all := s.patterns.Patterns()
	switch {
	case len(all) > 1:
		return fmt.Errorf("%w: %w", ErrConfig, errSeveral)
	case fetch:
		return fmt.Errorf("%w: AllBuffered is for a topic, not for a pattern", ErrConfig)
	}
	all[0].Rating = r
	return n.setPatterns(now, s, all, out)
}

// setPatterns gives a subscription to patterns others. It runs on the loop.
func (n *Node) setPatterns(now protocol.Time, s *Subscription, all []stack.RatedPattern, out *protocol.Output) error {
	if err := n.stack.SetPatterns(now, s.patterns, all, out); err != nil {
		return fmt.Errorf("%w: %w", ErrLimit, err)
	}
	s.rating.Store(uint32(highestOf(all)))
	clear(n.matching)
	return nil
}

// SetPatterns gives a subscription to patterns other ones, or the same ones with other ratings. Topics that are wanted before and after stay joined, so that nothing of them is missed; for others it is as for a new subscription. What was
// left out before does not come later. Errors: those of [Node.SubscribePatterns], and ErrConfig for a subscription to the name of a topic; they leave everything as it was.
func (s *Subscription) SetPatterns(ctx context.Context, patterns Patterns) error {
	all, err := s.node.ratedPatterns(patterns)
	if err != nil {
		return err
	}
	text := patterns.String()
	var failed error
	err = s.node.call(ctx, func(now protocol.Time, out *protocol.Output) {
		switch {
		case slices.Contains(s.node.patterns, s):
			failed = s.node.setPatterns(now, s, all, out)
		case s.patterns == nil:
			failed = fmt.Errorf("%w: the subscription is to the name of a topic", ErrConfig)
		default:
			failed = ErrClosed
		}
		if failed == nil {
			s.mu.Lock()
			s.topic = text
			s.mu.Unlock()
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// matchingMax bounds the topics of which it is remembered whose patterns match them.
const matchingMax = 4096

// match is a subscription whose patterns match a topic, and want so much of it.
type match struct {
	subscription *Subscription
	rating       gravity.Rating
}

// matches returns the subscriptions of which the patterns match a topic, on the loop.
func (n *Node) matches(name string) []match {
	if len(n.patterns) == 0 || topic.IsSystem(name) {
		return nil
	}
	known, ok := n.matching[name]
	if !ok {
		for _, s := range n.patterns {
			if r := s.patterns.Rating(name); r > 0 {
				known = append(known, match{s, r})
			}
		}
		if len(n.matching) >= matchingMax {
			clear(n.matching)
		}
		n.matching[name] = known
	}
	return known
}
