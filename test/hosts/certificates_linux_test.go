package hosts_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"spinglass"
	"spinglass/identity"
	"spinglass/protocol"
)

// Of a stream under which everything that members prove themselves by is replaced.
const (
	rotationLife   = 60 * time.Second // of certificates, which are renewed after half of it
	rotationLength = 137              // seconds: sessions are replaced after 120 s, give or take a tenth
	rotationRate   = 500              // messages a second
	rotationTail   = 20               // seconds at the end that nobody misses
)

// "Key rotation under load (no loss, absent nodes rejoin unaided)": certificates are renewed and sessions replaced while messages flow. One agent is stopped meanwhile,
// and one is down. The control does not renew.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 5)
	n.found()
	for _, h := range n.hosts[1:] {
		h.startFor(rotationLife)
	}
	n.ready(joinPatience)
	present, down, stopped := n.hosts[1:3], n.hosts[3], n.hosts[4]
	const total = rotationLength * rotationRate
	heard := []*listener{present[0].listen("news"), present[1].listen("news")}
	late := stopped.listen("news")
	pub := n.hosts[0].publish("news", numbered(total), "--rate", fmt.Sprint(rotationRate, "/s"))
	n.rotate(present, down, stopped)
	back := down.listen("news")
	n.control("certificates that are not renewed", func() { expires(n.t) })
	if err := pub.Wait(); err != nil {
		t.Fatal(err)
	}
	n.await("all messages", joinPatience, func() bool { return heard[0].total() == total && heard[1].total() == total })
	for _, l := range heard {
		l.once(total)
	}
	for _, l := range []*listener{late, back} {
		n.await("the last messages", joinPatience, func() bool { return l.missing(total-rotationTail*rotationRate, total) == 0 })
	}
	replaced := 0.0
	for _, h := range n.hosts {
		replaced += h.metric("sessions_replaced_total")
	}
	_, lost := late.heard()
	t.Logf("%d messages; %.0f sessions were replaced; the agent that was stopped has lost %d", total, replaced, lost)
	if replaced < 3 { // those between the three that were there all the time
		t.Errorf("%v sessions were replaced", replaced)
	}
}

// rotate waits until certificates are renewed, while one agent is down and one is stopped, and then until these have caught up.
func (n *network) rotate(present []*host, down, stopped *host) {
	n.t.Helper()
	renewed := func(h *host) bool { return len(h.said("the certificate was renewed")) > 0 }
	time.Sleep(10 * time.Second) // of all being well
	stopped.signal(syscall.SIGSTOP)
	down.stop()
	for _, h := range present {
		n.await("a renewal", rotationLife, func() bool { return renewed(h) && len(h.said(stopped.name()+" is down")) == 1 })
	}
	stopped.signal(syscall.SIGCONT)
	down.run(down.agentCommand()...)
	begin := time.Now()
	n.ready(joinPatience)
	n.t.Logf("who was down or stopped is up for all %v after that has ended", time.Since(begin).Round(100*time.Millisecond))
	for _, h := range []*host{down, stopped} {
		n.await("a late renewal", rotationLife, func() bool { return renewed(h) })
	}
}

// missing returns how many of the numbered messages from first to before end were not printed.
func (l *listener) missing(first, end int) (missing int) {
	l.t.Helper()
	messages, _ := l.heard()
	for _, line := range split(numberedFrom(first, end-first)) {
		if messages[string(line)] == 0 {
			missing++
		}
	}
	return missing
}

// expires lets the certificates of two members expire, in this process, where grace can be switched off: who renews stays, and who does not is shut out.
func expires(t *testing.T) {
	const left = 4 * time.Second // until they expire
	now := identity.InstantOf(time.Now())
	authority, err := identity.NewAuthority(rand.Reader, "/", now.Add(-2*time.Hour), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(id protocol.NodeID, key identity.PublicKey, life time.Duration) identity.Chain {
		terms := identity.Terms{Entropy: rand.Reader, Now: now.Add(-time.Hour), Lifetime: life}
		chain, err := authority.IssueMember(terms, fmt.Sprintf("/lab/n%d", id), id, key, identity.MemberGrants())
		if err != nil {
			t.Fatal(err)
		}
		return chain
	}
	var nodes []*spinglass.Node
	short := time.Hour - identity.Skew + left // the difference of clocks that is tolerated is added
	for i, life := range []time.Duration{24 * time.Hour, short, short} {
		id := protocol.NodeID(i + 1)
		key, err := identity.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		config := spinglass.Config{
			Name: fmt.Sprintf("/lab/n%d", id), Listen: "127.0.0.1:0",
			Identity: &spinglass.Identity{Key: key, Chain: issue(id, key.Public(), life), Anchor: authority.Anchor(), Grace: time.Nanosecond},
		}
		if i > 0 {
			config.Join = []string{nodes[0].Addr()}
		}
		node, err := spinglass.Start(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		nodes = append(nodes, node)
		if i == 1 {
			if err := node.Renew(t.Context(), issue(id, key.Public(), 24*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	states := func() string {
		peers, err := nodes[0].Peers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, p := range peers {
			all = append(all, fmt.Sprintf("%s %s", p.Name, p.State))
		}
		return strings.Join(all, ", ")
	}
	const before, after = "/lab/n1 up, /lab/n2 up, /lab/n3 up", "/lab/n1 up, /lab/n2 up, /lab/n3 down"
	for _, want := range []string{before, after} {
		for begin := time.Now(); states() != want; time.Sleep(50 * time.Millisecond) {
			if time.Since(begin) > joinPatience {
				t.Fatalf("%s, want %s", states(), want)
			}
		}
	}
}
