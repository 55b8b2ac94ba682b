package identity

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spinglass/wire"
)

func certificates(t testing.TB) map[Kind]*Certificate {
	f := newFleet(t)
	return map[Kind]*Certificate{
		KindZone: f.zone.Chain().Leaf(), KindMember: f.member(t, Grant{VerbIssue, "/eu"}).Leaf(),
		KindClient: f.client(t, Grant{VerbPublish, "orders*"}).Leaf(), KindFunction: f.function(t).Leaf(),
	}
}

func TestCertificateRoundTrip(t *testing.T) {
	for kind, certificate := range certificates(t) {
		encoded := certificate.Append(nil)
		if len(encoded) != certificate.Size() || len(encoded) > 300 {
			t.Errorf("%s: size %d, encoded %d", kind, certificate.Size(), len(encoded))
		}
		got, err := DecodeCertificate(encoded)
		if err != nil {
			t.Fatal(kind, err)
		}
		if diff := cmp.Diff(certificate, got); diff != "" || !got.Equal(certificate) || certificate.Kind != kind {
			t.Error(kind, diff)
		}
	}
}

// "Peers of versions N and N-1 work together: unknown versions are refused, unknown optional fields are carried and ignored".
func TestCertificateOfANeighbouringVersion(t *testing.T) {
	f := newFleet(t)
	chain := resign(f.member(t), f.zoneKey, func(c *Certificate) { c.Fields = []Field{{Tag: 7, Value: []byte("later")}, {Tag: 301}} })
	encoded := chain.Leaf().Append(nil)
	got, err := DecodeCertificate(encoded)
	if err != nil || !bytes.Equal(got.Append(nil), encoded) {
		t.Fatalf("fields of a later version were not carried: %v", err)
	}
	if _, err := f.policy(noon).Verify(append(chain[:len(chain)-1:len(chain)-1], got)); err != nil {
		t.Error(err)
	}
	chain = resign(chain, f.zoneKey, func(c *Certificate) { c.Fields = []Field{{Tag: 6, Value: []byte("must be understood")}} })
	var critical *CriticalError
	if _, err := DecodeCertificate(chain.Leaf().Append(nil)); !errors.As(err, &critical) || critical.Tag != 6 || !errors.Is(err, ErrCritical) {
		t.Errorf("a critical field: %v", err)
	}
	for at, want := range []error{ErrVersion, ErrAlgorithm} {
		changed := bytes.Clone(encoded)
		changed[at] = 2
		if _, err := DecodeCertificate(changed); !errors.Is(err, want) {
			t.Errorf("byte %d is 2: %v", at, err)
		}
	}
}

