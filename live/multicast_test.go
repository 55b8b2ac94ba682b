package live

import (
	"net"
	"runtime"
	"strconv"
	"testing"

	"spinglass/protocol"
)

// groupNode is a node on loopback that joins group 7 as soon as groups are offered.
func groupNode(t *testing.T, id protocol.NodeID, port int, joins bool, change func(*Config)) (*Node, *toy) {
	t.Helper()
	m := &toy{notify: func(_ protocol.Time, e protocol.Event, out *protocol.Output) {
		if offered, ok := e.(protocol.MulticastOffered); ok && joins && offered.Groups > 0 {
			out.JoinGroup(7)
		}
	}}
	n := run(t, id, m, func(c *Config) {
		c.NoMulticast, c.MulticastPort = false, port
		if change != nil {
			change(c)
		}
	})
	if joins {
		eventually(t, "the group is joined", func() bool { return n.Stats().GroupsJoined == 1 })
	}
	return n, m
}

// freePort returns a UDP port that nobody uses, so that tests that run at the same time keep out of each other's groups.
func freePort(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("skipped: multicast is for Linux so far")
	}
	conn, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// spreadGroup has a node send messages to group 7 and to the targets.
func spreadGroup(t *testing.T, n *Node, count int, targets ...protocol.NodeID) {
	t.Helper()
	for range count / 50 {
		err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
			for range 50 {
				out.Multicast(7, targets, &text{body: make([]byte, 1000)})
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestGroupReachesWhoJoinedAndWhoIsNamedBesides(t *testing.T) {
	port := freePort(t)
	for _, listen := range []string{"127.0.0.1:0", ":0"} {
		for _, plain := range []bool{false, true} {
			change := func(c *Config) {
				c.Listen, c.PlainDatagrams = listen, plain
				if listen == ":0" {
					c.Advertise = "127.0.0.1:0"
				}
			}
			sender, own := groupNode(t, 1, port, true, change)
			joined, hears := groupNode(t, 2, port, true, change)
			outside, copied := groupNode(t, 3, port, false, change)
			foreign, deaf := groupNode(t, 4, port, true, change)
			introduce(t, sender, joined, outside)
			introduce(t, joined, sender)
			introduce(t, outside, sender)
			const count = 150 // what the smallest buffers of sockets hold, should nobody read for a while
			spreadGroup(t, sender, count, 3)
			eventually(t, "all messages reach both receivers", func() bool { return hears.received.Load() == count && copied.received.Load() == count })
			eventually(t, "the other fleet has dropped them", func() bool { return foreign.Stats().Drops[ReasonMulticastStranger] == count })
			if deaf.received.Load() != 0 || own.received.Load() != 0 || sender.Stats().Drops[ReasonDatagramSelf] != 0 {
				t.Errorf("%s plain=%t: another fleet received %d, the sender itself %d and dropped %d", listen, plain, deaf.received.Load(), own.received.Load(),
					sender.Stats().Drops[ReasonDatagramSelf])
			}
			if s := joined.Stats(); s.GroupDatagrams != count {
				t.Errorf("%s plain=%t: %d datagrams came by the group, of %d", listen, plain, s.GroupDatagrams, count)
			}
			eventually(t, "what was sent is counted", func() bool { return sender.Stats().DatagramsSent >= 2*count })
			if s := sender.Stats(); s.DatagramsSent != 2*count || s.GroupMessagesSent != count || s.MessagesSent != count {
				t.Errorf("%s plain=%t: %d datagrams and %d messages sent, %d to the group; want one encoding, and a datagram each to group and target", listen, plain,
					s.DatagramsSent, s.MessagesSent, s.GroupMessagesSent)
			}
			for _, n := range []*Node{sender, joined, outside, foreign} {
				_ = n.Close()
			}
		}
	}
}

func TestGroupTeachesNoAddress(t *testing.T) {
	port := freePort(t)
	sender, _ := groupNode(t, 1, port, false, nil)
	receiver, hears := groupNode(t, 2, port, true, nil)
	introduce(t, receiver, sender)
	spreadGroup(t, sender, 50)
	eventually(t, "messages arrive", func() bool { return hears.received.Load() == 50 })
	err := receiver.Call(t.Context(), func(protocol.Time, *protocol.Output) {
		if receiver.book.peers.get(1).settled {
			t.Error("the address of a sender was settled by what came to a group")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestGroupIsLeft(t *testing.T) {
	port := freePort(t)
	sender, _ := groupNode(t, 1, port, false, nil)
	receiver, hears := groupNode(t, 2, port, true, nil)
	stays, kept := groupNode(t, 3, port, true, nil)
	introduce(t, receiver, sender)
	introduce(t, stays, sender)
	if err := receiver.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) { out.LeaveGroup(7) }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the group is left", func() bool { return receiver.Stats().GroupsJoined == 0 })
	spreadGroup(t, sender, 50)
	eventually(t, "the other receiver hears", func() bool { return kept.received.Load() == 50 })
	if hears.received.Load() != 0 {
		t.Errorf("%d messages came to a group that was left", hears.received.Load())
	}
}

func TestGroupsAreBounded(t *testing.T) {
	n, _ := groupNode(t, 1, freePort(t), false, nil)
	err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
		for group := range protocol.Group(GroupsMax + 5) {
			out.JoinGroup(group)
			out.JoinGroup(group)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "groups beyond the limit are refused", func() bool {
		s := n.Stats()
		return s.GroupsJoined == GroupsMax && s.GroupsRefused == 2*5
	})
}

// A node without multicast sends what is for peers besides the group, and counts the rest.
func TestNoMulticast(t *testing.T) {
	receiver := run(t, 2, &toy{}, nil)
	sender := run(t, 1, &toy{notify: func(_ protocol.Time, e protocol.Event, _ *protocol.Output) {
		if _, offered := e.(protocol.MulticastOffered); offered {
			t.Error("multicast was offered though it is turned off")
		}
	}}, nil)
	introduce(t, sender, receiver)
	spreadGroup(t, sender, 50, 2)
	eventually(t, "copies arrive", func() bool { return receiver.Stats().MessagesReceived == 50 })
	if dropped := sender.Stats().Drops[ReasonMulticastNone]; dropped != 50 {
		t.Errorf("%d messages to a group were counted as dropped, of 50", dropped)
	}
}

// Where the port is taken by something that does not share it, the node does without multicast.
func TestMulticastPortTaken(t *testing.T) {
	port := freePort(t)
	conn, err := net.ListenPacket("udp4", net.JoinHostPort("0.0.0.0", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	n := run(t, 1, &toy{notify: func(_ protocol.Time, e protocol.Event, _ *protocol.Output) { t.Errorf("notified of %T", e) }},
		func(c *Config) { c.NoMulticast, c.MulticastPort = false, port })
	if err := n.Call(t.Context(), func(protocol.Time, *protocol.Output) {}); err != nil {
		t.Fatal(err)
	}
}

// Sending to a group allocates nothing in steady state.
func TestGroupsAllocateNothing(t *testing.T) {
	n, _ := groupNode(t, 1, freePort(t), false, nil)
	message := &text{body: make([]byte, 1000)}
	err := n.Call(t.Context(), func(now protocol.Time, _ *protocol.Output) {
		n.sendGroup(now, 7, nil, message)
		if allocations := testing.AllocsPerRun(50, func() { n.sendGroup(now, 7, nil, message) }); allocations > 0 {
			t.Errorf("%v allocations for each message", allocations)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
