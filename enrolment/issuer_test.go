package enrolment

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

func TestJoin(t *testing.T) {
	o := newOffice(t)
	token := must[*identity.Token](t)(identity.ParseToken(o.token(t, 1).Text()))
	c := o.client(9)
	bundle := must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
	policy := identity.Policy{Anchor: token.Anchor, Now: o.clock.instant()}
	verified := must[*identity.Verified](t)(policy.Verify(bundle.Chain))
	if verified.Name != "/lab/a2" || verified.NodeID != 2 || verified.Key != c.Key.Public() {
		t.Errorf("%+v", verified)
	}
	// The answer was lost, and who asks again gets it again.
	must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
	if _, err := o.client(10).Join(t.Context(), token, "/lab/a3", 3); !errors.Is(err, identity.ErrTokenSpent) {
		t.Error(err)
	}
	if s := o.Stats(); s.Joined != 2 || s.Refused != 1 || s.Connections != 3 {
		t.Errorf("%+v", s)
	}
}

func TestJoinsThatAreRefusedSayWhy(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	refused := func(what string, want error, holds string, token *identity.Token, name string, id protocol.NodeID) {
		t.Helper()
		_, err := o.client(uint64(id)).Join(ctx, token, name, id)
		oneLine(t, what, err, want, "issuer "+string(o.address)+" refuses: ", holds)
	}
	wrong := *o.token(t, 1)
	wrong.Secret[0] ^= 1
	refused("secret", identity.ErrTokenSecret, "not made with the secret", &wrong, "/lab/a2", 2)
	unknown := *o.token(t, 1)
	unknown.ID[0] ^= 1
	refused("unknown", identity.ErrTokenUnknown, "not known to this issuer", &unknown, "/lab/a2", 2)
	used := o.token(t, 1)
	must[*identity.Bundle](t)(o.client(2).Join(ctx, used, "/lab/a2", 2))
	refused("used up", identity.ErrTokenSpent, "used up; ask for a new one", used, "/lab/a3", 3)
	refused("name", identity.ErrTaken, `name "/lab/a2" is held by another key`, o.token(t, 1), "/lab/a2", 4)
	refused("id", identity.ErrTaken, "node id 0000000000000001 is held by another key", o.token(t, 1), "/lab/a4", 1)
	old := o.token(t, 1)
	o.clock.add(TokenLifeDefault + time.Minute)
	refused("expired", identity.ErrExpired, "join token expired at ", old, "/lab/a5", 5)
	refused("expired", identity.ErrExpired, "1m0s ago; ask for a new one", old, "/lab/a5", 5)
	if s := o.Stats(); s.Refused != 7 || s.Failed != 0 || s.Malformed != 0 {
		t.Errorf("%+v", s)
	}

	text := o.token(t, 1).Text()
	for name, typo := range map[string]string{"letter": text[:20] + "z" + text[21:], "cut": text[:len(text)-1], "twice": text + "a"} {
		if _, err := identity.ParseToken(typo); typo != text && !errors.Is(err, identity.ErrTokenDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestClocksADayOff lets the node's clock be wrong, then the issuer's.
func TestClocksADayOff(t *testing.T) {
	o := newOffice(t)
	token := o.token(t, 1)
	for _, test := range []struct {
		off  time.Duration
		word string
	}{{-day, "24h0m0s behind"}, {day, "24h0m0s ahead of"}, {6 * time.Minute, "6m0s ahead of"}, {40 * 365 * day, "ahead of"}} {
		c := o.client(2)
		c.Now = func() time.Time { return o.clock.now().Add(test.off) }
		_, err := c.Join(t.Context(), token, "/lab/a2", 2)
		oneLine(t, test.word, err, ErrClock, "the clock of this host (", test.word, "set the one that is wrong")
	}
	c := o.client(2)
	c.Now = func() time.Time { return o.clock.now().Add(4 * time.Minute) }
	must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
	if s := o.Stats(); s.Joined != 1 || s.Refused != 0 {
		t.Errorf("something was sent: %+v", s)
	}
}

// TestOneOfSeveralIssuersIsDown joins and renews by the second of two issuers.
func TestOneOfSeveralIssuersIsDown(t *testing.T) {
	o := newOffice(t)
	down := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	dead := protocol.Address(down.Addr().String())
	down.Close()
	c := o.client(2)
	bundle := must[*identity.Bundle](t)(c.Join(t.Context(), o.token(t, 1), "/lab/a2", 2, dead, o.address))
	must[*identity.Bundle](t)(c.Renew(t.Context(), bundle, dead, o.address))
	if _, err := c.Renew(t.Context(), bundle, dead); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
	if _, err := c.Renew(t.Context(), bundle); !errors.Is(err, ErrNoAddress) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Renew(ctx, bundle, o.address); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRenew(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	c := o.client(2)
	bundle := must[*identity.Bundle](t)(c.Join(ctx, o.token(t, 1), "/lab/a2", 2))
	o.clock.add(identity.MemberLifeDefault / 2)
	renewed := must[*identity.Bundle](t)(c.Renew(ctx, bundle, o.address))
	if renewed.Chain.Leaf().NotAfter != o.clock.instant().Add(identity.MemberLifeDefault) || renewed.Chain.Leaf().Serial == bundle.Chain.Leaf().Serial {
		t.Errorf("%+v", renewed.Chain.Leaf())
	}

	// Within grace, too, also of the issuer's own certificate.
	o.enrolItself(t)
	o.clock.add(identity.MemberLifeDefault + day)
	again := must[*identity.Bundle](t)(c.Renew(ctx, renewed, o.address))

	// Who shows the certificate of another gets nothing.
	_, err := o.client(3).Renew(ctx, again, o.address)
	oneLine(t, "thief", err, ErrProof, "certificate is for another key")

	if _, _, err := o.authority.Revoke(ctx, "/lab/a2"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Renew(ctx, again, o.address)
	oneLine(t, "revoked", err, identity.ErrRevoked, "refuses: ", `member certificate "/lab/a2"`, "revoked by list 2")
	// Nor does a token help: its key is revoked for ever.
	_, err = c.Join(ctx, o.token(t, 1), "/lab/a2", 2)
	oneLine(t, "revoked", err, identity.ErrRevoked, "revoked by list 2")
}

func TestRenewAfterGrace(t *testing.T) {
	o := newOffice(t)
	c := o.client(2)
	bundle := must[*identity.Bundle](t)(c.Join(t.Context(), o.token(t, 1), "/lab/a2", 2))
	o.clock.add(identity.MemberLifeDefault + identity.GraceDefault + day)
	o.enrolItself(t)
	_, err := c.Renew(t.Context(), bundle, o.address)
	oneLine(t, "grace is over", err, identity.ErrExpired, "more than the grace of 168h0m0s")
}

func TestTokensForWhoMayIssue(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	if err := o.authority.KeepAddresses(ctx, []protocol.Address{o.address}); err != nil {
		t.Fatal(err)
	}
	c := o.client(2)
	plain := must[*identity.Bundle](t)(c.Join(ctx, o.token(t, 1), "/lab/a2", 2))
	_, err := c.Token(ctx, plain, 3, time.Hour, o.address)
	oneLine(t, "no grant", err, identity.ErrGrant, "issue:/")

	operator := o.client(3)
	request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(operator.Key, "/lab/operator", 3, plain.Anchor))
	grants := must[identity.Grants](t)(identity.NewGrants(append(identity.MemberGrants(), identity.Grant{Verb: identity.VerbIssue, Pattern: "/"})...))
	bundle := must[*identity.Bundle](t)(o.authority.Issue(ctx, request, grants))
	token := must[*identity.Token](t)(operator.Token(ctx, bundle, 1, time.Hour, o.address))
	must[*identity.Bundle](t)(o.client(4).Join(ctx, token, "/lab/a4", 4))
	if _, err := operator.Token(ctx, bundle, 0, time.Hour, o.address); !errors.Is(err, identity.ErrMalformed) {
		t.Error(err)
	}
	if _, err := c.Token(ctx, bundle, 1, time.Hour, o.address); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Error(err)
	}
	if _, _, err := o.authority.Revoke(ctx, "/lab/operator"); err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Token(ctx, bundle, 1, time.Hour, o.address); !errors.Is(err, identity.ErrRevoked) {
		t.Error(err)
	}
}

// TestIssuerThatCannotWrite shows that nobody hears what is wrong with the issuer's disk, and that no certificate leaves.
func TestIssuerThatCannotWrite(t *testing.T) {
	o := newOffice(t)
	token := o.token(t, 1)
	path := filepath.Join(o.authority.store.Dir, "authority", "register")
	whole := must[[]byte](t)(os.ReadFile(path))
	if err := os.WriteFile(path, whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	c := o.client(2)
	_, err := c.Join(t.Context(), token, "/lab/a2", 2)
	if err == nil || o.Stats().Failed == 0 {
		t.Errorf("%v, %+v", err, o.Stats())
	}
	_, err = c.Renew(t.Context(), o.member().Bundle, o.address)
	if err == nil || strings.Contains(err.Error(), o.authority.store.Dir) {
		t.Error(err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
}
