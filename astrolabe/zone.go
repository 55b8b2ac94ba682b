package astrolabe

import (
	"errors"
	"strings"

	"spinglass/protocol"
)

// Root is the path of the zone that contains all others.
const Root = "/"

// hosts is the last component of the child zone that the hosts of a zone are to other zones.
const hosts = "."

// DepthMax is how many zones the own path of a member may have, the root and the child zone of its hosts among them.
const DepthMax = 16

// join returns the path of a child zone.
func join(zone, child string) string {
	if zone == Root {
		return Root + child
	}
	return zone + "/" + child
}

// parent returns the zone that a child zone is in.
func parent(zone string) string { return protocol.Zone(zone) }

// path returns the zones on the way from the root to the hosts of a zone, both among them.
func path(zone string) []string {
	all := []string{Root}
	for end := 1; end < len(zone); {
		next := strings.IndexByte(zone[end:], '/')
		if next < 0 {
			next = len(zone) - end
		}
		end += next
		all = append(all, zone[:end])
		end++
	}
	return append(all, join(zone, hosts))
}

// toward returns the child zone of a zone in which hosts of another zone, the same or one below, are.
func toward(zone, hostsZone string) string {
	if hostsZone == zone {
		return join(zone, hosts)
	}
	begin := len(zone) + 1
	if zone == Root {
		begin = 1
	}
	if end := strings.IndexByte(hostsZone[begin:], '/'); end >= 0 {
		return hostsZone[:begin+end]
	}
	return hostsZone
}

// checkName reports why the name of a member puts it into no zone.
func checkName(name string) error {
	if err := protocol.CheckName(name); err != nil {
		return err
	}
	for component := range strings.SplitSeq(name[1:], "/") {
		if component == hosts {
			return errors.New("a component of a name is \".\", which stands for the hosts of a zone")
		}
	}
	if len(path(protocol.Zone(name))) > DepthMax {
		return errors.New("the name has too many components")
	}
	return nil
}

// common returns in how many tables members of two zones of hosts take part both: those of the zones that their paths have in common.
func common(a, b string) int {
	count := 1 // the root's
	for i := 1; ; i++ {
		endA, endB := i >= len(a), i >= len(b)
		if (endA || a[i] == '/') && (endB || b[i] == '/') && i > 1 {
			count++
		}
		if endA || endB || a[i] != b[i] {
			return count
		}
	}
}
