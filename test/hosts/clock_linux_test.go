package hosts_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"spinglass"
	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/protocol"
)

const day = 24 * time.Hour

// by returns a clock that is off.
func by(off time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(off) } }

// authorityBy makes an authority whose clock is off.
func (n *network) authorityBy(off time.Duration) *enrolment.Authority {
	n.t.Helper()
	authority := (&enrolment.Store{Dir: n.fresh(), Now: by(off)}).Authority()
	if _, err := authority.Init(n.t.Context(), "/", enrolment.RootLifeDefault); err != nil {
		n.t.Fatal(err)
	}
	return authority
}

// enrolBy gives the host a certificate of an authority whose clock is off, as if that was right.
func (h *host) enrolBy(off time.Duration) {
	t := h.net.t
	t.Helper()
	h.dataDir = h.net.fresh()
	authority, store := h.net.authorityBy(off), &enrolment.Store{Dir: h.dataDir, Now: by(off)}
	authority.Life = day
	id, err := spinglass.DataDirNodeID(h.dataDir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := store.Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request, err := identity.NewOfflineRequest(key, h.name(), id, identity.Fingerprint{})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := authority.Issue(t.Context(), request, identity.MemberGrants())
	if err == nil {
		_, err = store.Install(t.Context(), bundle, id)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// issuerBy serves an issuer on the host whose clock is off, and returns a token of it.
func (h *host) issuerBy(off time.Duration) string {
	t := h.net.t
	t.Helper()
	authority := h.net.authorityBy(off)
	var listener net.Listener
	err := h.net.inside(h.namespace, func() (err error) {
		listener, err = net.Listen("tcp", h.address+":0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := authority.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	key, err := authority.ZoneKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	issuer := enrolment.NewIssuer(enrolment.IssuerConfig{Authority: authority, Chain: func() identity.Chain { return bundle.Chain }, Now: by(off)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- issuer.ServeListener(ctx, listener, key) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	token, err := authority.NewToken(t.Context(), 1, time.Hour, protocol.Address(listener.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	return token.Text()
}

// A clock that is a day off says so in one line, when an agent starts and when it joins. As processes of one machine have one clock, it is that of the authority which
// is off. The controls are those whose clock is right, and one that is off by less than is tolerated.
func TestAClockThatIsOff(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	issuer, h := n.hosts[0], n.hosts[1]
	starts := func(what string, off time.Duration, want string) {
		t.Helper()
		h.enrolBy(off)
		n.startsOrSays(h, what, want, h.agentCommand("--first"))
	}
	starts("starting, right", 0, "")
	starts("starting, 4 minutes behind", 4*time.Minute, "")
	starts("starting, a day behind", day, "; the clock of this host (now ")
	starts("starting, ten days ahead", -10*day, "expired at ")
	joins := func(what string, off time.Duration, want string) {
		t.Helper()
		token := issuer.issuerBy(off)
		h.dataDir = n.fresh()
		n.startsOrSays(h, what, want, h.agentCommand("--token", token))
	}
	joins("joining, right", 0, "")
	joins("joining, a day behind", day, " behind that of issuer ")
	joins("joining, a day ahead", -day, " ahead of that of issuer ")
}

// startsOrSays starts an agent that has to say why it does not start, or to start where that is empty.
func (n *network) startsOrSays(h *host, what, want string, command []string) {
	n.t.Helper()
	if want != "" {
		if said := n.refused(h.exec(command...)); !strings.Contains(said, want) {
			n.t.Errorf("%s: want %q, not %s", what, want, said)
		} else {
			n.t.Logf("%s: %s", what, said)
		}
		return
	}
	h.run(command...)
	n.await(what, joinPatience, func() bool { return h.up() == 1 })
	h.stop()
}
