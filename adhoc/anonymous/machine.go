package anonymous

import (
	"errors"
	"slices"
	"time"

	"spinglass/adhoc"
	"spinglass/identity"
	"spinglass/protocol"
)

// Errors of commands.
var (
	ErrMember = errors.New("anonymous: this node is no member of the group")
	ErrSize   = errors.New("anonymous: a message of more than MessageMax bytes")
	ErrGroups = errors.New("anonymous: a member of GroupsMax groups already")
	ErrName   = errors.New("anonymous: a node with an identity joins a group by its name, of 1 to 255 bytes, for which its grants are")
	ErrGrant  = errors.New("anonymous: the certificate of this node does not allow it to do this in the group")
)

// Machine is the gossip of a node, with the routing under it. See the package documentation.
type Machine struct {
	config  Config
	members []*membership // in the order of joining
	stats   Stats
	timers  protocol.Deadlines[adhoc.Group] // rounds
	guard   *guard                          // nil without an identity
	hops    []adhoc.NextHop                 // scratch
	weights []float64
}

// membership is what a member keeps of a group.
type membership struct {
	group   adhoc.Group
	name    string // "": not told
	number  uint64 // of its latest message
	sources []*source
	past    []forgotten // the one that was forgotten last at the end
	turn    int         // of sources, whose turn it is to be asked for
	history history
	cache   cache

	pending   []Message         // whose sources have not proven yet who they are, as they came
	wanted    []protocol.NodeID // of which certificates are wanted, ascending
	keyTurn   int               // of wanted, whose turn it is to be asked for
	spoken    protocol.Time     // when this member published last,
	announced protocol.Time     // and told its certificates last
}

// New returns a machine. It panics on a configuration that Validate refuses.
func New(config Config) *Machine {
	if err := config.Validate(); err != nil {
		panic(err)
	}
	m := &Machine{config: config}
	if config.Identity != nil {
		m.guard = newGuard(config.Identity)
	}
	return m
}

// Stats returns the counters.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Groups = len(m.members)
	if m.guard != nil {
		s.Keys = len(m.guard.holders)
	}
	for _, g := range m.members {
		s.Pending += len(g.pending)
		s.HistoryEvicted += g.history.evicted
		s.HistoryCrowded += g.history.crowded
		s.Held += g.history.len()
		s.HeldBytes += g.history.bytes
		s.Sources += len(g.sources)
		s.Cached += len(g.cache.members)
		for _, o := range g.sources {
			s.Wanted += len(o.lost)
		}
	}
	return s
}

// Routing returns the routing under the machine, to look at.
func (m *Machine) Routing() adhoc.Routing { return m.config.Routing }

// Start implements protocol.Machine.
func (m *Machine) Start(now protocol.Time, out *protocol.Output) {
	m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Start(now, inner) })
}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	if q, ok := message.(*Request); ok {
		m.receiveRequest(now, from, q, out)
		return
	}
	m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Receive(now, from, message, inner) })
}

// Notify implements protocol.Machine.
func (m *Machine) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Notify(now, e, inner) })
	if clock, ok := e.(protocol.WallClock); ok && m.guard != nil {
		m.guard.setClock(now, clock)
	}
	if broken, ok := e.(protocol.LinkBroken); ok {
		if q, ok := broken.Message.(*Request); ok {
			m.rescue(now, broken.To, q, out)
		}
	}
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Timeout(now, inner) })
	for {
		group, ok := m.timers.Due(now)
		if !ok {
			return
		}
		if g := m.membership(group); g != nil {
			m.round(now, g, out)
			m.timers.Set(group, now.Add(m.pause()))
		}
	}
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return min(m.timers.Next(), m.config.Routing.Deadline()) }

// JoinName makes this node a member of the group of a name.
func (m *Machine) JoinName(now protocol.Time, name string, out *protocol.Output) error {
	if name == "" || len(name) > adhoc.GroupNameMax {
		return ErrName
	}
	return m.join(now, adhoc.GroupOf(name), name, out)
}

// Join makes this node, which has no identity, a member of a group.
func (m *Machine) Join(now protocol.Time, group adhoc.Group, out *protocol.Output) error {
	return m.join(now, group, "", out)
}

func (m *Machine) join(now protocol.Time, group adhoc.Group, name string, out *protocol.Output) error {
	if m.membership(group) != nil {
		return nil
	}
	if m.guard != nil && name == "" {
		return ErrName
	}
	if m.guard != nil && !m.guard.own.Grants.Allows(identity.VerbSubscribe, name) {
		return ErrGrant
	}
	if len(m.members) >= GroupsMax {
		m.stats.GroupsRefused++
		return ErrGroups
	}
	m.members = append(m.members, &membership{group: group, name: name, spoken: never, announced: never, history: newHistory(m.config.History, m.config.HistoryBytes), cache: cache{limit: m.config.Cache}})
	m.timers.Set(group, now.Add(time.Duration(m.config.Rand.Int64N(int64(m.config.Round)))))
	m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Join(now, group, inner) })
	return nil
}

