package hosts_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gatewayPatience is for the other gateway to be used, above what is measured.
const gatewayPatience = 5 * time.Second

// enclose lets nothing out of a host but TCP connections that it opens to the gateways, and nothing in but their answers. What is dropped is counted.
func (h *host) enclose(gateways ...*host) {
	h.net.t.Helper()
	var addresses []string
	for _, g := range gateways {
		addresses = append(addresses, g.address)
	}
	to := "{ " + strings.Join(addresses, ", ") + " }"
	h.filter("flush chain inet f in; flush chain inet f out; " +
		"add rule inet f in iifname lo accept; add rule inet f in meta l4proto tcp ip saddr " + to + " tcp sport 7401 ct state established accept; " +
		"add rule inet f in meta l4proto { tcp, udp } counter drop; " +
		"add rule inet f out oifname lo accept; add rule inet f out meta l4proto tcp ip daddr " + to + " tcp dport 7401 accept; " +
		"add rule inet f out meta l4proto { tcp, udp } counter drop")
}

// leaks returns how many packets the host has tried to send that its rules do not let out, and how many others have tried to send to it.
func (h *host) leaks() (out, in int) {
	t := h.net.t
	t.Helper()
	for _, c := range []struct {
		chain string
		count *int
	}{{"out", &out}, {"in", &in}} {
		text, err := exec.Command("ip", "netns", "exec", h.namespace, "nft", "list", "chain", "inet", "f", c.chain).Output()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "counter packets ")
		number, _, _ := strings.Cut(rest, " ")
		if *c.count, err = strconv.Atoi(number); err != nil {
			t.Fatalf("no counter in %s", text)
		}
	}
	return out, in
}

// token returns a join token of the host's authority.
func (h *host) token() string {
	h.net.t.Helper()
	out, err := h.command("ca", "token", "--uses", "9", "--for", "1h").Output()
	if err != nil {
		h.net.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// runWith starts the host's agent with these arguments and no others.
func (h *host) runWith(arguments ...string) {
	h.net.t.Helper()
	h.run(append([]string{h.net.binary, "agent", "--name", fmt.Sprintf("/lab/a%d", h.number), "--data-dir", h.dataDir}, arguments...)...)
}

// Two hosts whose firewalls let out nothing but TCP connections to two gateways are enrolled by a token from there, and exchange a topic with each other and with a host that is no gateway, every
// line of it. When one of the gateways is killed in the middle of it, and when it is cut off in silence, they go on without a lost line.
func TestEnclavesExchangeATopicThroughGateways(t *testing.T) {
	const perSecond, seconds = 1000, 12
	n := newNetwork(t, 5)
	first, second, outside, one, two := n.hosts[0], n.hosts[1], n.hosts[2], n.hosts[3], n.hosts[4]
	listen := func(h *host) string { return h.address + ":7401" }
	gateways := listen(first) + "," + listen(second)
	first.runWith("--first", "--gateway", "--listen", listen(first))
	n.await("the authority", joinPatience, func() bool { return first.up() == 1 })
	token := first.token()
	second.runWith("--gateway", "--listen", listen(second), "--token", token)
	outside.runWith("--listen", listen(outside), "--token", token)
	for _, h := range []*host{one, two} {
		h.enclose(first, second)
		h.runWith("--outbound", "--token", token, "--join", gateways)
	}
	n.ready(joinPatience)
	for _, h := range []*host{outside, one, two} {
		n.await("two gateways", joinPatience, func() bool { return h.metric("gateways") == 2 })
	}
	if out, err := exec.Command("ip", "netns", "exec", one.namespace, "ss", "-Hlntu").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("an agent in an enclave listens: %v\n%s", err, out)
	}

	total := perSecond * seconds
	readers := map[*host]*reader{two: two.read("src", total), outside: outside.read("src", total)}
	for h := range readers {
		h.awaitSubscription()
	}
	publishing := one.publish("src", numberedFrom(0, total), "--rate", fmt.Sprintf("%d/s", perSecond))
	n.await("lines arrive", joinPatience, func() bool { return two.metric("messages_delivered_total") > 1000 })
	second.signal(syscall.SIGKILL)
	took := n.await("the second gateway is given up", gatewayPatience, func() bool { return one.metric("gateways") == 1 && two.metric("gateways") == 1 })
	t.Logf("given up %v after it was killed", took.Round(time.Millisecond))
	time.Sleep(2 * time.Second) // a while with one gateway
	_ = second.agent.Wait()
	second.runWith("--gateway", "--listen", listen(second))
	n.await("both gateways are used again", joinPatience, func() bool {
		return one.metric("gateways") == 2 && two.metric("gateways") == 2 && outside.metric("gateways") == 2
	})
	if err := publishing.Wait(); err != nil {
		t.Fatal(err)
	}
	for h, r := range readers {
		if got := r.wait(); !bytes.Equal(got, numberedFrom(0, total)) {
			t.Errorf("host %d printed %d bytes, not the %d that were sent; %s", h.number, len(got), len(numberedFrom(0, total)), r.errors.Bytes())
		}
		if lost := h.metric("messages_lost_total"); lost != 0 {
			t.Errorf("host %d lost %v messages", h.number, lost)
		}
	}

	// The gateway that carries more vanishes without a word: its host no longer sends or receives anything.
	back := one.read("back", perSecond*10)
	one.awaitSubscription()
	publishing = two.publish("back", numberedFrom(0, perSecond*10), "--rate", fmt.Sprintf("%d/s", perSecond))
	n.await("lines arrive", joinPatience, func() bool { return one.metric("messages_delivered_total") > 1000 })
	carries := func(h *host) float64 { return h.metric("clients_datagrams_total") }
	before := [2]float64{carries(first), carries(second)}
	time.Sleep(time.Second) // for the difference to show
	carried := [2]float64{carries(first) - before[0], carries(second) - before[1]}
	t.Logf("in a second the gateways passed on %v datagrams", carried)
	if carried[0] > carried[1] {
		first.cutOff()
	} else {
		second.cutOff()
	}
	took = n.await("that gateway is given up", 15*time.Second, func() bool { return one.metric("gateways") == 1 && two.metric("gateways") == 1 })
	t.Logf("given up %v after it was cut off", took.Round(time.Millisecond))
	if err := publishing.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := back.wait(); !bytes.Equal(got, numberedFrom(0, perSecond*10)) {
		t.Errorf("host %d printed %d bytes, not the %d that were sent; %s", one.number, len(got), len(numberedFrom(0, perSecond*10)), back.errors.Bytes())
	}
	for _, h := range []*host{one, two} {
		out, in := h.leaks()
		t.Logf("host %d: %d packets were not let out, %d not in; %v datagrams went by gateways", h.number, out, in, h.metric("gateway_datagrams_sent_total"))
		if out != 0 || in != 0 || h.metric("datagrams_sent_total") != 0 {
			t.Errorf("host %d: %d packets that its firewall does not let out, %d not in, %v datagrams by a socket", h.number, out, in, h.metric("datagrams_sent_total"))
		}
	}

	// The control: an agent that does without --outbound runs into the firewall.
	one.signal(syscall.SIGKILL)
	_ = one.agent.Wait()
	one.runWith("--listen", listen(one), "--join", listen(outside))
	n.await("something that is not let out", joinPatience, func() bool { out, _ := one.leaks(); return out > 0 })
}
