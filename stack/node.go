package stack

import (
	"slices"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/directory"
	"spinglass/gravity"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/vsync"
	"spinglass/wire"
)

// Config is the configuration of the protocols of a node.
type Config struct {
	Membership membership.Config
	Bimodal    bimodal.Config
	// Tables says how the tables of zones are kept. Who the member is, its hosts, and with an identity whom it trusts, are those of membership; its Notary is that of Bimodal.
	Tables astrolabe.Config
	Quotas Quotas // the zero value stands for the defaults
	// Directory says how this member learns which topics there are; without a source of randomness it does not, tells nobody of its own, and cannot subscribe to patterns.
	Directory DirectoryConfig
	// Groups says how this member takes part in groups; without a source of randomness it cannot. Who it is and its Host are those of membership and bimodal.
	Groups vsync.Config
}

// Node is the protocols of one Spinglass node as one machine. Its fields are for reading; commands go through the methods of
// Node, so that events reach the sibling machines.
type Node struct {
	Router
	Membership *membership.Machine
	Bimodal    *bimodal.Machine
	Tables     *astrolabe.Machine
	Groups     *vsync.Machine // nil without Config.Groups
	quota      *quota
	patterns   *patterns // nil without a directory
}

// New makes the machines of a node.
func New(c Config) (*Node, error) {
	c.Membership.Judge = astrolabe.Judge{}
	members, err := membership.New(c.Membership)
	if err != nil {
		return nil, err
	}
	if c.Directory.Rand != nil {
		c.Bimodal.Background = append(slices.Clone(c.Bimodal.Background), directory.Names()...)
	}
	topics, err := bimodal.New(c.Bimodal)
	if err != nil {
		return nil, err
	}
	tables, err := astrolabe.New(c.tables(members))
	if err != nil {
		return nil, err
	}
	quota, err := newQuota(c.Quotas.withDefaults(&c))
	if err != nil {
		return nil, err
	}
	n := &Node{Membership: members, Bimodal: topics, Tables: tables, quota: quota}
	n.Add(members, membership.Kinds()...)
	if err := n.addTopics(&c); err != nil {
		return nil, err
	}
	n.Add(tables, astrolabe.Kinds()...)
	n.Add(quota)
	n.patterns = newPatterns(n, c.Membership.Self, &c.Directory)
	return n, nil
}

// addTopics adds the multicast, and groups over it if there are to be any.
func (n *Node) addTopics(c *Config) error {
	if c.Groups.Rand == nil {
		n.Add(n.Bimodal, bimodal.Kinds()...)
		return nil
	}
	groups := c.Groups
	groups.Self, groups.Epoch, groups.Addresses = c.Bimodal.Self, c.Bimodal.Epoch, c.Membership.Addresses
	groups.Addresses = groups.Addresses[:min(len(groups.Addresses), vsync.AddressesMax)]
	carrier, err := vsync.NewCarrier(groups, n.Bimodal)
	if err != nil {
		return err
	}
	n.Groups = carrier.Groups
	n.Add(carrier, append(bimodal.Kinds(), vsync.Kinds()...)...)
	return nil
}

// tables returns the configuration of the tables of a member.
func (c *Config) tables(members *membership.Machine) astrolabe.Config {
	t := c.Tables
	t.Self, t.Name, t.Hosts = c.Membership.Self, c.Membership.Name, members
	t.Notary, t.ZoneLimit, t.Durable = c.Bimodal.Notary, c.Membership.ZoneLimit, c.Membership.Durable
	if c.Membership.Identity != nil {
		t.Trust, t.Chains = members, members
	}
	if !c.Membership.Zoned {
		t.Seeds = nil // membership knows the members of all zones: a representative met here would be the same peer once more
	}
	return t
}

// The machines of a node, in the order in which New adds them.
const (
	indexMembership = iota
	indexBimodal
)

// Receive implements protocol.Machine. What exceeds the quotas goes no further.
func (n *Node) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	if reason := n.quota.refuses(now, from, m); reason != "" {
		out.Drop(from, reason)
		return
	}
	mark := len(out.Effects)
	n.meter(now, m)
	n.Router.Receive(now, from, m, out)
	n.settle(now, mark, out)
}

// QuotaStats returns what the quotas counted so far.
func (n *Node) QuotaStats() QuotaStats {
	stats := n.quota.stats
	stats.Sources = len(n.quota.sources)
	return stats
}

// Rows returns the rows of a zone's table; see astrolabe.Machine.Rows.
func (n *Node) Rows(zone string) ([]astrolabe.RowStatus, error) { return n.Tables.Rows(zone) }

// Zones returns the zones whose tables this member holds, from the root down; see astrolabe.Machine.Zones.
func (n *Node) Zones() []string { return n.Tables.Zones() }

