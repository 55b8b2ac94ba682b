package astrolabe_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/astrolabe/afc"
	lab "spinglass/lab/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// settledFleet is a fleet in which all know what they should.
func settledFleet(seed uint64, names []string, tune func(members *membership.Config, tables *astrolabe.Config)) *fleet {
	f := &fleet{names: names}
	l := lab.Settled(sim.Config{Seed: seed, Network: lan(0)}, names, astrolabe.RepresentativesDefault, lab.Options{
		Tune: func(_ int, members *membership.Config, tables *astrolabe.Config) { tune(members, tables) }, Around: f.around,
	})
	f.world, f.ids = l.World, l.IDs
	f.world.Run(f.world.Now().Add(3 * time.Second))
	return f
}

// named returns n names of a pattern.
func named(n int, pattern string) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf(pattern, i))
	}
	return names
}

// Functions read as many rows as a table may have: here 300 hosts, and 200 child zones.
func TestFunctionsReadLargeTables(t *testing.T) {
	for what, c := range map[string]struct {
		names []string
		zone  string // in whose row the outputs are
		cost  int    // of a step for each row that there may be
		tune  func(*membership.Config, *astrolabe.Config)
	}{
		"hosts": {named(300, "/lab/m%d"), "/lab", 400, func(m *membership.Config, t *astrolabe.Config) { m.ZoneLimit, t.ZoneLimit = 400, 400 }},
		"zones": {named(200, "/%d/m"), "/", 200, func(_ *membership.Config, t *astrolabe.Config) { t.Children = 200 }},
	} {
		f := settledFleet(1, c.names, c.tune)
		if err := f.install(7, &astrolabe.Function{Name: "n", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT SUM(nmembers) AS n, COUNT(*) AS rows"}); err != nil {
			t.Fatal(err)
		}
		n := table.Int(int64(len(c.names)))
		took := f.until(t, spreadTime, func() error {
			return errors.Join(f.sees(0, len(c.names), c.zone, "n", n), f.sees(0, len(c.names), c.zone, "rows", n))
		})
		failed := uint64(0)
		for i := range f.ids {
			failed += f.tables(i).Stats().EvaluationsFailed
		}
		t.Logf("%s: everywhere after %v", what, took)
		if failed > 0 {
			t.Errorf("%s: %d evaluations failed", what, failed)
		}
		trial, err := f.tables(0).Try("/", "SELECT COUNT(*) AS rows")
		if err != nil || trial.Cost != c.cost {
			t.Errorf("%s: %+v, %v", what, trial, err)
		}
	}
}

// Where a table may have so many rows that the steps do not do for them, the function is refused as it is installed, not when the rows are there. One that comes from a zone with lower
// limits is evaluated as far as its steps go: at all of them alike.
func TestStepsDoForAllRows(t *testing.T) {
	f := settledFleet(2, named(20, "/lab/m%d"), func(m *membership.Config, t *astrolabe.Config) { m.ZoneLimit, t.ZoneLimit = 4000, 4000 })
	function := astrolabe.Function{Name: "n", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT SUM(nmembers) AS n", Steps: 7999}
	err := f.install(0, &function)
	if cost := (*afc.CostError)(nil); !errors.As(err, &cost) || cost.Rows != 4000 || cost.Steps != 8000 {
		t.Errorf("7999 steps for 4000 rows: %v", err)
	}
	if function.Steps = 8000; f.install(0, &function) != nil {
		t.Errorf("8000 steps for 4000 rows: %v", err)
	}
	if trial, err := f.tables(0).Try("/lab", function.Program); err != nil || trial.Cost != 8000 || trial.Rows != 20 {
		t.Errorf("%+v, %v", trial, err)
	}

	mixed := &fleet{names: append(named(20, "/big/m%d"), named(3, "/small/m%d")...)}
	l := lab.New(sim.Config{Seed: 3, Network: lan(0)}, mixed.names, lab.Options{Around: mixed.around, Tune: func(i int, _ *membership.Config, tables *astrolabe.Config) {
		if tables.Children = 3; i >= 20 {
			tables.ZoneLimit = 3
		}
	}})
	mixed.world, mixed.ids = l.World, l.IDs
	mixed.until(t, time.Minute, func() error { return mixed.counted(23) })
	few := astrolabe.Function{Name: "n", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT COALESCE(SUM(n), 3) AS n", Steps: 10}
	if err := mixed.install(0, &few); err == nil {
		t.Error("a function that 20 hosts are too many for is installed where there may be 128")
	}
	if err := mixed.install(22, &few); err != nil {
		t.Fatal(err)
	}
	mixed.until(t, spreadTime, func() error {
		return errors.Join(mixed.sees(0, 23, "/", "n", table.Int(3)), mixed.sees(20, 23, "/small", "n", table.Int(3)), mixed.sees(0, 20, "/big", "n", table.Value{}))
	})
	if failed := mixed.tables(0).Stats().EvaluationsFailed; failed == 0 {
		t.Error("evaluations over too many rows are not counted")
	}
	if failed := mixed.tables(22).Stats().EvaluationsFailed; failed > 0 {
		t.Errorf("%d evaluations over few rows failed", failed)
	}
}

// A zone has as many child zones as Children says, the own one among them.
func TestChildrenAreBounded(t *testing.T) {
	for children, refused := range map[int]bool{4: true, 5: false} {
		f := newFleet(sim.Config{Seed: 4, Network: lan(0)}, named(5, "/%d/m"), func(_ int, _ *membership.Config, tables *astrolabe.Config) {
			tables.Children = children
		})
		f.world.Run(protocol.Time(time.Minute))
		full := uint64(0)
		for i := range f.ids {
			rows, err := f.tables(i).Rows("/")
			if err != nil || len(rows) != children {
				t.Errorf("%d child zones of 5 at most: member %d has rows of %d, %v", children, i, len(rows), err)
			}
			full += f.tables(i).Stats().RowsRefused
		}
		if (full > 0) != refused {
			t.Errorf("%d child zones of 5 at most: %d rows refused", children, full)
		}
	}
}
