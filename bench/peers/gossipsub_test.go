package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/security/insecure"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"

	"spinglass/internal/measure"
)

// startQuiet starts a member that takes nothing from the topic, so that a test can.
func startQuiet(t *testing.T, spec measure.Spec, protection gossipsubProtection) *gossipsubMember {
	t.Helper()
	spec.Role = measure.RolePublisher
	m, err := startGossipsub(spec, nil, protection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m.(*gossipsubMember)
}

// TestGossipsubProtection sends a message between two members and looks at what came, and over what.
func TestGossipsubProtection(t *testing.T) {
	for protection, want := range []struct {
		link   protocol.ID
		signed bool
	}{
		gossipsubOpen:   {insecure.ID, false},
		gossipsubSigned: {insecure.ID, true},
		gossipsubSecure: {libp2ptls.ID, true},
	} {
		t.Run(gossipsubNames[protection], func(t *testing.T) {
			publisher := startQuiet(t, measure.Spec{Members: 2}, gossipsubProtection(protection))
			receiver := startQuiet(t, measure.Spec{Members: 1, Index: 1}, gossipsubProtection(protection)) // which waits for no others
			subscription, err := receiver.topic.Subscribe()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []*gossipsubMember{receiver, publisher} {
				if err := m.Meet(t.Context(), []string{publisher.Address()}); err != nil {
					t.Fatal(err)
				}
			}
			if err := publisher.Publish(t.Context(), make([]byte, measure.SizeMin)); err != nil {
				t.Fatal(err)
			}
			message, err := subscription.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := len(message.Signature) > 0; got != want.signed {
				t.Errorf("signed: %v, want %v", got, want.signed)
			}
			for _, c := range receiver.host.Network().Conns() {
				if got := c.ConnState().Security; got != want.link {
					t.Errorf("the link is %q, want %q", got, want.link)
				}
			}
		})
	}
}

// TestGossipsubSecureRefuses has a member meet one that offers no TLS, and one that does not hold the key that it looks for.
func TestGossipsubSecureRefuses(t *testing.T) {
	first := startQuiet(t, measure.Spec{Members: 1, Index: 1}, gossipsubSecure)
	other, open := startQuiet(t, measure.Spec{}, gossipsubSecure), startQuiet(t, measure.Spec{}, gossipsubOpen)
	if err := first.Meet(t.Context(), []string{open.Address()}); err == nil || !strings.Contains(err.Error(), "failed to negotiate security protocol") {
		t.Errorf("a member without TLS: %v", err)
	}
	place, _, _ := strings.Cut(other.Address(), "/p2p/")
	err := first.Meet(t.Context(), []string{place + "/p2p/" + open.host.ID().String()})
	if _, ok := errors.AsType[sec.ErrPeerIDMismatch](err); !ok {
		t.Errorf("a member with another key: %v", err)
	}
	if err := first.Meet(t.Context(), []string{other.Address()}); err != nil {
		t.Errorf("the member itself: %v", err)
	}
}
