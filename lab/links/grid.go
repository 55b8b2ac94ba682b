package links

import (
	"cmp"
	"fmt"
	"slices"

	"spinglass/lab/compare"
)

// Limits of a Grid.
const (
	MembersMin = 6
	SitesMin   = 2
	SitesMax   = 100
	LossMax    = 0.1
	SecondsMin = 2
	SecondsMax = 36_000
)

// Grid is a series of runs: each protocol with each number of members, sites, loss and seed; the shipping one with each view.
type Grid struct {
	Protocols []string
	Members   []int // MembersMin to compare.MembersMax, and three for each site at least
	Sites     []int // SitesMin to SitesMax
	Loss      []float64
	Views     []string // of the shipping protocol: zones, flat, blind
	Multicast bool     // for all protocols, also those that are not made for it
	Scoped    bool     // SRM asks its own site first
	Seconds   int      // SecondsMin to SecondsMax
	Seeds     int
	Seed      uint64 // the first one
}

// membersOfSite is how many members a site has at least.
const membersOfSite = 3

// DefaultGrid returns a grid that takes less than a minute.
func DefaultGrid() Grid {
	return Grid{
		Protocols: []string{"bimodal", "srm", "rmtp", "fec", "traditional"}, Members: []int{32, 64, 128}, Sites: []int{4}, Loss: []float64{0.01}, Views: []string{"zones", "blind"},
		Seconds: 20, Seeds: 1, Seed: 1,
	}
}

// FullGrid returns a grid of larger groups, more sites and more loss.
func FullGrid() Grid {
	g := DefaultGrid()
	g.Protocols = []string{"bimodal", "srm", "srm-adaptive", "rmtp", "fec", "traditional"}
	g.Members, g.Sites, g.Loss, g.Views, g.Seconds = []int{32, 64, 128, 256, 512}, []int{4, 8}, []float64{0.001, 0.01, 0.05}, []string{"zones", "flat", "blind"}, 60
	return g
}

var views = []string{compare.ViewFlat: "flat", compare.ViewBlind: "blind", compare.ViewZones: "zones"}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag.
func (g *Grid) Runs() (runs []Config, err error) {
	protocols, err := compare.Named(g.Protocols)
	if err := cmp.Or(err, compare.Within("members", g.Members, MembersMin, compare.MembersMax), compare.Within("sites", g.Sites, SitesMin, SitesMax),
		compare.Within("loss", g.Loss, 0, LossMax), compare.Within("seconds", []int{g.Seconds}, SecondsMin, SecondsMax), compare.Within("seeds", []int{g.Seeds}, 1, compare.SeedsMax)); err != nil {
		return nil, err
	}
	if least, most := slices.Min(g.Members), slices.Max(g.Sites); least < membersOfSite*most {
		return nil, fmt.Errorf("--sites: %d have more than %d members, %d each", most, least, membersOfSite)
	}
	if len(g.Views) == 0 {
		return nil, fmt.Errorf("--view: no value")
	}
	for _, name := range g.Views {
		if !slices.Contains(views, name) {
			return nil, fmt.Errorf("--view: %q is none of zones, flat, blind", name)
		}
	}
	for _, loss := range g.Loss {
		for _, sites := range g.Sites {
			for _, p := range protocols {
				for _, view := range g.viewsOf(p) {
					for _, members := range g.Members {
						for i := range g.Seeds {
							runs = append(runs, Config{
								Protocol: p, Members: members, Sites: sites, Loss: loss, View: view, Multicast: g.Multicast || p.Multicast, Scoped: g.Scoped, Seconds: g.Seconds,
								Seed: g.Seed + uint64(i),
							})
						}
					}
				}
			}
		}
	}
	return runs, nil
}

// viewsOf returns the views with which a protocol runs.
func (g *Grid) viewsOf(p *compare.Protocol) (found []compare.View) {
	if p.Name != "bimodal" {
		return []compare.View{compare.ViewFlat}
	}
	for _, name := range g.Views {
		found = append(found, compare.View(slices.Index(views, name)))
	}
	return found
}
