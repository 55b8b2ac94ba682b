package bimodal

import (
	"testing"

	"spinglass/protocol"
)

// known tells a machine of the key of the writer, as a member says.
func (s *solo) known(from protocol.NodeID, epoch uint64, c protocol.Credential) {
	s.Notify(s.now, protocol.CredentialKnown{Author: writer, Epoch: epoch, From: from, Credential: c}, &s.out)
}

// foreignMachine is one that has never heard of the writer.
func foreignMachine(t *testing.T) *solo {
	s := signedMachine(t, nil)
	s.Notify(s.now, protocol.PeerLeft{Peer: &protocol.Peer{ID: writer}}, &s.out)
	s.Notify(s.now, protocol.CredentialGone{Author: writer}, &s.out)
	return s
}

// A packet that does not fit the key of an author of another zone is the fault of who has handed it on only if that has said itself which key the author has. Others may know of a later
// one.
func TestOnlyVouchersAreBlamed(t *testing.T) {
	forged := *newSigner(t, writer, SpreadTree, nil).batch(1)[0]
	forged.Body = append([]byte(nil), forged.Body...)
	forged.Body[len(forged.Body)-1] ^= 1
	for _, voucher := range []protocol.NodeID{relayer, other} {
		s := foreignMachine(t)
		s.known(voucher, 1, credentialOf(writer))
		s.hand(relayer, &forged)
		if corrupt := s.Stats().PacketsCorrupt > 0; corrupt != (voucher == relayer) {
			t.Errorf("%v says which key the author has, and %v is blamed: %v", voucher, protocol.NodeID(relayer), corrupt)
		}
		if voucher == other && s.Stats().KeysWanted != 1 {
			t.Errorf("who handed the packet on was asked %d times", s.Stats().KeysWanted)
		}
	}
}

// Asking is bounded: an author is asked for every few rounds, and no more than so many at once.
func TestWantedKeysAreBounded(t *testing.T) {
	s := foreignMachine(t)
	packets := newSigner(t, writer, SpreadTree, nil).batch(5)
	for range 2 * keyAgain {
		s.handAll(relayer, packets...)
		s.rounds(1)
	}
	if n := s.Stats().KeysWanted; n < 2 || n > 3 {
		t.Errorf("an author was asked for %d times in %d rounds", n, 2*keyAgain)
	}
	for author := range protocol.NodeID(2 * keysWanted) {
		s.wantKey(10_000+author, relayer, &s.out)
	}
	if len(s.proving.wants) != keysWanted || s.Stats().KeysRefused == 0 {
		t.Errorf("%d authors asked for, %d refused", len(s.proving.wants), s.Stats().KeysRefused)
	}
	s.rounds(keyRounds + 2)
	if len(s.proving.wants) != 0 {
		t.Errorf("%d authors are still asked for", len(s.proving.wants))
	}
}

// What the view says of a member counts, whatever others say; a key of an epoch to come is taken, and the one before still proves what is older.
func TestKeysOfForeignAuthors(t *testing.T) {
	s := signedMachine(t, nil) // the writer is in its view, in epoch 1
	s.known(other, 1, credentialOf(other))
	s.known(other, 9, credentialOf(other))
	if key, _ := s.keyOf(StreamID{Author: writer, Epoch: 1}); key.PublicKey != keyFor(writer).Public() || !key.certain || key.vouchers != nil {
		t.Error("what others say counts more than the row")
	}
	s = foreignMachine(t)
	s.known(other, 3, credentialOf(writer))
	s.known(relayer, 5, credentialOf(other))
	for epoch, want := range map[uint64]protocol.NodeID{3: writer, 5: other} {
		if key, known := s.keyOf(StreamID{Author: writer, Epoch: epoch}); !known || key.PublicKey != keyFor(want).Public() {
			t.Errorf("the key of epoch %d is not that of %v", epoch, want)
		}
	}
	if _, known := s.keyOf(StreamID{Author: writer, Epoch: 6}); known {
		t.Error("a key is known of an epoch that nobody has told of")
	}
	s.Notify(s.now, protocol.CredentialGone{Author: writer}, &s.out)
	if _, known := s.keyOf(StreamID{Author: writer, Epoch: 5}); known {
		t.Error("the key of who is revoked is known")
	}
}

// What an author elsewhere sends itself needs no proof here, but others will want it proven: its key is asked for at once.
func TestKeysOfWhoSendsItself(t *testing.T) {
	s := foreignMachine(t)
	packets := newSigner(t, writer, SpreadTree, nil).batch(2)
	if n := s.handAll(writer, packets...); n != 2 {
		t.Fatalf("%d of 2 messages delivered", n)
	}
	if s.Stats().KeysWanted != 1 {
		t.Errorf("the key was asked for %d times", s.Stats().KeysWanted)
	}
}
