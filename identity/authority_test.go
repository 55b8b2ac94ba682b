package identity

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spinglass/protocol"
)

func TestNewAuthority(t *testing.T) {
	for _, path := range []string{"/", "/eu"} {
		a := must[*Authority](t)(NewAuthority(entropy(1), path, noon, day))
		got, err := Policy{Anchor: a.Anchor(), Now: noon}.Verify(a.Chain())
		if err != nil || got.Zone != path || got.NotAfter != noon.Add(day) {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
	for name, f := range map[string]func() (*Authority, error){
		"path":     func() (*Authority, error) { return NewAuthority(entropy(1), "eu", noon, day) },
		"lifetime": func() (*Authority, error) { return NewAuthority(entropy(1), "/", noon, -day) },
		"entropy":  func() (*Authority, error) { return NewAuthority(bytes.NewReader(make([]byte, 39)), "/", noon, day) },
		"serials":  func() (*Authority, error) { return NewAuthority(bytes.NewReader(make([]byte, 100)), "/", noon, day) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOpenAuthority(t *testing.T) {
	f := newFleet(t)
	list := must[*RevocationList](t)(f.root.Revoke(noon))
	for name, c := range map[string]struct {
		want  error
		key   PrivateKey
		chain Chain
		list  *RevocationList
	}{
		"good":         {nil, f.zoneKey, f.zone.Chain(), nil},
		"other key":    {ErrAuthority, f.rootKey, f.zone.Chain(), nil},
		"other's list": {ErrAuthority, f.zoneKey, f.zone.Chain(), list},
		"no chain":     {ErrChain, f.zoneKey, nil, nil},
		"a function":   {ErrAuthority, f.zoneKey, f.function(t), nil},
	} {
		if _, err := OpenAuthority(c.key, c.chain, nil, c.list); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	longer := resign(f.zone.Chain(), f.rootKey, func(c *Certificate) { c.NotAfter += 100 })
	if err := f.zone.Replace(longer); err != nil || f.zone.Chain().Leaf() != longer.Leaf() {
		t.Error(err)
	}
	if err := f.zone.Replace(f.root.Chain()); !errors.Is(err, ErrAuthority) {
		t.Error(err)
	}
}

// An authority refuses what verification would refuse, and what it refuses leaves no trace.
func TestAuthorityRefuses(t *testing.T) {
	f := newFleet(t)
	subject := newKey(30).Public()
	member := must[*Authority](t)(OpenAuthority(f.memberKey, f.member(t, Grant{VerbIssue, "/eu/fra"}), nil, nil))
	client := must[*Authority](t)(OpenAuthority(f.userKey, f.client(t, Grant{VerbInstall, "/eu/fra"}), nil, nil))
	good := terms(noon, day)
	for name, c := range map[string]struct {
		want  error
		by    *Authority
		issue func(a *Authority) (Chain, error)
	}{
		"name outside": {ErrOutside, f.zone, func(a *Authority) (Chain, error) { return a.IssueMember(good, "/us/web-1", 5, subject, MemberGrants()) }},
		"zone outside": {ErrOutside, f.zone, func(a *Authority) (Chain, error) { return a.IssueZone(good, "/us", subject, Quotas{}, nil) }},
		"rows": {ErrQuota, f.zone, func(a *Authority) (Chain, error) {
			return a.IssueZone(good, "/eu/fra", subject, Quotas{Rows: 129}, nil)
		}},
		"members": {ErrQuota, f.zone, func(a *Authority) (Chain, error) {
			return a.IssueZone(good, "/eu/fra", subject, Quotas{Members: 101}, nil)
		}},
		"grants": {ErrOutside, f.zone, func(a *Authority) (Chain, error) {
			return a.IssueZone(good, "/eu/fra", subject, Quotas{}, ZoneGrants("/eu"))
		}},
		"grant": {ErrGrant, member, func(a *Authority) (Chain, error) {
			return a.IssueMember(good, "/eu/fra/web-1", 5, subject, Grants{{VerbCall, "sql"}})
		}},
		"where it may not": {ErrGrant, member, func(a *Authority) (Chain, error) { return a.IssueMember(good, "/eu/web-2", 5, subject, nil) }},
		"client by member": {ErrKind, member, func(a *Authority) (Chain, error) { return a.IssueClient(good, "bob", "/eu/fra", subject, nil) }},
		"member by client": {ErrGrant, client, func(a *Authority) (Chain, error) { return a.IssueMember(good, "/eu/fra/web-1", 5, subject, nil) }},
		"malformed":        {ErrMalformed, f.zone, func(a *Authority) (Chain, error) { return a.IssueMember(good, "/eu/web-2", 0, subject, nil) }},
		"weak key":         {ErrWeakKey, f.zone, func(a *Authority) (Chain, error) { return a.IssueMember(good, "/eu/web-2", 5, PublicKey{}, nil) }},
		"own chain expired": {ErrExpired, f.zone, func(a *Authority) (Chain, error) {
			return a.IssueFunction(terms(noon.Add(91*day), day), "load", "/eu", Function{Version: 1})
		}},
		"own clock wrong": {ErrNotYetValid, f.zone, func(a *Authority) (Chain, error) {
			return a.IssueMember(terms(noon.Add(-day), day), "/eu/web-2", 5, subject, nil)
		}},
		"no life": {ErrMalformed, f.zone, func(a *Authority) (Chain, error) {
			return a.IssueMember(terms(noon, -day), "/eu/web-2", 5, subject, nil)
		}},
		"no entropy": {nil, f.zone, func(a *Authority) (Chain, error) {
			return a.IssueMember(Terms{strings.NewReader(""), noon, day}, "/eu/web-2", 5, subject, nil)
		}},
	} {
		before := len(c.by.Register().All())
		chain, err := c.issue(c.by)
		if err == nil || chain != nil || c.want != nil && !errors.Is(err, c.want) || len(c.by.Register().All()) != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, issue := range map[string]func() (Chain, error){
		"member":   func() (Chain, error) { return member.IssueMember(good, "/eu/fra/web-1", 5, subject, MemberGrants()) },
		"function": func() (Chain, error) { return client.IssueFunction(good, "load", "/eu/fra", Function{Version: 1}) },
	} {
		chain, err := issue()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, err := f.policy(noon).Verify(chain); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQuotaOfMembers(t *testing.T) {
	f := newFleet(t)
	chain := must[Chain](t)(f.zone.IssueZone(terms(noon, 60*day), "/eu/fra", newKey(40).Public(), Quotas{Members: 3, Rows: 8}, ZoneGrants("/eu/fra")))
	fra := must[*Authority](t)(OpenAuthority(newKey(40), chain, nil, nil))
	issue := func(now Instant, i int) error {
		name := fmt.Sprintf("/eu/fra/web-%d", i)
		_, err := fra.IssueMember(Terms{entropy(uint64(now)*100 + uint64(i)), now, 10 * day}, name, protocol.NodeID(i), newKey(uint64(50+i)).Public(), nil)
		return err
	}
	for i := 1; i <= 3; i++ {
		if err := issue(noon, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := issue(noon+1, 4); !errors.Is(err, ErrQuota) || !strings.Contains(err.Error(), "quota of 3 members") {
		t.Errorf("the fourth: %v", err)
	}
	if err := issue(noon+2, 2); err != nil {
		t.Errorf("one again: %v", err)
	}
	if _, err := fra.IssueZone(terms(noon+3, day), "/eu/fra/a", newKey(41).Public(), Quotas{Members: 1}, nil); !errors.Is(err, ErrQuota) {
		t.Errorf("a zone: %v", err)
	}
	if err := issue(noon.Add(41*day), 4); err != nil {
		t.Errorf("after the others expired: %v", err)
	}
	if dropped, got := fra.Register().Expire(noon.Add(41*day)), len(fra.Register().All()); dropped != 3 || got != 1 {
		t.Errorf("%d dropped, %d in the register", dropped, got)
	}
	// The parent counts what it gave to its zones.
	if _, err := f.zone.IssueZone(terms(noon, day), "/eu/ber", newKey(42).Public(), Quotas{Members: 98}, nil); !errors.Is(err, ErrQuota) {
		t.Errorf("98 and 3 of 100: %v", err)
	}
	if _, err := f.zone.IssueZone(terms(noon, day), "/eu/ber", newKey(42).Public(), Quotas{Members: 97}, nil); err != nil {
		t.Errorf("97 and 3 of 100: %v", err)
	}
}

func TestRegisterIsKept(t *testing.T) {
	f := newFleet(t)
	f.member(t)
	f.client(t)
	f.function(t)
	encoded := f.zone.Register().Append(nil)
	got, err := DecodeRegister(encoded)
	if err != nil || !bytes.Equal(got.Append(nil), encoded) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.zone.Register().All(), got.All()); diff != "" || len(got.All()) != 3 {
		t.Error(diff)
	}
	full := &Register{issued: make([]Issued, RegisterMax)}
	if err := full.add(f.zone.Chain().Leaf(), 0); !errors.Is(err, ErrRegisterFull) {
		t.Error(err)
	}
	if err := full.add(f.zone.Chain().Leaf(), noon); err != nil || len(full.All()) != 1 {
		t.Errorf("full of what has expired: %v", err)
	}
	if _, err := DecodeRegister(nil); err == nil {
		t.Error("nothing decodes")
	}
	for name, c := range map[string]struct {
		want   error
		issued []Issued
	}{
		"kind":   {ErrMalformed, []Issued{{Serial: 1}}},
		"serial": {ErrMalformed, []Issued{{Kind: KindMember}}},
		"order":  {ErrOrder, []Issued{{Serial: 2, Kind: KindMember}, {Serial: 2, Kind: KindMember}}},
	} {
		if _, err := DecodeRegister((&Register{c.issued}).Append(nil)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAdmit(t *testing.T) {
	f := newFleet(t)
	request := func(key PrivateKey, name string, id protocol.NodeID) *JoinRequest {
		return must[*JoinRequest](t)(NewOfflineRequest(key, name, id, f.root.Anchor()))
	}
	one, two := newKey(60), newKey(61)
	admit := func(now Instant, r *JoinRequest) error {
		_, err := f.zone.Admit(Terms{entropy(uint64(now)), now, 10 * day}, r, nil, MemberGrants())
		return err
	}
	for i, c := range []struct {
		want    error
		request *JoinRequest
	}{
		{nil, request(one, "/eu/a", 1)},
		{nil, request(one, "/eu/a", 1)},
		{ErrTaken, request(two, "/eu/a", 2)},
		{ErrTaken, request(two, "/eu/b", 1)},
		{nil, request(two, "/eu/b", 2)},
		{ErrOutside, request(two, "/us/b", 2)},
	} {
		if err := admit(noon+Instant(i), c.request); !errors.Is(err, c.want) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	forged := *request(two, "/eu/c", 3)
	forged.Name = "/eu/d"
	if err := admit(noon+50, &forged); !errors.Is(err, ErrSignature) {
		t.Errorf("forged: %v", err)
	}
	if _, err := f.zone.Revoke(noon+60, Revocation{Key: one.Public(), Before: noon + 60}); err != nil {
		t.Fatal(err)
	}
	if err := admit(noon+70, request(newKey(62), "/eu/a", 1)); err != nil {
		t.Errorf("the name of a revoked key: %v", err)
	}
	if err := admit(noon+71, request(newKey(63), "/eu/a", 1)); !errors.Is(err, ErrTaken) {
		t.Errorf("the name of its successor: %v", err)
	}
	if err := admit(noon.Add(41*day), request(newKey(64), "/eu/b", 2)); err != nil {
		t.Errorf("a name that expired: %v", err)
	}
}

// A request that is refused takes no use of its token, and one that is repeated neither a use nor room.
func TestAdmitByToken(t *testing.T) {
	f := newFleet(t)
	tokens := &Tokens{}
	token := must[*Token](t)(tokens.New(entropy(8), f.root.Anchor(), 1, noon.Add(day)))
	f.member(t)
	admit := func(tokens *Tokens, name string) error {
		request := must[*JoinRequest](t)(NewJoinRequest(newKey(60), name, someNode, token))
		_, err := f.zone.Admit(terms(noon, 10*day), request, tokens, MemberGrants())
		return err
	}
	for i, c := range []struct {
		tokens *Tokens
		name   string
		want   error
		used   int
	}{
		{tokens, "/eu/web-1", ErrTaken, 0},
		{tokens, "/us/web-1", ErrOutside, 0},
		{&Tokens{}, "/eu/web-2", ErrTokenUnknown, 0},
		{tokens, "/eu/web-2", nil, 1},
		{tokens, "/eu/web-2", nil, 1},
		{tokens, "/eu/web-3", ErrTokenSpent, 1},
	} {
		if err := admit(c.tokens, c.name); !errors.Is(err, c.want) || tokens.States()[0].Uses != c.used {
			t.Errorf("request %d: %v, %+v", i, err, tokens.States())
		}
	}
	if got := len(f.zone.Register().All()); got != 2 {
		t.Errorf("%d entries for two members", got)
	}
}

func TestRegisterKeepsWhatAccountsNeed(t *testing.T) {
	f := newFleet(t)
	issue := func(key uint64, members uint64, life time.Duration) {
		t.Helper()
		must[Chain](t)(f.root.IssueZone(terms(noon, life), "/us", newKey(key).Public(), Quotas{Members: members}, nil))
	}
	before := len(f.root.Register().All())
	for i, c := range []struct {
		key, members uint64
		life         time.Duration
		entries      int
	}{
		{80, 10, 10 * day, 1},
		{80, 10, 20 * day, 1}, // replaces the first
		{80, 5, 20 * day, 2},  // takes less
		{80, 10, 5 * day, 3},  // ends earlier
		{81, 10, 20 * day, 4}, // of another key
		{80, 10, 20 * day, 2}, // replaces all of its key
	} {
		issue(c.key, c.members, c.life)
		if got := len(f.root.Register().All()) - before; got != c.entries {
			t.Errorf("step %d: %d entries, want %d", i, got, c.entries)
		}
	}
	f.function(t)
	f.function(t)
	if got := len(f.zone.Register().All()); got != 2 {
		t.Errorf("%d of 2 functions", got)
	}
}

func TestRenew(t *testing.T) {
	f := newFleet(t)
	chain := f.member(t)
	later := noon.Add(33 * day)
	if _, err := f.zone.Renew(terms(later, 30*day), chain, 0, nil); !errors.Is(err, ErrExpired) {
		t.Errorf("expired: %v", err)
	}
	for name, issuer := range map[string]*Authority{"its issuer": f.zone, "another": f.root} {
		next := must[Chain](t)(issuer.Renew(terms(later, 30*day), chain, GraceDefault, nil))
		got, err := f.policy(later).Verify(next)
		if err != nil || got.NotAfter != later.Add(30*day) || got.Name != "/eu/web-1" || got.Key != f.memberKey.Public() || got.Serial == chain.Leaf().Serial {
			t.Errorf("by %s: %+v, %v", name, got, err)
		}
	}
	list := must[*RevocationList](t)(f.zone.Revoke(noon+5, Revocation{Key: f.memberKey.Public(), Before: InstantMax}))
	if _, err := f.root.Renew(terms(noon+9, day), chain, 0, revoking(t, list)); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	if _, err := f.zone.Renew(terms(noon+9, day), chain, 0, nil); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked by the issuer itself: %v", err)
	}
	short := must[Chain](t)(f.zone.IssueClient(terms(noon, 365*day), "bob", "/eu", newKey(70).Public(), nil))
	if got := short.Leaf().NotAfter; got != noon.Add(90*day) {
		t.Errorf("outlives its issuer until %s", got)
	}
}

func TestRenewAt(t *testing.T) {
	for jitter, want := range map[float64]Instant{0: 1450, 0.5: 1500, 1: 1550, -5: 1450, 7: 1550} {
		if got := RenewAt(1000, 2000, jitter); got != want {
			t.Errorf("jitter %v: %d", jitter, got)
		}
	}
}

func TestRevoke(t *testing.T) {
	f := newFleet(t)
	if f.zone.RevocationList() != nil {
		t.Error("a list before the first")
	}
	first := must[*RevocationList](t)(f.zone.Revoke(noon, Revocation{Serial: 1, Until: noon + 100}, Revocation{Serial: 2}))
	second := must[*RevocationList](t)(f.zone.Revoke(noon+200, Revocation{Serial: 3}))
	end := noon.Add(90 * day).Add(GraceMax + Skew)
	if diff := cmp.Diff([]Revocation{{Serial: 2, Until: end}, {Serial: 3, Until: end}}, second.Entries); diff != "" || first.Number != 1 || second.Number != 2 {
		t.Error(diff)
	}
	if f.zone.RevocationList() != second || second.Verify() != nil {
		t.Error("not the latest")
	}
	beacon := must[*Beacon](t)(f.zone.Beacon(noon + 201))
	if beacon.Verify(noon+201) != nil || beacon.Missing(second) || !beacon.Missing(first) {
		t.Error("the beacon is of another list")
	}
	if _, err := f.zone.Revoke(noon, Revocation{}); !errors.Is(err, ErrMalformed) || f.zone.RevocationList() != second {
		t.Error(err)
	}
	member := must[*Authority](t)(OpenAuthority(f.memberKey, f.member(t), nil, nil))
	if _, err := member.Revoke(noon); !errors.Is(err, ErrKind) {
		t.Error(err)
	}
	// What an entry matches has expired with all grace when the entry may be left out.
	policy := f.policy(end + 1)
	policy.Grace = time.Duration(GraceMax)
	if _, err := policy.Verify(f.member(t)); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
}
