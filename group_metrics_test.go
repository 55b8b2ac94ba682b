package spinglass

import (
	"reflect"
	"slices"
	"testing"

	"spinglass/vsync"
)

// All that groups count is shown as a metric.
func TestMetricsOfGroups(t *testing.T) {
	n := single(t)
	values := func(stats vsync.Stats) (all []float64) {
		for _, m := range protocolMetrics {
			all = append(all, m.value(&snapshot{node: n, groups: stats}))
		}
		return all
	}
	none := values(vsync.Stats{})
	for i := range reflect.TypeFor[vsync.Stats]().NumField() {
		var stats vsync.Stats
		const much = 1 << 40 // also of nanoseconds that are shown as seconds
		field := reflect.ValueOf(&stats).Elem().Field(i)
		if field.CanInt() {
			field.SetInt(much)
		} else {
			field.SetUint(much)
		}
		if slices.Equal(values(stats), none) {
			t.Errorf("no metric shows %s", reflect.TypeFor[vsync.Stats]().Field(i).Name)
		}
	}
}
