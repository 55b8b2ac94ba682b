package identity

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestGrantAllows(t *testing.T) {
	for _, c := range []struct {
		grant   string
		verb    Verb
		subject string
		allowed bool
	}{
		{"publish:*", VerbPublish, "orders", true},
		{"publish:*", VerbSubscribe, "orders", false},
		{"publish:orders", VerbPublish, "orders", true},
		{"publish:orders", VerbPublish, "orders.eu", false},
		{"publish:orders*", VerbPublish, "orders.eu", true},
		{"publish:orders*", VerbPublish, "orders", true},
		{"publish:orders*", VerbPublish, "order", false},
		{"subscribe:a*b", VerbSubscribe, "a*b", true},
		{"subscribe:a*b", VerbSubscribe, "axb", false},
		{"set:load*", VerbSet, "load.5", true},
		{"call:sql", VerbCall, "sql", true},
		{"issue:/eu", VerbIssue, "/eu", true},
		{"issue:/eu", VerbIssue, "/eu/fra", true},
		{"issue:/eu", VerbIssue, "/europe", false},
		{"issue:/eu", VerbIssue, "/", false},
		{"join:/", VerbJoin, "/eu/fra", true},
		{"install:/", VerbInstall, "/", true},
		{"install:/", VerbInstall, "", false},
		{"install:/eu", VerbInstall, InstallSubject("/eu/fra", "load"), true},
		{"install:/eu:load", VerbInstall, InstallSubject("/eu/fra", "load"), true},
		{"install:/eu:load", VerbInstall, InstallSubject("/eu", "load2"), false},
		{"install:/eu:load*", VerbInstall, InstallSubject("/eu", "load2"), true},
		{"install:/eu:load*", VerbInstall, InstallSubject("/us", "load2"), false},
		{"install:/eu:load*", VerbInstall, InstallSubject("/europe", "load2"), false},
		{"install:/eu:load*", VerbInstall, "/eu", false},
	} {
		grant, err := ParseGrant(c.grant)
		if err != nil || grant.String() != c.grant {
			t.Fatalf("%s: %v, %v", c.grant, grant, err)
		}
		grants, err := NewGrants(grant)
		if err != nil || grants.Allows(c.verb, c.subject) != c.allowed {
			t.Errorf("%s: %s %q, want %v (%v)", c.grant, c.verb, c.subject, c.allowed, err)
		}
	}
}

