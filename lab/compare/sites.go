package compare

import (
	"time"

	"spinglass/sim"
)

// Sites is a network of two levels. Each site has a router, to which its members have a link each, its ports; and each router has a link to the middle of the network, the line of
// the site. All members of a site are a zone.
type Sites struct {
	port, line           *sim.Link
	portDelay, lineDelay time.Duration
	members, sites       int
}

// NewSites returns the network of so many members at so many sites, of which each has the same number of them, or one less. Links have a constant delay and lose datagrams with the
// same probability.
func NewSites(members, sites int, port, line time.Duration, loss float64) *Sites {
	return &Sites{
		port: &sim.Link{Latency: sim.Constant(port), Loss: loss}, line: &sim.Link{Latency: sim.Constant(line), Loss: loss}, portDelay: port, lineDelay: line,
		members: members, sites: sites,
	}
}

// Zone implements Zoned: the site.
func (s *Sites) Zone(i int) int { return i * s.sites / s.members }

// firstOf returns the first member of a site.
func (s *Sites) firstOf(site int) int { return (site*s.members + s.sites - 1) / s.sites }

// Line returns the site whose line a hop is on; false for ports.
func (s *Sites) Line(h sim.Hop) (site int, ok bool) { return int(h.Key >> 1), h.Link == s.line }

// Port returns the member whose port a hop is on; false for lines.
func (s *Sites) Port(h sim.Hop) (member int, ok bool) { return int(h.Key >> 1), h.Link == s.port }

// Route implements sim.Topology. The last bit of a key is set on the way from a member to the middle.
func (s *Sites) Route(from, to *sim.Place, hops []sim.Hop) []sim.Hop {
	hops = append(hops, sim.Hop{Link: s.port, Key: uint64(from.Index)<<1 | 1})
	if a, b := s.Zone(from.Index), s.Zone(to.Index); a != b {
		hops = append(hops, sim.Hop{Link: s.line, Key: uint64(a)<<1 | 1}, sim.Hop{Link: s.line, Key: uint64(b) << 1})
	}
	return append(hops, sim.Hop{Link: s.port, Key: uint64(to.Index) << 1})
}

// Distance implements Layout.
func (s *Sites) Distance(i, j int) time.Duration {
	if s.Zone(i) == s.Zone(j) {
		return 2 * s.portDelay
	}
	return 2 * (s.portDelay + s.lineDelay)
}

// Apart implements Layout: 0 within a site, 1 between sites.
func (s *Sites) Apart(i, j int) int {
	if s.Zone(i) == s.Zone(j) {
		return 0
	}
	return 1
}

// Processor implements Layout: the first member of each site repairs for it.
func (s *Sites) Processor(i int) int {
	if first := s.firstOf(s.Zone(i)); first != i {
		return first
	}
	return 0
}

// RoundTripMax implements Layout.
func (s *Sites) RoundTripMax() time.Duration { return 4 * (s.portDelay + s.lineDelay) }
