package astrolabe_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/astrolabe/afc"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

const loads = "SELECT AVG(load, nmembers) AS load, MAX(COALESCE(most, load)) AS most, SUM(nmembers) AS n"

// install installs a function at a member.
func (f *fleet) install(i int, function *astrolabe.Function) (err error) {
	f.world.Command(f.ids[i], func(now protocol.Time, _ protocol.Machine, _ *protocol.Output) {
		err = f.node(i).tables.Install(now, function)
	})
	f.world.Run(f.world.Now().Add(time.Millisecond))
	return err
}

// load has a member say its load.
func (f *fleet) load(t *testing.T, i int, load float64) {
	f.world.Command(f.ids[i], func(now protocol.Time, _ protocol.Machine, out *protocol.Output) {
		value, _ := table.Float(load).Encode()
		if err := f.node(i).members.SetAttribute(now, protocol.Attribute{Name: "load", Value: value}, out); err != nil {
			t.Error(err)
		}
	})
}

// output returns what functions make of a zone, as a member sees it; the zero Value for nothing.
func (f *fleet) output(i int, zone, name string) table.Value {
	for _, a := range f.node(i).tables.Zone(zone).Outputs {
		if a.Name == name {
			v, err := table.DecodeValue(a.Value)
			if err != nil {
				panic(err)
			}
			return v
		}
	}
	return table.Value{}
}

// "A function installed at one member works everywhere in its scope within the spread time and nowhere else."
func TestFunctionWorksInItsScope(t *testing.T) {
	f := formed(t, 1, 0.05)
	for i := range f.ids {
		f.load(t, i, float64(i))
	}
	hours := identity.Instant(3600)
	if err := f.install(7, &astrolabe.Function{Name: "loads", Scope: "/eu", Version: 1, Expires: hours, Program: loads}); err != nil {
		t.Fatal(err)
	}
	took := f.until(t, spreadTime, func() error {
		for i := range 30 {
			if mean, _ := f.output(i, "/eu", "load").Float(); mean != 14.5 {
				return fmt.Errorf("member %d sees a mean of %v in /eu", i, mean)
			}
			if most, _ := f.output(i, "/eu", "most").Float(); most != 29 {
				return fmt.Errorf("member %d sees at most %v in /eu", i, most)
			}
		}
		return nil
	})
	t.Logf("in force, and its values everywhere, after %v", took)
	for i := range f.ids {
		if n := len(f.node(i).tables.Functions(0)); i < 30 && n != 1 || i >= 30 && n != 0 {
			t.Errorf("%s has %d functions", f.names[i], n)
		}
		if f.output(i, "/", "load").Kind() != table.KindNone || i >= 30 && f.output(i, protocol.Zone(f.names[i]), "load").Kind() != table.KindNone {
			t.Errorf("%s evaluates beyond the scope", f.names[i])
		}
	}
	rows, _ := f.node(45).tables.Rows("/") // the other region reads the outputs in the row of /eu
	if v, ok := (&table.Row{Attributes: rows[0].Attributes}).Attribute("most"); !ok || rows[0].Name != "/eu" {
		t.Errorf("%v of %s: %v", rows[0].Name, f.names[45], v)
	}
	// One of the same name in a zone below is in force there instead; an empty one takes it back; a later version replaces it.
	if err := f.install(3, &astrolabe.Function{Name: "loads", Scope: "/eu/0", Version: 1, Expires: hours, Program: "SELECT MIN(load) AS least"}); err != nil {
		t.Fatal(err)
	}
	f.until(t, spreadTime, func() error { return f.sees(0, 10, "/eu/0", "least", table.Float(0)) })
	if err := f.sees(10, 30, "/eu/1", "least", table.Value{}); err != nil && f.output(3, "/eu/0", "load").Kind() != table.KindNone {
		t.Error(err)
	}
	if err := f.install(20, &astrolabe.Function{Name: "loads", Scope: "/eu", Version: 2, Expires: hours}); err != nil {
		t.Fatal(err)
	}
	f.until(t, spreadTime, func() error { return f.sees(0, 30, "/eu", "load", table.Value{}) })
	if err := f.install(21, &astrolabe.Function{Name: "loads", Scope: "/eu", Version: 1, Expires: hours, Program: loads}); !errors.Is(err, astrolabe.ErrVersion) {
		t.Errorf("an earlier version: %v", err)
	}
}

