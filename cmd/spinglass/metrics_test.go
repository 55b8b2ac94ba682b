package main

import (
	"reflect"
	"testing"

	"spinglass/enrolment"
)

// TestEveryCounterOfAnIssuerIsShown sets one counter after the other, and wants each in one metric of its own.
func TestEveryCounterOfAnIssuerIsShown(t *testing.T) {
	shown := map[string]bool{}
	for i := range reflect.TypeFor[enrolment.Stats]().NumField() {
		var stats enrolment.Stats
		reflect.ValueOf(&stats).Elem().Field(i).SetUint(7)
		field, found := reflect.TypeFor[enrolment.Stats]().Field(i).Name, 0
		for _, m := range issuerMetrics {
			if id := m.name + " " + m.reason; m.value(stats) == 7 {
				if shown[id] {
					t.Errorf("%s shows %s, too", id, field)
				}
				shown[id] = true
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s is in %d metrics", field, found)
		}
	}
	if len(shown) != len(issuerMetrics) {
		t.Errorf("%d of %d metrics show something", len(shown), len(issuerMetrics))
	}
}
