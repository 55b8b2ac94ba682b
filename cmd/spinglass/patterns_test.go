package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"spinglass"
)

func TestPatternsOfArguments(t *testing.T) {
	for text, want := range map[string]spinglass.Patterns{
		"orders": nil, "grid/#": nil, "price=1": nil, "a=x": nil, // as ever
		"grid/#=0.1":                   {"grid/#": 0.1},
		"grid/#=0.1 grid/+/alarm=1":    {"grid/#": 0.1, "grid/+/alarm": 1},
		"grid/# grid/test/#=0":         {"grid/#": 0.5, "grid/test/#": 0},
		"price=1 a=x b=1e-3":           {"price": 1, "a=x": 0.5, "b": 1e-3},
		"price=1=1 grid/+=0.25=1 c#=1": {"price=1": 1, "grid/+=0.25": 1, "c#": 1},
	} {
		if got, err := patternsOf(strings.Fields(text), 0.5); err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	many := make([]string, spinglass.PatternsMax+1)
	for i := range many {
		many[i] = fmt.Sprint("p", i)
	}
	for text, want := range map[string]string{
		"": "got no argument", "a #/b=1": "it can only be the last one", "a/#=0": "of no pattern anything is wanted", "a=0 b=0": "of no pattern anything is wanted", "a=1 a": "two ratings", "a=1.5 b": "rating 1.5 is not 0 to 1",
		"a=NaN b": "rating NaN is not 0 to 1", "a/#=-1": "rating -1 is not 0 to 1", "$topics=1 a": "the system's own", "=1 a": "empty", strings.Join(many, " "): "at most 64 patterns",
	} {
		if _, err := patternsOf(strings.Fields(text), 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
