package bimodal

import (
	"testing"

	"spinglass/identity"
	"spinglass/protocol"
)

// What somebody has published who is a member no longer is still proven, as long as it is among the last that went; who comes and goes takes one place.
func TestDepartedAuthorsAreProven(t *testing.T) {
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	left := func(s *solo, id protocol.NodeID) {
		s.Notify(s.now, protocol.PeerLeft{Peer: &protocol.Peer{ID: id}}, &s.out)
	}
	s := signedMachine(t, nil)
	left(s, writer)
	for range 2 * authorsDeparted {
		s.meet(500, 1, credentialOf(500))
		left(s, 500)
	}
	if n := s.handAll(other, packets...); n != 5 {
		t.Errorf("%d of 5 messages of who has left delivered", n)
	}
	s = signedMachine(t, nil)
	left(s, writer)
	for i := range protocol.NodeID(authorsDeparted) {
		s.meet(1000+i, 1, credentialOf(50))
		left(s, 1000+i)
	}
	if n := s.handAll(other, packets...); n != 0 || s.Stats().AuthorsUnknown == 0 || s.Stats().KeysWanted != 1 {
		t.Errorf("%d messages delivered of who left before %d others: %+v", n, authorsDeparted, s.Stats())
	}
	// Until somebody says who that was.
	before := s.Stats().MessagesDelivered
	s.Notify(s.now, protocol.CredentialKnown{Author: writer, Epoch: 1, From: other, Credential: credentialOf(writer)}, &s.out)
	if n := s.Stats().MessagesDelivered - before; n != 5 {
		t.Errorf("%d of 5 messages delivered once the key was known", n)
	}
	if n := len(s.proving.authors); n > authorsDeparted+3 {
		t.Errorf("%d keys are remembered", n)
	}
	// Who comes back and goes again is the latest.
	s = signedMachine(t, nil)
	left(s, writer)
	for i := range protocol.NodeID(authorsDeparted - 1) {
		s.meet(1000+i, 1, credentialOf(50))
		left(s, 1000+i)
	}
	s.meet(writer, 1, credentialOf(writer))
	left(s, writer)
	s.meet(5000, 1, credentialOf(50))
	left(s, 5000)
	if n := s.handAll(other, packets...); n != 5 {
		t.Errorf("%d of 5 messages delivered of the one that has left last but one", n)
	}
}

// signedEpoch returns packets of an epoch signed by a key.
func signedEpoch(t *testing.T, author protocol.NodeID, epoch uint64, key protocol.NodeID) []*Packet {
	return newSigner(t, author, SpreadTree, func(c *Config) { c.Epoch, c.Notary = epoch, identity.NewNotary(keyFor(key)) }).batch(3)
}

// An epoch is proven by the key that its author had then. Of an epoch from before an author was known here the key can only be guessed: a signature that does not
// fit refuses the packet and blames nobody.
func TestKeysOfEpochs(t *testing.T) {
	const newKey = 60
	for _, test := range []struct {
		what   string
		epoch  uint64
		key    protocol.NodeID
		taken  int
		blamed bool
	}{
		{"the present epoch by the present key", 5, newKey, 3, false},
		{"the present epoch by the former key", 5, writer, 0, true},
		{"a former epoch by the former key", 3, writer, 3, false},
		{"a former epoch by the present key", 3, newKey, 0, true},
		{"an epoch in between by the former key", 4, writer, 0, false},
		{"an epoch from before by the former key", 1, writer, 3, false},
		{"an epoch from before by another key", 1, 61, 0, false},
		{"an epoch to come", 6, newKey, 0, false},
	} {
		s := signedMachine(t, nil)
		s.meet(70, 3, &credential{key: keyFor(writer).Public()})
		s.meet(70, 5, &credential{key: keyFor(newKey).Public()})
		packets := signedEpoch(t, 70, test.epoch, test.key)
		delivered, blamed := 0, false
		for _, p := range packets {
			s.hand(other, &Repair{Packet: p})
			blamed = blamed || len(s.blamed()) > 0
			for _, d := range emitted[*Delivery](s) {
				delivered += d.Count
			}
		}
		if delivered != test.taken || blamed != test.blamed {
			t.Errorf("%s: %d delivered, blamed: %v", test.what, delivered, blamed)
		}
	}
}

// What this member has published in an earlier run is proven by its own key.
func TestOwnEarlierEpochs(t *testing.T) {
	s := signedMachine(t, func(c *Config) { c.Epoch = 4 })
	packets := signedEpoch(t, 1, 3, 1)
	if n := s.handAll(other, packets...); n != 3 {
		t.Errorf("%d of 3 messages of an earlier run delivered: %+v", n, s.Stats())
	}
	if s.handAll(other, signedEpoch(t, 1, 4, 1)...); s.Stats().MessagesDelivered != 3 || !s.dropped(ReasonOwn) {
		t.Errorf("packets of this run came back: %+v", s.Stats())
	}
}