func TestGrantText(t *testing.T) {
	for _, wrong := range []string{"", "publish", "publish:", "fly:*", ":x", "issue:eu", "issue:/eu/", "join:", "issue:/eu:a", "install:/eu:", "install:/eu:*", "install:/eu:a/b", "install:/eu:a*b", "install:eu:a", "install:/eu:a:b", "Publish:*", "publish:\xff", "publish:" + strings.Repeat("x", PatternMax+1)} {
		if grant, err := ParseGrant(wrong); err == nil {
			t.Errorf("%q is read as %v", wrong, grant)
		} else if !errors.Is(err, ErrText) && !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// Grants for some functions are handed down by who has one for all of them, in a zone that is not smaller.
func TestGrantsOfFunctionsAreCovered(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		covered      bool
	}{
		{"install:/", "install:/eu:load*", true},
		{"install:/eu", "install:/eu/fra:load", true},
		{"install:/eu:load*", "install:/eu:load", true},
		{"install:/eu:load*", "install:/eu:load*", true},
		{"install:/eu:lo*", "install:/eu/fra:load*", true},
		{"install:/eu:load", "install:/eu:load*", false},
		{"install:/eu:load*", "install:/eu:lo*", false},
		{"install:/eu:load*", "install:/eu", false},
		{"install:/eu/fra:load*", "install:/eu:load", false},
		{"install:/us", "install:/eu:load", false},
	} {
		wide, err := ParseGrant(c.wide)
		if err != nil {
			t.Fatal(err)
		}
		narrow, err := ParseGrant(c.narrow)
		if err != nil {
			t.Fatal(err)
		}
		if err := (Grants{wide}).Covers(Grants{narrow}); (err == nil) != c.covered {
			t.Errorf("%s covers %s: %v", c.wide, c.narrow, err)
		}
	}
	if grant, found := (Grants{{VerbInstall, "/eu:load"}}).outside("/eu"); found {
		t.Errorf("%v is found to be outside of /eu", grant)
	}
	if _, found := (Grants{{VerbInstall, "/europe:load"}}).outside("/eu"); !found {
		t.Error("a grant for functions of /europe is found to be within /eu")
	}
}

func TestGrantsAreInOrder(t *testing.T) {
	a, b := Grant{VerbPublish, "a"}, Grant{VerbPublish, "b"}
	grants, err := NewGrants(b, a, b)
	if err != nil || !slices.Equal(grants, Grants{a, b}) {
		t.Errorf("%v, %v", grants, err)
	}
	if err := (Grants{b, a}).check(); !errors.Is(err, ErrOrder) {
		t.Error(err)
	}
	if err := (Grants{a, a}).check(); !errors.Is(err, ErrOrder) {
		t.Error(err)
	}
	many := make([]Grant, GrantsMax+1)
	for i := range many {
		many[i] = Grant{VerbSet, strings.Repeat("x", i+1)}
	}
	if _, err := NewGrants(many...); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	for _, grants := range []Grants{MemberGrants(), ZoneGrants("/"), ZoneGrants("/eu")} {
		if err := grants.check(); err != nil {
			t.Error(err)
		}
	}
	for verb, allowed := range map[Verb]bool{VerbPublish: true, VerbSubscribe: true, VerbSet: true, VerbJoin: false, VerbInstall: false, VerbIssue: false, VerbCall: false} {
		if MemberGrants().Allows(verb, "/x") != allowed {
			t.Errorf("a plain member may %s: %v", verb, !allowed)
		}
	}
}

// subjects are all that the oracle tries: words of three letters and the star, of which patterns do not use c, and paths of three components, one of them the beginning of
// another.
var subjects = func() (s struct{ words, paths []string }) {
	s.words, s.paths = []string{""}, []string{"/"}
	for from, depth := 0, 0; depth < 4; depth++ {
		to := len(s.words)
		for _, word := range s.words[from:to] {
			for _, letter := range []string{"a", "b", "c", "*"} {
				s.words = append(s.words, word+letter)
			}
		}
		from = to
	}
	for from, depth := 0, 0; depth < 3; depth++ {
		to := len(s.paths)
		for _, path := range s.paths[from:to] {
			for _, component := range []string{"a", "ab", "c"} {
				s.paths = append(s.paths, strings.TrimSuffix(path, "/")+"/"+component)
			}
		}
		from = to
	}
	return s
}()

// exceeds is the dumb oracle: the first subject that child allows and parent does not. It knows patterns from Allows alone.
func exceeds(parent, child Grants) (Grant, bool) {
	for verb := VerbJoin; verb.known(); verb++ {
		all := subjects.words
		if verb.ofZones() {
			all = subjects.paths
		}
		for _, subject := range all {
			if child.Allows(verb, subject) && !parent.Allows(verb, subject) {
				return Grant{verb, subject}, true
			}
		}
	}
	return Grant{}, false
}

func randomGrants(random *rand.Rand, most int) Grants {
	var all []Grant
	for range random.IntN(most + 1) {
		verb := []Verb{VerbPublish, VerbPublish, VerbSet, VerbIssue, VerbIssue, VerbJoin}[random.IntN(6)]
		if verb.ofZones() {
			path := ""
			for range random.IntN(3) {
				path += "/" + []string{"a", "ab"}[random.IntN(2)]
			}
			all = append(all, Grant{verb, max(path, "/")})
			continue
		}
		word := ""
		for range random.IntN(4) {
			word += string("aabb*"[random.IntN(5)])
		}
		if word == "" || random.IntN(2) == 0 {
			word += "*"
		}
		all = append(all, Grant{verb, word})
	}
	grants, err := NewGrants(all...)
	if err != nil {
		panic(err)
	}
	return grants
}

func TestGrantsCoverAsTheOracleSays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	covered := 0
	for range 20000 {
		parent, child := randomGrants(random, 4), randomGrants(random, 3)
		beyond, found := exceeds(parent, child)
		err := parent.Covers(child)
		if (err == nil) == found {
			t.Fatalf("%v covers %v: %v; the oracle found %v", parent, child, err, beyond)
		}
		if err == nil && len(child) > 0 {
			covered++
		}
		if err != nil && !errors.Is(err, ErrGrant) {
			t.Fatal(err)
		}
	}
	if covered < 1000 {
		t.Errorf("only %d cases of cover", covered)
	}
}
