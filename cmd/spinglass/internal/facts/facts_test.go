package facts

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spinglass"
)

func TestFactsOfThisMachine(t *testing.T) {
	all, err := Read(t.Context(), t.TempDir(), strings.Repeat("v", 100), nil)
	if err != nil {
		t.Fatal(err)
	}
	load, memory, used, free := all[Load].(float64), all[Memory].(uint64), all[MemoryUsed].(uint64), all[DiskFree].(uint64)
	if load < 0 || memory < 1<<20 || used == 0 || used > memory || free == 0 || all[CPUs].(int) < 1 || all[Uptime].(int64) < 0 {
		t.Errorf("%v", all)
	}
	if all[System] != runtime.GOOS || all[Machine] != runtime.GOARCH || all[Version] != strings.Repeat("v", versionMax) {
		t.Errorf("%v", all)
	}
	all, err = Read(t.Context(), "/missing/directory", "v1", nil)
	if err == nil || !strings.HasPrefix(err.Error(), "disk_free_bytes: ") || all[DiskFree] != nil || all[Memory] == nil {
		t.Errorf("%v, %v", all, err)
	}
}

func TestFactsAreCoarse(t *testing.T) {
	for value, want := range map[float64]float64{0: 0, 0.004: 0, 0.006: 0.01, 0.123: 0.12, 0.999: 1, 1.26: 1.3, 12.6: 13, 126: 130} {
		if got := twoDigits(value); got != want {
			t.Errorf("load %v is told as %v, want %v", value, got, want)
		}
	}
	for _, test := range [][3]uint64{{0, 1000, 0}, {14, 1000, 10}, {15, 1000, 20}, {1000, 1000, 1000}, {5, 7, 5}, {0, 0, 0}} {
		if got := percents(test[0], test[1]); got != test[2] {
			t.Errorf("%d of %d is told as %d, want %d", test[0], test[1], got, test[2])
		}
	}
	for age, want := range map[time.Duration]time.Duration{
		59 * time.Second: 0, 119 * time.Second: time.Minute, 100 * time.Minute: time.Hour, 47*time.Hour + 59*time.Minute: 47 * time.Hour, 71 * time.Hour: 48 * time.Hour,
	} {
		if got := coarse(age); got != want {
			t.Errorf("%v is told as %v, want %v", age, got, want)
		}
	}
}

func TestFactsAreSteady(t *testing.T) {
	for _, test := range []struct {
		value  float64
		before any
		want   float64
	}{{0.55, nil, 0.55}, {0.55, 0.5, 0.5}, {0.61, 0.5, 0.61}, {0.39, 0.5, 0.39}, {5.4, 5.0, 5}, {5.6, 5.0, 5.6}, {0.09, 0.0, 0}} {
		if got := steadyLoad(test.value, test.before); got != test.want {
			t.Errorf("load %v after %v is told as %v, want %v", test.value, test.before, got, test.want)
		}
	}
	for _, test := range []struct {
		part   uint64
		before any
		want   uint64
	}{{14, nil, 10}, {19, uint64(10), 10}, {1, uint64(10), 10}, {20, uint64(10), 20}, {0, uint64(10), 0}} {
		if got := steadyPart(test.part, 1000, test.before); got != test.want {
			t.Errorf("%d of 1000 after %v is told as %d, want %d", test.part, test.before, got, test.want)
		}
	}
}

// Only what has changed is set, what cannot be read any longer is taken away, and a failure is logged once and tried again.
func TestFactsAreKept(t *testing.T) {
	var set []spinglass.Attrs
	var log bytes.Buffer
	reads := []spinglass.Attrs{
		{Load: 1.0, CPUs: 2, DiskFree: nil}, {Load: 1.0, CPUs: 2, DiskFree: nil}, {Load: 2.0, CPUs: 2, DiskFree: nil}, {Load: nil, CPUs: 2, DiskFree: nil},
		{Load: nil, CPUs: 3, DiskFree: nil}, {Load: nil, CPUs: 3, DiskFree: nil}, {Load: nil, CPUs: 3, DiskFree: nil},
	}
	want := []spinglass.Attrs{{Load: 1.0, CPUs: 2}, {Load: 2.0}, {Load: nil}, {CPUs: 3}, {CPUs: 3}, {CPUs: 3}}
	ctx, cancel := context.WithCancel(t.Context())
	tick := make(chan time.Time, len(reads))
	for range reads {
		tick <- time.Time{}
	}
	read := 0
	var told spinglass.Attrs
	k := Keeper{
		Read: func(_ context.Context, before spinglass.Attrs) (spinglass.Attrs, error) {
			if diff := cmp.Diff(told, before); diff != "" {
				t.Errorf("reading %d: %s", read, diff)
			}
			if read++; read == len(reads) {
				cancel()
			}
			return reads[read-1], nil
		},
		Set: func(_ context.Context, attributes spinglass.Attrs) error {
			if set = append(set, attributes); len(set) == 4 || len(set) == 5 {
				return errors.New("the row is full")
			}
			told = reads[read-1]
			return nil
		},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}
	k.Keep(ctx, tick)
	if diff := cmp.Diff(want, set); diff != "" {
		t.Error(diff)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `error="the row is full"`) {
		t.Errorf("%s", text)
	}
}
