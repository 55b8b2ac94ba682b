package topic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func parse(t testing.TB, text string) Pattern {
	t.Helper()
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNames(t *testing.T) {
	for _, name := range []string{"a", "a/b", "/", "//", "/a", "a/", "c#", "a+b", "a/+b/c#", "$SYS", "..", "\xff\x00", "ü", strings.Repeat("x", NameMax)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q was a valid name before: %v", name, err)
		}
	}
	for _, name := range []string{"", "+", "#", "a/+", "+/a", "a/#", "a/#/b", "/+/", strings.Repeat("x", NameMax+1)} {
		if err := CheckName(name); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, system := range map[string]bool{"$topics": true, "$topics/3": true, "$topics/#": true, "$topicsx": false, "topics": false, "$": false, "": false} {
		if IsSystem(name) != system {
			t.Errorf("%q is the system's: %v", name, !system)
		}
	}
	for name, reserved := range map[string]bool{"$topics/3": true, "$groups": true, "$groups/#": true, "$groupsx": false, "groups": false, "": false} {
		if IsReserved(name) != reserved {
			t.Errorf("%q is reserved: %v", name, !reserved)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, wrong string }{
		{"", "topic: not a pattern: it is empty"},
		{"#/a", `topic: not a pattern: "#/a": # stands for all further levels, so that it can only be the last one`},
		{"a/#/", `topic: not a pattern: "a/#/": # stands for all further levels, so that it can only be the last one`},
		{strings.Repeat("x", 256), "topic: not a pattern: 256 bytes exceed the limit of 255"},
	} {
		if _, err := Parse(c.text); !errors.Is(err, ErrPattern) || err.Error() != c.wrong {
			t.Errorf("%.20q: %v", c.text, err)
		}
	}
	for _, c := range []struct {
		text, prefix string
		literal      bool
	}{
		{"a", "a", true}, {"a/b", "a/b", true}, {"a/b/", "a/b/", true}, {"/", "/", true}, {"a+/#b", "a+/#b", true},
		{"#", "", false}, {"+", "", false}, {"+/a", "", false}, {"a/#", "a", false}, {"a/b/+/c", "a/b", false}, {"/#", "", false}, {"//+", "/", false}, {"a//#", "a/", false},
	} {
		if p := parse(t, c.text); p.String() != c.text || p.Prefix() != c.prefix || p.Literal() != c.literal {
			t.Errorf("%q: %q, prefix %q, literal %v", c.text, p, p.Prefix(), p.Literal())
		}
	}
	if (Pattern{}).Literal() || (Pattern{}).Match("") || (Pattern{}).Match("a") || (Pattern{}).Match("/") || (Pattern{}).Prefix() != "" {
		t.Error("the zero pattern matches something")
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		matches       bool
	}{
		{"grid/#", "grid", true}, {"grid/#", "grid/", true}, {"grid/#", "grid/a/b", true}, {"grid/#", "grids", false}, {"grid/#", "gri", false},
		{"grid/+/f", "grid/north/f", true}, {"grid/+/f", "grid//f", true}, {"grid/+/f", "grid/f", false}, {"grid/+/f", "grid/a/b/f", false}, {"grid/+", "grid", false}, {"grid/+", "grid/", true},
		{"+/+", "/a", true}, {"/+", "/a", true}, {"+", "/a", false}, {"+", "a", true}, {"#", "/", true}, {"#", "a/b", true}, {"+/#", "a", true}, {"+/#", "a/b/c", true},
		{"a/+/#", "a", false}, {"a/+/#", "a/b", true}, {"a", "a", true}, {"a", "a/", false}, {"a/", "a", false},
		{"c#", "c#", true}, {"c#", "cd", false}, {"a+", "ab", false}, {"+b", "$b", false}, {"+b", "+b", true},
		{"#", "$SYS", false}, {"+/a", "$SYS/a", false}, {"+", "$", false}, {"$SYS/#", "$SYS/a", true}, {"a/+", "a/$b", true}, {"#", "a/$b", true}, {"#", "", false},
	} {
		if parse(t, c.pattern).Match(c.name) != c.matches {
			t.Errorf("%q matches %q: %v", c.pattern, c.name, !c.matches)
		}
	}
}

// dumb is the definition of matching, level by level.
func dumb(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == "#":
		return true
	case len(name) == 0:
		return false
	}
	return (pattern[0] == "+" || pattern[0] == name[0]) && dumb(pattern[1:], name[1:])
}

func dumbMatch(pattern, name string) bool {
	levels := strings.Split(pattern, "/")
	if strings.HasPrefix(name, "$") && (levels[0] == "+" || levels[0] == "#") {
		return false
	}
	return dumb(levels, strings.Split(name, "/"))
}

// draw returns a random name, or a pattern.
func draw(r *rand.Rand, pattern bool) string {
	levels := make([]string, 1+r.IntN(4))
	for i := range levels {
		levels[i] = []string{"", "a", "b", "a+", "$", "c#", "$a"}[r.IntN(7)]
		if pattern && r.IntN(3) == 0 {
			levels[i] = "+"
		}
	}
	if pattern && r.IntN(3) == 0 {
		levels[len(levels)-1] = "#"
	}
	if text := strings.Join(levels, "/"); text != "" {
		return text
	}
	return "a"
}

func TestMatchAsTheDumbMatcher(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	matched := 0
	for range 200_000 {
		pattern, name := draw(r, true), draw(r, false)
		want := dumbMatch(pattern, name)
		if parse(t, pattern).Match(name) != want {
			t.Fatalf("%q matches %q: %v", pattern, name, !want)
		}
		if want {
			matched++
		}
	}
	if matched < 20_000 {
		t.Errorf("only %d cases matched", matched)
	}
}

// A pattern that is more specific than another matches no name that the other does not match, where one of them matches all that the other does; and the order is total.
func TestCompare(t *testing.T) {
	ascending := []string{"a", "a/b", "a/b/+", "a/b/#", "a/c", "a/+/c", "a/+/+", "a/+/#", "a/#", "b", "+", "+/b", "+/#", "#"}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := parse(t, a).Compare(parse(t, b)); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%q compared with %q: %d", a, b, got)
			}
		}
	}
	r := rand.New(rand.NewPCG(2, 1))
	for range 50_000 {
		a, b, c := parse(t, draw(r, true)), parse(t, draw(r, true)), parse(t, draw(r, true))
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d, %d", a, b, a.Compare(b), b.Compare(a))
		}
		if a.Compare(b) < 0 && b.Compare(c) < 0 && a.Compare(c) >= 0 {
			t.Fatalf("%q, %q, %q", a, b, c)
		}
	}
}

