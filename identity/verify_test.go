package identity

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVerify(t *testing.T) {
	f := newFleet(t)
	chain := f.member(t, Grant{VerbIssue, "/eu"})
	got, err := f.policy(noon.Add(day)).Verify(chain)
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{Kind: KindMember, Name: "/eu/web-1", Zone: "/eu", NodeID: 7, Key: f.memberKey.Public()}
	if got.Identity != want || got.InGrace || got.NotAfter != noon.Add(30*day) || !got.Grants.Allows(VerbIssue, "/eu/fra") || got.Issuer != f.zoneKey.Public() {
		t.Errorf("%+v", got)
	}
	for kind, chain := range map[Kind]Chain{KindZone: f.zone.Chain(), KindClient: f.client(t), KindFunction: f.function(t)} {
		got, err := f.policy(noon).Verify(chain)
		if err != nil || got.Kind != kind || got.Zone != "/eu" {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
	}
	if got, err := f.policy(noon).Verify(f.root.Chain()); err != nil || got.Zone != "/" {
		t.Errorf("the root: %+v, %v", got, err)
	}
}

// The earliest end of a chain is the end of what it says.
func TestVerifiedEndsWithItsChain(t *testing.T) {
	f := newFleet(t)
	chain := resign(f.member(t), f.zoneKey, func(c *Certificate) { c.NotAfter = noon.Add(365 * day) })
	got, err := f.policy(noon).Verify(chain)
	if err != nil || got.NotAfter != noon.Add(90*day) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestVerifyErrors(t *testing.T) {
	f := newFleet(t)
	member, client, function := f.member(t, Grant{VerbIssue, "/eu/fra"}), f.client(t, Grant{VerbInstall, "/eu/fra"}, Grant{VerbIssue, "/eu/fra"}), f.function(t)
	stranger := newKey(9)
	change := func(chain Chain, key PrivateKey, change func(*Certificate)) func() (Chain, Policy) {
		return func() (Chain, Policy) { return resign(chain, key, change), f.policy(noon) }
	}
	at := func(chain Chain, now Instant, grace time.Duration) func() (Chain, Policy) {
		return func() (Chain, Policy) { return chain, Policy{Anchor: f.root.Anchor(), Now: now, Grace: grace} }
	}
	below := func(chain Chain, key PrivateKey, certificate Certificate) func() (Chain, Policy) {
		return func() (Chain, Policy) { return extend(chain, key, certificate), f.policy(noon) }
	}
	aMember := Certificate{Kind: KindMember, Name: "/eu/fra/web-2", NodeID: someNode, Key: stranger.Public()}
	elsewhere := aMember
	elsewhere.Name = "/eu/web-2"
	aZone := Certificate{Kind: KindZone, Name: "/eu/fra", Key: stranger.Public()}
	aClient := Certificate{Kind: KindClient, Name: "bob", Scope: "/eu/fra", Key: stranger.Public()}
	aFunction := Certificate{Kind: KindFunction, Name: "load", Scope: "/eu/fra", Function: Function{Version: 1}}
	farFunction := aFunction
	farFunction.Scope = "/eu"

	for _, c := range []struct {
		name  string
		want  error
		text  string // in the message; empty: the chain is good
		input func() (Chain, Policy)
	}{
		{"good", nil, "", at(member, noon, 0)},
		{"empty", ErrChain, "no certificate", func() (Chain, Policy) { return nil, f.policy(noon) }},
		{"other fleet", ErrAuthority, "of another fleet?", func() (Chain, Policy) { return member, Policy{Anchor: stranger.Public().Fingerprint(), Now: noon} }},
		{"cut at the root", ErrAuthority, "expected was", func() (Chain, Policy) { return member[1:], f.policy(noon) }},
		{"certificate left out", ErrAuthority, "comes from", func() (Chain, Policy) { return Chain{member[0], member[2]}, f.policy(noon) }},
		{"signed by a stranger", ErrAuthority, "authority with the fingerprint", change(member, stranger, func(*Certificate) {})},
		{"name changed", ErrSignature, "signature does not match", func() (Chain, Policy) {
			changed := *member[2]
			changed.Name = "/eu/web-3"
			return Chain{member[0], member[1], &changed}, f.policy(noon)
		}},
		{"root's quota changed", ErrSignature, `zone certificate "/"`, func() (Chain, Policy) {
			changed := *member[0]
			changed.Quotas.Rows--
			return Chain{&changed, member[1], member[2]}, f.policy(noon)
		}},
		{"root is not signed by itself", ErrAuthority, "comes from", func() (Chain, Policy) {
			return resign(f.root.Chain(), stranger, func(*Certificate) {}), f.policy(noon)
		}},
		{"root is a member", ErrKind, "a chain begins with", func() (Chain, Policy) {
			key := f.rootKey.Public()
			return extend(nil, f.rootKey, Certificate{Kind: KindMember, Name: "/a", NodeID: 1, Key: key}), f.policy(noon)
		}},
		{"malformed", ErrMalformed, "malformed", change(member, f.zoneKey, func(c *Certificate) { c.NodeID = 0 })},

		{"clock a little early", nil, "", at(member, noon.Add(-Skew), 0)},
		{"too early", ErrNotYetValid, "the clock of this host (now 2023-11-14T22:08:19Z) or of the issuer may be wrong", at(member, noon.Add(-Skew)-1, 0)},
		{"clock a little late", nil, "", at(member, noon.Add(30*day+Skew), 0)},
		{"expired", ErrExpired, "expired at 2023-12-14T22:13:20Z, 5m1s ago; renew it", at(member, noon.Add(30*day+Skew)+1, 0)},
		{"end of grace", nil, "", at(member, noon.Add(37*day+Skew), GraceDefault)},
		{"after grace", ErrExpired, "more than the grace of 168h0m0s", at(member, noon.Add(37*day+Skew)+1, GraceDefault)},
		{"grace has its own limit", ErrExpired, "grace of 720h", at(member, noon.Add(61*day), 1000*day)},
		{"no grace for clients", ErrExpired, "client certificate", at(client, noon.Add(31*day), GraceDefault)},
		{"no grace for functions", ErrExpired, "function certificate", at(function, noon.Add(31*day), GraceDefault)},
		{"zone expired", ErrExpired, `zone certificate "/eu"`, func() (Chain, Policy) {
			return resign(member, f.zoneKey, func(c *Certificate) { c.NotAfter = noon.Add(365 * day) }), f.policy(noon.Add(91 * day))
		}},
		{"issued after the issuer's end", ErrLife, "after its issuer's certificate had expired", change(member, f.zoneKey, func(c *Certificate) {
			c.NotBefore, c.NotAfter = noon.Add(91*day), noon.Add(92*day)
		})},
		{"issuer renewed since", nil, "", change(member, f.zoneKey, func(c *Certificate) { c.NotBefore -= 1000 })},

		{"member outside", ErrOutside, `"/us" is outside of the issuer's zone "/eu"`, change(member, f.zoneKey, func(c *Certificate) { c.Name = "/us/web-1" })},
		{"member beside", ErrOutside, "/europe", change(member, f.zoneKey, func(c *Certificate) { c.Name = "/europe/web-1" })},
		{"member above", ErrOutside, "outside", change(member, f.zoneKey, func(c *Certificate) { c.Name = "/eu" })},
		{"member deeper", nil, "", change(member, f.zoneKey, func(c *Certificate) { c.Name = "/eu/fra/web-1" })},
		{"client outside", ErrOutside, "outside", change(client, f.zoneKey, func(c *Certificate) { c.Scope = "/" })},
		{"function outside", ErrOutside, "outside", change(function, f.zoneKey, func(c *Certificate) { c.Scope = "/us" })},
		{"zone outside", ErrOutside, "outside", below(f.zone.Chain(), f.zoneKey, Certificate{Kind: KindZone, Name: "/us", Key: stranger.Public()})},
		{"zone again", ErrOutside, "outside", below(f.zone.Chain(), f.zoneKey, Certificate{Kind: KindZone, Name: "/eu", Key: stranger.Public()})},
		{"zone's grant outside", ErrOutside, "issue:/us", change(f.zone.Chain(), f.rootKey, func(c *Certificate) { c.Grants = Grants{{VerbIssue, "/us"}} })},
		{"client's grant outside", ErrOutside, "join:/eu", change(client, f.zoneKey, func(c *Certificate) { c.Scope, c.Grants = "/eu/fra", Grants{{VerbJoin, "/eu"}} })},

		{"grant exceeds", ErrGrant, "no grant that covers \"publish:*\"", func() (Chain, Policy) {
			return extend(client, f.userKey, withGrants(aMember, Grant{VerbPublish, "*"})), f.policy(noon)
		}},
		{"quota of members", ErrQuota, "quota of 100 members", below(f.zone.Chain(), f.zoneKey, withQuotas(aZone, Quotas{Members: 101}))},
		{"quota of rows", ErrQuota, "quota of 128 rows", below(f.zone.Chain(), f.zoneKey, withQuotas(aZone, Quotas{Rows: 129}))},
		{"zone below", nil, "", below(f.zone.Chain(), f.zoneKey, withQuotas(aZone, Quotas{Members: 100, Rows: 128}))},

		{"member issues a member", nil, "", below(member, f.memberKey, aMember)},
		{"member issues where it may not", ErrGrant, "issue:/eu", below(member, f.memberKey, elsewhere)},
		{"member issues outside of its own zone, as granted", nil, "", func() (Chain, Policy) {
			elsewhere := resign(member, f.zoneKey, func(c *Certificate) { c.Name = "/eu/ber/ca" })
			return extend(elsewhere, f.memberKey, aMember), f.policy(noon)
		}},
		{"plain member issues", ErrGrant, "issue:/eu/fra", below(f.member(t), f.memberKey, aMember)},
		{"client issues a member", nil, "", below(client, f.userKey, aMember)},
		{"client issues where it may not", ErrGrant, "issue:/eu", below(client, f.userKey, elsewhere)},
		{"client installs", nil, "", below(client, f.userKey, aFunction)},
		{"client installs where it may not", ErrGrant, "install:/eu", below(client, f.userKey, farFunction)},
		{"client installs what is named", nil, "", func() (Chain, Policy) {
			named := resign(client, f.zoneKey, func(c *Certificate) { c.Grants = Grants{{VerbInstall, "/eu/fra:lo*"}} })
			return extend(named, f.userKey, aFunction), f.policy(noon)
		}},
		{"client installs what is not named", ErrGrant, "install:/eu/fra:load", func() (Chain, Policy) {
			named := resign(client, f.zoneKey, func(c *Certificate) { c.Grants = Grants{{VerbInstall, "/eu/fra:lol*"}} })
			return extend(named, f.userKey, aFunction), f.policy(noon)
		}},
		{"zone without the grant installs", ErrGrant, "install:/eu/fra", func() (Chain, Policy) {
			return extend(resign(f.zone.Chain(), f.rootKey, func(c *Certificate) { c.Grants = nil }), f.zoneKey, aFunction), f.policy(noon)
		}},
		{"member issues a zone", ErrKind, "the holder of a member certificate cannot issue a zone certificate", below(member, f.memberKey, aZone)},
		{"member issues a client", ErrKind, "cannot issue a client", below(member, f.memberKey, aClient)},
		{"member installs", ErrKind, "cannot issue a function", below(member, f.memberKey, aFunction)},
		{"client issues a zone", ErrKind, "a client certificate cannot issue a zone", below(client, f.userKey, aZone)},
		{"client issues a client", ErrKind, "cannot issue a client", below(client, f.userKey, aClient)},
	} {
		chain, policy := c.input()
		_, err := policy.Verify(chain)
		switch {
		case c.text == "":
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		case !errors.Is(err, c.want):
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		case !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: says %q, which lacks %q", c.name, err, c.text)
		}
	}
}

// A function has no key, so that nobody can sign as one; the rule does not rest on that.
func TestFunctionsIssueNothing(t *testing.T) {
	f := newFleet(t)
	for kind, certificate := range certificates(t) {
		if err := certificate.checkAuthority(f.function(t).Leaf()); !errors.Is(err, ErrKind) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func withGrants(certificate Certificate, grants ...Grant) Certificate {
	certificate.Grants = grants
	return certificate
}

func withQuotas(certificate Certificate, quotas Quotas) Certificate {
	certificate.Quotas = quotas
	return certificate
}

// Grants never grow along a chain, and a chain whose grants do not grow is accepted.
func TestChainsAttenuate(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	f := newFleet(t)
	accepted := 0
	for round := range 400 {
		chain := f.root.Chain()
		key, path := f.rootKey, ""
		grows := false
		for depth := range 3 {
			next := newKey(uint64(100 + depth))
			path += "/a"
			grants := slices.DeleteFunc(randomGrants(random, 3), func(g Grant) bool { return g.Verb.ofZones() && !within(g.Pattern, path) })
			if random.IntN(2) == 0 {
				grants = slices.DeleteFunc(slices.Clone(chain.Leaf().Grants), func(g Grant) bool { return g.Verb.ofZones() })
			}
			if _, found := exceeds(chain.Leaf().Grants, grants); found {
				grows = true
			}
			chain = extend(chain, key, Certificate{Kind: KindZone, Name: path, Key: next.Public(), Grants: grants})
			key = next
		}
		_, err := f.policy(noon).Verify(chain)
		if (err == nil) == grows || err != nil && !errors.Is(err, ErrGrant) {
			t.Fatalf("round %d: the oracle says grows %v; %v", round, grows, err)
		}
		if err == nil {
			accepted++
		}
	}
	if accepted < 40 || accepted > 360 {
		t.Errorf("%d of 400 accepted: the test shows little", accepted)
	}
}

// "An authority that is away must not kill a fleet": members stay for the time of grace, and it is told.
func TestGrace(t *testing.T) {
	f := newFleet(t)
	chain := f.member(t)
	for now, grace := range map[Instant]bool{noon.Add(30 * day): false, noon.Add(30*day) + 1: true, noon.Add(36 * day): true} {
		policy := f.policy(now)
		policy.Grace = GraceDefault
		got, err := policy.Verify(chain)
		if err != nil || got.InGrace != grace {
			t.Errorf("%s: in grace %v, %v", now, got, err)
		}
	}
	// A zone whose parent is away issues nothing new, but its members stay.
	chain = resign(chain, f.zoneKey, func(c *Certificate) { c.NotAfter = noon.Add(89 * day) })
	policy := f.policy(noon.Add(95 * day))
	policy.Grace = GraceDefault
	if got, err := policy.Verify(chain); err != nil || !got.InGrace {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestVerifyAgain(t *testing.T) {
	f := newFleet(t)
	chain, policy := f.member(t), f.policy(noon)
	first := must[*Verified](t)(policy.Verify(chain))
	again := must[*Verified](t)(policy.VerifyAgain(chain))
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	policy.Now = noon.Add(31 * day)
	if _, err := policy.VerifyAgain(chain); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
	policy = f.policy(noon)
	policy.Revocations = revoking(t, must[*RevocationList](t)(f.zone.Revoke(noon, Revocation{Serial: chain.Leaf().Serial})))
	if _, err := policy.VerifyAgain(chain); !errors.Is(err, ErrRevoked) {
		t.Error(err)
	}
	policy = f.policy(noon)
	policy.Quarantined = []PublicKey{newKey(99).Public(), chain.Leaf().Key}
	if _, err := policy.VerifyAgain(chain); !errors.Is(err, ErrQuarantined) {
		t.Error(err)
	}
}

func BenchmarkVerifyAgainChainOf3(b *testing.B) {
	f := newFleet(b)
	chain, policy := f.member(b), f.policy(noon)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.VerifyAgain(chain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyChainOf3(b *testing.B) {
	f := newFleet(b)
	chain, policy := f.member(b), f.policy(noon)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Verify(chain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeChainOf3(b *testing.B) {
	f := newFleet(b)
	encoded := f.member(b).Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeChain(encoded); err != nil {
			b.Fatal(err)
		}
	}
}
