package compare

import "fmt"

// View is what members of the shipping protocol know of each other. Members of the others know all, and how far away they are.
type View uint8

// The views.
const (
	ViewFlat  View = iota // all, and how far away they are: the group is one zone
	ViewBlind             // all, and nothing of where they are
	ViewZones             // those of the own zone, and the representatives of the others
)

// Representatives is how many members of a zone members of other zones know, with ViewZones.
const Representatives = 3

// Zoned is a Layout with zones. They are runs of members.
type Zoned interface {
	Layout
	// Zone returns the number of the zone of a member.
	Zone(i int) int
}

func zoned(l Layout) bool {
	_, ok := l.(Zoned)
	return ok
}

// zone returns the path of the zone of a member.
func (g *Group) zone(i int) string { return fmt.Sprintf("/z%d", g.config.Layout.(Zoned).Zone(i)) }

// knows reports whether a member learns of another one.
func (g *Group) knows(i, j int) bool {
	if g.config.View != ViewZones || g.config.Protocol.Name != "bimodal" || g.config.Layout.Apart(i, j) == 0 {
		return true
	}
	// The representatives of a zone are its first members.
	l := g.config.Layout.(Zoned)
	return j < Representatives || l.Zone(j-Representatives) != l.Zone(j)
}
