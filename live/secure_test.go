package live

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// fleet issues certificates.
type fleet struct {
	entropy   *rand.ChaCha8
	authority *identity.Authority
	now       atomic.Int64 // added to the real time, seconds
	revoked   atomic.Pointer[identity.Revocations]
}

func newFleet(t testing.TB, seed byte) *fleet {
	t.Helper()
	f := &fleet{entropy: rand.NewChaCha8([32]byte{seed})}
	var err error
	if f.authority, err = identity.NewAuthority(f.entropy, "/", identity.InstantOf(time.Now()), 365*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fleet) policy() identity.Policy {
	return identity.Policy{
		Anchor: f.authority.Anchor(), Now: identity.InstantOf(time.Now()) + identity.Instant(f.now.Load()), Revocations: f.revoked.Load(),
	}
}

// member returns what node id needs to be one of the fleet.
func (f *fleet) member(t testing.TB, id protocol.NodeID) *Security {
	t.Helper()
	key, err := identity.GenerateKey(f.entropy)
	if err != nil {
		t.Fatal(err)
	}
	chain := f.issue(t, id, key.Public(), 24*time.Hour)
	return &Security{Key: key, Chain: func() identity.Chain { return chain }, Policy: f.policy}
}

func (f *fleet) issue(t testing.TB, id protocol.NodeID, key identity.PublicKey, life time.Duration) identity.Chain {
	t.Helper()
	terms := identity.Terms{Entropy: f.entropy, Now: identity.InstantOf(time.Now()), Lifetime: life}
	chain, err := f.authority.IssueMember(terms, fmt.Sprintf("/eu/n%d", id), id, key, identity.MemberGrants())
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// change returns a change of a configuration to that of a member with limits of its own. A handshake has longer than in use: it is no failure of a test that the
// machine is busy with something else.
func (f *fleet) change(t testing.TB, id protocol.NodeID, limit func(*limits)) func(*Config) {
	return func(c *Config) {
		c.Security = f.member(t, id)
		l := defaultLimits()
		l.handshakeTimeout = patience
		if limit != nil {
			limit(&l)
		}
		c.Security.limits = &l
	}
}

// run starts a secured node.
func (f *fleet) run(t testing.TB, id protocol.NodeID, m protocol.Machine, limit func(*limits)) *Node {
	t.Helper()
	return run(t, id, m, f.change(t, id, limit))
}

// say makes a node send messages to peers.
func say(t testing.TB, n *Node, to []protocol.NodeID, bodies ...string) {
	t.Helper()
	err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
		for _, body := range bodies {
			out.Spread(to, &text{body: []byte(body)})
		}
	})
	if err == nil { // what the first has asked for was done before the second begins
		err = n.Call(t.Context(), func(protocol.Time, *protocol.Output) {})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// logBuffer is a buffer that may be read while it is written.
type logBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// transcript is a machine that notes what it receives: sender and body.
type transcript struct {
	toy
	mutex sync.Mutex
	got   map[string]int
}

func newTranscript() *transcript {
	r := &transcript{got: map[string]int{}}
	r.receive = func(_ protocol.Time, from protocol.NodeID, body []byte, _ *protocol.Output) {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.got[fmt.Sprintf("%d %s", from, body)]++
	}
	return r
}

func (r *transcript) count(what string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.got[what]
}

// most returns how often the message was received that was received most often, and how many different ones were.
func (r *transcript) most() (times, different int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, n := range r.got {
		times = max(times, n)
	}
	return times, len(r.got)
}

func TestTwoSecuredNodes(t *testing.T) {
	f := newFleet(t, 1)
	server := f.run(t, 2, echo(), nil)
	answers := newTranscript()
	client := f.run(t, 1, answers, nil)
	err := client.Do(func(_ protocol.Time, out *protocol.Output) {
		for i := range 10 {
			out.SendAddress(server.Advertised(), &text{body: []byte(fmt.Sprint("hello ", i))})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all answers", func() bool { _, n := answers.most(); return n == 10 })
	// Larger than a datagram, and the largest of all.
	introduce(t, client, server)
	for _, size := range []int{5000, 60000, 65107 - 13 - 4} {
		body := strings.Repeat("x", size)
		say(t, client, []protocol.NodeID{2}, body)
		eventually(t, "a large answer", func() bool { return answers.count("2 "+body) == 1 })
	}
	say(t, client, []protocol.NodeID{2}, strings.Repeat("x", 65107-13-4+1))
	eventually(t, "one that is too large", func() bool { return client.Stats().Drops[ReasonMessageOversize] == 1 })
	for _, n := range []*Node{client, server} {
		eventually(t, "a session", func() bool { return n.Stats().Sessions == 1 })
		if s := n.Stats(); s.Handshakes != 1 || s.Drops[ReasonMessageOversize] != uint64(len(s.Drops)) {
			t.Errorf("%d handshakes, drops %v", s.Handshakes, s.Drops)
		}
	}
}

// Eight nodes that all begin at once settle on sessions with each other, and every message arrives.
func TestEightSecuredNodes(t *testing.T) {
	f := newFleet(t, 1)
	var nodes []*Node
	var machines []*transcript
	var all []protocol.NodeID
	for i := range 8 {
		id := protocol.NodeID(i + 1)
		machines = append(machines, newTranscript())
		nodes = append(nodes, f.run(t, id, machines[i], nil))
		all = append(all, id)
	}
	for i, n := range nodes {
		introduce(t, n, nodes[:i]...)
		introduce(t, n, nodes[i+1:]...)
	}
	var rounds sync.WaitGroup
	for i, n := range nodes {
		others := append(append([]protocol.NodeID(nil), all[:i]...), all[i+1:]...)
		rounds.Go(func() {
			for j := range 20 {
				say(t, n, others, fmt.Sprint("message ", j))
			}
		})
	}
	rounds.Wait()
	for i, m := range machines {
		eventually(t, "all messages", func() bool { times, n := m.most(); return n == 7*20 && times == 1 })
		eventually(t, "all sessions", func() bool { return nodes[i].Stats().Sessions == 7 })
		if s := nodes[i].Stats(); len(s.Drops) != 0 {
			t.Errorf("node %d: drops %v", i+1, s.Drops)
		}
	}
}
