package astrolabe

import (
	"strings"
	"testing"
)

func TestGrid(t *testing.T) {
	g := DefaultGrid()
	g.Members, g.Branching, g.Seeds = []int{625, 3125}, []int{5, 25}, 2
	runs, err := g.Runs()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[[2]int]int{}
	for _, c := range runs {
		sizes[[2]int{c.Members(), c.Branching}]++
	}
	if each := 2 * 2 * 2; len(sizes) != 4 || sizes[[2]int{625, 5}] != each || sizes[[2]int{625, 25}] != each || sizes[[2]int{3125, 5}] != each || sizes[[2]int{3125, 25}] != each {
		t.Errorf("%v", sizes)
	}
	for name, g := range map[string]Grid{"default": DefaultGrid(), "full": FullGrid()} {
		if runs, err := g.Runs(); err != nil || len(runs) == 0 {
			t.Errorf("%s: %d runs, %v", name, len(runs), err)
		}
	}
}

// A size that is no power of a branching factor has a root with fewer child zones, if the factor was given.
func TestFewerChildZonesOfTheRoot(t *testing.T) {
	g := DefaultGrid()
	g.Representatives, g.Loss, g.Members = []int{1}, []float64{0}, []int{390_625, 250, 7}
	g.Branching = []int{125}
	want := []Config{{Branching: 125, Root: 25, Levels: 3}, {Branching: 125, Root: 2, Levels: 2}, {Branching: 125, Root: 7, Levels: 1}}
	runs, err := g.Runs()
	if err != nil || len(runs) != len(want) {
		t.Fatalf("%v, %v", runs, err)
	}
	for i, w := range want {
		if c := runs[i]; c.Branching != w.Branching || c.Root != w.Root || c.Levels != w.Levels || c.Members() != g.Members[i] {
			t.Errorf("%d members: %+v", g.Members[i], c)
		}
	}
	g.Members, g.Branching = []int{390_625}, nil
	if runs, err := g.Runs(); err != nil || len(runs) != 2 || runs[0].Branching != 5 || runs[1].Branching != 25 || runs[1].Root != 25 {
		t.Errorf("%v, %v", runs, err)
	}
}

func TestWhatIsNoGrid(t *testing.T) {
	for want, change := range map[string]func(g *Grid){
		"--members: 1000 is no tree of branching 5, 25, 125; near it are 125, 625, 3125, 15625": func(g *Grid) { g.Members, g.Branching = []int{625, 1000}, nil },
		"--members: 1000 is no tree of branching 5, 25; near it are 625, 3125, 15625":           func(g *Grid) { g.Members = []int{625, 1000} },
		"--branching: none of 1220 members is a tree of branching 25; near them are 625, 15625": func(g *Grid) { g.Members, g.Branching = []int{1220}, []int{25, 61} },
		"--members: 3000000 is not from 2 to 2000000":                                           func(g *Grid) { g.Members = []int{3_000_000} },
		"--members: no value":                     func(g *Grid) { g.Members = nil },
		"--branching: 1 is not from 2 to 128":     func(g *Grid) { g.Branching = []int{1} },
		"--representatives: 9 is not from 1 to 8": func(g *Grid) { g.Representatives = []int{9} },
		"--loss: -0.1 is not from 0 to 0.5":       func(g *Grid) { g.Loss = []float64{-0.1} },
		"--crashed: 0.6 is not from 0 to 0.5":     func(g *Grid) { g.Crashed = []float64{0.6} },
		"--updates: 1001 is not from 0 to 1000":   func(g *Grid) { g.Updates = []int{1001} },
		"--rounds: 0 is not from 1 to 240":        func(g *Grid) { g.Rounds = 0 },
		"--seeds: 0 is not from 1 to 1000":        func(g *Grid) { g.Seeds = 0 },
	} {
		g := DefaultGrid()
		g.Branching = []int{5, 25}
		change(&g)
		if _, err := g.Runs(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	g := DefaultGrid()
	g.Branching, g.Members = []int{5, 25}, []int{1_999_999}
	if _, err := g.Runs(); err == nil || !strings.HasSuffix(err.Error(), "near it are 390625, 1953125") {
		t.Errorf("%v", err)
	}
}
