package astrolabe_test

import (
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/sim"
)

// joined makes a fleet whose members all join by the first one, of whatever zone that is.
func joined(seed uint64, names ...string) *fleet {
	seeds := []protocol.Address{address(0)}
	return newFleet(sim.Config{Seed: seed, Network: lan(0.01)}, names, func(_ int, members *membership.Config, tables *astrolabe.Config) {
		members.Seeds, tables.Seeds = seeds, seeds
	})
}

// Members find their zone by one join address in another one, however deep the zone is, and also where the zones on the way to it have no other child zones, so that they are represented to nobody.
func TestDeepZonesFindTheirMembers(t *testing.T) {
	for _, names := range [][]string{
		{"/eu/fra/a", "/asia/tyo/h1", "/asia/tyo/h2"},
		{"/eu/fra/a", "/asia/jp/tyo/h1", "/asia/jp/tyo/h2"},
		{"/eu/a", "/asia/jp/kanto/tyo/r1/h1", "/asia/jp/kanto/tyo/r1/h2", "/asia/jp/kanto/tyo/r1/h3"},
		{"/a/b/c/d/h0", "/a/b/x/y/h1", "/a/b/x/y/h2"},
		{"/eu/fra/a", "/asia/jp/tyo/r1/h1", "/asia/jp/tyo/r2/h2"},
		{"/eu/fra/a", "/asia/jp/tyo/r1/h1", "/asia/jp/tyo/r1/h2", "/asia/jp/tyo/r2/h3", "/asia/jp/tyo/r2/h4"},
		{"/eu/fra/a", "/asia/h1", "/asia/h2"},
		{"/a", "/asia/jp/h1", "/asia/jp/h2"},
	} {
		for seed := range uint64(4) {
			f := joined(seed, names...)
			took := f.until(t, time.Minute, func() error { return f.counted(len(names)) })
			t.Logf("%v, seed %d: %v", names, seed, took)
		}
	}
}