// Interests against a list that is searched from end to end.
func TestInterestsAsAList(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	found := 0
	for range 300 {
		var interests Interests[int]
		list := map[Pattern]int{}
		for step := range 60 {
			p := parse(t, draw(r, true))
			if r.IntN(3) == 0 {
				_, want := list[p]
				if got := interests.Remove(p); got != want {
					t.Fatalf("removed %q: %v", p, got)
				}
				delete(list, p)
			} else {
				if err := interests.Set(p, step); err != nil {
					t.Fatal(err)
				}
				list[p] = step
			}
			want, there := list[p]
			if value, ok := interests.Get(p); interests.Len() != len(list) || value != want || ok != there {
				t.Fatalf("%q: %d, %v; %d patterns, want %d", p, value, ok, interests.Len(), len(list))
			}
			name := draw(r, false)
			var best Pattern
			for q := range list {
				if dumbMatch(q.String(), name) && (best.text == "" || q.Compare(best) < 0) {
					best = q
				}
			}
			value, p, ok := interests.Lookup(name)
			if ok != (best.text != "") || p != best || value != list[best] {
				t.Fatalf("%q: %q, want %q of %v", name, p, best, list)
			}
			if ok {
				found++
			}
		}
		var all []Pattern
		for p, value := range interests.All() {
			if list[p] != value {
				t.Fatalf("%q: %d", p, value)
			}
			all = append(all, p)
		}
		if len(all) != len(list) || !slices.IsSortedFunc(all, Pattern.Compare) {
			t.Fatalf("%v", all)
		}
		for _, p := range all {
			interests.Remove(p)
		}
		if !interests.root.empty() || interests.Len() != 0 {
			t.Fatal("something is left of patterns that were removed")
		}
	}
	if found < 3000 {
		t.Errorf("only %d names were found", found)
	}
}