// sees returns who of a range does not see an output as it should be; the zero Value says that there is none.
func (f *fleet) sees(first, last int, zone, name string, want table.Value) error {
	for i := first; i < last; i++ {
		if got := f.output(i, zone, name); got.Kind() != want.Kind() || got.Kind() != table.KindNone && !got.Equal(want) {
			return fmt.Errorf("member %d sees %v in %s", i, got, zone)
		}
	}
	return nil
}

// Members of a fleet of one zone have no rows to exchange. They say nothing to each other until one has a function, and then that reaches them all.
func TestFunctionSpreadsWithinOneZone(t *testing.T) {
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("/lab/m%d", i))
	}
	f := newFleet(sim.Config{Seed: 5, Network: lan(0.05)}, names, func(_ int, _ *membership.Config, tables *astrolabe.Config) { tables.Seeds = nil })
	f.until(t, time.Minute, func() error { return f.counted(20) })
	f.world.Run(f.world.Now().Add(10 * time.Second))
	for i := range f.ids {
		if sent := f.tables(i).Stats().DigestsSent; sent > 0 {
			t.Errorf("member %d sent %d digests of nothing", i, sent)
		}
	}
	if err := f.install(3, &astrolabe.Function{Name: "count", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT SUM(nmembers) AS n"}); err != nil {
		t.Fatal(err)
	}
	took := f.until(t, spreadTime, func() error {
		return errors.Join(f.sees(0, 20, "/lab", "n", table.Int(20)), f.sees(0, 20, "/", "n", table.Int(20)))
	})
	t.Logf("in force everywhere after %v", took)
}

