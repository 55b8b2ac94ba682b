package upgrade_test

import (
	"testing"

	"spinglass/wire"
)

// Zones are upgraded at once, from the format before: in each of three zones one of two agents is replaced at the same time, then the other one, while all of them publish and subscribe. Members that stay up lose nothing that any zone publishes; in
// between representatives of both builds stand for one zone, and of both the root's summary is made.
func TestZonesAreUpgradedAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program twice: left out with -short")
	}
	dir := t.TempDir()
	before, latest := build(t, dir, "before", "-tags", "spinglass_format4"), build(t, dir, "latest")
	f := newFleet(t, wire.FormatAutomatic, "/eu/fra/a1", "/eu/fra/a2", "/eu/ber/b1", "/eu/ber/b2", "/us/ny/c1", "/us/ny/c2")
	formats := map[string]uint64{}
	for _, a := range f.agents {
		formats[a.name] = wire.FormatAutomatic
	}
	f.up(before, f.agents...)
	f.formats(latest, formats)
	f.counts()
	for _, half := range [][]*agent{{f.agents[1], f.agents[3], f.agents[5]}, {f.agents[0], f.agents[2], f.agents[4]}} {
		f.replace(latest, half...)
		for _, a := range half {
			formats[a.name] = wire.FormatLatest
		}
		f.formats(latest, formats)
		f.counts()
		f.ignorant()
		f.honest()
	}
	f.settle()
}

// honest checks that no agent takes another one for a liar, whose summaries may be made by another build.
func (f *fleet) honest() {
	for _, a := range f.agents {
		for _, name := range []string{"spinglass_zone_audit_mismatches_total", "spinglass_zone_unaccounted_total"} {
			if count := a.metric(name); count != 0 {
				f.t.Errorf("%s: %s %v", a.name, name, count)
			}
		}
	}
}

// counts waits until the root's summary counts every agent once at all of them.
func (f *fleet) counts() {
	f.t.Helper()
	for _, a := range f.agents {
		eventually(f.t, a.name+" counts all", func() bool { return a.counted() == len(f.agents) })
	}
}