func TestInterestsHaveALimit(t *testing.T) {
	var interests Interests[struct{}]
	for i := range InterestsMax {
		if err := interests.Set(parse(t, fmt.Sprintf("a/%d/+", i)), struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := interests.Set(parse(t, "b"), struct{}{}); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	if err := interests.Set(parse(t, "a/7/+"), struct{}{}); err != nil {
		t.Error(err)
	}
	if err := interests.Set(Pattern{}, struct{}{}); !errors.Is(err, ErrPattern) {
		t.Error(err)
	}
	if _, ok := interests.Get(Pattern{}); ok || interests.Remove(Pattern{}) {
		t.Error("the zero pattern is there")
	}
	for range interests.All() {
		break
	}
}

func TestNothingIsAllocated(t *testing.T) {
	var interests Interests[uint16]
	for _, text := range []string{"#", "grid/+/frequency", "grid/north/#", "grid/north/+/x", "+/+/+/y"} {
		if err := interests.Set(parse(t, text), 1); err != nil {
			t.Fatal(err)
		}
	}
	p := parse(t, "grid/+/frequency")
	if n := testing.AllocsPerRun(100, func() {
		if _, _, ok := interests.Lookup("grid/north/a/z"); !ok || !p.Match("grid/south/frequency") || p.Match("grid/south/voltage") {
			t.Error("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "a", "a/+/b", "a/#", "#/a", "+", "$topics/#", "a//+/", "c#"} {
		f.Add(seed, "a/x/b")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrPattern) || CheckName(text) == nil {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if p.Literal() != (CheckName(text) == nil) {
			t.Fatalf("%q is a literal: %v", text, p.Literal())
		}
		if p.Literal() && !p.Match(text) {
			t.Fatalf("%q does not match itself", text)
		}
		if CheckName(name) != nil {
			return
		}
		want := dumbMatch(text, name)
		if p.Match(name) != want {
			t.Fatalf("%q matches %q: %v", text, name, !want)
		}
		if want && !strings.HasPrefix(name, p.Prefix()) {
			t.Fatalf("%q matches %q, which does not begin with %q", text, name, p.Prefix())
		}
		var interests Interests[int]
		if err := interests.Set(p, 1); err != nil {
			t.Fatal(err)
		}
		if _, _, ok := interests.Lookup(name); ok != want {
			t.Fatalf("%q is found by %q: %v", name, text, ok)
		}
	})
}

// What covers a pattern matches each name that it matches; and where nothing but the form +/# stands in the way, what does not cover it leaves some name out.
func TestPatternsCover(t *testing.T) {
	var names, patterns []string
	grow := func(levels []string, depth int, last func(string) bool) (all []string) {
		ends := slices.Clone(levels)
		for range depth {
			all = append(all, ends...)
			var longer []string
			for _, end := range ends {
				for _, level := range levels {
					if !last(end) {
						longer = append(longer, end+"/"+level)
					}
				}
			}
			ends = longer
		}
		return slices.DeleteFunc(all, func(text string) bool { return text == "" })
	}
	names = grow([]string{"", "a", "b", "$s"}, 4, func(string) bool { return false })
	patterns = grow([]string{"", "a", "$s", "+", "#"}, 3, func(text string) bool { return text == "#" || strings.HasSuffix(text, "/#") })
	covering := 0
	for _, p := range patterns {
		for _, q := range patterns {
			a, b := parse(t, p), parse(t, q)
			all := !slices.ContainsFunc(names, func(name string) bool { return b.Match(name) && !a.Match(name) })
			switch covers := a.Covers(b); {
			case covers && !all:
				t.Errorf("%s does not cover %s", p, q)
			case !covers && all && !strings.HasSuffix(p, "+/#"):
				t.Errorf("%s covers %s", p, q)
			case covers:
				covering++
			}
		}
	}
	if covering < len(patterns)*2 {
		t.Errorf("%d of %d patterns cover others", covering, len(patterns))
	}
}
