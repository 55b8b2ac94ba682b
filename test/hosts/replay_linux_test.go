package hosts_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"spinglass"
	"spinglass/live"
)

// Of a capture.
const (
	replayTimes    = 10
	replayMessages = 5000 // so many that the last ones go by multicast
	replayRate     = "1000/s"
	openPort       = 7402 // of nodes without security
)

// replay sends frames to a host again, so often and each time in another order, and returns how many datagrams that were.
func (c *tap) replay(frames [][]byte, times int) (sent int) {
	for range times {
		for i, j := range rand.Perm(len(frames)) {
			c.send(frames[j])
			sent += len(datagrams(frames[j]))
			if i%100 == 99 {
				time.Sleep(time.Millisecond) // no faster than they are read
			}
		}
	}
	c.take() // not these once more
	return sent
}

// refusals returns how many datagrams the host's agent has refused as those that are sent again are.
func (h *host) refusals() (replayed, unknown, key int) {
	return h.drops(live.ReasonDatagramReplayed), h.drops(live.ReasonSessionUnknown), h.drops(live.ReasonGroupKeyUnknown)
}

// resists sends frames again to a host that was sent them, and checks that nothing comes of it: all are refused, nothing is delivered, who is dead stays so.
func (n *network) resists(what string, victim, dead *host, seen *tap, frames [][]byte) {
	t := n.t
	t.Helper()
	replayed0, unknown0, key0 := victim.refusals()
	before := victim.metric("messages_delivered_total")
	sent := seen.replay(frames, replayTimes)
	time.Sleep(500 * time.Millisecond) // for what comes of it, also of rounds
	replayed, unknown, key := victim.refusals()
	replayed, unknown, key = replayed-replayed0, unknown-unknown0, key-key0
	t.Logf("%s: %d datagrams sent again: %d refused as replayed, %d for unknown sessions, %d by multicast without a key", what, sent, replayed, unknown, key)
	if refused := replayed + unknown + key; refused < sent*99/100 || refused > sent*101/100 {
		t.Errorf("%s: %d of %d were refused", what, refused, sent)
	}
	if delivered := victim.metric("messages_delivered_total") - before; delivered != 0 {
		t.Errorf("%s: %v messages were delivered", what, delivered)
	}
	for name, p := range victim.peers() {
		if (p.State == "up") == (name == dead.name()) {
			t.Errorf("%s: %s is %s", what, name, p.State)
		}
	}
}

// "Replay of a capture ten times shuffled and after a restart (no duplicate, no regression)": of all datagrams that an agent was sent for some seconds, to it or by
// multicast. The control without security delivers again what was delivered, and takes a dead member for alive.
func TestReplayedDatagrams(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 4)
	for _, h := range n.hosts {
		h.start()
	}
	n.ready(joinPatience)
	author, victim, dead := n.hosts[0], n.hosts[1], n.hosts[3]
	heard, seen := victim.listen("news"), victim.tap()
	n.hosts[2].listen("news")
	dead.listen("news")
	if err := author.publish("news", numbered(replayMessages), "--rate", replayRate).Wait(); err != nil {
		t.Fatal(err)
	}
	frames, multicast := seen.take(), 0
	for _, frame := range frames {
		if destination(frame).IP.IsMulticast() {
			multicast++
		}
	}
	if heard.once(replayMessages); multicast < 100 || len(frames)-multicast < 100 {
		t.Errorf("%d frames of %d came by multicast", multicast, len(frames))
	}
	dead.signal(syscall.SIGKILL)
	n.await("the killed agent is down", joinPatience, func() bool { return victim.peers()[dead.name()].State == "down" })

	n.resists("at once", victim, dead, seen, frames)
	heard.once(replayMessages)
	if err := author.publish("news", numberedFrom(replayMessages, 100)).Wait(); err != nil { // it goes on
		t.Fatal(err)
	}
	n.await("all messages", joinPatience, func() bool { messages, _ := heard.heard(); return len(messages) == replayMessages+100 })
	heard.once(replayMessages + 100)

	victim.signal(syscall.SIGKILL)
	_ = victim.agent.Wait()
	victim.start()
	n.await("the agent is back", joinPatience, func() bool { return victim.up() == 3 })
	heard = victim.listen("news")
	n.resists("after a restart", victim, dead, seen, frames)
	heard.once(0)
	n.control("nodes without security", n.replayOpen)
}

// openNode starts a node without security on the host, in this process, that keeps who it is in a folder.
func (h *host) openNode(folder string, join ...string) *spinglass.Node {
	t := h.net.t
	t.Helper()
	node, err := spinglass.Start(t.Context(), spinglass.Config{Name: h.name(), Conn: h.open(openPort), Join: join, DataDir: filepath.Join(h.outputDir, folder)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	return node
}

// collect has a node subscribe to a topic, and returns what tells how often each message was delivered.
func collect(t *testing.T, node *spinglass.Node, topic string) func() map[string]int {
	t.Helper()
	subscription, err := node.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	var mutex sync.Mutex
	got := map[string]int{}
	go func() {
		for m, err := range subscription.Messages(context.Background()) {
			if err == nil {
				mutex.Lock()
				got[string(m.Payload)]++
				mutex.Unlock()
			}
		}
	}()
	return func() map[string]int {
		mutex.Lock()
		defer mutex.Unlock()
		return maps.Clone(got)
	}
}

// replayOpen checks that nodes without security are deceived by a replay: what was delivered before a restart is delivered again, and who is dead is up.
func (n *network) replayOpen() {
	const messages = 100
	t := n.t
	author, victim := n.hosts[0], n.hosts[1]
	dead, seen := author.openNode("open"), victim.tap()
	first := victim.openNode("open", dead.Addr())
	heard := collect(t, first, "news")
	for i := range messages {
		if err := dead.Publish(t.Context(), "news", fmt.Appendf(nil, "message %d", i)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // a datagram each
	}
	n.await("all messages", joinPatience, func() bool { return len(heard()) == messages })
	frames := slices.DeleteFunc(seen.take(), func(frame []byte) bool { return destination(frame).Port != openPort })
	_ = dead.Close()
	_ = first.Close()
	second := victim.openNode("open")
	heard = collect(t, second, "news")
	for _, frame := range frames { // first in order: a stream is followed from what comes first
		seen.send(frame)
	}
	seen.replay(frames, replayTimes)
	time.Sleep(500 * time.Millisecond)
	peers, err := second.Peers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	up := slices.ContainsFunc(peers, func(p spinglass.Peer) bool { return p.ID == dead.ID() && p.State == spinglass.PeerStateUp })
	t.Logf("%d messages were delivered again, the dead member is up: %t", len(heard()), up)
	if len(heard()) == 0 || !up {
		t.Error("a replay does nothing to nodes without security")
	}
}