// Where membership knows the hosts of all zones, tables are still exchanged within the own zone only: who is met there is not met as a representative once more.
func TestPartnersAreOfTheOwnZone(t *testing.T) {
	f := newFleet(sim.Config{Seed: 6, Network: lan(0)}, []string{"/eu/a", "/eu/b", "/us/a", "/us/b"}, func(_ int, members *membership.Config, tables *astrolabe.Config) {
		members.Zoned, members.Seeds, tables.Seeds = false, []protocol.Address{address(0)}, nil
	})
	f.world.Run(protocol.Time(20 * time.Second))
	if err := f.install(0, &astrolabe.Function{Name: "count", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT COUNT(*) AS n"}); err != nil {
		t.Fatal(err)
	}
	f.world.Run(protocol.Time(60 * time.Second))
	for i := range f.ids {
		if s := f.tables(i).Stats(); s.Rows > 0 || (i < 2) != (s.Functions == 1) {
			t.Errorf("%s: %d rows, %d functions", f.names[i], s.Rows, s.Functions)
		}
	}
}

// Functions end when they expire, if they are not renewed by a later version.
func TestFunctionsExpire(t *testing.T) {
	f := formed(t, 2, 0)
	now := identity.Instant(f.world.Now() / 1e9)
	if err := f.install(0, &astrolabe.Function{Name: "count", Scope: "/", Version: 1, Expires: now + 40, Program: "SELECT COUNT(*) AS rows"}); err != nil {
		t.Fatal(err)
	}
	f.until(t, spreadTime, func() error { return f.sees(0, 60, "/", "rows", table.Int(2)) })
	if err := f.install(59, &astrolabe.Function{Name: "count", Scope: "/", Version: 2, Expires: now + 80, Program: "SELECT COUNT(*) AS rows"}); err != nil {
		t.Fatal(err)
	}
	f.world.Run(protocol.Time(now+60) * 1e9)
	if err := f.sees(0, 60, "/", "rows", table.Int(2)); err != nil {
		t.Errorf("after it was renewed: %v", err)
	}
	f.world.Run(protocol.Time(now+90) * 1e9)
	if err := f.sees(0, 60, "/", "rows", table.Value{}); err != nil {
		t.Errorf("after it has expired: %v", err)
	}
	for i := range f.ids {
		if n := len(f.node(i).tables.Functions(f.world.Now())); n != 0 {
			t.Errorf("%s holds %d functions", f.names[i], n)
		}
	}
}

// "Test runs on the live rows and shows the result before anything is installed; an AVG without weight is pointed out."
func TestTryAProgram(t *testing.T) {
	f := formed(t, 3, 0)
	for i := range f.ids {
		f.load(t, i, float64(i))
	}
	f.world.Run(f.world.Now().Add(spreadTime))
	trial, err := f.tables(12).Try("/eu/1", "SELECT AVG(load) AS load, COUNT(*) AS n, MAX(nothing) AS nothing WHERE load > 10")
	if err != nil || trial.Rows != 10 || len(trial.Outputs) != 2 || len(trial.Null) != 1 || len(trial.Warnings) == 0 {
		t.Fatalf("%+v, %v", trial, err)
	}
	if mean, _ := table.DecodeValue(trial.Outputs[0].Value); !mean.Equal(table.Float(15)) {
		t.Errorf("the mean is %v", mean)
	}
	if trial, err = f.tables(12).Try("/eu", "SELECT SUM(nmembers) AS n"); err != nil || trial.Rows != 3 {
		t.Errorf("%+v, %v", trial, err)
	}
	if _, err := f.tables(12).Try("/us", "SELECT COUNT(*) AS n"); !errors.Is(err, astrolabe.ErrZoneNotHeld) {
		t.Errorf("a zone of others: %v", err)
	}
	if len(f.tables(12).Functions(0)) != 0 || len(f.tables(12).Zone("/eu/1").Outputs) != 0 {
		t.Error("a program that was tried is installed")
	}
}

func TestWhatIsNoFunction(t *testing.T) {
	f := formed(t, 3, 0)
	valid := astrolabe.Function{Name: "f", Scope: "/eu", Version: 1, Expires: 3600, Program: "SELECT COUNT(*) AS n"}
	for what, c := range map[string]struct {
		change func(*astrolabe.Function)
		want   error
		text   string
	}{
		"another region":         {func(f *astrolabe.Function) { f.Scope = "/us" }, astrolabe.ErrScope, ""},
		"the hosts":              {func(f *astrolabe.Function) { f.Scope = "/eu/0/." }, astrolabe.ErrScope, ""},
		"expired":                {func(f *astrolabe.Function) { f.Expires = 1 }, astrolabe.ErrExpired, ""},
		"no program":             {func(f *astrolabe.Function) { f.Program = "SELECT" }, afc.ErrSyntax, ""},
		"too expensive":          {func(f *astrolabe.Function) { f.Steps = 10 }, nil, "steps"},
		"what all zones have":    {func(f *astrolabe.Function) { f.Program = "SELECT COUNT(*) AS nmembers" }, astrolabe.ErrOutputs, ""},
		"no version":             {func(f *astrolabe.Function) { f.Version = 0 }, nil, "version"},
		"name":                   {func(f *astrolabe.Function) { f.Name = "a/b" }, nil, "name"},
		"a program that is long": {func(f *astrolabe.Function) { f.Program += strings.Repeat(" ", afc.TextMax) }, nil, ""},
	} {
		function := valid
		c.change(&function)
		err := f.install(0, &function)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.install(0, &valid); err != nil {
		t.Errorf("the control: %v", err)
	}
	for i := range astrolabe.FunctionsZoneMax {
		function := valid
		function.Name = fmt.Sprintf("f%d", i)
		if err := f.install(0, &function); (err != nil) != (i == astrolabe.FunctionsZoneMax-1) {
			t.Errorf("function %d of a zone: %v", i+2, err)
		}
	}
}

// authority issues functions for a fleet.
type authority struct {
	*identity.Authority
	revoked bool // all that it issued
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a, err := identity.NewAuthority(rand.Reader, "/", 0, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{Authority: a}
}

// Policy implements astrolabe.Trust.
func (a *authority) Policy(now protocol.Time) identity.Policy {
	p := identity.Policy{Anchor: a.Anchor(), Now: identity.Instant(now / 1e9)}
	if a.revoked {
		p.Anchor[0]++
	}
	return p
}

func (a *authority) function(t *testing.T, name, scope, program string, life time.Duration) *astrolabe.Function {
	t.Helper()
	chain, err := a.IssueFunction(identity.Terms{Entropy: rand.Reader, Now: 0, Lifetime: life}, name, scope, identity.Function{Version: 1, Program: sha256.Sum256([]byte(program)), Steps: 1000, Size: 200})
	if err != nil {
		t.Fatal(err)
	}
	f, err := astrolabe.SignedFunction(chain, program)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// "An unauthorised, tampered, expired or too expensive one works nowhere." A member that believes another authority takes in what that signed, and offers it to all.
func TestForgedFunctionsWorkNowhere(t *testing.T) {
	trust, other := newAuthority(t), newAuthority(t)
	f := newFleet(sim.Config{Seed: 4, Network: lan(0.02)}, sixZones(), func(i int, _ *membership.Config, tables *astrolabe.Config) {
		tables.Trust = trust
		if i == 5 {
			tables.Trust = other
		}
	})
	f.until(t, time.Minute, func() error { return f.counted(60) })
	good := trust.function(t, "good", "/", "SELECT COUNT(*) AS good", time.Hour)
	if err := f.install(40, good); err != nil {
		t.Fatal(err)
	}
	bad := other.function(t, "bad", "/", "SELECT COUNT(*) AS bad", time.Hour)
	if err := f.install(41, bad); err == nil {
		t.Error("a function of another fleet is taken in by who checks")
	}
	if err := f.install(5, bad); err != nil {
		t.Fatalf("the one that believes it: %v", err)
	}
	tampered := *trust.function(t, "tampered", "/", "SELECT COUNT(*) AS tampered", time.Hour)
	tampered.Program = "SELECT COUNT(*) AS changed"
	for i := range 3 {
		if err := f.install(i, &tampered); err == nil {
			t.Error("a program that is not the certificate's is taken in")
		}
	}
	f.until(t, spreadTime, func() error {
		return errors.Join(f.sees(0, 5, "/", "good", table.Int(2)), f.sees(6, 60, "/", "good", table.Int(2)))
	})
	f.world.Run(f.world.Now().Add(20 * time.Second))
	refused := uint64(0)
	for i := range f.ids {
		for _, name := range []string{"bad", "tampered", "changed"} {
			if f.output(i, "/", name).Kind() != table.KindNone && i != 5 {
				t.Errorf("%s works at %s", name, f.names[i])
			}
		}
		refused += f.node(i).tables.Stats().FunctionsRefused
	}
	if f.output(5, "/", "bad").Kind() == table.KindNone {
		t.Error("the control: who believes it does not evaluate it")
	}
	if refused == 0 {
		t.Error("nobody was offered the forged function: the test shows nothing")
	}
	t.Logf("refused %d times", refused)
	trust.revoked = true
	f.until(t, spreadTime, func() error {
		return errors.Join(f.sees(0, 5, "/", "good", table.Value{}), f.sees(6, 60, "/", "good", table.Value{}))
	})
}

// Whatever arrives is refused, or is the encoding of what it was decoded to.
func FuzzFunction(f *testing.F) {
	r := mathrand.New(mathrand.NewPCG(1, 0))
	for range 4 {
		function := astrolabe.Function{Name: "a", Scope: "/", Version: 1 + r.Uint64N(9), Expires: 100, Program: loads}
		f.Add(function.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		function, err := astrolabe.DecodeFunction(b)
		if err == nil && string(function.Append(nil)) != string(b) {
			t.Errorf("%x became %x", b, function.Append(nil))
		}
	})
}

// An output for which a zone's row has no room counts when the row is made, and not again in each round in which that says the same.
func TestDroppedOutputsCountByRow(t *testing.T) {
	const outputs = 16
	f := formed(t, 1, 0)
	var program strings.Builder
	for i := range outputs {
		fmt.Fprintf(&program, ", SUM(nmembers) AS %s%d", strings.Repeat("long", 12), i)
	}
	if err := f.install(3, &astrolabe.Function{Name: "wide", Scope: "/", Version: 1, Expires: 7200, Program: "SELECT" + program.String()[1:]}); err != nil {
		t.Fatal(err)
	}
	f.world.Run(f.world.Now().Add(spreadTime))
	count := func() (dropped, issued uint64) {
		for i := range f.ids {
			dropped, issued = dropped+f.tables(i).Stats().OutputsDropped, issued+f.tables(i).Stats().Issued
		}
		return dropped, issued
	}
	before, issued := count()
	if before == 0 {
		t.Fatal("all outputs have room")
	}
	f.world.Run(f.world.Now().Add(20 * time.Second))
	after, later := count()
	if dropped, rows := after-before, later-issued; dropped > outputs*rows {
		t.Errorf("%d outputs were dropped in 20 s in which %d rows were made", dropped, rows)
	}
}
