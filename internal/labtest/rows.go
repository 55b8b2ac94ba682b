// Package labtest runs the grids of experiments in tests.
package labtest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// Rows returns the results of runs, in their order. Runs are worlds of their own, so as many go on at a time as there are processors. err is that of the grid which has made the runs; it fails the
// test, and so does the error of any run.
func Rows[C, R any](t testing.TB, runs []C, err error, run func(ctx context.Context, c C, progress func(string)) (R, error)) []R {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) == 0 {
		t.Fatal("a grid without runs")
	}
	rows, errs := make([]R, len(runs)), make([]error, len(runs))
	var next atomic.Int64
	var done sync.WaitGroup
	for range min(len(runs), runtime.GOMAXPROCS(0)) {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(runs); i = int(next.Add(1)) - 1 {
				rows[i], errs[i] = run(t.Context(), runs[i], func(string) {})
			}
		})
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return rows
}

// Silent makes a run that tells no progress one for Rows.
func Silent[C, R any](run func(context.Context, C) (R, error)) func(context.Context, C, func(string)) (R, error) {
	return func(ctx context.Context, c C, _ func(string)) (R, error) { return run(ctx, c) }
}
