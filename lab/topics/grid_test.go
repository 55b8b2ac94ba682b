package topics

import (
	"strings"
	"testing"
)

// A grid leaves out worlds that are too large, says so when none is left, and names the flag that is out of its range.
func TestGrids(t *testing.T) {
	g := DefaultGrid()
	g.Topics, g.Seeds = []int{100, 1000}, 2
	runs, err := g.Runs()
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[Protocol]int)
	for _, c := range runs {
		if err := c.Check(); err != nil {
			t.Error(err)
		}
		counts[c.Protocol]++
	}
	if counts[Gravity] != 4 || counts[Uniform] != 2 {
		t.Errorf("%d runs with gravity, want 4, and %d of uniform, want 2", counts[Gravity], counts[Uniform])
	}
	for want, change := range map[string]func(g *Grid){
		"--members": func(g *Grid) { g.Members = []int{MembersMin - 1} }, "--topics": func(g *Grid) { g.Topics = []int{TopicsMax + 1} }, "--seconds": func(g *Grid) { g.Seconds = 0 },
		"--seeds": func(g *Grid) { g.Seeds = 0 }, "--protocol": func(g *Grid) { g.Protocols = []string{"none"} }, "uniform": func(g *Grid) { g.Protocols, g.Topics = []string{"uniform"}, []int{1000} },
	} {
		g := DefaultGrid()
		change(&g)
		if _, err := g.Runs(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
