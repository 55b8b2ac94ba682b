package spinglass_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"spinglass"
	"spinglass/astrolabe"
	"spinglass/astrolabe/afc"
	"spinglass/identity"
	"spinglass/protocol"
)

const countProgram = "SELECT COUNT(*) AS hosts, SUM(load) AS load"

// What is installed at one node makes attributes at all, until it is taken back.
func TestAFunctionWorksAtAllNodes(t *testing.T) {
	nodes := fleet(t, 2)
	ctx := within(t)
	if err := nodes[0].Set(ctx, spinglass.Attrs{"load": 2}); err != nil {
		t.Fatal(err)
	}
	if err := nodes[0].Install(ctx, &spinglass.Function{Name: "count", Zone: "/lab", Program: countProgram}); err != nil {
		t.Fatal(err)
	}
	awaitRow(t, nodes[1], "/", "/lab", func(c spinglass.Change) bool {
		return c.Row.Attributes["hosts"] == int64(2) && c.Row.Attributes["load"] == int64(2)
	})
	f := awaitFunction(t, nodes[1], func(f spinglass.Function) bool { return true })
	if life := time.Until(f.Expires); f.Name != "count" || f.Zone != "/lab" || f.Program != countProgram || !cmp.Equal(f.Outputs, []string{"hosts", "load"}) || f.Chain != nil ||
		time.Since(time.UnixMilli(int64(f.Version))).Abs() > time.Minute || life > spinglass.FunctionLifeDefault || life < spinglass.FunctionLifeDefault-time.Minute {
		t.Errorf("%+v", f)
	}
	metric := "# HELP spinglass_functions Functions that this node holds, those that took others back among them.\n# TYPE spinglass_functions gauge\nspinglass_functions 1\n"
	if err := testutil.CollectAndCompare(nodes[1].Metrics(), strings.NewReader(metric), "spinglass_functions"); err != nil {
		t.Error(err)
	}
	if err := nodes[1].Install(ctx, &f); !errors.Is(err, astrolabe.ErrVersion) || !errors.Is(err, spinglass.ErrFunction) {
		t.Errorf("the same again: %v", err)
	}
	// A version that nobody has chosen is later than a chosen one that is ahead of the clock.
	ahead := f.Version + 1_000_000
	for _, g := range []spinglass.Function{{Name: "count", Zone: "/lab", Version: ahead, Program: countProgram}, {Name: "count", Zone: "/lab"}} {
		if err := nodes[1].Install(ctx, &g); err != nil {
			t.Fatal(err)
		}
	}
	awaitRow(t, nodes[0], "/", "/lab", func(c spinglass.Change) bool { return c.Row.Attributes["hosts"] == nil })
	awaitFunction(t, nodes[0], func(f spinglass.Function) bool { return f.Version == ahead+1 && f.Program == "" })
}

