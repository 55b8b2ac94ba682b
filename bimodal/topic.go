package bimodal

import (
	"slices"

	"spinglass/gravity"
	"spinglass/protocol"
)

// topic is one that this node subscribes to or has published to.
type topic struct {
	id   TopicID
	name string

	background bool // see background.go
	subscribed bool
	configured bool           // by options of its own
	rating     gravity.Rating // of the subscription
	holds      gravity.Rating // what this node holds: what it wants, and what it carries for others; All of a topic that it only publishes to
	carry      *carry         // nil when this node does not carry it for others
	looked     uint32         // round in which it was last looked at whether others want more of it than this node; 0 for never
	since      protocol.Time  // streams that began before are taken up where they stand,
	history    History        // or some way back
	streams    int            // known, of this topic

	stream     *stream // this node's own, once it has published
	body       []byte  // records of the packet being filled
	count      uint64  // messages that they complete
	pieces     bool    // of cut messages are among them
	proves     bool    // it leaves room for a signature
	uncovered  uncovered
	opened     bool // in Machine.opened
	bucket     bucket
	flow       flow
	means      Spread         // as its options say
	audience                  // who wants the topic
	levels     []audience     // the same by ratings, the lowest first; nil where all want everything
	local      gravity.Rating // the highest of the own zone
	below      gravity.Rating // the highest below All of the peers'; 0 where there is none
	known      bool           // audience, levels and candidates are up to date
	candidates []candidate    // region with what the choice of bufferers takes
	barred     int            // zones that want the topic and have no contact that may have it
	dispatches []*dispatch    // for handing packets on
	seed       uint64         // of their orders; 0 before the first
	order      uint64         // number of the latest order
	banded     bool           // some of the own zone do not want everything, so that each band of heights has a group of its own
	group      group          // the way to the targets by multicast; where the topic is banded, to those of the highest band
	bands      []group        // of the lower bands, of a topic that this node publishes to; nil where there are none
	named      bool           // the ids of the bands are in Machine.bands
	address    protocol.Group // of the topic in the own zone
	joined     bandSet        // groups that this node has joined
	lingers    uint32         // round from which on it leaves those that it has joined and does not want; 0 when there is none

	chosen Knobs   // for this topic; zeros follow target and Config
	target float64 // probability to plan for; 0 for none
	knobs  Knobs   // in force

	longArena arena // for copies of packets that live long

	stamp uint64 // of the last digest whose receiver wants the topic
	index int    // of the topic in that digest, -1 when it is not there yet
}

// topicNamed returns the topic of a name, which it takes up if it is new.
func (m *Machine) topicNamed(now protocol.Time, name string) (*topic, error) {
	if t := m.byName[name]; t != nil {
		return t, nil
	}
	if len(name) == 0 || len(name) > protocol.TopicMax {
		return nil, ErrTopicName
	}
	id := TopicOf(name)
	if m.ownTopics() >= m.config.Topics {
		return nil, &LimitError{What: "Topics", Limit: m.config.Topics}
	}
	switch t := m.topics[id]; {
	case t != nil && t.name != "":
		return nil, ErrTopicClash
	case t != nil: // it is carried
		t.name, m.byName[name] = name, t
		m.regardTopic(t)
		return t, nil
	}
	return m.newTopic(now, id, name), nil
}

// ownTopics returns how many topics there are but for those that are carried only, so that these do not keep the application from others.
func (m *Machine) ownTopics() int {
	count := len(m.topicOrder)
	for _, t := range m.carrying.topics {
		if !t.needed() {
			count--
		}
	}
	return count
}

// needed reports whether this node has to do with a topic for itself, and not only to carry it.
func (t *topic) needed() bool { return t.subscribed || t.configured || t.stream != nil }

// newTopic takes up a topic; one that is carried for others may have no name.
func (m *Machine) newTopic(now protocol.Time, id TopicID, name string) *topic {
	t := &topic{id: id, name: name, background: m.background.ids[id], address: m.groupOf(id), rating: gravity.All, holds: gravity.All, group: group{band: gravity.BandLast}}
	t.limit(now, m.defaultLimits())
	m.resolveKnobs(t)
	if m.topics[id] = t; name != "" {
		m.byName[name] = t
	}
	m.topicOrder = append(m.topicOrder, t)
	m.regardTopic(t)
	return t
}

// Subscribe asks for the messages of a topic that are published from now on: streams that begin later from their first message,
// older streams from the first packet sealed since, as far as that can still be had. Messages arrive as [Delivery] events, losses as [Gap] events; what this node itself
// publishes is delivered too. Errors: ErrTopicName, ErrTopicClash, ErrSubscribed, *LimitError.
func (m *Machine) Subscribe(now protocol.Time, name string, out *protocol.Output) error {
	return m.SubscribeWith(now, name, SubscribeOptions{Rating: gravity.All}, out)
}

// SubscribeOptions are what is chosen for a subscription.
type SubscribeOptions struct {
	Rating  gravity.Rating // which fraction of the messages is wanted; not zero
	History History        // what is wanted of what was published before; the zero value wants nothing
}

