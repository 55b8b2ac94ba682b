package anonymous

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/adhoc"
	"spinglass/adhoc/maodv"
	"spinglass/identity"
	"spinglass/protocol"
)

const (
	groupName = "platoon"
	noon      = identity.Instant(1_800_000_000)
)

// fleet issues certificates for nodes.
type fleet struct {
	t    *testing.T
	root *identity.Authority
}

type entropy struct{ *rand.Rand }

func (e entropy) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e.Uint32())
	}
	return len(b), nil
}

func newFleet(t *testing.T, seed uint64) *fleet {
	root, err := identity.NewAuthority(entropy{rand.New(rand.NewPCG(seed, 1))}, "/", noon, 1000*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{t, root}
}

func (f *fleet) identity(id protocol.NodeID, grants ...string) *Identity {
	var list []identity.Grant
	for _, text := range grants {
		g, err := identity.ParseGrant(text)
		if err != nil {
			f.t.Fatal(err)
		}
		list = append(list, g)
	}
	granted, err := identity.NewGrants(list...)
	if err != nil {
		f.t.Fatal(err)
	}
	key := identity.NewPrivateKey([identity.SeedSize]byte{byte(id), 1})
	chain, err := f.root.IssueMember(identity.Terms{Entropy: entropy{rand.New(rand.NewPCG(uint64(id), 3))}, Now: noon, Lifetime: time.Hour}, fmt.Sprintf("/node-%d", id), id, key.Public(), granted)
	if err != nil {
		f.t.Fatal(err)
	}
	return &Identity{Notary: identity.NewNotary(key), Chain: chain, Anchor: f.root.Anchor(), Wall: noon}
}

var both = []string{"publish:platoon*", "subscribe:platoon*"}

// trusted is a band whose nodes have identities of a fleet, with the grants that are given, or both.
func trusted(t *testing.T, n int, seed uint64, f *fleet, grants map[protocol.NodeID][]string) *band {
	return newBand(t, n, seed, func(c *Config) {
		own, told := grants[c.Self]
		if !told {
			own = both
		}
		c.Identity = f.identity(c.Self, own...)
	})
}

func (w *band) joinNames(ids ...protocol.NodeID) {
	for _, id := range ids {
		w.members = append(w.members, id)
		w.Do(id, func(out *protocol.Output) {
			if err := w.node(id).JoinName(w.Now, groupName, out); err != nil {
				w.t.Fatal(err)
			}
		})
	}
}

func (w *band) tell(id protocol.NodeID, text string) error {
	var err error
	w.Do(id, func(out *protocol.Output) {
		_, err = w.node(id).Publish(w.Now, adhoc.GroupOf(groupName), []byte(text), out)
	})
	return err
}

// Signed messages arrive, also by gossip and from sources whose certificates were lost on their way.
func TestSigned(t *testing.T) {
	w := trusted(t, 6, 1, newFleet(t, 1), nil)
	w.chain(6)
	w.joinNames(1, 3, 6)
	w.Run(20 * time.Second)
	w.lossy(4, 0.1)
	lose := w.Lose
	w.Lose = func(from, to protocol.NodeID, m protocol.Message, one bool) bool {
		p, data := m.(*maodv.Packet)
		return data && p.Payload[0] == payloadChain && to == 6 || lose(from, to, m, one)
	}
	for i := range 50 {
		if err := w.tell(1, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		w.Run(200 * time.Millisecond)
	}
	w.Run(15 * time.Second)
	for _, id := range []protocol.NodeID{3, 6} {
		if got := len(w.delivered[id]); got != 50 {
			t.Errorf("%d got %d of 50: %+v", id, got, w.node(id).Stats())
		}
	}
	if s := w.node(6).Stats(); s.KeysWanted == 0 || s.Forged != 0 || s.Verified < 50 || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
}

// Whoever is in the air can send what it likes: what has no signature, another one's, or was changed is not delivered, and does not spread. The control: without identities it is delivered.
func TestForged(t *testing.T) {
	forgeries := map[string]func(m *Message){
		"no signature":    func(m *Message) { m.Signature = nil },
		"changed payload": func(m *Message) { m.Payload = []byte("changed") },
		"another number":  func(m *Message) { m.Number++ },
		"another run":     func(m *Message) { m.Source.Epoch++ },
		"another source":  func(m *Message) { m.Source.Node = 3 },
	}
	for name, forge := range forgeries {
		for _, proven := range []bool{true, false} {
			f := newFleet(t, 1)
			m, _ := stubbed(func(c *Config) {
				if proven {
					c.Identity = f.identity(1, both...)
				}
			})
			var out protocol.Output
			if err := m.JoinName(0, groupName, &out); err != nil {
				t.Fatal(err)
			}
			author := f.identity(2, both...)
			if proven {
				for _, i := range []*Identity{author, f.identity(3, both...)} {
					m.hearChain(0, i.Chain[1:].Append(nil), 9, &out)
				}
			}
			message := Message{Source: Source{2, 1}, Number: 1, Payload: []byte("order")}
			message.Signature = (&guard{identity: author}).sign(adhoc.GroupOf(groupName), &message)
			forge(&message)
			m.hearMulticast(0, adhoc.MulticastArrival{Group: adhoc.GroupOf(groupName), Origin: 2, Hops: 1, Payload: appendMulticast(nil, &message)}, &out)
			s := m.Stats()
			if proven && (s.Delivered != 0 || s.Forged != 1 || m.members[0].history.len() != 0 || s.Sources != 0) {
				t.Errorf("%s: %+v", name, s)
			}
			if !proven && s.Delivered != 1 {
				t.Errorf("%s: the control does not bite: %+v", name, s)
			}
		}
	}
}

// Who may publish to a group and who may join it is what certificates grant, as for topics.
func TestGrants(t *testing.T) {
	f := newFleet(t, 1)
	w := trusted(t, 4, 2, f, map[protocol.NodeID][]string{2: {"subscribe:platoon"}, 3: {"publish:other", "subscribe:*"}, 4: {"publish:*"}})
	w.Link(1, 2, 3, 4)
	w.joinNames(1, 2, 3)
	w.Run(20 * time.Second)
	if err := w.tell(2, "x"); err != ErrGrant {
		t.Error(err)
	}
	w.Do(4, func(out *protocol.Output) {
		if err := w.node(4).JoinName(w.Now, groupName, out); err != ErrGrant {
			t.Error(err)
		}
		if err := w.node(4).Join(w.Now, 7, out); err != ErrName {
			t.Error(err)
		}
	})
	// 3 does it all the same.
	w.node(3).guard.own = &identity.Verified{Grants: identity.Grants{{Verb: identity.VerbPublish, Pattern: "*"}}}
	if err := w.tell(3, "forbidden"); err != nil {
		t.Fatal(err)
	}
	w.Run(5 * time.Second)
	if len(w.delivered[1]) != 0 || len(w.delivered[2]) != 0 || w.node(2).Stats().Forbidden == 0 {
		t.Errorf("delivered %v, %v", w.delivered[1], w.delivered[2])
	}
	if err := w.tell(1, "granted"); err != nil {
		t.Fatal(err)
	}
	w.Run(5 * time.Second)
	if len(w.delivered[2]) != 1 || len(w.delivered[3]) != 1 {
		t.Errorf("delivered %v, %v", w.delivered[2], w.delivered[3])
	}
}

// Certificates of another fleet, expired and revoked ones prove nothing.
func TestCertificates(t *testing.T) {
	f, other := newFleet(t, 1), newFleet(t, 2)
	var out protocol.Output
	receiver := func(change func(*Identity)) *Machine {
		m, _ := stubbed(func(c *Config) {
			c.Identity = f.identity(1, both...)
			change(c.Identity)
		})
		if err := m.JoinName(0, groupName, &out); err != nil {
			t.Fatal(err)
		}
		return m
	}
	deliver := func(now protocol.Time, m *Machine, author *Identity, number uint64) uint64 {
		m.hearChain(now, author.Chain[1:].Append(nil), 2, &out)
		message := Message{Source: Source{2, 1}, Number: number, Payload: []byte("order")}
		message.Signature = (&guard{identity: author}).sign(adhoc.GroupOf(groupName), &message)
		m.hearMulticast(now, adhoc.MulticastArrival{Group: adhoc.GroupOf(groupName), Origin: 2, Hops: 1, Payload: appendMulticast(nil, &message)}, &out)
		return m.Stats().Delivered
	}
	m := receiver(func(*Identity) {})
	if deliver(0, m, f.identity(2, both...), 1) != 1 {
		t.Error("a good one is refused")
	}
	if deliver(protocol.Time(2*time.Hour), m, f.identity(2, both...), 2) != 1 || m.Stats().Forbidden != 1 {
		t.Errorf("expired since it was learned: %+v", m.Stats())
	}
	m.Notify(0, protocol.WallClock{Seconds: int64(noon) - 7000}, &out)
	if deliver(protocol.Time(2*time.Hour), m, f.identity(2, both...), 2) != 2 {
		t.Error("the clock was corrected, and it is not taken")
	}
	if m = receiver(func(*Identity) {}); deliver(0, m, other.identity(2, both...), 1) != 0 || m.Stats().ChainsRefused != 1 {
		t.Errorf("of another fleet: %+v", m.Stats())
	}
	if m = receiver(func(i *Identity) { i.Wall = noon }); deliver(protocol.Time(10*time.Hour), m, f.identity(2, both...), 1) != 0 {
		t.Error("expired")
	}
	revoked := f.identity(2, both...)
	leaf := revoked.Chain.Leaf()
	list, err := f.root.Revoke(noon, identity.Revocation{Serial: leaf.Serial, Until: leaf.NotAfter})
	if err != nil {
		t.Fatal(err)
	}
	if m = receiver(func(i *Identity) {
		i.Revocations = new(identity.Revocations)
		if _, _, err := i.Revocations.Merge(list); err != nil {
			t.Fatal(err)
		}
	}); deliver(0, m, revoked, 1) != 0 || m.Stats().ChainsRefused != 1 {
		t.Errorf("revoked: %+v", m.Stats())
	}
	if err := f.identity(2, both...).Validate(3); err == nil {
		t.Error("an identity of another node is accepted")
	}
}

// Certificates that nobody has do not keep others from being asked for: sources take turns. What has made room is not asked for any more.
func TestKeysTakeTurns(t *testing.T) {
	m, _ := stubbed(func(c *Config) { c.Identity = newFleet(t, 1).identity(1, both...) })
	var out protocol.Output
	if err := m.JoinName(0, groupName, &out); err != nil {
		t.Fatal(err)
	}
	number := uint64(0)
	hear := func(id protocol.NodeID) {
		number++
		message := Message{Source: Source{id, 1}, Number: number, Signature: make([]byte, signatureSize)}
		m.hearMulticast(0, adhoc.MulticastArrival{Group: adhoc.GroupOf(groupName), Origin: 2, Payload: appendMulticast(nil, &message)}, &out)
	}
	for id := range protocol.NodeID(3*KeysMax - 1) {
		hear(100 + id)
	}
	g := m.members[0]
	asked := map[protocol.NodeID]bool{}
	for range 3 {
		q := m.request(g)
		if len(q.Keys) != KeysMax || !slices.IsSorted(q.Keys) || len(slices.Compact(q.Keys)) != KeysMax {
			t.Errorf("asked for %v", q.Keys)
		}
		for _, id := range q.Keys {
			asked[id] = true
		}
	}
	if len(asked) != 3*KeysMax-1 {
		t.Errorf("three requests ask for %d of %d", len(asked), 3*KeysMax-1)
	}
	for range PendingMax {
		hear(90)
	}
	if q := m.request(g); !slices.Equal(q.Keys, []protocol.NodeID{90}) {
		t.Errorf("only messages of 90 wait, and asked for is %v", q.Keys)
	}
}

// Certificates are told by who publishes, again for as long as it does, and by nobody else.
func TestAnnounced(t *testing.T) {
	m, _ := stubbed(func(c *Config) { c.Identity = newFleet(t, 1).identity(1, both...) })
	var out protocol.Output
	if err := m.JoinName(0, groupName, &out); err != nil {
		t.Fatal(err)
	}
	run := func(from, to time.Duration) uint64 {
		before := m.Stats().ChainsSent
		for at := from; at < to; at += time.Second {
			m.Timeout(protocol.Time(at), &out)
		}
		return m.Stats().ChainsSent - before
	}
	if sent := run(0, time.Minute); sent != 0 {
		t.Errorf("told %d times, though nothing was published", sent)
	}
	for at := time.Minute; at < 2*time.Minute; at += time.Second {
		if _, err := m.Publish(protocol.Time(at), adhoc.GroupOf(groupName), []byte("a"), &out); err != nil {
			t.Fatal(err)
		}
	}
	if sent := m.Stats().ChainsSent; sent != uint64(time.Minute/ChainInterval) {
		t.Errorf("told %d times in a minute of messages", sent)
	}
	if sent := run(2*time.Minute, 4*time.Minute); sent > 1 {
		t.Errorf("told %d times after the last message", sent)
	}
}

// What waits for certificates is bounded, and so are keys and the time for signatures.
func TestTrustBounds(t *testing.T) {
	f := newFleet(t, 1)
	m, _ := stubbed(func(c *Config) { c.Identity = f.identity(1, both...) }, adhoc.NextHop{Node: 2, Distance: 1})
	var out protocol.Output
	if err := m.JoinName(0, groupName, &out); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * PendingMax {
		message := Message{Source: Source{protocol.NodeID(100 + i%(2*WantedMax)), 1}, Number: uint64(i + 1), Signature: make([]byte, signatureSize)}
		m.hearMulticast(0, adhoc.MulticastArrival{Group: adhoc.GroupOf(groupName), Origin: 2, Payload: appendMulticast(nil, &message)}, &out)
	}
	g := m.members[0]
	if len(g.pending) != PendingMax || len(g.wanted) != WantedMax || m.Stats().PendingEvicted != 2*PendingMax || m.Stats().Sources != 0 {
		t.Errorf("%d pending, %d wanted, %+v", len(g.pending), len(g.wanted), m.Stats())
	}
	if refused := m.Stats().KeysRefused; refused != 3*PendingMax-3*WantedMax {
		t.Errorf("%d times there were too many to ask for", refused)
	}
	if q := m.request(g); len(q.Keys) != KeysMax || !slices.IsSorted(q.Keys) || len(q.Append(nil)) != q.Size() {
		t.Errorf("%+v", q)
	}
	for i := range VerifyRate + 5 {
		if m.guard.take(5, 1) != (i < VerifyRate) {
			t.Fatalf("signature %d", i)
		}
	}
	if !m.guard.take(protocol.Time(2*time.Second), 1) {
		t.Error("none in the next second")
	}
}
