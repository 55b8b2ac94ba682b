package astrolabe

import (
	"fmt"
	"slices"

	"spinglass/astrolabe"
)

// Limits of a Grid.
const (
	MembersMax   = 2_000_000
	BranchingMin = 2
	BranchingMax = astrolabe.ChildrenDefault
	LossMax      = 0.5
	CrashedMax   = 0.5
	UpdatesMax   = 1000 // a round
	SeedsMax     = 1000
)

// Grid is a series of runs: each size with each branching factor of which it is a power, or, of those that are given, a power times less, with as many child zones of the root; each number of representatives, loss, part that crashes, number of updates and seed.
type Grid struct {
	Members         []int // agents, 2 to MembersMax
	Branching       []int // BranchingMin to BranchingMax; none: those published whose powers the sizes are
	Representatives []int // 1 to astrolabe.RepresentativesMax
	Loss            []float64
	Crashed         []float64
	Updates         []int
	Rounds          int    // to wait for all members to see the change: 1 to RoundsMax
	Seeds           int    // 1 to SeedsMax
	Seed            uint64 // the first one
}

// DefaultGrid returns a grid that takes well below a minute.
func DefaultGrid() Grid {
	return Grid{
		Members: []int{625, 3125}, Representatives: []int{1, 3}, Loss: []float64{0, 0.15}, Crashed: []float64{0}, Updates: []int{0},
		Rounds: RoundsMax, Seeds: 1, Seed: 1,
	}
}

// FullGrid returns the grid of the published figures. It takes hours.
func FullGrid() Grid {
	return Grid{
		Members: []int{15_625, 390_625}, Representatives: []int{1, 3}, Loss: []float64{0, 0.05, 0.15}, Crashed: []float64{0, 0.08}, Updates: []int{0},
		Rounds: RoundsMax, Seeds: 1, Seed: 1,
	}
}

// Runs returns the runs of a grid in order. The error says which of its parts is wrong, by the name of the flag, and what would be right.
func (g *Grid) Runs() (runs []Config, err error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	for _, members := range g.Members {
		for _, branching := range g.branching() {
			if root, levels := g.treeOf(members, branching); levels > 0 {
				runs = g.extend(runs, Config{Branching: branching, Root: root, Levels: levels, Rounds: g.Rounds})
			}
		}
	}
	return runs, nil
}

// branching returns the branching factors, those published by default.
func (g *Grid) branching() []int {
	if len(g.Branching) == 0 {
		return publishedBranching
	}
	return g.Branching
}

// treeOf returns how many child zones the root of a tree of so many members has, and how many levels there are; 0 where there is no such tree. Branching factors that are not given go with their
// powers only.
func (g *Grid) treeOf(members, branching int) (root, levels int) {
	root, levels = members, 1
	for root > branching && root%branching == 0 {
		root, levels = root/branching, levels+1
	}
	if root < BranchingMin || root > branching || root < branching && len(g.Branching) == 0 {
		return 0, 0
	}
	return root, levels
}

// extend appends the runs of one tree.
func (g *Grid) extend(runs []Config, c Config) []Config {
	for _, c.Representatives = range g.Representatives {
		for _, c.Loss = range g.Loss {
			for _, c.Crashed = range g.Crashed {
				for _, c.Updates = range g.Updates {
					for i := range g.Seeds {
						c.Seed = g.Seed + uint64(i)
						runs = append(runs, c)
					}
				}
			}
		}
	}
	return runs
}

func (g *Grid) check() error {
	if err := firstError(
		within("branching", g.branching(), BranchingMin, BranchingMax), within("members", g.Members, BranchingMin, MembersMax),
		within("representatives", g.Representatives, 1, astrolabe.RepresentativesMax), within("loss", g.Loss, 0, LossMax),
		within("crashed", g.Crashed, 0, CrashedMax), within("updates", g.Updates, 0, UpdatesMax), within("seeds", []int{g.Seeds}, 1, SeedsMax),
		within("rounds", []int{g.Rounds}, 1, RoundsMax),
	); err != nil {
		return err
	}
	for _, members := range g.Members {
		if !slices.ContainsFunc(g.branching(), func(b int) bool { _, levels := g.treeOf(members, b); return levels > 0 }) {
			return fmt.Errorf("--members: %d is no tree of branching %s; near it are %s", members, list(g.branching()), list(near(members, g.branching())))
		}
	}
	for _, branching := range g.Branching {
		if !slices.ContainsFunc(g.Members, func(n int) bool { _, levels := g.treeOf(n, branching); return levels > 0 }) {
			return fmt.Errorf("--branching: none of %s members is a tree of branching %d; near them are %s", list(g.Members), branching, list(near(g.Members[0], []int{branching})))
		}
	}
	return nil
}

func firstError(errs ...error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return nil
	}
	return errs[i]
}

// within returns what is wrong with the values of a flag.
func within[T int | float64](flag string, values []T, least, most T) error {
	if len(values) == 0 {
		return fmt.Errorf("--%s: no value", flag)
	}
	for _, v := range values {
		if !(v >= least && v <= most) {
			return fmt.Errorf("--%s: %v is not from %v to %v", flag, v, least, most)
		}
	}
	return nil
}

// levelsOf returns the least power of the branching factor that is not below a size.
func levelsOf(members, branching int) (levels int) {
	for n := 1; n < members; levels++ {
		n *= branching
	}
	return levels
}

// near returns the largest tree below a size and the smallest above it, of each branching factor, in ascending order.
func near(members int, branching []int) (sizes []int) {
	for _, b := range branching {
		levels := levelsOf(members, b)
		if levels > 1 {
			sizes = append(sizes, power(b, levels-1))
		}
		if above := power(b, levels); above <= MembersMax {
			sizes = append(sizes, above)
		}
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

func power(b, exponent int) int {
	n := 1
	for range exponent {
		n *= b
	}
	return n
}

// list returns numbers with commas between them.
func list(numbers []int) string {
	text := ""
	for i, n := range numbers {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(n)
	}
	return text
}
