package membership

import (
	"testing"

	"spinglass/protocol"
)

// Digests without checks name more rows, and no digest exceeds its size, the hash of notices included.
func TestDigestsAreFull(t *testing.T) {
	claims := func(checksOff bool) int {
		s := newSolo(t, func(c *Config) { c.DigestBytes, c.Identity.ChecksOff = 600, checksOff })
		for id := protocol.NodeID(2); id < 60; id++ {
			s.meet(id)
		}
		s.m.guard.notices.hash = 1 << 31
		d := s.m.digest(s.now)
		if d.Size() > 600 {
			t.Errorf("a digest of %d bytes", d.Size())
		}
		return len(d.Held.Claims)
	}
	if with, without := claims(false), claims(true); without <= with {
		t.Errorf("%d claims with checks, %d without", with, without)
	}
}
