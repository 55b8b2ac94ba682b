package main

import (
	"fmt"
	"math/rand/v2"
)

// role is what a member of the fleet does for the grid.
type role int

const (
	producer    role = iota // runs a generator, and follows what its contracts use
	consumer                // uses power by contracts, and tells by their signals how much
	relay                   // protects a line on one of its ends: knows the flow on it from the contracts that it carries
	coordinator             // watches protection in a region
	market                  // settles the energy of contracts
	gateway                 // represents a region in the fleet, and carries what others in it want
	roles       = iota
)

var roleNames = [roles]string{"producers", "consumers", "relays of lines", "coordinators", "markets", "gateways"}

func (r role) String() string { return roleNames[r] }

// member is a member of the fleet.
type member struct {
	name   string // path; its zone is its region
	role   role
	region int
	line   int // of a relay
}

// contract says that a producer generates what a consumer uses. Its signal, a topic, is published by the consumer.
type contract struct {
	producer, consumer int // members
	path               []int
	lines              []int
	base               float64 // MW that are used at first
}

// topology is the grid and the fleet: regions in two rows, with lines between neighbours.
type topology struct {
	regions   int
	members   []member
	lines     [][2]int // regions
	contracts []contract
}

// Sizes of a region.
const (
	gatewaysOfRegion  = 3 // the representatives of a zone are the members with the lowest numbers, and so these
	producersOfRegion = 2
	consumersOfRegion = 3
	contractReach     = 3 // lines of the longest path of a contract
	loadMin, loadMax  = 40, 80
)

// newTopology lays out so many regions, an even number from 2 on. Contracts are drawn: each consumer has one, with a producer that is contractReach lines away at most.
func newTopology(regions int, r *rand.Rand) *topology {
	t := &topology{regions: regions}
	for a := range regions {
		for b := a + 1; b < regions; b++ {
			if t.apart(a, b) == 1 {
				t.lines = append(t.lines, [2]int{a, b})
			}
		}
	}
	for region := range regions {
		add := func(role role, line int, format string, values ...any) {
			t.members = append(t.members, member{fmt.Sprintf("/r%d/", region) + fmt.Sprintf(format, values...), role, region, line})
		}
		for i := range gatewaysOfRegion {
			add(gateway, -1, "gateway-%d", i)
		}
		for i := range producersOfRegion {
			add(producer, -1, "producer-%d", i)
		}
		for i := range consumersOfRegion {
			add(consumer, -1, "consumer-%d", i)
		}
		for line, ends := range t.lines {
			if ends[0] == region || ends[1] == region {
				add(relay, line, "relay-%d", line)
			}
		}
		add(coordinator, -1, "coordinator")
		add(market, -1, "market")
	}
	for i, m := range t.members {
		if m.role == consumer {
			t.contracts = append(t.contracts, t.drawContract(i, r))
		}
	}
	return t
}

// drawContract draws a producer for a consumer, and what it uses.
func (t *topology) drawContract(consumer int, r *rand.Rand) contract {
	var near []int
	for i, m := range t.members {
		if m.role == producer && t.apart(m.region, t.members[consumer].region) <= contractReach {
			near = append(near, i)
		}
	}
	c := contract{producer: near[r.IntN(len(near))], consumer: consumer, base: loadMin + (loadMax-loadMin)*r.Float64()}
	c.path, c.lines = t.route(t.members[c.producer].region, t.members[consumer].region)
	return c
}

// place returns where a region lies.
func (t *topology) place(region int) (row, column int) {
	return region / (t.regions / 2), region % (t.regions / 2)
}

// apart returns how many lines lie between two regions.
func (t *topology) apart(a, b int) int {
	rowA, columnA := t.place(a)
	rowB, columnB := t.place(b)
	return max(rowA-rowB, rowB-rowA) + max(columnA-columnB, columnB-columnA)
}

// route returns the regions on the way from one to another, both included, and the lines between them.
func (t *topology) route(from, to int) (path, lines []int) {
	path = []int{from}
	for from != to {
		for line, ends := range t.lines {
			next := ends[0] + ends[1] - from
			if (ends[0] == from || ends[1] == from) && t.apart(next, to) < t.apart(from, to) {
				path, lines, from = append(path, next), append(lines, line), next
				break
			}
		}
	}
	return path, lines
}

// distance returns how many lines lie between a member's region and the path of a contract.
func (t *topology) distance(m, c int) int {
	least := t.regions // more than any
	for _, region := range t.contracts[c].path {
		least = min(least, t.apart(region, t.members[m].region))
	}
	return least
}

// onPath reports whether control or protection of a contract depends on a member: its producer, and the relays of the lines that it uses.
func (t *topology) onPath(m, c int) bool {
	switch who := &t.members[m]; who.role {
	case producer:
		return t.contracts[c].producer == m
	case relay:
		for _, line := range t.contracts[c].lines {
			if line == who.line {
				return true
			}
		}
	}
	return false
}

// Ratings of who watches a contract, by distance from its path.
var (
	coordinatorRatings = []float64{0.5, 0.2, 0.1}
	marketRatings      = []float64{0.2, 0.1, 0.05}
)

// rating returns which part of a contract's signals a member wants: all where control depends on it, and ever less away from the path. The consumer publishes them.
func (t *topology) rating(m, c int) float64 {
	if t.onPath(m, c) {
		return 1
	}
	ratings := map[role][]float64{coordinator: coordinatorRatings, market: marketRatings}[t.members[m].role]
	if d := t.distance(m, c); d < len(ratings) {
		return ratings[d]
	}
	return 0
}

// policy says what members subscribe to: the rating of a member for a contract, 0 for none.
type policy struct {
	name   string
	what   string
	rating func(t *topology, m, c int) float64
}

var (
	// byDistance is what the example is about.
	byDistance = policy{"ratings", "all signals of a contract for its producer and the relays on its path, ever fewer for coordinators and markets away from it", (*topology).rating}
	// interest has the same members get all signals of the same contracts.
	interest = policy{"interest", "all signals for the same members", func(t *topology, m, c int) float64 {
		if t.rating(m, c) > 0 {
			return 1
		}
		return 0
	}}
	// everything has all members get all signals.
	everything = policy{"everything", "all signals of all contracts for all members", func(t *topology, m, c int) float64 {
		if t.contracts[c].consumer == m {
			return 0
		}
		return 1
	}}
	// cut is the control: nobody on the path of a contract gets its signals.
	cut = policy{"cut", "as ratings, but none for producers and relays on the path: without signals there is no control", func(t *topology, m, c int) float64 {
		if t.onPath(m, c) {
			return 0
		}
		return t.rating(m, c)
	}}
)