// Resolve answers a question by what this member holds; see astrolabe.Machine.Resolve.
func (n *Node) Resolve(now protocol.Time, subject astrolabe.Subject, path string) *astrolabe.TableAnswer {
	return n.Tables.Resolve(now, subject, path)
}

// Ask asks another member; see astrolabe.Machine.Ask.
func (n *Node) Ask(now protocol.Time, q astrolabe.Question, out *protocol.Output) (number uint64, err error) {
	return n.Tables.Ask(now, q, out)
}

// Install puts a function in force; see astrolabe.Machine.Install.
func (n *Node) Install(now protocol.Time, f *astrolabe.Function) error {
	return n.Tables.Install(now, f)
}

// Restore takes in a function that was kept, before Start; see astrolabe.Machine.Restore.
func (n *Node) Restore(now protocol.Time, f *astrolabe.Function) error {
	return n.Tables.Restore(now, f)
}

// Functions returns the functions that are in force in the zones of this member; see astrolabe.Machine.Functions.
func (n *Node) Functions(now protocol.Time) []astrolabe.FunctionStatus {
	return n.Tables.Functions(now)
}

// Try shows what a program would make of a zone's rows; see astrolabe.Machine.Try.
func (n *Node) Try(zone, program string) (*astrolabe.Trial, error) {
	return n.Tables.Try(zone, program)
}

// Publish sends a message to a topic; see bimodal.Machine.Publish.
func (n *Node) Publish(now protocol.Time, topic string, payload []byte, out *protocol.Output) error {
	n.begin(now, topic, out)
	err := n.publish(now, topic, payload, out)
	if err == nil {
		n.published(now, topic, 1, len(payload))
	}
	return err
}

func (n *Node) publish(now protocol.Time, topic string, payload []byte, out *protocol.Output) error {
	mark := len(out.Effects)
	err := n.Bimodal.Publish(now, topic, payload, out)
	n.route(now, indexBimodal, mark, len(out.Effects), out)
	return err
}

// PublishAll publishes several messages; see bimodal.Machine.PublishAll.
func (n *Node) PublishAll(now protocol.Time, topic string, messages *wire.Messages, first int, out *protocol.Output) (next int, err error) {
	n.begin(now, topic, out)
	mark := len(out.Effects)
	next, err = n.Bimodal.PublishAll(now, topic, messages, first, out)
	n.route(now, indexBimodal, mark, len(out.Effects), out)
	n.published(now, topic, next-first, messages.Bytes(first, next))
	return next, err
}

// Subscribe asks for the messages of a topic; see bimodal.Machine.Subscribe. It fails with the error of membership when the row of
// this member has no room to announce it.
func (n *Node) Subscribe(now protocol.Time, topic string, out *protocol.Output) error {
	return n.SubscribeWith(now, topic, bimodal.SubscribeOptions{Rating: gravity.All}, out)
}

// SubscribeWith is Subscribe with options; see bimodal.Machine.SubscribeWith. Of a topic that a pattern has brought already nothing earlier comes, whatever the options say.
func (n *Node) SubscribeWith(now protocol.Time, topic string, options bimodal.SubscribeOptions, out *protocol.Output) error {
	if n.patterns.take(topic, options.Rating) {
		err := n.rerate(now, topic, out)
		if err != nil {
			n.patterns.leave(topic) // which rates it as it was
		}
		return err
	}
	err := n.subscribe(now, now, topic, options, out)
	if err == nil {
		n.patterns.adopt(now, topic, options.Rating, out)
	}
	return err
}

// subscribe subscribes since an instant.
func (n *Node) subscribe(now, since protocol.Time, topic string, options bimodal.SubscribeOptions, out *protocol.Output) error {
	mark := len(out.Effects)
	if err := n.Bimodal.SubscribeSince(now, since, topic, options, out); err != nil {
		return err
	}
	n.route(now, indexBimodal, mark, len(out.Effects), out)
	if err := interestRefused(out, mark); err != nil {
		_ = n.unsubscribe(now, topic, out) // it is subscribed, so that this cannot fail
		return err
	}
	return nil
}

// SetRating sets which fraction of a topic is wanted that is subscribed to by its name; see bimodal.Machine.SetRatingWith. Where a pattern wants more of it, that counts. It fails with the error of membership, and leaves the rating as it
// was, when the row of this member has no room for it.
func (n *Node) SetRating(now protocol.Time, topic string, r gravity.Rating, fetch bool, out *protocol.Output) error {
	f := n.patterns.named(topic)
	switch {
	case f == nil || r == 0:
		return n.setRating(now, topic, r, fetch, out)
	case !f.literal:
		return bimodal.ErrNotSubscribed
	}
	before := f.rated
	f.rated = r
	if f.joined {
		r = n.patterns.rating(f)
	}
	err := n.setRating(now, topic, r, fetch, out)
	if err != nil {
		f.rated = before
	}
	return err
}

