package labtest

import (
	"context"
	"errors"
	"testing"
)

// failing is a test that Rows may fail: Fatal ends the goroutine that calls it, as that of a test does.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Fatal(...any) {
	f.failed = true
	panic(f)
}

func double(_ context.Context, c int, _ func(string)) (int, error) {
	if c < 0 {
		return 0, errors.New("negative")
	}
	return 2 * c, nil
}

func TestRowsAreInOrder(t *testing.T) {
	runs := make([]int, 100)
	for i := range runs {
		runs[i] = i
	}
	for i, r := range Rows(t, runs, nil, double) {
		if r != 2*i {
			t.Errorf("row %d: %d", i, r)
		}
	}
}

// An error of the grid or of any run fails the test, and so does a grid that has no runs.
func TestErrorsFail(t *testing.T) {
	for what, try := range map[string]func(testing.TB){
		"grid":    func(t testing.TB) { Rows(t, []int{1}, errors.New("out of range"), double) },
		"run":     func(t testing.TB) { Rows(t, []int{1, -1, 2}, nil, double) },
		"no runs": func(t testing.TB) { Rows(t, nil, nil, double) },
	} {
		f := &failing{TB: t}
		func() {
			defer func() {
				if r := recover(); r != nil && r != any(f) {
					panic(r)
				}
			}()
			try(f)
		}()
		if !f.failed {
			t.Errorf("%s: no failure", what)
		}
	}
}
