package hosts_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Patience with multicast, above what is measured.
const (
	multicastPatience = 15 * time.Second // for it to be used, first and again
	fallbackPatience  = 3 * time.Second  // for it to be left; where processors are short, answers to probes take long
)

// dropMulticast has the bridge drop what goes to groups, or no longer.
func (n *network) dropMulticast(drop bool) {
	n.t.Helper()
	if !drop {
		n.in("sw", "nft", "delete table bridge m")
		return
	}
	n.dropGroups("")
}

// dropGroups has the bridge drop what goes to groups where the condition holds.
func (n *network) dropGroups(condition string) {
	n.t.Helper()
	n.in("sw", "nft", "add table bridge m; add chain bridge m f { type filter hook forward priority 0; }; add rule bridge m f ip daddr 239.192.0.0/14 "+condition+" drop")
}

// metric returns the value of one of the agent's metrics.
func (h *host) metric(name string) float64 {
	t := h.net.t
	t.Helper()
	for line := range strings.Lines(h.metrics()) {
		if rest, ok := strings.CutPrefix(line, "spinglass_"+name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("agent %d has no metric %s", h.number, name)
	return 0
}

// await waits until a condition holds, and returns how long that took.
func (n *network) await(what string, patience time.Duration, condition func() bool) time.Duration {
	n.t.Helper()
	begin := time.Now()
	for !condition() {
		if time.Since(begin) > patience {
			n.t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond) // metrics are there to be polled
	}
	return time.Since(begin)
}

// IP multicast is used when it works, left when the bridge stops forwarding it, and used again when it comes back, without a lost message.
func TestMulticastComesAndGoesWithoutALostMessage(t *testing.T) {
	const perSecond, seconds = 2000, 26
	var lines bytes.Buffer
	for i := range perSecond * seconds {
		fmt.Fprintf(&lines, "%08d %s\n", i, strings.Repeat("x", 190))
	}
	n := newNetwork(t, 4)
	for _, h := range n.hosts {
		h.start()
	}
	n.ready(joinPatience)
	var readers []*reader
	for _, h := range n.hosts[1:] {
		readers = append(readers, h.read("src", perSecond*seconds))
		h.awaitSubscription()
	}
	author := n.hosts[0]
	sent := func() float64 { return author.metric("multicast_packets_sent_total") }
	targets := func() float64 { return author.metric("multicast_targets") }
	publishing := author.publish("src", lines.Bytes(), "--rate", fmt.Sprintf("%d/s", perSecond))

	took := n.await("multicast to all three is used", multicastPatience, func() bool { return targets() == 3 && sent() > 0 })
	t.Logf("used %v after the first message", took.Round(time.Millisecond))
	time.Sleep(3 * time.Second) // a while of working multicast
	phase1 := sent()
	if phase1 < 100 {
		t.Errorf("%v packets went by multicast in 3 s", phase1)
	}
	for _, h := range n.hosts[1:] {
		if heard := h.metric("multicast_datagrams_received_total"); heard < 100 {
			t.Errorf("host %d received %v datagrams by multicast", h.number, heard)
		}
	}

	n.dropMulticast(true)
	took = n.await("multicast is left", fallbackPatience, func() bool { return targets() == 0 })
	t.Logf("left %v after the bridge stopped forwarding", took.Round(time.Millisecond))
	left := sent()
	time.Sleep(4 * time.Second) // a while without
	if more := sent() - left; more != 0 {
		t.Errorf("%v packets went by multicast that nobody hears", more)
	}

	n.dropMulticast(false)
	took = n.await("multicast is used again", multicastPatience, func() bool { return targets() == 3 && sent() > left })
	t.Logf("used again %v after the bridge forwards again", took.Round(time.Millisecond))
	time.Sleep(2 * time.Second)
	if more := sent() - left; more < 100 {
		t.Errorf("%v packets went by multicast in 2 s after it came back", more)
	}

	// The bridge stops forwarding to one host only, which says so itself, and gets copies.
	n.dropGroups("oifname ph3")
	took = n.await("host 3 gets copies", fallbackPatience, func() bool { return targets() == 2 })
	t.Logf("host 3 gets copies %v after the bridge stopped forwarding to it", took.Round(time.Millisecond))
	alone := sent()
	time.Sleep(2 * time.Second)
	if more := sent() - alone; more < 100 || n.hosts[2].metric("multicast_complaints_sent_total") == 0 {
		t.Errorf("%v packets went by multicast in 2 s to the other two; host 3 complained %v times", more, n.hosts[2].metric("multicast_complaints_sent_total"))
	}

	if err := publishing.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, r := range readers {
		if got := r.wait(); !bytes.Equal(got, lines.Bytes()) {
			t.Errorf("host %d printed %d bytes, not the %d that were sent; %s", r.host.number, len(got), lines.Len(), r.errors.Bytes())
		}
		if lost := r.host.metric("messages_lost_total"); lost != 0 {
			t.Errorf("host %d lost %v messages", r.host.number, lost)
		}
	}
}