// awaitFunction waits until a node knows of one function, which is as it should be. What it makes in the row of a zone may be there before: another node has made it.
func awaitFunction(t *testing.T, n *spinglass.Node, good func(spinglass.Function) bool) (f spinglass.Function) {
	t.Helper()
	await(t, "the function is at "+n.Name(), func() bool {
		functions, err := n.Functions(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(functions) != 1 {
			return false
		}
		f = functions[0]
		return good(f)
	})
	return f
}

func TestWhatCannotBeInstalled(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	ctx := within(t)
	valid := spinglass.Function{Name: "f", Zone: "/lab", Version: 1, Program: countProgram}
	for what, test := range map[string]struct {
		change func(*spinglass.Function)
		err    error
		text   string
	}{
		"another zone": {func(f *spinglass.Function) { f.Zone = "/us" }, spinglass.ErrZone, "no table of the zone /us: this node holds those of /, /lab"},
		"no zone":      {func(f *spinglass.Function) { f.Zone = "" }, spinglass.ErrZone, "no table of the zone"},
		"no name":      {func(f *spinglass.Function) { f.Name = "" }, spinglass.ErrFunction, `function name ""`},
		"name":         {func(f *spinglass.Function) { f.Name = "a/b" }, spinglass.ErrFunction, `function name "a/b"`},
		"expired":      {func(f *spinglass.Function) { f.Expires = time.Unix(1, 0) }, astrolabe.ErrExpired, `cannot be in force: "f" for /lab: the function has expired`},
		"no program":   {func(f *spinglass.Function) { f.Program = "SELECT COUNT(*" }, afc.ErrSyntax, "program: line 1, column 15: "},
		"expensive":    {func(f *spinglass.Function) { f.Program = expensive() }, spinglass.ErrProgram, "program: the program takes "},
		"outputs":      {func(f *spinglass.Function) { f.Program = "SELECT COUNT(*) AS nmembers" }, astrolabe.ErrOutputs, "nmembers"},
		"signed":       {func(f *spinglass.Function) { f.Chain = identity.Chain{{}} }, spinglass.ErrFunction, "no identity"},
	} {
		f := valid
		test.change(&f)
		if err := n.Install(ctx, &f); err == nil || !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v, want %q", what, err, test.text)
		}
	}
	for i := range astrolabe.FunctionsZoneMax {
		f := valid
		f.Name = fmt.Sprint("f", i)
		f.Expires = time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC) // as late as an encoding can say
		if err := n.Install(ctx, &f); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Install(ctx, &valid); !errors.Is(err, spinglass.ErrLimit) || !strings.Contains(err.Error(), "/lab has 16") {
		t.Error(err)
	}
	if functions, err := n.Functions(ctx); err != nil || functions[0].Expires.Year() != 9999 {
		t.Errorf("%+v, %v", functions[0], err)
	}
	_ = n.Close()
	if err := n.Install(ctx, &valid); !errors.Is(err, spinglass.ErrClosed) {
		t.Error(err)
	}
}

// expensive returns a program that takes more steps than one may unless it says otherwise.
func expensive() string {
	pattern := "'" + strings.Repeat("_", afc.LiteralMax) + "'"
	return "SELECT COUNT(*) AS n WHERE a LIKE " + pattern + " OR b LIKE " + pattern + " OR c LIKE " + pattern
}

func TestAProgramIsTried(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	ctx := within(t)
	if err := n.Set(ctx, spinglass.Attrs{"load": 0.5}); err != nil {
		t.Fatal(err)
	}
	if err := n.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	trial, err := n.TryFunction(ctx, "/lab", "SELECT COUNT(*) AS n,\n  AVG(load) AS load, MAX(nothing) AS nothing")
	if err != nil {
		t.Fatal(err)
	}
	warned := slices.ContainsFunc(trial.Warnings, func(w spinglass.ProgramWarning) bool {
		return w.Line == 2 && w.Column == 3 && strings.Contains(w.Message, "AVG without a weight")
	})
	if diff := cmp.Diff(spinglass.Attrs{"n": int64(1), "load": 0.5}, trial.Outputs); diff != "" || !cmp.Equal(trial.Null, []string{"nothing"}) || trial.Rows != 1 || trial.Steps < 128 || !warned {
		t.Errorf("%+v, %s", trial, diff)
	}
	if functions, err := n.Functions(ctx); err != nil || len(functions) > 0 {
		t.Errorf("what was tried is installed: %v, %v", functions, err)
	}
	for _, test := range []struct {
		zone, program string
		err           error
		text          string
	}{
		{"/us", "SELECT COUNT(*) AS n", spinglass.ErrZone, "no table of the zone /us"}, {"/lab", "", spinglass.ErrProgram, "it is empty"},
		{"/lab", "SELECT a AS b", afc.ErrScope, "program: line 1, column 8: "}, {"/lab", "SELECT COUNT(*) AS id", astrolabe.ErrOutputs, "id"},
	} {
		if _, err := n.TryFunction(ctx, test.zone, test.program); !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%q for %s: %v", test.program, test.zone, err)
		}
	}
}