// Leave ends Join. What the member knew of the group is forgotten.
func (m *Machine) Leave(now protocol.Time, group adhoc.Group, out *protocol.Output) {
	g := m.membership(group)
	if g == nil {
		return
	}
	i := slices.Index(m.members, g)
	m.members = slices.Delete(m.members, i, i+1)
	m.timers.Cancel(group)
	m.below(now, out, func(inner *protocol.Output) { m.config.Routing.Leave(now, group, inner) })
}

// Publish sends a message of at most MessageMax bytes to a group of which this node is a member. It returns its number. The message is not delivered here.
func (m *Machine) Publish(now protocol.Time, group adhoc.Group, payload []byte, out *protocol.Output) (number uint64, err error) {
	g := m.membership(group)
	switch {
	case g == nil:
		return 0, ErrMember
	case len(payload) > MessageMax:
		return 0, ErrSize
	case m.guard != nil && !m.guard.own.Grants.Allows(identity.VerbPublish, g.name):
		return 0, ErrGrant
	}
	g.number++
	message := &Message{Source: Source{m.config.Self, m.config.Epoch}, Number: g.number, Payload: slices.Clone(payload)}
	if m.guard != nil {
		m.stats.Signed++
		message.Signature = m.guard.sign(group, message)
		g.spoken = now
		m.announce(now, g, out)
	}
	m.stats.Published++
	message.arrived = now
	g.history.add(message)
	m.below(now, out, func(inner *protocol.Output) {
		m.config.Routing.Multicast(now, group, appendMulticast(nil, message), inner)
	})
	return g.number, nil
}

func (m *Machine) membership(group adhoc.Group) *membership {
	for _, g := range m.members {
		if g.group == group {
			return g
		}
	}
	return nil
}

// below has the routing do something, and takes what it has for this machine out of what comes of it.
func (m *Machine) below(now protocol.Time, out *protocol.Output, do func(inner *protocol.Output)) {
	var inner protocol.Output
	do(&inner)
	for i := range inner.Effects {
		e := &inner.Effects[i]
		if e.Kind != protocol.EffectEmit || !m.hear(now, e.Event, out) {
			out.Effects = append(out.Effects, *e)
		}
	}
}

// hear takes an event of the routing, and reports whether nobody else is to see it.
func (m *Machine) hear(now protocol.Time, e protocol.Event, out *protocol.Output) bool {
	switch v := e.(type) {
	case adhoc.MulticastArrival:
		m.hearMulticast(now, v, out)
	case adhoc.UnicastArrival:
		m.hearUnicast(now, v, out)
	case adhoc.MemberSeen:
		if g := m.membership(v.Group); g != nil && v.Node != m.config.Self {
			g.cache.add(v.Node, v.Hops)
		}
	case adhoc.Undeliverable:
		m.miss(v)
	default:
		return false
	}
	return true
}

// miss forgets a member that could not be reached.
func (m *Machine) miss(e adhoc.Undeliverable) {
	if len(e.Payload) > 0 && e.Payload[0] == payloadReply {
		m.stats.RepliesUndelivered++
	}
	for _, g := range m.members {
		g.cache.remove(e.To)
	}
}

func (m *Machine) hearMulticast(now protocol.Time, a adhoc.MulticastArrival, out *protocol.Output) {
	g := m.membership(a.Group)
	if _, certificates, err := decodeChain(a.Payload); err == nil && g != nil {
		m.hearChain(now, certificates, a.Origin, out)
		return
	}
	message, err := decodeMulticast(a.Payload)
	if g == nil || err != nil {
		out.Drop(a.Origin, ReasonMalformed)
		return
	}
	if m.prove(now, g, &message, a.Origin, out) && !m.arrive(now, g, &message, a.Origin, a.Hops, false, out) {
		m.stats.Duplicates++
	}
}

func (m *Machine) hearUnicast(now protocol.Time, a adhoc.UnicastArrival, out *protocol.Output) {
	if q, err := decodeRequest(a.Payload); err == nil && q.Initiator == a.Origin {
		if g := m.membership(q.Group); g != nil {
			q.Hops = a.Hops
			m.accept(now, g, q, m.lookUp(now, g, q), out)
			return
		}
		m.stats.RequestsUnexplained++
		out.Drop(a.Origin, ReasonGroup)
		return
	}
	if _, certificates, err := decodeChain(a.Payload); err == nil {
		m.hearChain(now, certificates, a.Origin, out)
		return
	}
	p, err := decodeReply(a.Payload)
	if err != nil {
		out.Drop(a.Origin, ReasonMalformed)
		return
	}
	g := m.membership(p.group)
	if g == nil {
		out.Drop(a.Origin, ReasonGroup)
		return
	}
	m.stats.RepliesReceived++
	g.cache.add(a.Origin, a.Hops)
	for i := range p.messages {
		switch {
		case !g.lacks(m.config.Self, &p.messages[i]):
			m.stats.MessagesUseless++
		case m.prove(now, g, &p.messages[i], a.Origin, out) && m.arrive(now, g, &p.messages[i], a.Origin, a.Hops, true, out):
			m.stats.MessagesUseful++
		}
	}
}

