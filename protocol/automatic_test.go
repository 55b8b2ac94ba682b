package protocol

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Names are drawn by their owners, so that a hash of them has to spread them evenly, on every level by itself.
func TestAutomaticNamesSpread(t *testing.T) {
	const members = 1 << 15
	for depth := 1; depth <= 3; depth++ {
		zones := map[string]int{}
		for i := range members {
			zones[Zone(AutomaticName(fmt.Sprintf("/web-%d", i), depth))]++
		}
		want := 1 << (3 * depth)
		if len(zones) != want {
			t.Errorf("depth %d: %d zones, want %d", depth, len(zones), want)
		}
		for zone, count := range zones {
			if mean := members / want; count < mean/2 || count > 2*mean {
				t.Errorf("%s has %d members, where %d are to be expected", zone, count, mean)
			}
		}
	}
}

// The way of a member is one: each of its zones contains the next, nobody else's zones pass for its own, and the configured name is found again.
func TestAutomaticNameIsAWay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		name := fmt.Sprintf("/m%x", r.Uint64())
		for depth := range AutomaticDepthMax + 1 {
			placed := AutomaticName(name, depth)
			if got, automatic := Automatic(placed); got != depth || !automatic || ConfiguredName(placed) != name || CheckPlace(placed) != nil || CheckName(placed) != nil {
				t.Fatalf("%s at depth %d is %s: depth %d, %t, %s, %v", name, depth, placed, got, automatic, ConfiguredName(placed), CheckPlace(placed))
			}
			if LongestName(placed) != AutomaticName(name, AutomaticDepthMax) || len(placed) > len(LongestName(name)) {
				t.Fatalf("the longest name of %s is %s", placed, LongestName(placed))
			}
			if depth == 0 {
				continue
			}
			if above := Zone(Zone(placed)); depth > 1 && above != Zone(AutomaticName(name, depth-1)) {
				t.Fatalf("%s lies in %s, and not in %s", placed, above, AutomaticName(name, depth-1))
			}
			at := len(AutomaticZone) + 2*r.IntN(depth) + 1
			other := placed[:at] + string('0'+(placed[at]-'0'+1+byte(r.IntN(AutomaticBranching-1)))%AutomaticBranching) + placed[at+1:]
			if CheckPlace(other) == nil {
				t.Fatalf("%s passes for a place of %s", other, name)
			}
			if zone := Zone(other); SpeaksFor(name, zone) || SpeaksFor(name, zone+"/.") {
				t.Fatalf("%s speaks for %s", name, zone)
			}
			if zone := Zone(placed); !SpeaksFor(name, zone) || !SpeaksFor(name, zone+"/.") {
				t.Fatalf("%s does not speak for %s", name, zone)
			}
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		name                       string
		automatic, reserved, place bool
	}{
		{"/a1", true, false, true}, {"/eu/a1", false, false, true}, {"/automatic", true, false, true}, {"/eu/auto/a1", false, false, true},
		{"/auto", true, true, false}, {"/auto/a1", true, true, false}, {"/auto/9/a1", true, true, false}, {"/auto/x/a1", true, true, false},
		{"/auto" + strings.Repeat("/0", AutomaticDepthMax+1) + "/a1", true, true, false}, {"/auto/" + strings.Repeat("0/", 60) + "a1", true, true, false},
	} {
		if _, automatic := Automatic(c.name); automatic != c.automatic || Reserved(c.name) != c.reserved || (CheckPlace(c.name) == nil) != c.place {
			t.Errorf("%s: automatic %t, reserved %t, %v", c.name, automatic, Reserved(c.name), CheckPlace(c.name))
		}
		if err := CheckReserved(c.name); (err != nil) != c.reserved {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, c := range []struct {
		name, zone string
		speaks     bool
	}{
		{"/a1", "/.", true}, {"/a1", "/auto", true}, {"/a1", "/auto/.", true}, {"/a1", "/eu", false}, {"/a1", "/eu/.", false}, {"/eu/a1", "/eu", true}, {"/eu/a1", "/eu/.", true},
		{"/eu/a1", "/.", false}, {"/eu/a1", "/auto", false}, {"/eu/fra/a1", "/eu/.", false}, {"/eu/fra/a1", "/eu", true}, {"/europe/a1", "/eu", false},
	} {
		if got := SpeaksFor(c.name, c.zone); got != c.speaks {
			t.Errorf("%s speaks for %s: %t", c.name, c.zone, got)
		}
	}
}
