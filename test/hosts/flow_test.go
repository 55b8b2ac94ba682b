package hosts_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"testing"
	"time"
)

// offeredMessages a second, of offeredSize bytes, are what the publisher offers: 2 MB/s, a little less than what a topic may carry at first.
const (
	offeredMessages = 2000
	offeredSize     = 1000
)

// nearlyAll is the share of the offer that is published when nothing slows it, on a machine that is busy with other things.
const nearlyAll = 0.9

// narrow bounds what a host can receive, in kbit/s; 0 lifts the bound.
func (h *host) narrow(kilobits int) {
	h.net.t.Helper()
	device := fmt.Sprintf("ph%d", h.number)
	if kilobits == 0 {
		h.net.in("sw", "tc", "qdisc", "del", "dev", device, "root")
		return
	}
	h.net.in("sw", "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", fmt.Sprintf("%dkbit", kilobits), "burst", "32kb", "latency", "50ms")
}

// lines yields lines of offeredSize bytes without end.
type lines struct{ rest []byte }

func (l *lines) Read(b []byte) (int, error) {
	if len(l.rest) == 0 {
		l.rest = append(bytes.Repeat([]byte{'x'}, offeredSize), '\n')
	}
	n := copy(b, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// offer has a host publish without end, and the others read.
func (n *network) offer(topic string) {
	n.t.Helper()
	for _, h := range n.hosts[1:] {
		n.background(h.command("sub", topic))
		h.awaitSubscription()
	}
	pub := n.hosts[0].command("pub", topic, "--rate", fmt.Sprintf("%d/s", offeredMessages))
	pub.Stdin = new(lines)
	n.background(pub)
}

// background runs a command until the test ends.
func (n *network) background(command *exec.Cmd) {
	n.t.Helper()
	if err := command.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
}

// share returns which part of what is offered a host publishes for a while.
func (h *host) share(length time.Duration) float64 {
	h.net.t.Helper()
	begin, before := time.Now(), h.metric("messages_published_total")
	time.Sleep(length)
	return (h.metric("messages_published_total") - before) / time.Since(begin).Seconds() / offeredMessages
}

// "Uniform loss of 5 % that repair mends does not slow a stream; a crowd that is really overrun slows it within a second to what the median member
// sustains, and it recovers"; a minority that is overrun does not slow it.
func TestTheCrowdSlowsAStream(t *testing.T) {
	if _, err := exec.LookPath("tc"); err != nil {
		t.Skip("skipped: tc is not installed (package iproute2)")
	}
	const kilobits, sustained = 4000, 4000.0 / 8 * 1000 / (offeredMessages * offeredSize) // a quarter
	n := newNetwork(t, 5)
	for _, h := range n.hosts {
		h.lose(5)
		h.start()
	}
	n.ready(joinPatience)
	n.offer("load")
	author := n.hosts[0]
	rate := func() float64 { return author.metric("publish_rate_bytes") }
	time.Sleep(time.Second) // until all is under way
	if share := author.share(4 * time.Second); share < nearlyAll || author.metric("publish_rate_decreases_total") != 0 {
		t.Errorf("at a loss of 5 %% a share of %.3f is published; the rate was lowered %v times", share, author.metric("publish_rate_decreases_total"))
	}

	for _, h := range n.hosts {
		h.lose(0)
	}
	for _, h := range n.hosts[2:] {
		h.narrow(kilobits)
	}
	took := n.await("the rate is what most members sustain", 3*time.Second, func() bool { return rate() < 1.1*sustained*offeredMessages*offeredSize })
	t.Logf("slowed %v after three of four members were limited to %d kbit/s", took.Round(time.Millisecond), kilobits)
	if share := author.share(6 * time.Second); share < 0.4*sustained || share > 1.2*sustained {
		t.Errorf("with three of four members limited to a share of %.2f, a share of %.2f is published", sustained, share)
	}

	for _, h := range n.hosts[2:] {
		h.narrow(0)
	}
	took = n.await("the rate is what is offered again", 15*time.Second, func() bool { return rate() > 0.98*offeredMessages*offeredSize })
	t.Logf("back %v after the limits were lifted", took.Round(time.Millisecond))

	n.hosts[4].narrow(kilobits)
	time.Sleep(time.Second)
	lowered := author.metric("publish_rate_decreases_total")
	if share := author.share(5 * time.Second); share < nearlyAll || author.metric("publish_rate_decreases_total") != lowered {
		t.Errorf("with one of four members limited a share of %.3f is published; the rate was lowered %v times", share,
			author.metric("publish_rate_decreases_total")-lowered)
	}
}