// SubscribeWith is Subscribe with options. Errors: those of Subscribe, gravity.ErrRating.
func (m *Machine) SubscribeWith(now protocol.Time, name string, options SubscribeOptions, out *protocol.Output) error {
	if options.Rating == 0 {
		return gravity.ErrRating
	}
	if err := options.History.check(); err != nil {
		return err
	}
	if t := m.byName[name]; t != nil && t.subscribed {
		return ErrSubscribed
	}
	if m.subscriptions >= m.config.Subscriptions {
		return &LimitError{What: "Subscriptions", Limit: m.config.Subscriptions}
	}
	t, err := m.topicNamed(now, name)
	if err != nil {
		return err
	}
	m.subscriptions++
	t.subscribed, t.since, t.rating, t.history = true, now, options.Rating, options.History
	m.reshape(t)
	m.refreshTargets(t)
	for _, s := range m.streams {
		if s.topic == t { // what it held was not delivered so far
			s.order.fresh, s.order.reason = true, ""
			m.replay(s, out)
		}
	}
	m.announceInterest(out)
	if t.carry != nil {
		m.announceCarries(out)
	}
	m.joinGroups(out)
	return nil
}

// Unsubscribe ends a subscription. Undelivered messages are not told of. Errors: ErrNotSubscribed.
func (m *Machine) Unsubscribe(_ protocol.Time, name string, out *protocol.Output) error {
	t := m.byName[name]
	if t == nil || !t.subscribed {
		return ErrNotSubscribed
	}
	m.subscriptions--
	t.subscribed, t.rating = false, gravity.All
	m.reshape(t)
	m.refreshTargets(t)
	for _, s := range m.streams {
		if s.topic == t {
			m.endRewind(s)
			m.abandonAssembly(s)
		}
	}
	if t.carry == nil {
		m.forget(func(s *stream) bool { return s.topic == t && s != t.stream })
	} else {
		m.announceCarries(out)
	}
	m.announceInterest(out)
	m.leaveGroups(t, out)
	m.joinGroups(out)
	if t.stream == nil && t.carry == nil {
		m.removeTopic(t)
	}
	return nil
}

func (m *Machine) removeTopic(t *topic) {
	delete(m.byName, t.name)
	delete(m.topics, t.id)
	m.writable.Cancel(t)
	m.forgetBands(t)
	m.forgetOrders(t.id)
	m.topicOrder = slices.DeleteFunc(m.topicOrder, func(other *topic) bool { return other == t })
}

// announceInterest asks membership to put the topics that this node wants into its row.
func (m *Machine) announceInterest(out *protocol.Output) {
	wanted := make([]TopicID, 0, m.subscriptions)
	for _, t := range m.topicOrder {
		if t.subscribed {
			wanted = append(wanted, t.id)
		}
	}
	attribute := protocol.Attribute{Name: InterestAttribute}
	if len(wanted) > 0 {
		slices.Sort(wanted)
		ratings := make([]gravity.Rating, len(wanted))
		for i, id := range wanted {
			ratings[i] = m.topics[id].rating
		}
		attribute.Value = gravity.AppendInterest(make([]byte, 0, 8*len(wanted)), wanted, ratings)
	}
	out.Emit(protocol.SetAttribute{Attribute: attribute})
}

// TopicOptions are what is chosen for a topic.
type TopicOptions struct {
	Rate  int64 // bytes a second, records with their lengths; 0 is unlimited, or the default to begin with if Flow is adaptive
	Burst int64 // bytes that may be published at once after a pause; 64 KiB to 1 GiB, 0 for the default
	Flow  Flow  // how the crowd of subscribers changes the rate; the zero value leaves it fixed

	Spread Spread // by which means packets go on their first way

	Knobs // what is spent on reliability, also for what others publish
	// TargetProbability sets the knobs that are zero by Plan, for the members that are known to want the topic and 5 % loss: the
	// probability that a member which stays up gets a message, 0.5 to 1-1e-12; 0 for none.
	TargetProbability float64
}

// Configure sets the options of a topic. Errors: ErrTopicName, ErrTopicClash, ErrRate, ErrFlow, ErrSpread, *OptionError, *LimitError.
func (m *Machine) Configure(now protocol.Time, name string, options TopicOptions) error {
	wanted, err := m.limitsOf(&options)
	if err != nil {
		return err
	}
	if !options.Spread.Valid() {
		return ErrSpread
	}
	if err := options.checkKnobs(); err != nil {
		return err
	}
	t, err := m.topicNamed(now, name)
	if err != nil {
		return err
	}
	m.setKnobs(t, &options)
	t.means, t.configured = options.Spread, true
	if t.flow.limits == wanted {
		return nil
	}
	t.limit(now, wanted)
	if m.writable.At(t) != protocol.Never {
		m.writable.Set(t, now)
	}
	return nil
}

// Ready reports whether Publish to a topic would be let through by its rate now.
func (m *Machine) Ready(now protocol.Time, name string) bool {
	t := m.byName[name]
	return t == nil || t.bucket.ready(now)
}

// Targets returns how many peers want a topic that this node publishes or subscribes to.
func (m *Machine) Targets(name string) int {
	t := m.byName[name]
	if t == nil {
		return 0
	}
	m.refreshTargets(t)
	return len(t.targets)
}

// BodyLimit returns how many bytes of records fit into a packet; see [wire.RecordSize].
func (m *Machine) BodyLimit() int { return m.packer.Limit() }
