package spinglass_test

import (
	"testing"

	"spinglass"
	"spinglass/identity"
	"spinglass/internal/memoryfleet"
)

// A node knows the certificates of its own chain, and those of the members of its zone, each once.
func TestCertificates(t *testing.T) {
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	var nodes [2]*spinglass.Node
	var join []string
	for i, name := range []string{"/lab/a", "/lab/b"} {
		own, err := authority.Identity(name)
		if err != nil {
			t.Fatal(err)
		}
		nodes[i] = start(t, spinglass.Config{Name: name, Identity: own, Join: join})
		join = []string{nodes[0].Addr()}
	}
	awaitPeers(t, nodes[1], 2, spinglass.PeerStateUp)
	certificates, err := nodes[1].Certificates(within(t))
	if err != nil {
		t.Fatal(err)
	}
	var members, own int
	seen := map[uint64]bool{}
	for _, c := range certificates {
		if seen[c.Serial] || c.Revoked {
			t.Errorf("%v", c)
		}
		seen[c.Serial] = true
		if c.Kind == identity.KindMember {
			members++
		}
		if c.Own {
			own++
		}
	}
	if members != 2 || own != 2 || len(certificates) != 3 {
		t.Errorf("%d members, %d of the own chain, %d in all", members, own, len(certificates))
	}
	plain := start(t, spinglass.Config{Name: "/lab/plain"})
	if none, err := plain.Certificates(within(t)); err != nil || len(none) > 0 {
		t.Errorf("without an identity: %v, %v", none, err)
	}
}
