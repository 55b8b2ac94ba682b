package bimodal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass/gravity"
	"spinglass/protocol"
)

// zoneTree is a world of members in zones with the views of a zone tree: all of the own zone, and up to three representatives of each sibling zone on every level, with what
// their zones want. What members and zones tell is known after a while.
type zoneTree struct {
	*world
	zones     []string // of the nodes
	dead      map[protocol.NodeID]bool
	views     map[protocol.NodeID]map[protocol.NodeID]*protocol.Peer // by who sees whom
	revoked   map[protocol.NodeID]bool
	unread    map[protocol.NodeID]bool // may not subscribe
	unrated   bool                     // zones do not tell ratings, as those of builds that know none
	keysAsked int
}

const (
	representatives = 3
	hostsKnown      = 50 * time.Millisecond // what members tell of themselves is known in their zone after so long,
	zonesKnown      = time.Second           // and what it makes of their zone after so long
)

// newZoneTree makes members of the zones that are named, one for each time.
func newZoneTree(t *testing.T, seed uint64, zones []string, signed bool, change func(i int, c *Config)) *zoneTree {
	z := &zoneTree{
		zones: zones, dead: map[protocol.NodeID]bool{}, views: map[protocol.NodeID]map[protocol.NodeID]*protocol.Peer{}, revoked: map[protocol.NodeID]bool{},
	}
	z.world = newWorld(t, seed, len(zones), func(i int, c *Config) {
		c.Zone = zones[i]
		if c.Notary = nil; signed {
			c.Notary = modelNotary(c.Self)
		}
		if change != nil {
			change(i, c)
		}
	})
	z.signed = signed
	for _, nd := range z.nodes { // what newWorld has introduced are members of one zone
		nd.events = nil
		for _, other := range z.nodes {
			if nd != other {
				nd.Notify(0, protocol.PeerLeft{Peer: &protocol.Peer{ID: other.id}}, &nd.out)
			}
		}
		clear(nd.proving.authors)
		nd.proving.departed = nil
		nd.out.Reset()
		z.views[nd.id] = map[protocol.NodeID]*protocol.Peer{}
	}
	return z
}

// attribute returns what a member has told of itself last.
func (nd *node) attribute(name string) (value []byte) {
	for _, e := range nd.events {
		if set, ok := e.(protocol.SetAttribute); ok && set.Attribute.Name == name {
			value = set.Attribute.Value
		}
	}
	return value
}

// within reports whether a zone is, or lies in, another one.
func within(zone, outer string) bool {
	return zone == outer || strings.HasPrefix(zone, strings.TrimSuffix(outer, "/")+"/")
}

// members returns the members of a zone and those below that live, spread over the zones below.
func (z *zoneTree) members(zone string) (members []*node) {
	for turn := 0; ; turn++ {
		more := false
		seen := map[string]int{}
		for i, nd := range z.nodes {
			if own := hostsOf(z.zones[i]); within(own, zone) && !z.dead[nd.id] {
				if seen[own]++; seen[own] == turn+1 {
					members, more = append(members, nd), true
				}
			}
		}
		if !more {
			return members
		}
	}
}