// A fleet with identities believes the functions that its authority has signed, and no others.
func TestFunctionsAreSigned(t *testing.T) {
	trust, other := newTrust(t), newTrust(t)
	n := start(t, spinglass.Config{Name: "/lab/a", Identity: trust.member(t, "/lab/a", 1)})
	m := start(t, spinglass.Config{Name: "/lab/b", Identity: trust.member(t, "/lab/b", 2), Join: []string{n.Addr()}})
	ctx := within(t)
	awaitPeers(t, m, 2, spinglass.PeerStateUp)
	chain := trust.function(t, "count", countProgram, time.Hour)
	for what, test := range map[string]struct {
		f   spinglass.Function
		err error
	}{
		"unsigned":         {spinglass.Function{Name: "count", Zone: "/lab", Version: 1, Program: countProgram}, spinglass.ErrForbidden},
		"another program":  {spinglass.Function{Program: "SELECT COUNT(*) AS hosts", Chain: chain}, astrolabe.ErrProgram},
		"another fleet":    {spinglass.Function{Program: countProgram, Chain: other.function(t, "count", countProgram, time.Hour)}, identity.ErrAuthority},
		"a member's chain": {spinglass.Function{Program: countProgram, Chain: trust.member(t, "/lab/c", 3).Chain}, spinglass.ErrForbidden},
		"a forged one":     {spinglass.Function{Program: countProgram, Chain: forged(chain)}, spinglass.ErrForbidden},
		"expired":          {spinglass.Function{Program: countProgram, Chain: trust.function(t, "count", countProgram, -time.Minute)}, astrolabe.ErrExpired},
	} {
		if err := n.Install(ctx, &test.f); !errors.Is(err, test.err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// What the certificate says counts.
	if err := n.Install(ctx, &spinglass.Function{Name: "else", Zone: "/us", Version: 99, Program: countProgram, Chain: chain}); err != nil {
		t.Fatal(err)
	}
	awaitRow(t, m, "/", "/lab", func(c spinglass.Change) bool { return c.Row.Attributes["hosts"] == int64(2) })
	awaitFunction(t, m, func(f spinglass.Function) bool {
		return f.Name == "count" && f.Version == 7 && f.Chain.Leaf().Issuer == chain.Leaf().Issuer
	})
}

// trust is an authority of a fleet.
type trust struct{ *identity.Authority }

func newTrust(t *testing.T) trust {
	t.Helper()
	a, err := identity.NewAuthority(rand.Reader, "/", identity.InstantOf(time.Now()).Add(-2*time.Minute), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return trust{a}
}

func (a trust) terms(life time.Duration) identity.Terms {
	return identity.Terms{Entropy: rand.Reader, Now: identity.InstantOf(time.Now()).Add(-2 * time.Minute), Lifetime: life + 2*time.Minute}
}

func (a trust) member(t *testing.T, name string, id protocol.NodeID) *spinglass.Identity {
	t.Helper()
	key, err := identity.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := a.IssueMember(a.terms(time.Hour), name, id, key.Public(), identity.MemberGrants())
	if err != nil {
		t.Fatal(err)
	}
	return &spinglass.Identity{Key: key, Chain: chain, Anchor: a.Anchor()}
}

func (a trust) function(t *testing.T, name, program string, life time.Duration) identity.Chain {
	t.Helper()
	chain, err := a.IssueFunction(a.terms(life), name, "/lab", identity.Function{Version: 7, Program: sha256.Sum256([]byte(program))})
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// forged returns a chain whose last certificate says more than was signed.
func forged(chain identity.Chain) identity.Chain {
	leaf := *chain.Leaf()
	leaf.Function.Version++
	return append(slices.Clone(chain[:len(chain)-1]), &leaf)
}
