package spinglass_test

import (
	"errors"
	"testing"

	"spinglass"
	"spinglass/identity"
	"spinglass/internal/memoryfleet"
)

// A member with grants for some topics is told so when it asks for others, and its own topics work.
func TestGrantsOfTopics(t *testing.T) {
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	grants, err := identity.NewGrants(identity.Grant{Verb: identity.VerbPublish, Pattern: "orders*"}, identity.Grant{Verb: identity.VerbSubscribe, Pattern: "prices"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := authority.Identity("/lab/all")
	if err != nil {
		t.Fatal(err)
	}
	some, err := authority.Granted("/lab/some", grants)
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, spinglass.Config{Name: "/lab/all", Identity: all})
	limited := start(t, spinglass.Config{Name: "/lab/some", Identity: some, Join: []string{n.Addr()}})
	ctx := within(t)
	orders, err := n.Subscribe(ctx, "orders/eu")
	if err != nil {
		t.Fatal(err)
	}
	awaitPeers(t, limited, 2, spinglass.PeerStateUp)
	if err := limited.Publish(ctx, "prices", []byte("x")); !errors.Is(err, spinglass.ErrForbidden) {
		t.Errorf("publishing to a topic without a grant: %v", err)
	}
	if _, err := limited.Subscribe(ctx, "orders/eu"); !errors.Is(err, spinglass.ErrForbidden) {
		t.Errorf("subscribing to a topic without a grant: %v", err)
	}
	if _, err := limited.Subscribe(ctx, "prices"); err != nil {
		t.Error(err)
	}
	for range 2 { // the second time it is known to be allowed
		if err := limited.Publish(ctx, "orders/eu", []byte("first")); err != nil {
			t.Fatal(err)
		}
	}
	for m, err := range orders.Messages(ctx) {
		if err != nil || string(m.Payload) != "first" || m.From != "/lab/some" {
			t.Errorf("%q of %s: %v", m.Payload, m.From, err)
		}
		break
	}
}