func (n *Node) setRating(now protocol.Time, topic string, r gravity.Rating, fetch bool, out *protocol.Output) error {
	mark, before := len(out.Effects), n.Bimodal.Rating(topic)
	if err := n.Bimodal.SetRatingWith(now, topic, r, fetch, out); err != nil {
		return err
	}
	n.route(now, indexBimodal, mark, len(out.Effects), out)
	err := interestRefused(out, mark)
	if err != nil {
		mark = len(out.Effects)
		_ = n.Bimodal.SetRating(now, topic, before, out) // it is subscribed, so that this cannot fail
		n.route(now, indexBimodal, mark, len(out.Effects), out)
	}
	return err
}

// interestRefused returns why the row did not take what was said of topics in the effects from mark on, nil if it did.
func interestRefused(out *protocol.Output, mark int) error {
	for _, effect := range out.Effects[mark:] {
		if refused, ok := effect.Event.(protocol.AttributeRefused); ok && refused.Name == bimodal.InterestAttribute {
			return refused.Err
		}
	}
	return nil
}

// Unsubscribe ends Subscribe.
func (n *Node) Unsubscribe(now protocol.Time, topic string, out *protocol.Output) error {
	if n.patterns.leave(topic) {
		_ = n.rerate(now, topic, out) // a pattern wants it still; where the row has no room, it is rated higher than need be
		return nil
	}
	n.patterns.freed(now)
	return n.unsubscribe(now, topic, out)
}

func (n *Node) unsubscribe(now protocol.Time, topic string, out *protocol.Output) error {
	mark := len(out.Effects)
	err := n.Bimodal.Unsubscribe(now, topic, out)
	n.route(now, indexBimodal, mark, len(out.Effects), out)
	return err
}

// SetAttribute puts an attribute into the row of this member; see membership.Machine.SetAttribute.
func (n *Node) SetAttribute(now protocol.Time, a protocol.Attribute, out *protocol.Output) error {
	mark := len(out.Effects)
	err := n.Membership.SetAttribute(now, a, out)
	n.route(now, indexMembership, mark, len(out.Effects), out)
	return err
}

// Renew replaces the certificates of this member; see membership.Machine.Renew.
func (n *Node) Renew(now protocol.Time, chain identity.Chain, out *protocol.Output) error {
	mark := len(out.Effects)
	err := n.Membership.Renew(now, chain, out)
	n.route(now, indexMembership, mark, len(out.Effects), out)
	return err
}

// Revoke takes in a revocation list and tells others of it; see membership.Machine.Revoke.
func (n *Node) Revoke(now protocol.Time, list *identity.RevocationList, out *protocol.Output) error {
	mark := len(out.Effects)
	err := n.Membership.Revoke(now, list, out)
	n.route(now, indexMembership, mark, len(out.Effects), out)
	return err
}

// Beacon tells others which list of an authority is the latest; see membership.Machine.Beacon.
func (n *Node) Beacon(now protocol.Time, beacon *identity.Beacon, out *protocol.Output) error {
	mark := len(out.Effects)
	err := n.Membership.Beacon(now, beacon, out)
	n.route(now, indexMembership, mark, len(out.Effects), out)
	return err
}

// Leave tells the fleet that this member leaves; protocol.Left tells when that is done.
func (n *Node) Leave(now protocol.Time, out *protocol.Output) {
	n.Tables.Leave(now, out)
	mark := len(out.Effects)
	n.Membership.Leave(now, out)
	n.route(now, indexMembership, mark, len(out.Effects), out)
}

// Decoder decodes the messages of every machine of a node. What it returns is lent until the next Decode.
type Decoder struct {
	membership membership.Decoder
	bimodal    bimodal.Decoder
	groups     vsync.Decoder
	tables     astrolabe.Decoder
}

// Keep implements protocol.Keeper. Of what is decoded here, packets of multicast are kept.
func (d *Decoder) Keep(size int) { d.bimodal.Keep(size) }

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	switch {
	case wire.KindFormat(kind) > wire.FormatLatest:
		return nil, wire.ErrKind
	case kind >= wire.KindBimodalFirst && kind <= wire.KindBimodalLast:
		return d.bimodal.Decode(kind, body)
	case kind >= wire.KindTableDigest && kind <= wire.KindBeacon, kind == wire.KindCredentialRequest, kind == wire.KindCredential:
		return d.membership.Decode(kind, body)
	case kind == wire.KindZoneDigest || kind == wire.KindZoneDelta || kind >= wire.KindFunctionPart && kind <= wire.KindAccountPiece:
		return d.tables.Decode(kind, body)
	}
	if kind >= wire.KindGroupFirst && kind <= wire.KindGroupLast {
		return d.groups.Decode(kind, body)
	}
	return nil, wire.ErrKind
}