// children returns the zones right below one.
func (z *zoneTree) children(zone string) (all []string) {
	outer := strings.TrimSuffix(zone, "/") + "/"
	for _, own := range z.zones {
		if path := hostsOf(own); strings.HasPrefix(path, outer) {
			end := strings.IndexByte(path[len(outer):]+"/", '/')
			all = append(all, path[:len(outer)+end])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// represent returns the representatives of a zone as members at a distance see them.
func (z *zoneTree) represent(zone string, distance int) (peers []*protocol.Peer) {
	var interest gravity.Sketch
	members := z.members(zone)
	for _, nd := range members {
		topics, ratings := gravity.SplitInterest(nd.attribute(InterestAttribute))
		for i, topic := range ParseInterest(topics) {
			if z.unrated {
				ratings = nil
			}
			interest.Add(uint64(topic), gravity.RatingAt(ratings, i))
		}
	}
	for _, nd := range members[:min(len(members), representatives)] {
		peers = append(peers, &protocol.Peer{
			ID: nd.id, Epoch: 1, Name: zone + "/representative", Distance: distance,
			Attributes: []protocol.Attribute{{Name: protocol.InterestAttribute, Value: interest.Append(nil)}},
		})
	}
	return peers
}

// tell has members learn what there is to know of hosts, or of zones.
func (z *zoneTree) tell(zones bool) {
	for i, nd := range z.nodes {
		if z.dead[nd.id] {
			continue
		}
		var view []*protocol.Peer
		if !zones {
			view = z.neighbours(i)
		} else {
			for outer := z.zones[i]; ; outer = protocol.Zone(outer) {
				for _, child := range z.children(outer) {
					if !within(hostsOf(z.zones[i]), child) {
						view = append(view, z.represent(child, max(1, depthOf(z.zones[i])-depthOf(outer)))...)
					}
				}
				if outer == "/" {
					break
				}
			}
		}
		z.show(nd, view, zones)
	}
}

func (z *zoneTree) neighbours(i int) (view []*protocol.Peer) {
	for j, other := range z.nodes {
		if i == j || z.zones[i] != z.zones[j] || z.dead[other.id] {
			continue
		}
		p := &protocol.Peer{ID: other.id, Epoch: 1, Name: fmt.Sprintf("%s/m%d", z.zones[j], j), RoundTrip: 2 * z.delay}
		for _, name := range []string{CarriesAttribute, InterestAttribute} {
			if value := other.attribute(name); value != nil {
				p.Attributes = append(p.Attributes, protocol.Attribute{Name: name, Value: value})
			}
		}
		if z.signed {
			c := credentialOf(other.id)
			if p.Credential = c; z.unread[other.id] {
				c.unread = "t"
			}
		}
		view = append(view, p)
	}
	return view
}

// show makes a view of hosts, or of zones, the one that a node has.
func (z *zoneTree) show(nd *node, view []*protocol.Peer, zones bool) {
	known := z.views[nd.id]
	for _, p := range view {
		before := known[p.ID]
		known[p.ID] = p
		switch {
		case before == nil:
			nd.Notify(z.now, protocol.PeerUp{Peer: p}, &nd.out)
		case !samePeer(before, p):
			nd.Notify(z.now, protocol.PeerChanged{Peer: p}, &nd.out)
		}
		z.flush(nd)
	}
	for _, other := range z.nodes {
		p := known[other.id]
		if p != nil && (p.Distance > 0) == zones && !slices.Contains(view, p) {
			delete(known, other.id)
			nd.Notify(z.now, protocol.PeerDropped{Peer: p}, &nd.out)
			z.flush(nd)
		}
	}
}

func samePeer(a, b *protocol.Peer) bool {
	return a.Name == b.Name && slices.EqualFunc(a.Attributes, b.Attributes, func(a, b protocol.Attribute) bool {
		return a.Name == b.Name && string(a.Value) == string(b.Value)
	})
}

// pass lets time pass.
func (z *zoneTree) pass(d time.Duration) {
	for end := z.now.Add(d); z.now < end; {
		next := protocol.Time(int64(z.now)/int64(hostsKnown)*int64(hostsKnown) + int64(hostsKnown))
		z.run(min(next, end))
		for _, nd := range z.nodes {
			z.answerKeys(nd)
		}
		if z.now == next {
			z.tell(false)
			if int64(z.now)%int64(zonesKnown) == 0 {
				z.tell(true)
			}
		}
	}
}

// answerKeys tells a node the credentials that it asks for, as membership does, if who is asked has handed on something.
func (z *zoneTree) answerKeys(nd *node) {
	for i := 0; i < len(nd.events); i++ {
		want, ok := nd.events[i].(protocol.WantCredential)
		if !ok {
			continue
		}
		nd.events = slices.Delete(nd.events, i, i+1)
		i--
		z.keysAsked++
		asked := z.nodes[want.From-1]
		if _, knows := asked.proving.authors[want.Author]; !knows && want.From != want.Author || z.revoked[want.Author] || z.dead[want.From] {
			continue
		}
		nd.Notify(z.now, protocol.CredentialKnown{Author: want.Author, Epoch: 1, From: want.From, Credential: credentialOf(want.Author)}, &nd.out)
		z.flush(nd)
	}
}

// kill stops a member. Others learn of it later: those of its zone soon, and others when its zone has another representative.
func (z *zoneTree) kill(nd *node) {
	z.dead[nd.id] = true
	nd.pausing = protocol.Never
}

func (z *zoneTree) subscribe(members ...int) {
	for _, i := range members {
		nd := z.nodes[i]
		if err := nd.Subscribe(z.now, "t", &nd.out); err != nil {
			z.t.Fatal(err)
		}
		z.flush(nd)
	}
}

// publishes has a member publish messages, one in each pause.
func (z *zoneTree) publishes(member, messages int, pause time.Duration) {
	for n := range messages {
		z.publish(z.nodes[member], "t", payload(z.nodes[member].id, n, 200))
		z.pass(pause)
	}
}

// delivered returns how many messages of an author a member was delivered, and how many it was told of as lost.
func (z *zoneTree) delivered(member, author int) (delivered, lost uint64) {
	a := z.nodes[member].got[StreamID{z.nodes[author].id, 1, TopicOf("t")}]
	if a == nil {
		return 0, 0
	}
	return a.delivered, a.lost
}

// checkAll checks that members were delivered all messages of an author.
func (z *zoneTree) checkAll(author int, sent uint64, members ...int) {
	z.t.Helper()
	for _, i := range members {
		if delivered, lost := z.delivered(i, author); delivered != sent || lost != 0 {
			z.t.Errorf("member %d of %s was delivered %d messages, and %d are lost, of %d", i, z.zones[i], delivered, lost, sent)
		}
	}
}

// zonesOf returns the zones of members: so many in each.
func zonesOf(each int, zones ...string) (all []string) {
	for _, zone := range zones {
		all = append(all, slices.Repeat([]string{zone}, each)...)
	}
	return all
}

// worlds runs a test for signed and unsigned worlds, with and without loss.
func worlds(t *testing.T, test func(t *testing.T, signed bool, loss float64)) {
	for _, signed := range []bool{false, true} {
		for _, loss := range []float64{0, 0.05} {
			t.Run(fmt.Sprintf("signed=%v,loss=%v", signed, loss), func(t *testing.T) { test(t, signed, loss) })
		}
	}
}

// The members of each zone are ten: of number 0 to 9 in /a/x, 10 to 19 in /a/y, and so on. The first three of a zone are its representatives.
var tenZones = []string{"/a/x", "/a/y", "/b", "/b/z", "/c/v/u", "/d"}

// Subscribers in few zones, of which no representative is one, get all messages, whatever is lost on the way; and zones that want nothing get next to nothing.
func TestRepresentativesCarry(t *testing.T) {
	worlds(t, func(t *testing.T, signed bool, loss float64) {
		z := newZoneTree(t, 8, zonesOf(10, tenZones...), signed, nil)
		z.loss = loss
		subscribers := []int{7, 8, 15, 39, 47, 48}
		z.subscribe(subscribers...)
		z.pass(3 * time.Second)
		quiet := 0
		z.lose = func(from, to protocol.NodeID, m protocol.Message) bool {
			if z.zones[to-1] == "/d" {
				quiet++
			}
			return false
		}
		z.publishes(5, 60, 50*time.Millisecond)
		z.pass(3 * time.Second)
		z.checkAll(5, 60, subscribers...)
		if quiet > 10 {
			t.Errorf("a zone that wants nothing was sent %d messages", quiet)
		}
		carried := 0
		for i, nd := range z.nodes {
			if carried += nd.Stats().Carries; nd.Stats().Carries > 0 && i%10 >= representatives {
				t.Errorf("member %d of %s carries the topic", i, z.zones[i])
			}
			if nd.stats.MessagesDelivered > 0 && !slices.Contains(subscribers, i) {
				t.Errorf("member %d was delivered messages", i)
			}
		}
		if carried < 9 {
			t.Errorf("the topic is carried by %d members", carried)
		}
	})
}

// Without carriers, what the members that represent a zone do not want themselves does not get in.
func TestWithoutCarriersZonesGetNothing(t *testing.T) {
	z := newZoneTree(t, 8, zonesOf(10, tenZones...), false, nil)
	for _, nd := range z.nodes {
		nd.carrying.limit = 0
	}
	z.subscribe(7, 15, 48)
	z.pass(3 * time.Second)
	z.publishes(5, 20, 50*time.Millisecond)
	z.pass(3 * time.Second)
	z.checkAll(5, 20, 7)
	for _, i := range []int{15, 48} {
		if delivered, _ := z.delivered(i, 5); delivered > 0 {
			t.Errorf("member %d of %s was delivered %d messages", i, z.zones[i], delivered)
		}
	}
}

// An author in a zone where nobody else wants the topic, nor does any representative: repair across zones is between the author and those who carry.
func TestAuthorsAlone(t *testing.T) {
	worlds(t, func(t *testing.T, signed bool, loss float64) {
		for seed := range uint64(4) {
			z := newZoneTree(t, 2*seed, zonesOf(5, "/a/x", "/b/y", "/c"), signed, nil)
			z.loss = loss
			z.subscribe(8, 13, 14)
			z.pass(3 * time.Second)
			z.publishes(4, 1, 0) // what is lost of it nothing later shows
			z.pass(4 * time.Second)
			z.publishes(4, 30, 100*time.Millisecond)
			z.pass(4 * time.Second)
			z.checkAll(4, 31, 8, 13, 14)
		}
	})
}

// Zones may be far from each other; nobody measures how far. Repair works across them all the same.
func TestDistantZones(t *testing.T) {
	for _, signed := range []bool{false, true} {
		for seed := range uint64(4) {
			z := newZoneTree(t, 2*seed, zonesOf(5, "/a/x", "/b/y", "/c"), signed, nil)
			z.loss, z.delay = 0.1, 190*time.Millisecond
			z.subscribe(8, 13, 14)
			z.pass(3 * time.Second)
			z.publishes(4, 30, 100*time.Millisecond)
			z.pass(6 * time.Second)
			z.checkAll(4, 30, 8, 13, 14)
		}
	}
}

// All but one of the contacts of a zone die at once, and nobody elsewhere learns of it for longer than packets live: all messages get in all the same.
func TestContactsDie(t *testing.T) {
	worlds(t, func(t *testing.T, signed bool, loss float64) {
		for _, dying := range []int{1, 2} {
			z := newZoneTree(t, 6, zonesOf(8, "/a", "/b/y", "/c"), signed, nil)
			z.loss = loss
			z.subscribe(6, 14, 15, 23)
			z.pass(3 * time.Second)
			z.publishes(4, 20, 50*time.Millisecond)
			for i := range dying {
				z.kill(z.nodes[8+i])
			}
			shown := z.views
			z.views = nil
			for n := range 100 {
				z.publish(z.nodes[4], "t", payload(5, 20+n, 200))
				end := z.now.Add(50 * time.Millisecond)
				z.run(end)
				for _, nd := range z.nodes {
					z.answerKeys(nd)
				}
			}
			z.views = shown
			z.pass(5 * time.Second)
			z.checkAll(4, 120, 6, 14, 15, 23)
		}
	})
}

// A contact that is dead is found out, and the zone is entered by the others, so that hardly any packet depends on gossip; it is tried again now and then.
func TestSilentContactsAreAvoided(t *testing.T) {
	z := newZoneTree(t, 6, zonesOf(8, "/a", "/b/y"), true, nil)
	z.subscribe(6, 14, 15)
	z.pass(3 * time.Second)
	z.publishes(4, 40, 50*time.Millisecond)
	if n := z.nodes[4].Stats().ContactsSilent; n != 0 {
		t.Errorf("%d of three live contacts are silent", n)
	}
	dead := z.nodes[8].id
	z.kill(z.nodes[8])
	lost := 0
	z.lose = func(_, to protocol.NodeID, m protocol.Message) bool {
		if r, ok := m.(*Relay); ok && to == dead && r.Number == 0 {
			lost++
		}
		return false
	}
	for i, most := range []int{25, 25} { // of 120 packets in 6 s, of which a third would go to it
		lost = 0
		for n := range 120 {
			z.publish(z.nodes[4], "t", payload(5, n, 200))
			z.run(z.now.Add(50 * time.Millisecond))
		}
		if lost == 0 || lost > most {
			t.Errorf("span %d: %d of 120 packets were sent to a dead contact", i, lost)
		}
	}
	z.pass(5 * time.Second)
	z.checkAll(4, 280, 6, 14, 15)
	if n := z.nodes[4].Stats().ContactsSilent; n < 2 || n > 6 {
		t.Errorf("a contact was found silent %d times", n)
	}
}

// Who subscribes late, in a zone that wanted nothing so far, gets all that is published once its interest is known, and begins soon.
func TestLateSubscribersOfOtherZones(t *testing.T) {
	worlds(t, func(t *testing.T, signed bool, loss float64) {
		z := newZoneTree(t, 10, zonesOf(8, "/a", "/b/y", "/c"), signed, nil)
		z.loss = loss
		z.subscribe(6)
		z.pass(3 * time.Second)
		z.publishes(4, 100, 50*time.Millisecond)
		z.subscribe(14, 23)
		z.publishes(4, 100, 50*time.Millisecond)
		known := z.now
		z.publishes(4, 100, 50*time.Millisecond)
		z.pass(5 * time.Second)
		z.checkAll(4, 300, 6)
		for _, i := range []int{14, 23} {
			delivered, lost := z.delivered(i, 4)
			if lost > 0 || delivered < 100+60 {
				t.Errorf("member %d was delivered %d messages and told that %d are lost; at %v all knew of its interest for long", i, delivered, lost, known)
			}
		}
	})
}

// When nobody in a zone wants a topic any longer, it is carried no more, and the zone gets nothing more of it.
func TestCarryingEnds(t *testing.T) {
	z := newZoneTree(t, 10, zonesOf(8, "/a", "/b/y"), true, nil)
	z.subscribe(6, 14)
	z.pass(3 * time.Second)
	z.publishes(4, 40, 50*time.Millisecond)
	if z.nodes[8].Stats().Carries+z.nodes[9].Stats().Carries+z.nodes[10].Stats().Carries != representatives {
		t.Error("not all representatives carry the topic")
	}
	nd := z.nodes[14]
	if err := nd.Unsubscribe(z.now, "t", &nd.out); err != nil {
		t.Fatal(err)
	}
	z.flush(nd)
	z.pass(4 * time.Second)
	sent := 0
	z.lose = func(from, to protocol.NodeID, m protocol.Message) bool {
		if z.zones[to-1] == "/b/y" {
			sent++
		}
		return false
	}
	z.publishes(4, 40, 50*time.Millisecond)
	for i := 8; i < 16; i++ {
		if s := z.nodes[i].Stats(); s.Carries+s.Streams+s.Topics != 0 {
			t.Errorf("member %d still carries %d topics, of %d, with %d streams", i, s.Carries, s.Topics, s.Streams)
		}
	}
	if sent > 4 {
		t.Errorf("a zone that wants nothing any longer was sent %d messages", sent)
	}
}

// A representative that carries what it then subscribes to is delivered what comes from then on, and goes on to carry it when it unsubscribes.
func TestCarriersSubscribe(t *testing.T) {
	z := newZoneTree(t, 10, zonesOf(8, "/a", "/b/y"), true, nil)
	z.subscribe(6, 14)
	z.pass(3 * time.Second)
	z.publishes(4, 40, 50*time.Millisecond)
	carrier := z.nodes[9]
	z.subscribe(9)
	if carrier.attribute(CarriesAttribute) != nil {
		t.Error("what is wanted is told as carried too")
	}
	z.publishes(4, 40, 50*time.Millisecond)
	if err := carrier.Unsubscribe(z.now, "t", &carrier.out); err != nil {
		t.Fatal(err)
	}
	z.flush(carrier)
	if carrier.attribute(CarriesAttribute) == nil || carrier.Stats().Streams == 0 {
		t.Error("the topic is carried no more")
	}
	z.publishes(4, 40, 50*time.Millisecond)
	z.pass(3 * time.Second)
	z.checkAll(4, 120, 6, 14)
	z.checkAll(4, 40, 9)
}

// Members of the zone that may not subscribe get nothing of carriers, which learn the names of topics for that.
func TestCarriersKnowGrants(t *testing.T) {
	z := newZoneTree(t, 10, zonesOf(8, "/a", "/b/y"), true, nil)
	z.unread = map[protocol.NodeID]bool{z.nodes[15].id: true}
	z.subscribe(6, 14, 15)
	z.pass(3 * time.Second)
	z.publishes(4, 20, 50*time.Millisecond)
	z.checkAll(4, 20, 14)
	if got := z.nodes[15].stats.PacketsReceived; got > 0 {
		t.Errorf("a member that may not subscribe got %d packets", got)
	}
}

// Contacts that may not subscribe are passed over once their credentials are known; a zone that has no others is not entered, which is counted.
func TestBarredContacts(t *testing.T) {
	z := newZoneTree(t, 10, zonesOf(8, "/a", "/b/y"), true, nil)
	z.subscribe(6, 14)
	z.pass(3 * time.Second)
	author := z.nodes[4]
	for i := range representatives {
		barred := credentialOf(z.nodes[8+i].id)
		barred.unread = "t"
		author.Notify(z.now, protocol.CredentialKnown{Author: z.nodes[8+i].id, Epoch: 1, From: 1, Credential: barred}, &author.out)
		z.flush(author)
		before := [representatives]uint64{}
		for j := range before {
			before[j] = z.nodes[8+j].stats.PacketsReceived
		}
		for n := range 20 {
			z.publish(author, "t", payload(5, 20*i+n, 200))
		}
		z.run(z.now.Add(10 * time.Millisecond)) // the first way only
		for j, was := range before {
			if got := z.nodes[8+j].stats.PacketsReceived > was; got && j <= i || !got && i == 0 && j > i {
				t.Errorf("with %d contacts barred, contact %d was sent packets: %v", i+1, j, got)
			}
		}
		author.refreshTargets(author.byName["t"])
		if barred := author.Stats().ZonesBarred; (barred == 1) != (i == representatives-1) {
			t.Errorf("with %d contacts barred, %d zones are", i+1, barred)
		}
	}
}

// When an author is revoked, other zones forget its key, and nothing that it publishes then is delivered there, though it still reaches who represents them.
func TestRevokedAuthorsOfOtherZones(t *testing.T) {
	for _, event := range []func(protocol.NodeID) protocol.Event{
		func(author protocol.NodeID) protocol.Event { return protocol.CredentialGone{Author: author} },
		func(author protocol.NodeID) protocol.Event { // of a credential that membership has forgotten
			key := string(credentialOf(author).PublicKey())
			return protocol.CredentialsJudged{Believed: func(c protocol.Credential) bool { return string(c.PublicKey()) != key }}
		},
		nil,
	} {
		told := event != nil
		z := newZoneTree(t, 10, zonesOf(8, "/a", "/b/y", "/c"), true, nil)
		z.subscribe(6, 14, 15, 23)
		z.pass(3 * time.Second)
		z.publishes(4, 20, 50*time.Millisecond)
		z.checkAll(4, 20, 14, 15, 23)
		author := z.nodes[4].id
		if told {
			z.revoked[author] = true
			for _, nd := range z.nodes[8:] {
				nd.Notify(z.now, event(author), &nd.out)
			}
		}
		asked := z.keysAsked
		z.publishes(4, 20, 50*time.Millisecond)
		z.pass(3 * time.Second)
		want := uint64(40)
		if told {
			want = 20
		}
		z.checkAll(4, want, 14, 15, 23)
		if told != (z.keysAsked > asked) {
			t.Errorf("told %v: the key was asked for %d times", told, z.keysAsked-asked)
		}
	}
}

// A representative that changes all that it hands on is found out by its own zone, which gets everything by way of the others. Without signatures it is believed.
func TestCorruptCarriers(t *testing.T) {
	for _, signed := range []bool{true, false} {
		z := newZoneTree(t, 10, zonesOf(8, "/a", "/b/y", "/c"), signed, nil)
		z.subscribe(6, 11, 13, 14, 15, 23)
		z.pass(3 * time.Second)
		corrupter, tainted := z.nodes[9].id, 0
		z.alter = func(from, _ protocol.NodeID, m protocol.Message) protocol.Message {
			if from != corrupter {
				return m
			}
			switch m := m.(type) {
			case *Packet:
				return corrupted(m)
			case *Repair:
				return corrupted(m.Packet).again()
			case *Relay:
				r := *m
				r.Packet = corrupted(m.Packet)
				return &r
			}
			return m
		}
		if !signed {
			for _, nd := range z.nodes {
				nd.tainted = &tainted
			}
		}
		z.publishes(4, 100, 50*time.Millisecond)
		z.pass(4 * time.Second)
		named := 0
		for _, nd := range z.nodes {
			for _, e := range nd.events {
				if c, ok := e.(*Corruption); ok {
					if named++; c.Peer != corrupter {
						t.Errorf("node %v names %v", nd.id, c.Peer)
					}
				}
			}
		}
		z.checkAll(4, 100, 6, 11, 13, 14, 15, 23)
		if signed && named == 0 || !signed && tainted < 20 {
			t.Errorf("signed %v: the corrupter was named %d times, %d corrupt messages were delivered", signed, named, tainted)
		}
	}
}

// corrupted returns a copy of a packet with another message.
func corrupted(p *Packet) *Packet {
	c := *p
	c.Body = slices.Clone(p.Body)
	if len(c.Body) > 0 {
		c.Body[len(c.Body)-1] ^= 0x55
	}
	return &c
}
