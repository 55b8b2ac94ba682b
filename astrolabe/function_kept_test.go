package astrolabe_test

import (
	"errors"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// Functions are in force again after all members of a fleet have crashed, those that were removed are not; unless nothing is kept: that is the control.
func TestFunctionsOutliveTheFleet(t *testing.T) {
	names := append(named(3, "/eu/m%d"), named(3, "/us/m%d")...)
	for _, durable := range []bool{true, false} {
		f := newFleet(sim.Config{Seed: 1, Network: lan(0.02)}, names, func(_ int, _ *membership.Config, tables *astrolabe.Config) { tables.Durable = durable })
		f.until(t, time.Minute, func() error { return f.counted(6) })
		removed := astrolabe.Function{Name: "old", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT COUNT(*) AS old"}
		for _, function := range []astrolabe.Function{removed, {Name: "n", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT SUM(nmembers) AS n"}} {
			if err := f.install(0, &function); err != nil {
				t.Fatal(err)
			}
		}
		f.until(t, spreadTime, func() error {
			return errors.Join(f.sees(0, 6, "/", "n", table.Int(6)), f.sees(0, 6, "/", "old", table.Int(2)))
		})
		removed.Version, removed.Program = 2, ""
		if err := f.install(5, &removed); err != nil {
			t.Fatal(err)
		}
		f.until(t, spreadTime, func() error { return f.sees(0, 6, "/", "old", table.Value{}) })
		f.world.Run(f.world.Now().Add(5 * time.Second))
		for i := range f.ids {
			f.world.Crash(f.ids[i])
		}
		f.world.Run(f.world.Now().Add(time.Second))
		for i := range f.ids {
			f.world.Restart(f.ids[i], i != 4) // one has lost its disk, and gets them from others
		}
		want := table.Int(6)
		if !durable {
			want = table.Value{}
		}
		f.until(t, time.Minute, func() error { return errors.Join(f.counted(6), f.sees(0, 6, "/", "n", want)) })
		f.world.Run(f.world.Now().Add(20 * time.Second))
		if err := errors.Join(f.sees(0, 6, "/", "n", want), f.sees(0, 6, "/", "old", table.Value{})); err != nil {
			t.Errorf("durable %v: %v", durable, err)
		}
	}
}

// A disk that fails is counted, and tried again; functions stay in force meanwhile.
func TestFunctionsThatCannotBeKept(t *testing.T) {
	f := newFleet(sim.Config{Seed: 2, Network: lan(0)}, named(2, "/lab/m%d"), func(_ int, _ *membership.Config, tables *astrolabe.Config) { tables.Durable = true })
	f.until(t, time.Minute, func() error { return f.counted(2) })
	f.world.FailDisk(f.ids[0], errors.New("full"))
	if err := f.install(0, &astrolabe.Function{Name: "n", Scope: "/", Version: 1, Expires: 3600, Program: "SELECT COUNT(*) AS n"}); err != nil {
		t.Fatal(err)
	}
	f.world.Run(f.world.Now().Add(10 * time.Second))
	if failed := f.tables(0).Stats().FunctionsKeepFailed; failed != 1 {
		t.Errorf("failed %d times", failed)
	}
	if err := f.sees(0, 2, "/lab", "n", table.Int(2)); err != nil {
		t.Error(err)
	}
	f.world.FailDisk(f.ids[0], nil)
	f.world.Run(f.world.Now().Add(70 * time.Second))
	if _, kept := f.world.Disk(f.ids[0]).Get(astrolabe.FunctionsKey); !kept {
		t.Error("they are not kept after the disk works again")
	}
}

// What was kept is looked at as what comes from others: an expired function, one for a zone that the member is in no longer, and one that another authority has signed are not taken in.
func TestWhatIsNotRestored(t *testing.T) {
	trust, other := newAuthority(t), newAuthority(t)
	f := newFleet(sim.Config{Seed: 3, Network: lan(0)}, named(2, "/lab/m%d"), func(_ int, _ *membership.Config, tables *astrolabe.Config) { tables.Trust = trust })
	f.until(t, time.Minute, func() error { return f.counted(2) })
	f.world.Run(f.world.Now().Add(5 * time.Second))
	const program = "SELECT COUNT(*) AS n"
	restore := func(function *astrolabe.Function) (err error) {
		f.world.Command(f.ids[0], func(now protocol.Time, m protocol.Machine, _ *protocol.Output) {
			err = m.(*node).tables.Restore(now, function)
		})
		f.world.Run(f.world.Now().Add(time.Millisecond))
		return err
	}
	tampered := *trust.function(t, "tampered", "/", program, time.Hour)
	tampered.Program = "SELECT COUNT(*) AS changed"
	unsigned := &astrolabe.Function{Name: "unsigned", Scope: "/", Version: 1, Expires: 3600, Program: program}
	for what, function := range map[string]*astrolabe.Function{
		"expired": trust.function(t, "brief", "/", program, time.Second), "another zone": trust.function(t, "far", "/us", program, time.Hour),
		"another authority": other.function(t, "bad", "/", program, time.Hour), "tampered": &tampered, "unsigned": unsigned,
	} {
		if err := restore(function); err == nil {
			t.Errorf("%s: it is in force", what)
		}
	}
	if err := restore(trust.function(t, "good", "/", program, time.Hour)); err != nil {
		t.Errorf("the control: %v", err)
	}
}
