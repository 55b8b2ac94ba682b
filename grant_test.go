package spinglass_test

import (
	"errors"
	"slices"
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
	keepLong(t, "orders/eu", n, limited)
	orders, err := n.Subscribe(ctx, "orders/eu")
	if err != nil {
		t.Fatal(err)
	}
	awaitPeers(t, limited, 2, spinglass.PeerStateUp)
	awaitPeers(t, n, 2, spinglass.PeerStateUp) // it knows the name
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

// A pattern brings the topics that the grants allow, and none that they do not; a pattern of which they allow none is refused. Members with few grants tell of their topics like all.
func TestGrantsOfPatterns(t *testing.T) {
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	grants, err := identity.NewGrants(identity.Grant{Verb: identity.VerbPublish, Pattern: "orders*"}, identity.Grant{Verb: identity.VerbSubscribe, Pattern: "prices/*"})
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
	awaitPeers(t, limited, 2, spinglass.PeerStateUp)
	awaitPeers(t, n, 2, spinglass.PeerStateUp)
	orders, everything := subscribe(t, n, "orders/#"), subscribe(t, limited, "#")
	awaitJoined(t, orders, limited, "orders/eu")
	others := []string{"orders/us", "secret", "prices"}
	allowed := []string{"prices/a", "prices/b"}
	for range 2 { // before it is joined, and after
		say(t, n, others...)
		if came := awaitJoined(t, everything, n, allowed...); len(came) != len(allowed) {
			t.Errorf("%v", came)
		}
	}
	awaitTopics(t, limited, "#", func(topics []spinglass.Topic) bool {
		for _, known := range topics {
			if known.Subscribed && !slices.Contains(allowed, known.Name) {
				t.Errorf("%+v", known)
			}
		}
		return len(topics) == 6
	})
	for pattern, allowed := range map[string]bool{"secret/#": false, "secret/+": false, "prices": false, "prices/+": true, "+/a": true, "prices/a/#": true} {
		s, err := limited.Subscribe(t.Context(), pattern)
		if allowed != (err == nil) || !allowed && !errors.Is(err, spinglass.ErrForbidden) {
			t.Errorf("%s: %v", pattern, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}
