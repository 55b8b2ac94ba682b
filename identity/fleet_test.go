package identity

import (
	"testing"
	"time"
)

// fleet is a root, the zone /eu below it, and keys.
type fleet struct {
	root, zone         *Authority
	rootKey, zoneKey   PrivateKey
	memberKey, userKey PrivateKey
}

// serials is what serials are drawn from in all tests; which they are matters to none.
var serials = entropy(77)

func terms(now Instant, life time.Duration) Terms {
	return Terms{Entropy: serials, Now: now, Lifetime: life}
}

// newFleet makes the fleet at noon: the root for ten years, the zone for 90 days.
func newFleet(t testing.TB) *fleet {
	t.Helper()
	f := &fleet{zoneKey: newKey(2), memberKey: newKey(3), userKey: newKey(4)}
	f.root = must[*Authority](t)(NewAuthority(entropy(1), "/", noon, 3650*day))
	f.rootKey = f.root.key
	chain := must[Chain](t)(f.root.IssueZone(terms(noon, 90*day), "/eu", f.zoneKey.Public(), Quotas{Members: 100, Rows: 128}, ZoneGrants("/eu")))
	f.zone = must[*Authority](t)(OpenAuthority(f.zoneKey, chain, nil, nil))
	return f
}

func (f *fleet) member(t testing.TB, grants ...Grant) Chain {
	t.Helper()
	all := must[Grants](t)(NewGrants(append(MemberGrants(), grants...)...))
	return must[Chain](t)(f.zone.IssueMember(terms(noon, 30*day), "/eu/web-1", 7, f.memberKey.Public(), all))
}

func (f *fleet) client(t testing.TB, grants ...Grant) Chain {
	t.Helper()
	all := must[Grants](t)(NewGrants(grants...))
	return must[Chain](t)(f.zone.IssueClient(terms(noon, 30*day), "alice@example.org", "/eu", f.userKey.Public(), all))
}

func (f *fleet) function(t testing.TB) Chain {
	t.Helper()
	return must[Chain](t)(f.zone.IssueFunction(terms(noon, 30*day), "load", "/eu", Function{Version: 3, Program: [32]byte{1, 2}, Steps: 1000, Size: 512}))
}

func (f *fleet) policy(now Instant) Policy { return Policy{Anchor: f.root.Anchor(), Now: now} }

// resign puts a changed copy of the last certificate, signed by key, in its place, with whatever is wrong with it.
func resign(chain Chain, key PrivateKey, change func(*Certificate)) Chain {
	certificate := *chain.Leaf()
	certificate.Issuer = key.Public()
	change(&certificate)
	certificate.Signature = Sign(key, certificate.Kind.context(), certificate.AppendSigned(nil))
	return chain[:len(chain)-1].issue(&certificate)
}

// extend issues one certificate more without asking anybody.
func extend(chain Chain, key PrivateKey, certificate Certificate) Chain {
	certificate.Serial, certificate.NotBefore, certificate.NotAfter = 99, noon, noon.Add(30*day)
	return resign(append(chain[:len(chain):len(chain)], &certificate), key, func(*Certificate) {})
}
