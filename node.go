package spinglass

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/identity"
	"spinglass/live"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/stack"
	"spinglass/vsync"
	"spinglass/wire"
)

// unstoredEvery is how often it is logged that the boot counter cannot be stored, while that lasts.
const unstoredEvery = time.Minute

// Node is a member of a fleet. Its methods are safe from any goroutine, also within loops over events and messages.
type Node struct {
	id      protocol.NodeID
	name    string
	first   bool
	log     *slog.Logger
	dataDir *dataDir
	epoch   time.Time // where protocol.Time is zero

	live        *live.Node
	stack       *stack.Node // of the loop
	credentials credentials // of a node with an identity
	names       names

	outgoing outgoings

	subscriptions map[string][]*Subscription // of the loop
	patterns      []*Subscription            // of the loop: those to patterns
	matching      map[string][]match         // of the loop: those of them that match a topic
	looks         looks                      // of the loop
	crowdedNext   protocol.Time              // of the loop: before which it is not logged again that topics cannot be joined
	options       map[string]topicOptions    // of the loop: topics that this node publishes to, and their options

	rows map[protocol.NodeID]*protocol.Peer // of the loop: peers that are up, as the application knows them

	questions map[uint64]chan astrolabe.Answered // of the loop: what others were asked for

	attributes map[string][]byte // of the loop: what the application has set, encoded

	groups map[string]*Group // of the loop

	unstoredNext protocol.Time // of the loop: before which it is not logged again that the boot counter cannot be stored

	watching  sync.Mutex
	watchers  []*watcher
	unwatched bool // no more watchers, since the node is closed

	joined    chan struct{} // closed when the node is a member
	left      chan struct{} // closed when its leaving has been told
	closing   chan struct{}
	lifetime  context.Context // ends when closing is closed
	end       context.CancelFunc
	closeOnce sync.Once
	posting   sync.WaitGroup // goroutines that the loop has started to come back to a topic

	slowConsumer atomic.Uint64 // messages that made room in the queues of subscriptions
	conflated    atomic.Uint64 // messages that gave way for later ones of the same key

	watches        atomic.Int64  // loops over Watch
	watchesRefused atomic.Uint64 // because there were too many
	groupsSlow     atomic.Uint64 // times that the application was too slow for a group

	groupsUnobserved atomic.Uint64 // events of groups that observers were not told of
	changesMissed    atomic.Uint64 // changes of rows that loops over Watch did not get
}