// lacks reports whether a message is new here.
func (g *membership) lacks(self protocol.NodeID, message *Message) bool {
	if message.Source.Node == self {
		return false
	}
	for _, s := range g.sources {
		if s.id == message.Source {
			_, lost := s.find(message.Number)
			return lost || message.Number >= s.expected
		}
	}
	i := g.pastOf(message.Source)
	return i < 0 || message.Number >= g.past[i].expected
}

// arrive takes a message in and reports whether it is new here.
func (m *Machine) arrive(now protocol.Time, g *membership, message *Message, from protocol.NodeID, hops int, repaired bool, out *protocol.Output) bool {
	if message.Source.Node == m.config.Self {
		return false
	}
	s := m.source(now, g, message, repaired, out)
	if s == nil {
		out.Drop(from, ReasonSources)
		return false
	}
	before := len(s.lost)
	fresh, dropped := s.arrive(now, message.Number, m.config.Lost)
	if !fresh {
		return false
	}
	if found := len(s.lost) + int(dropped.count) - before; found > 0 {
		m.stats.Missing += uint64(found)
	}
	m.tellGap(g, s, dropped, GapTable, out)
	kept := *message
	kept.arrived = now
	m.stats.Delivered++
	if repaired {
		m.stats.DeliveredRepaired++
		kept.Payload, kept.Signature = slices.Clone(message.Payload), slices.Clone(message.Signature) // and not all of the reply
	}
	g.history.add(&kept)
	out.Emit(Delivery{Group: g.group, Source: message.Source, Number: message.Number, Payload: kept.Payload, Hops: hops, Repaired: repaired})
	return true
}

func (m *Machine) tellGap(g *membership, s *source, gone span, why GapReason, out *protocol.Output) {
	if gone.count == 0 {
		return
	}
	m.stats.Lost += gone.count
	m.stats.Gaps++
	out.Emit(Gap{Group: g.group, Source: s.id, First: gone.first, Last: gone.last, Count: gone.count, Reason: why})
}

// source returns what is known of the source of a message, nil when there are too many. Of a new one the numbers just before the first message are wanted as well. What was missing of one that makes room is given up.
func (m *Machine) source(now protocol.Time, g *membership, message *Message, repaired bool, out *protocol.Output) *source {
	i, found := slices.BinarySearchFunc(g.sources, message.Source, func(s *source, id Source) int {
		switch {
		case s.id.before(id):
			return -1
		case id.before(s.id):
			return 1
		}
		return 0
	})
	if found {
		return g.sources[i]
	}
	if len(g.sources) >= SourcesMax {
		idle := slices.IndexFunc(g.sources, func(s *source) bool { return now.Sub(s.heard) >= sourceForget })
		if idle < 0 {
			m.stats.SourcesRefused++
			return nil
		}
		m.forget(g, idle, out)
		if idle < i {
			i--
		}
	}
	s := &source{id: message.Source, expected: m.begin(g, message, repaired)}
	g.sources = slices.Insert(g.sources, i, s)
	return s
}

// forget has a source make room, of which only is remembered how far it had come.
func (m *Machine) forget(g *membership, i int, out *protocol.Output) {
	gone := g.sources[i]
	m.stats.SourcesForgotten++
	m.tellGap(g, gone, gone.giveUp(len(gone.lost), span{}), GapTable, out)
	g.sources = slices.Delete(g.sources, i, i+1)
	if len(g.past) >= ForgottenMax {
		g.past = slices.Delete(g.past, 0, 1)
		m.stats.ForgottenEvicted++
	}
	g.past = append(g.past, forgotten{gone.id, gone.expected})
}

func (g *membership) pastOf(id Source) int {
	return slices.IndexFunc(g.past, func(p forgotten) bool { return p.id == id })
}

// begin returns the first number that is wanted of a source of which nothing is known: of one that was forgotten, where it had come to.
func (m *Machine) begin(g *membership, message *Message, repaired bool) uint64 {
	if i := g.pastOf(message.Source); i >= 0 {
		expected := g.past[i].expected
		g.past = slices.Delete(g.past, i, i+1)
		return expected
	}
	backlog := m.config.Backlog
	if repaired {
		backlog = min(backlog, RepliesMax)
	}
	return message.Number - min(uint64(backlog), message.Number-1)
}
