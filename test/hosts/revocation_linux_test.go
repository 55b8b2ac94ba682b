package hosts_test

import (
	"strings"
	"testing"
	"time"
)

// Times of a revocation.
const (
	revocationMax = 10 * time.Second // until it holds everywhere
	revocationOff = 4 * time.Second  // for one to hold that should not, twice what the agent looks every
)

// "Revocation everywhere within 10 s": who is revoked is down for all others, gets nothing any more, not by multicast either, and says why in one line. The control
// revokes somebody else, which changes nothing.
func TestARevokedHostIsShutOut(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	n.found()
	n.join()
	author, honest, revoked := n.hosts[0], n.hosts[1], n.hosts[2]
	kept, cut := honest.listen("news"), revoked.listen("news")
	pub := author.command("pub", "news", "--rate", "200/s")
	pub.Stdin = new(lines)
	n.background(pub)
	n.await("multicast to both", multicastPatience, func() bool { return author.metric("multicast_targets") == 2 })

	n.revokeAnother()
	time.Sleep(revocationOff)
	before := cut.total()
	time.Sleep(time.Second)
	if more := cut.total() - before; author.up() != 3 || honest.up() != 3 || revoked.up() != 3 || more < 100 {
		t.Errorf("a revocation of somebody else: %d, %d and %d members are up, %d messages more", author.up(), honest.up(), revoked.up(), more)
	}

	n.output(author.command("ca", "revoke", revoked.name()))
	took := n.await("the revoked member is down", revocationMax, func() bool {
		return author.peers()[revoked.name()].State == "down" && honest.peers()[revoked.name()].State == "down"
	})
	took += n.await("its log says so", revocationMax, func() bool { return len(revoked.said("level=WARN")) > 0 })
	t.Logf("it holds %v after the command", took.Round(time.Millisecond))
	time.Sleep(2 * time.Second) // until the key for multicast was replaced, and processes have printed what they had
	got, before := cut.total(), kept.total()
	time.Sleep(3 * time.Second)
	if more := cut.total() - got; more != 0 {
		t.Errorf("the revoked member got %d messages more", more)
	}
	if more := kept.total() - before; more < 500 {
		t.Errorf("the other member got %d messages more", more)
	}
	if warnings := revoked.said("level=WARN"); len(warnings) != 1 || !strings.Contains(warnings[0], "our certificate is revoked") {
		t.Errorf("the revoked member warns:\n%s", strings.Join(warnings, "\n"))
	}
}

// revokeAnother has the authority of the first host revoke a certificate that no agent uses.
func (n *network) revokeAnother() {
	n.t.Helper()
	first := n.hosts[0]
	issue := first.command("ca", "issue", "-")
	issue.Stdin = strings.NewReader(n.output(first.tool("ca", "request", "--name", "/lab/other", "--data-dir", n.fresh())))
	n.output(issue)
	n.output(first.command("ca", "revoke", "/lab/other"))
}