// Start starts a node. It returns once the sockets are open; whether the node is a member yet, [Joined] and [Node.Peers] tell. ctx bounds
// the start only. The caller must end the node with [Node.Leave] or [Node.Close].
func Start(ctx context.Context, config Config) (*Node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := config.check(); err != nil {
		return nil, err
	}
	if config.Listen == "" && config.Conn == nil && !config.Outbound {
		config.Listen = ListenDefault
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := openDataDir(config.DataDir)
	if err != nil {
		return nil, err
	}
	if config.Identity != nil && config.DataDir == "" {
		dir.id = config.Identity.Chain.Leaf().NodeID
		// What a key has signed must not be signed again otherwise: there is no boot counter, and time grows as well.
		dir.epoch = uint64(time.Now().UnixMilli())
	}
	n := &Node{
		id: dir.id, name: config.Name, first: config.First || len(config.Join) == 0, log: config.Logger, dataDir: dir, epoch: now(config.Clock),
		subscriptions: map[string][]*Subscription{}, options: map[string]topicOptions{}, rows: map[protocol.NodeID]*protocol.Peer{},
		matching: map[string][]match{}, looks: looks{},
		attributes: map[string][]byte{}, groups: map[string]*Group{}, questions: map[uint64]chan astrolabe.Answered{},
		joined: make(chan struct{}), left: make(chan struct{}), closing: make(chan struct{}),
	}
	n.outgoing.node = n
	n.lifetime, n.end = context.WithCancel(context.Background())
	security, err := n.security(config.Identity)
	if err != nil {
		dir.close()
		return nil, err
	}
	n.names.learn(n.id, n.name)
	n.live, err = live.Start(live.Config{
		ID: n.id, Build: n.build(config), Decoder: &stack.Decoder{}, Listen: config.Listen, Advertise: config.Advertise, Join: config.Join,
		Outbound: config.Outbound, Gateway: config.Gateway,
		Conn: config.Conn, Clock: config.Clock, Epoch: n.epoch, DataDir: config.DataDir, Logger: config.Logger, OnEvent: n.onEvent,
		Perturb: config.Fault.perturb(), PlainDatagrams: config.PlainDatagrams,
		NoMulticast: config.NoMulticast, MulticastPort: config.MulticastPort, DatagramSize: config.datagramSize(),
		Security: security, Key: config.signingKey(), Sessions: config.sessions(),
	})
	if err != nil {
		dir.close()
		return nil, fmt.Errorf("spinglass: %w", err)
	}
	if security != nil {
		n.posting.Go(n.tellWall)
	}
	return n, nil
}

// build returns what makes the protocols once the address to advertise is known.
func (n *Node) build(config Config) func(protocol.Address) (protocol.Machine, error) {
	return func(advertised protocol.Address) (protocol.Machine, error) {
		var seeds []protocol.Address
		for _, address := range config.Join {
			seeds = append(seeds, protocol.Address(address))
		}
		topics := bimodal.DefaultConfig()
		topics.Self, topics.Zone, topics.Epoch, topics.Rand = n.id, protocol.Zone(n.name), n.dataDir.epoch+1, newRand()
		topics.Notary = config.notary()
		if topics.Notary != nil && config.withinHost() {
			topics.GroupMin = bimodal.GroupMinMax
		}
		topics.DatagramSize, topics.BufferBytes = config.datagramSize(), cmp.Or(config.RepairBuffer, RepairBufferDefault)
		tables := astrolabe.Config{Seeds: seeds, Rand: newRand(), RowLimit: rowLimit, Wall: identity.InstantOf(n.epoch), AutomaticLimit: config.automaticLimit()}
		rand.Read(tables.Secret[:]) // never fails
		groups := vsync.DefaultConfig()
		groups.Rand, groups.DatagramSize, groups.Wall = newRand(), config.datagramSize(), n.epoch.Unix()
		machine, err := stack.New(stack.Config{
			Membership: membership.Config{
				Self: n.id, Epoch: n.dataDir.epoch, Durable: config.DataDir != "", Name: n.name, Addresses: config.addresses(n.id, advertised),
				Seeds: seeds, First: n.first, Rand: newRand(), ZoneLimit: config.ZoneLimit, FailTimeout: config.FailTimeout,
				RowLimit: rowLimit, Zoned: wire.FormatLatest >= wire.FormatZones,
				Identity: n.memberIdentity(config.Identity),
			},
			Bimodal:   topics,
			Tables:    tables,
			Groups:    groups,
			Directory: stack.DirectoryConfig{Rand: newRand(), Allowed: func(topic string) bool { return n.allows(identity.VerbSubscribe, topic) == nil }},
		})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
		n.restoreFunctions(config.DataDir, machine)
		n.stack = machine
		return machine, nil
	}
}

// now returns the time by a clock, nil for the real one.
func now(clock Clock) time.Time {
	if clock == nil {
		return time.Now()
	}
	return clock.Now()
}

// newRand returns a source of the protocols' randomness, which serves no secrets.
func newRand() *mathrand.Rand {
	var seed [16]byte
	rand.Read(seed[:]) // never fails
	return mathrand.New(mathrand.NewPCG(binary.BigEndian.Uint64(seed[:8]), binary.BigEndian.Uint64(seed[8:])))
}

// ID returns the node's number, under which it appears in messages and gaps.
func (n *Node) ID() protocol.NodeID { return n.id }

// Name returns the node's path, as it is configured. In which zone the node is, [Node.Zones] tells.
func (n *Node) Name() string { return n.name }

// Addr returns the "host:port" under which others reach the node; for one with Config.Outbound "relay:ID@host:port", by the first of its gateways.
func (n *Node) Addr() string { return string(n.live.Advertised()) }

// SetFault changes the fault that the node was started with.
func (n *Node) SetFault(f Fault) error {
	if err := n.live.SetPerturb(f.perturb()); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// Ready waits until the node is a member: it has met another one, or is the first of a fleet.
func (n *Node) Ready(ctx context.Context) error {
	select {
	case <-n.joined:
		return nil
	default:
	}
	select {
	case <-n.joined:
		return nil
	case <-n.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Subscribe asks for the messages of a topic, from now on. Several subscriptions to one topic each get every message.
//
// A topic with wildcards is a pattern, and stands for all topics that match it: + for one level, # as the last level for all that follow (grid/+/frequency, grid/#); see docs/TOPICS.md. Topics are joined as the node hears of
// them, those that begin later as well, and those that it may not subscribe to are left out. What does not fit into its row is logged and tried again.
func (n *Node) Subscribe(ctx context.Context, topic string, options ...SubscribeOption) (*Subscription, error) {
	o := subscribeOptions{queue: QueueDefault, rating: gravity.All}
	for _, option := range options {
		if err := option(&o); err != nil {
			return nil, err
		}
	}
	if isPattern(topic) {
		return n.subscribePattern(ctx, topic, o)
	}
	if err := checkTopic(topic); err != nil {
		return nil, err
	}
	if err := n.allows(identity.VerbSubscribe, topic); err != nil {
		return nil, err
	}
	s := newSubscription(n, topic, o)
	var failed error
	err := n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		history := o.history != (bimodal.History{})
		if history && n.stack.Bimodal.Subscribed(topic) { // by a pattern, perhaps
			failed = errSubscribed
		} else if len(n.subscriptions[topic]) == 0 {
			failed = n.stack.SubscribeWith(now, topic, bimodal.SubscribeOptions{Rating: o.rating, History: o.history}, out)
		} else {
			failed = n.rate(now, topic, append(slices.Clone(n.subscriptions[topic]), s), false, out)
		}
		if failed == nil {
			n.subscriptions[topic] = append(n.subscriptions[topic], s)
		}
	})
	if err != nil {
		return nil, err
	}
	switch {
	case errors.Is(failed, errSubscribed):
		return nil, fmt.Errorf("%w: %w", ErrConfig, failed)
	case failed != nil:
		return nil, limited(failed)
	}
	return s, nil
}

// limited returns an ErrLimit that says which of the limits of subscriptions it is.
func limited(err error) error {
	if limit, ok := errors.AsType[*bimodal.LimitError](err); ok && limit.What == "Subscriptions" {
		return fmt.Errorf("%w: a node subscribes to at most %d topics, those of its patterns and of the system included: %w", ErrLimit, limit.Limit, err)
	}
	return fmt.Errorf("%w: %w", ErrLimit, err)
}

// errSubscribed tells that a subscription cannot ask for what was published before it.
var errSubscribed = errors.New("messages from before are for the first subscription of a node to a topic, and it has one")

// unsubscribe takes a subscription away from the loop.
func (n *Node) unsubscribe(s *Subscription) error {
	err := n.call(context.Background(), func(now protocol.Time, out *protocol.Output) {
		if s.patterns != nil {
			n.unsubscribePatterns(now, s, out)
			return
		}
		all := n.subscriptions[s.topic]
		kept := make([]*Subscription, 0, len(all))
		for _, other := range all {
			if other != s {
				kept = append(kept, other)
			}
		}
		if len(kept) > 0 || len(all) == 0 {
			n.subscriptions[s.topic] = kept
			if len(kept) > 0 {
				_ = n.rate(now, s.topic, kept, false, out) // a row that has no room for ratings keeps the higher one
			}
			return
		}
		delete(n.subscriptions, s.topic)
		_ = n.stack.Unsubscribe(now, s.topic, out) // it is subscribed, so that this cannot fail
		n.keepOptions(now, s.topic)
	})
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// rate has a topic rated by the highest rating of some subscriptions to it. It runs on the loop.
func (n *Node) rate(now protocol.Time, topic string, all []*Subscription, fetch bool, out *protocol.Output) error {
	highest := gravity.Rating(0)
	for _, s := range all {
		highest = max(highest, s.wants())
	}
	return n.stack.SetRating(now, topic, highest, fetch, out)
}

// setRating sets the rating of a subscription.
func (n *Node) setRating(ctx context.Context, s *Subscription, r gravity.Rating, fetch bool) error {
	var failed error
	err := n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		if slices.Contains(n.patterns, s) {
			failed = n.ratePattern(now, s, r, fetch, out)
			return
		}
		if !slices.Contains(n.subscriptions[s.topic], s) {
			failed = ErrClosed
			return
		}
		before := s.rating.Swap(uint32(r))
		if failed = n.rate(now, s.topic, n.subscriptions[s.topic], fetch, out); failed != nil {
			s.rating.Store(before)
			failed = fmt.Errorf("%w: %w", ErrLimit, failed)
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// Leave leaves the groups that this node is in, sends what was published, tells the fleet that this member leaves, and closes the node. When ctx ends first it closes the node all the
// same and returns the context's error; the others then find out by silence.
func (n *Node) Leave(ctx context.Context) error {
	err := n.leaveGroups(ctx)
	if err == nil {
		err = n.Flush(ctx)
	}
	if err == nil {
		err = n.call(ctx, func(now protocol.Time, out *protocol.Output) { n.stack.Leave(now, out) })
	}
	if err == nil {
		select {
		case <-n.left:
		case <-n.closing:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return errors.Join(err, n.Close())
}

// Close ends the node at once. Messages that [Node.Publish] accepted and that are not sent yet may be lost: [Node.Flush] waits for them.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		close(n.closing)
		n.end()
		_ = n.live.Close() // it has no error to tell
		n.posting.Wait()
		for _, subscriptions := range n.subscriptions {
			for _, s := range subscriptions {
				s.end()
			}
		}
		for _, s := range n.patterns {
			s.end()
		}
		n.endWatchers()
		n.dataDir.close()
	})
	return nil
}

// closed reports whether Close has begun.
func (n *Node) closed() bool {
	select {
	case <-n.closing:
		return true
	default:
		return false
	}
}

// call runs f on the loop and waits for it.
func (n *Node) call(ctx context.Context, f func(now protocol.Time, out *protocol.Output)) error {
	err := n.live.Call(ctx, f)
	if errors.Is(err, live.ErrClosed) {
		return ErrClosed
	}
	return err
}

// onEvent takes what the protocols say, on the loop.
func (n *Node) onEvent(at protocol.Time, e protocol.Event) {
	if n.onGroupEvent(e) {
		return
	}
	switch e := e.(type) {
	case *bimodal.Delivery:
		n.deliver(e.Topic, entry{delivery: *e})
		return
	case *bimodal.Gap:
		n.deliver(e.Topic, entry{gap: e})
		return
	case astrolabe.Answered:
		n.answered(e)
		return
	case *bimodal.Writable:
		n.outgoing.writable(e.Topic)
		return
	case protocol.CredentialKnown:
		n.names.learn(e.Author, e.Credential.Name())
	case protocol.PeerUp:
		if e.Peer.Distance > 0 {
			return // it stands for another zone; the application sees that in the tables
		}
		n.names.learn(e.Peer.ID, protocol.ConfiguredName(e.Peer.Name))
		n.rows[e.Peer.ID] = e.Peer
	case protocol.PeerChanged:
		if e.Peer.Distance > 0 {
			return
		}
		n.names.learn(e.Peer.ID, protocol.ConfiguredName(e.Peer.Name))
		before := n.rows[e.Peer.ID]
		n.rows[e.Peer.ID] = e.Peer
		if before != nil && sameRow(before, e.Peer) {
			return // just the round trip, which is no news for the application
		}
	case protocol.PeerDown:
		delete(n.rows, e.Peer.ID)
	case protocol.PeerLeft:
		delete(n.rows, e.Peer.ID)
	case protocol.PeerDropped:
		delete(n.rows, e.Peer.ID)
	case membership.RevocationsChanged:
		n.revoked()
	case membership.Quarantined:
		n.quarantined()
	case protocol.Joined:
		close(n.joined)
	case protocol.Left:
		close(n.left)
	}
	n.warn(at, e)
	if told := n.event(e); told != nil {
		n.tell(told)
	}
}

// sameRow reports whether two views of a peer show the same row.
func sameRow(a, b *protocol.Peer) bool {
	return a.Epoch == b.Epoch && a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses) &&
		slices.EqualFunc(a.Attributes, b.Attributes, func(a, b protocol.Attribute) bool { return a.Name == b.Name && bytes.Equal(a.Value, b.Value) })
}

// warn logs what an operator should look at.
func (n *Node) warn(at protocol.Time, e protocol.Event) {
	switch e := e.(type) {
	case protocol.JoinFailing:
		n.log.Warn("no join address answers: not a member yet", "attempts", e.Attempts, "retry", e.Retry)
	case membership.NameConflict:
		n.log.Warn("another member has the same name", "name", protocol.ConfiguredName(e.Name), "id", e.Peer)
	case membership.ZoneFull:
		n.log.Warn("the zone is full: members beyond its limit are ignored (raise the zone limit on all members)", "limit", e.Limit)
	case membership.EpochNotStored: // once a second
		if at < n.unstoredNext {
			return
		}
		n.unstoredNext = at.Add(unstoredEvery)
		n.log.Error("the boot counter cannot be stored: not a member yet", "error", e.Err, "retry", e.Retry)
	case *bimodal.Corruption:
		n.log.Warn("a member has handed on a packet that its author has not made", "peer", n.names.of(e.Peer), "author", n.names.of(e.Author))
	case membership.AuthoritySilent:
		n.log.Warn("an authority is heard no longer: it is away, or this node is cut off from what it revokes", "authority", e.Issuer.Fingerprint(), "since", e.Since,
			"missing list", e.Missing)
	case stack.TopicsRefused:
		if at < n.crowdedNext {
			return
		}
		n.crowdedNext = at.Add(unstoredEvery)
		n.log.Warn("topics that match a pattern cannot be subscribed to", "topics", e.Count, "error", e.Err)
	case *bimodal.StreamRefused:
		n.log.Warn("too many streams: messages are not delivered", "author", n.names.of(e.Author), "topic", e.Topic)
	}
}

func (n *Node) deliver(topic string, e entry) {
	for _, s := range n.subscriptions[topic] {
		if lost := s.push(e, s.wants()); lost > 0 {
			n.slowConsumer.Add(lost)
		}
	}
	for _, m := range n.matches(topic) {
		if lost := m.subscription.push(e, m.rating); lost > 0 {
			n.slowConsumer.Add(lost)
		}
	}
}

// gap makes an error for the application of what the protocols, or a queue, say.
func (n *Node) gap(g *bimodal.Gap) *Gap {
	return &Gap{
		Topic: g.Topic, From: n.names.of(g.Author), FromID: g.Author, First: g.First, Last: g.Last, Count: g.Count, Reason: string(g.Reason),
	}
}

func (n *Node) watch(w *watcher) error {
	n.watching.Lock()
	defer n.watching.Unlock()
	switch {
	case n.unwatched:
		return ErrClosed
	case len(n.watchers) >= eventWatchersMax:
		return fmt.Errorf("%w: %d loops over events", ErrLimit, eventWatchersMax)
	}
	n.watchers = append(n.watchers, w)
	return nil
}

func (n *Node) unwatch(w *watcher) {
	n.watching.Lock()
	defer n.watching.Unlock()
	for i, other := range n.watchers {
		if other == w {
			n.watchers = append(n.watchers[:i:i], n.watchers[i+1:]...)
			return
		}
	}
}

func (n *Node) endWatchers() {
	n.watching.Lock()
	defer n.watching.Unlock()
	n.unwatched = true
	for _, w := range n.watchers {
		w.end()
	}
}

func (n *Node) tell(e Event) {
	n.watching.Lock()
	defer n.watching.Unlock()
	for _, w := range n.watchers {
		w.push(e)
	}
}
