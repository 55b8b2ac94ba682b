package protocol

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// A member without a zone in its name, such as /a1, is placed by the system. It stands in the root as long as there are few such members, and else in an automatic
// zone, such as /auto/3/5, whose path follows from a hash of the name. Its row is then named /auto/3/5/a1; /a1 is its configured name, by which people and
// certificates know it.
const (
	// AutomaticZone is the zone that contains all automatic ones. Names that people give do not lie in it.
	AutomaticZone = "/auto"
	// AutomaticBranching is how many automatic zones lie in each: they are named 0 to 7.
	AutomaticBranching = 8
	// AutomaticDepthMax is how many of them lie one in another at most.
	AutomaticDepthMax = 10
)

// automaticZone leads the names of all members in automatic zones.
const automaticPrefix = AutomaticZone + "/"

// AutomaticName returns the name that the row of a member has in its automatic zone of a depth, 0 to AutomaticDepthMax: 0 stands for the root, where the name is the configured one.
func AutomaticName(configured string, depth int) string {
	if depth == 0 {
		return configured
	}
	var b strings.Builder
	b.WriteString(AutomaticZone)
	sum := sha256.Sum256([]byte("spinglass 1 automatic zone\x00" + configured))
	for _, hash := range sum[:depth] {
		b.WriteByte('/')
		b.WriteByte('0' + hash%AutomaticBranching)
	}
	b.WriteString(configured)
	return b.String()
}

// Automatic reports whether the member of a name is placed by the system, and at which depth it is: the name has no zone, or an automatic one.
func Automatic(name string) (depth int, automatic bool) {
	if !Reserved(name) {
		return 0, Zone(name) == "/"
	}
	return strings.Count(name, "/") - 2, true
}

// ConfiguredName returns the name by which people know a member whose row has a name: /a1 for /auto/3/5/a1, and else the same.
func ConfiguredName(name string) string {
	if Reserved(name) {
		return name[strings.LastIndexByte(name, '/'):]
	}
	return name
}

// Reserved reports whether a path is that of the automatic zones, or lies in it.
func Reserved(path string) bool {
	return path == AutomaticZone || strings.HasPrefix(path, automaticPrefix)
}

// CheckReserved reports why a path cannot be given to a member, or to a zone, by a person.
func CheckReserved(path string) error {
	if Reserved(path) {
		return fmt.Errorf("%q is reserved: members in %s are placed there by the system, which takes names without a zone, such as /web-1", path, AutomaticZone)
	}
	return nil
}

// CheckPlace reports why the name of a row cannot be: it lies in another automatic zone than the hash of the member's name leads to.
func CheckPlace(name string) error {
	depth, automatic := Automatic(name)
	if !automatic || !Reserved(name) {
		return nil
	}
	if depth < 1 || depth > AutomaticDepthMax || AutomaticName(ConfiguredName(name), depth) != name {
		return fmt.Errorf("name %q is not in an automatic zone of %q", name, ConfiguredName(name))
	}
	return nil
}

// LongestName returns the longest name that the row of a member can get.
func LongestName(name string) string {
	if _, automatic := Automatic(name); automatic {
		return AutomaticName(ConfiguredName(name), AutomaticDepthMax)
	}
	return name
}

// SpeaksFor reports whether a member with a configured name may speak for a zone: it is below it. Of the hosts of a zone (a path that ends with ".") it is one. A member
// that is placed by the system may speak for all zones on its way.
func SpeaksFor(configured, zone string) bool {
	longest := LongestName(configured)
	if parent, hosts := strings.CutSuffix(zone, "/."); hosts {
		if parent == "" || !Reserved(parent) {
			return Zone(configured) == Zone(zone)
		}
		zone = parent
	}
	return strings.HasPrefix(longest, zone+"/")
}
