//go:build linux

package live

import (
	"fmt"
	"net"
	"testing"
	"time"

	"spinglass/protocol"
)

// securedGroup runs members that know each other; each joins group 7.
func securedGroup(t *testing.T, f *fleet, port int, limit func(*limits), ids ...protocol.NodeID) (nodes []*Node, heard []*transcript) {
	t.Helper()
	for _, id := range ids {
		m := newTranscript()
		m.notify = func(_ protocol.Time, e protocol.Event, out *protocol.Output) {
			if offered, ok := e.(protocol.MulticastOffered); ok && offered.Groups > 0 {
				out.JoinGroup(7)
			}
		}
		n := run(t, id, m, func(c *Config) {
			f.change(t, id, limit)(c)
			c.NoMulticast, c.MulticastPort = false, port
		})
		eventually(t, "the group is joined", func() bool { return n.Stats().GroupsJoined == 1 })
		nodes, heard = append(nodes, n), append(heard, m)
	}
	for i, n := range nodes {
		introduce(t, n, nodes[:i]...)
		introduce(t, n, nodes[i+1:]...)
	}
	return nodes, heard
}

// tell sends to group 7.
func tell(t *testing.T, n *Node, body string, besides ...protocol.NodeID) {
	t.Helper()
	err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) { out.Multicast(7, besides, &text{body: []byte(body)}) })
	if err == nil { // what the first has asked for was done before the second begins
		err = n.Call(t.Context(), func(protocol.Time, *protocol.Output) {})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// repeat tells until all have heard, since who has no key yet asks for it by what it cannot open.
func repeat(t *testing.T, n *Node, body string, heard ...*transcript) {
	t.Helper()
	eventually(t, body, func() bool {
		tell(t, n, body)
		for _, m := range heard {
			if m.count(fmt.Sprintf("%d %s", n.config.ID, body)) == 0 {
				return false
			}
		}
		return true
	})
}

// Members hear each other by a group once they have the sender's key, which they ask for; who is no member hears nothing. Targets besides get copies by their sessions.
func TestSecuredGroup(t *testing.T) {
	port := freePort(t)
	f := newFleet(t, 1)
	nodes, heard := securedGroup(t, f, port, nil, 1, 2, 3)
	start := time.Now()
	foreign, deaf := securedGroup(t, newFleet(t, 99), port, nil, 4)
	repeat(t, nodes[0], "first", heard[1], heard[2])
	for i := range 100 {
		tell(t, nodes[0], fmt.Sprint("message ", i))
	}
	for i := range 100 {
		for _, m := range heard[1:] {
			eventually(t, "all messages", func() bool { return m.count(fmt.Sprint("1 message ", i)) == 1 })
		}
	}
	tell(t, nodes[0], "besides", 2)
	eventually(t, "both copies", func() bool { return heard[1].count("1 besides") == 2 })
	// Messages that are sent while the writer is busy share datagrams, so that how many of these there are is not known.
	eventually(t, "the other fleet has dropped some", func() bool { return foreign[0].Stats().Drops[ReasonGroupKeyUnknown] > 0 })
	if _, n := deaf[0].most(); n != 0 {
		t.Errorf("another fleet heard %d messages, dropped %v", n, foreign[0].Stats().Drops)
	}
	if _, n := heard[0].most(); n != 0 || nodes[0].Stats().Drops[ReasonDatagramSelf] != 0 {
		t.Errorf("the sender heard %d messages, dropped %v", n, nodes[0].Stats().Drops)
	}
	most := 1 + uint64(time.Since(start)/groupKeyRetry)
	if s := nodes[1].Stats(); s.GroupKeysAsked == 0 || s.GroupKeysAsked > most {
		t.Errorf("the key was asked for %d times, of %d at most", s.GroupKeysAsked, most)
	}
}

// What was sent to a group in the clear, or by who has no key, is heard by nobody; what was captured is not heard again, also not after a restart of the receiver.
func TestForgedAndReplayedGroupDatagrams(t *testing.T) {
	port := freePort(t)
	f := newFleet(t, 1)
	nodes, heard := securedGroup(t, f, port, nil, 1, 2)
	repeat(t, nodes[0], "first", heard[1])

	// Somebody else on the machine listens.
	spy, err := hearGroups(uint16(port), 99, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer spy.Close()
	group := nodes[0].multicast
	if err := joinGroup(spy, group.addressOf(7).route.Addr(), group.device); err != nil {
		t.Fatal(err)
	}
	const messages = 20
	var captured [][]byte
	_ = spy.SetReadDeadline(time.Now().Add(patience))
	for i := range messages {
		tell(t, nodes[0], fmt.Sprint("message ", i))
		b := make([]byte, 2000)
		size, err := spy.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		captured = append(captured, b[:size])
		eventually(t, "a message", func() bool { return heard[1].count(fmt.Sprint("1 message ", i)) == 1 })
	}
	out, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := sendToGroups(out, group.device); err != nil {
		t.Fatal(err)
	}
	inject := func(b []byte) {
		if _, err := out.WriteToUDPAddrPort(b, group.addressOf(7).route); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range captured {
		inject(b)
		forged := append([]byte(nil), b...)
		forged[len(forged)-1] ^= 1
		forged[11]++ // a number that was not used yet
		inject(forged)
		inject(datagram(1, "in the clear, as without Security"))
	}
	eventually(t, "all forgeries", func() bool {
		drops := nodes[1].Stats().Drops
		return drops[ReasonDatagramReplayed] >= messages && drops[ReasonDatagramForged] >= messages && drops[ReasonDatagramVersion] >= messages
	})
	for i := range messages {
		if got := heard[1].count(fmt.Sprint("1 message ", i)); got != 1 {
			t.Errorf("message %d was heard %d times", i, got)
		}
	}

	_ = nodes[1].Close()
	again, heardAgain := securedGroup(t, f, port, nil, 2)
	introduce(t, again[0], nodes[0])
	introduce(t, nodes[0], again[0])
	repeat(t, nodes[0], "after", heardAgain[0]) // it has the key
	for _, b := range captured {
		inject(b)
	}
	eventually(t, "all replayed", func() bool { return again[0].Stats().Drops[ReasonDatagramReplayed] >= messages })
	for i := range messages {
		if got := heardAgain[0].count(fmt.Sprint("1 message ", i)); got != 0 {
			t.Errorf("message %d was heard again after the restart", i)
		}
	}
}

// The key is renewed when told, and when a peer is revoked that had it, who then has no use of it; the others lose nothing.
func TestGroupKeysAreRenewed(t *testing.T) {
	port := freePort(t)
	f := newFleet(t, 1)
	// The test says when the new key is sent by: how soon all have it depends on how busy the machine is.
	nodes, heard := securedGroup(t, f, port, func(l *limits) { l.period, l.groupSwitch = 5*time.Millisecond, time.Hour }, 1, 2, 3)
	repeat(t, nodes[0], "first", heard[1], heard[2])
	told := 0
	tellOne := func() {
		body := fmt.Sprint("message ", told)
		tell(t, nodes[0], body)
		eventually(t, body, func() bool { return heard[1].count("1 "+body) == 1 })
		told++
	}
	key := func() (k uint64) {
		_ = nodes[0].Call(t.Context(), func(protocol.Time, *protocol.Output) { k = nodes[0].links.groups.current.key.Generation })
		return k
	}
	changeTo := func(generation uint64, receivers ...*Node) {
		for _, n := range receivers {
			eventually(t, "a new key", func() bool {
				o := (*n.links.groups.openers.Load())[1].of(generation%2 == 1)
				return o != nil && o.open.key.Generation == generation
			})
		}
		tellOne() // by the key before
		_ = nodes[0].Call(t.Context(), func(now protocol.Time, _ *protocol.Output) { nodes[0].links.groups.nextAt = now })
		eventually(t, "the new key is sent by", func() bool { return key() == generation })
	}
	first := key()
	tellOne()
	if err := nodes[0].Call(t.Context(), func(now protocol.Time, _ *protocol.Output) { nodes[0].renewGroupKey(now) }); err != nil {
		t.Fatal(err)
	}
	changeTo(first+1, nodes[1:]...)
	f.revoke(nodes[2].config.Security.Key.Public())
	changeTo(first+2, nodes[1])
	settled := told
	for range 20 {
		tellOne()
	}
	for i := settled; i < told; i++ {
		if heard[2].count(fmt.Sprint("1 message ", i)) != 0 {
			t.Errorf("who was revoked has heard message %d by the new key", i)
		}
	}
	if nodes[0].Stats().GroupKeysRenewed != 2 {
		t.Errorf("renewed %d times", nodes[0].Stats().GroupKeysRenewed)
	}
	if heard[2].count("1 message 0") == 0 {
		t.Error("who was revoked had not heard anything before either")
	}
}

func FuzzGroupKey(f *testing.F) {
	f.Add(groupKeyGift{first: 7}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := decodeGroupKey(b); err == nil && string(g.Append(nil)) != string(b) {
			t.Fatalf("%x decodes to what is encoded as %x", b, g.Append(nil))
		}
	})
}

// A member that asks for the key again and again, or brings keys, is looked at as often as anybody needs it, and keeps nobody else from the key.
func TestGroupKeyTrafficIsBounded(t *testing.T) {
	port := freePort(t)
	nodes, heard := securedGroup(t, newFleet(t, 1), port, nil, 1, 2, 3)
	repeat(t, nodes[0], "first", heard[1])
	const times = 200
	before, start := nodes[0].Stats().Drops[ReasonGroupKeyRate], time.Now()
	err := nodes[1].Call(t.Context(), func(now protocol.Time, _ *protocol.Output) {
		for range times {
			nodes[1].send(now, []protocol.NodeID{1}, groupKeyRequest{})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refusal of most", func() bool {
		return float64(nodes[0].Stats().Drops[ReasonGroupKeyRate]-before) >= times-groupKeyBurst-groupKeyRate*time.Since(start).Seconds()
	})
	repeat(t, nodes[0], "second", heard[1], heard[2])
}