func TestCertificateCheck(t *testing.T) {
	samples := certificates(t)
	for _, c := range []struct {
		name   string
		kind   Kind
		want   error
		change func(*Certificate)
	}{
		{"kind", KindMember, ErrMalformed, func(c *Certificate) { c.Kind = 5 }},
		{"no serial", KindMember, ErrMalformed, func(c *Certificate) { c.Serial = 0 }},
		{"life", KindMember, ErrMalformed, func(c *Certificate) { c.NotAfter = c.NotBefore - 1 }},
		{"before 1970", KindMember, ErrMalformed, func(c *Certificate) { c.NotBefore = -1 }},
		{"after 9999", KindMember, ErrMalformed, func(c *Certificate) { c.NotAfter = InstantMax + 1 }},
		{"weak issuer", KindMember, ErrWeakKey, func(c *Certificate) { c.Issuer = PublicKey{1} }},
		{"weak key", KindMember, ErrWeakKey, func(c *Certificate) { c.Key = weakOrdinates[3] }},
		{"no key", KindClient, ErrWeakKey, func(c *Certificate) { c.Key = PublicKey{} }},
		{"member's name", KindMember, ErrMalformed, func(c *Certificate) { c.Name = "/" }},
		{"member's scope", KindMember, ErrMalformed, func(c *Certificate) { c.Scope = "/" }},
		{"nobody", KindMember, ErrMalformed, func(c *Certificate) { c.NodeID = 0 }},
		{"client with a node id", KindClient, ErrMalformed, func(c *Certificate) { c.NodeID = 1 }},
		{"client's scope", KindClient, ErrMalformed, func(c *Certificate) { c.Scope = "" }},
		{"principal", KindClient, ErrMalformed, func(c *Certificate) { c.Name = "alice smith" }},
		{"no principal", KindClient, ErrMalformed, func(c *Certificate) { c.Name = "" }},
		{"long principal", KindClient, ErrMalformed, func(c *Certificate) { c.Name = strings.Repeat("x", PrincipalMax+1) }},
		{"zone's path", KindZone, ErrMalformed, func(c *Certificate) { c.Name = "/eu/" }},
		{"member quota", KindZone, ErrMalformed, func(c *Certificate) { c.Quotas.Members = QuotaMembersMax + 1 }},
		{"row quota", KindZone, ErrMalformed, func(c *Certificate) { c.Quotas.Rows = QuotaRowsMax + 1 }},
		{"member's quota", KindMember, ErrMalformed, func(c *Certificate) { c.Quotas.Rows = 1 }},
		{"function's name", KindFunction, ErrMalformed, func(c *Certificate) { c.Name = "a/b" }},
		{"function's key", KindFunction, ErrMalformed, func(c *Certificate) { c.Key = c.Issuer }},
		{"function's version", KindFunction, ErrMalformed, func(c *Certificate) { c.Function.Version = 0 }},
		{"function's steps", KindFunction, ErrMalformed, func(c *Certificate) { c.Function.Steps = FunctionStepsMax + 1 }},
		{"function's size", KindFunction, ErrMalformed, func(c *Certificate) { c.Function.Size = FunctionSizeMax + 1 }},
		{"function's grants", KindFunction, ErrMalformed, func(c *Certificate) { c.Grants = MemberGrants() }},
		{"member's function", KindMember, ErrMalformed, func(c *Certificate) { c.Function.Version = 1 }},
		{"order of grants", KindMember, ErrOrder, func(c *Certificate) { c.Grants = Grants{{VerbSet, "*"}, {VerbPublish, "*"}} }},
		{"order of fields", KindMember, ErrOrder, func(c *Certificate) { c.Fields = []Field{{Tag: 3}, {Tag: 1}} }},
		{"fields", KindMember, ErrTooLarge, func(c *Certificate) { c.Fields = make([]Field, FieldsMax+1) }},
		{"field", KindMember, ErrTooLarge, func(c *Certificate) { c.Fields = []Field{{Tag: 1, Value: make([]byte, FieldSizeMax+1)}} }},
		{"size", KindMember, ErrTooLarge, func(c *Certificate) {
			c.Grants = nil
			for i := range 5 {
				c.Grants = append(c.Grants, Grant{VerbPublish, strings.Repeat("x", PatternMax-5+i)})
			}
		}},
	} {
		certificate := *samples[c.kind]
		c.change(&certificate)
		if err := certificate.Check(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got, err := DecodeCertificate(certificate.Append(nil)); err == nil && !got.Equal(samples[c.kind]) {
			t.Errorf("%s: decodes", c.name)
		}
		if err := certificate.Sign(newKey(2)); !errors.Is(err, c.want) && !errors.Is(err, ErrAuthority) {
			t.Errorf("%s: signed, %v", c.name, err)
		}
	}
	if _, err := DecodeCertificate(append(samples[KindMember].Append(nil), 0)); !errors.Is(err, wire.ErrTrailing) {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err := DecodeCertificate(make([]byte, CertificateSizeMax+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestChainLimits(t *testing.T) {
	f := newFleet(t)
	chain := f.member(t)
	got, err := DecodeChain(chain.Append(nil))
	if err != nil || len(chain.Append(nil)) != chain.Size() {
		t.Fatal(err)
	}
	if diff := cmp.Diff(chain, got); diff != "" {
		t.Error(diff)
	}
	if _, err := DecodeChain(Chain{}.Append(nil)); !errors.Is(err, ErrChain) {
		t.Errorf("an empty chain: %v", err)
	}
	long := Chain{}
	for range ChainMax + 1 {
		long = append(long, chain[0])
	}
	if err := long.Check(); !errors.Is(err, ErrChain) {
		t.Errorf("a long chain: %v", err)
	}
	if _, err := DecodeChain(long.Append(nil)); err == nil {
		t.Error("a long chain decodes")
	}
	heavy := resign(chain, f.zoneKey, func(c *Certificate) {
		c.Fields = []Field{{1, make([]byte, 256)}, {3, make([]byte, 256)}, {5, make([]byte, 200)}}
	})
	for len(heavy) < 12 {
		heavy = append(heavy, heavy[2])
	}
	if err := heavy.Check(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a heavy chain of %d bytes: %v", heavy.Size(), err)
	}
	if _, err := DecodeChain(heavy.Append(nil)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a heavy chain: %v", err)
	}
	if (Chain{}).Leaf() != nil {
		t.Error("an empty chain has a leaf")
	}
}

func TestChainEndsWithItsFirstCertificateToEnd(t *testing.T) {
	ends := func(instants ...Instant) (c Chain) {
		for _, notAfter := range instants {
			c = append(c, &Certificate{NotAfter: notAfter})
		}
		return c
	}
	for _, test := range []struct {
		chain Chain
		want  Instant
	}{{nil, InstantMax}, {ends(noon), noon}, {ends(noon, noon+1, noon+2), noon}, {ends(noon+2, noon, noon+1), noon}, {ends(noon+2, noon+1, noon), noon}} {
		if got := test.chain.NotAfter(); got != test.want {
			t.Errorf("%d certificates: %v, want %v", len(test.chain), got, test.want)
		}
	}
}
