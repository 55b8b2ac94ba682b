package bimodal

import (
	"testing"

	"spinglass/protocol"
)

// "each packet once": also what a member hands on of a topic that it has left, of which it keeps nothing, in whatever circles an order may lead.
func TestStraysAreHandedOnOnce(t *testing.T) {
	s := orderedMachine(t)
	s.receive(orderOf(5, 90)[0])
	if err := s.Unsubscribe(s.now, "t", &s.out); err != nil {
		t.Fatal(err)
	}
	seq := inside(s, 5, 2)
	for times := range 3 {
		s.receive(relayed(5, seq))
		if got := len(receivers[*Relay](s)); (got > 0) != (times == 0) {
			t.Errorf("time %d: handed on to %d", times, got)
		}
	}
	// One whose order it lacks does not wait for it: orders of topics that are not wanted are not learned.
	refused := s.Stats().RelaysRefused
	s.receive(relayed(6, seq+1))
	if stats := s.Stats(); stats.RelaysHeld != 0 || stats.RelaysRefused != refused+1 {
		t.Errorf("%d packets wait for an order that is not learned, %d refused", stats.RelaysHeld, stats.RelaysRefused-refused)
	}
	for seq := range uint64(2 * straysKept) {
		s.receive(relayed(5, seq+1000))
	}
	e := s.out.Effects
	if last := e[len(e)-1]; last.Kind != protocol.EffectDrop || last.Reason != ReasonRelays {
		t.Errorf("after %d packets in a round: %+v", 2*straysKept, last)
	}
	s.now = s.now.Add(s.config.Round)
	s.receive(relayed(5, inside(s, 5, 1<<20)))
	if len(receivers[*Relay](s)) == 0 {
		t.Error("nothing is handed on in the next round")
	}
}

// A topic that was left leaves nothing behind: neither orders that this node made as a contact of its zone, nor packets that wait for those of others.
func TestOrdersOfTopicsThatWereLeft(t *testing.T) {
	s := soloMachine(t, func(c *Config) { c.Zone = "/a" })
	for i := range protocol.NodeID(directMax + 1) {
		s.up(100+i, 0, 0)
	}
	for range 3 {
		s.receive(&Relay{Depth: 1, Packet: packet(1)})
		s.receive(&Relay{Number: 5, Owner: other, Packet: packet(2)})
		if made := len(s.orders.list); made == 0 || s.Stats().RelaysHeld != 1 {
			t.Fatalf("%d senders with orders, %d packets wait", made, s.Stats().RelaysHeld)
		}
		if err := s.Unsubscribe(s.now, "t", &s.out); err != nil {
			t.Fatal(err)
		}
		if s.Stats().RelaysHeld != 0 || s.orders.books[orderKey{1, TopicOf("t")}] != nil || len(s.orders.list) != len(s.orders.books) {
			t.Errorf("orders of %d senders and %d packets stay", len(s.orders.list), s.Stats().RelaysHeld)
		}
		if err := s.Subscribe(s.now, "t", &s.out); err != nil {
			t.Fatal(err)
		}
	}
}
