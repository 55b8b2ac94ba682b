package bimodal

import (
	"testing"

	"spinglass/protocol"
)

// honest is a peer that asks for little while other floods.
const honest = protocol.NodeID(78)

// from hands over a message of a peer, and reports whether it was dropped for a reason.
func (s *solo) from(id protocol.NodeID, m protocol.Message, reason protocol.Reason) (dropped bool) {
	s.out.Reset()
	s.Receive(s.now, id, m, &s.out)
	return s.dropped(reason)
}

// "A valid signature is not a quota: bounds hold for authenticated members too." Who uses up what a node does for others in a round leaves something for them.
// The control is the flooder itself, and who is no peer while another stranger floods.
func TestOneMemberLeavesFavoursForOthers(t *testing.T) {
	poll := &Poll{Entries: []PollEntry{{Stream: packet(1).Stream}}}
	for name, test := range map[string]struct {
		flood, modest protocol.Message
		reason        protocol.Reason
		strangers     bool // have a part in it
	}{
		"polls":  {poll, poll, ReasonPolls, false},
		"probes": {&MulticastProbe{Topic: TopicOf("t"), Round: 1}, &MulticastProbe{Topic: TopicOf("t"), Round: 1}, ReasonProbes, false},
		"leaps": {
			crafted(func(i int) DigestEntry { return invented(uint64(100+i), windowMax/3) }),
			crafted(func(i int) DigestEntry { return invented(uint64(1000+i), 4) }), ReasonLeap, true,
		},
		"order requests": {&OrderRequest{Owner: 9, Topic: TopicOf("t"), Number: 5}, &OrderRequest{Owner: 9, Topic: TopicOf("t"), Number: 5}, ReasonOrders, false},
	} {
		s := orderedMachine(t)
		s.up(other, 0, 0)
		s.up(honest, 0, 0)
		for _, part := range orderOf(5, 1000) {
			s.receive(part)
		}
		s.receive(packet(1))
		s.rounds(1)
		flooded := false
		for range 1000 {
			flooded = s.from(other, test.flood, test.reason)
		}
		if !flooded {
			t.Errorf("%s: a flood is not bounded", name)
		}
		if s.from(honest, test.modest, test.reason) {
			t.Errorf("%s: a flood by another member leaves nothing", name)
		}
		if !s.from(other, test.flood, test.reason) {
			t.Errorf("%s: the control: the flooder gets more", name)
		}
		if !test.strangers {
			continue
		}
		for range 1000 {
			s.from(4711, test.flood, test.reason)
		}
		if !s.from(4712, test.flood, test.reason) {
			t.Errorf("%s: the control: a stranger gets more than all strangers", name)
		}
	}
}

// Packets that wait for orders: one member that sends many leaves room for those of others, which is taken from it, and what it sends more is refused.
func TestOneMemberLeavesRoomForHeldRelays(t *testing.T) {
	s := orderedMachine(t)
	s.up(other, 0, 0)
	s.up(honest, 0, 0)
	for seq := range uint64(2 * relaysHeldMax) {
		s.from(other, relayed(5, seq+2), ReasonRelays)
	}
	for seq := range uint64(10) {
		if s.from(honest, relayed(6, 5000+seq), ReasonRelays) {
			t.Fatalf("packet %d of another member has to go", seq)
		}
	}
	if !s.from(other, relayed(5, 9000), ReasonRelays) {
		t.Error("the control: the flooder gets more")
	}
	if mine, theirs := s.peers[honest].held, s.peers[other].held; mine != 10 || theirs != relaysHeldMax-10 || len(s.orders.held) != relaysHeldMax {
		t.Errorf("%d and %d wait, %d in all", mine, theirs, len(s.orders.held))
	}
	s.rounds(relayHoldLimit + 2)
	if s.peers[honest].held != 0 || s.peers[other].held != 0 {
		t.Errorf("%d and %d are said to wait when nothing does", s.peers[honest].held, s.peers[other].held)
	}
}

// One that asks for the same packet again and again, which repairs it for all, does not use up the budget that others wait for. The control is alone.
func TestRegionalRepairsLeaveTheBudgetToOthers(t *testing.T) {
	for _, contended := range []bool{true, false} {
		s := soloMachine(t, nil)
		s.up(honest, 0, 0)
		for id := range protocol.NodeID(200) {
			s.up(1000+id, 0, 0)
		}
		for seq := range uint64(40) {
			s.receive(packet(seq + 1))
		}
		s.rounds(1)
		if contended {
			s.from(honest, ask(s.round, Range{1, 1}), "")
		}
		for range 3 * regionalRequests {
			s.from(other, ask(s.round, Range{2, 2}), "")
		}
		left := s.budget
		s.from(honest, ask(s.round, Range{3, 12}), "")
		if got := len(sent[*Repair](s)); contended && got != 10 || !contended && left > s.granted/4 {
			t.Errorf("contended %v: %d of 10 packets are repaired for another member, %d of %d bytes were left", contended, got, left, s.granted)
		}
	}
}
