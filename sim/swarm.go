package sim

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// Environment variables of Swarm.
const (
	SeedVariable  = "SPINGLASS_SEED"  // run this seed only
	SeedsVariable = "SPINGLASS_SEEDS" // run as many seeds, 1 and up
)

// failuresMax is how many failing seeds a swarm reports before it gives up.
const failuresMax = 3

// Tester is what Swarm needs of a *testing.T.
type Tester interface {
	Helper()
	Name() string
	Errorf(format string, args ...any)
}

// Swarm runs a trial for the seeds 1 to seeds. A trial that returns an error or panics fails the test, which then tells how to run that
// seed alone.
func Swarm(t Tester, seeds int, trial func(seed uint64) error) {
	t.Helper()
	first, last, err := seedRange(uint64(seeds))
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	directory := callerPackage()
	failures := 0
	for seed := first; seed <= last && failures < failuresMax; seed++ {
		if err := attempt(trial, seed); err != nil {
			failures++
			t.Errorf("seed %d: %v\nreplay: %s", seed, err, replay(directory, t.Name(), seed))
		}
	}
}

// seedRange returns the seeds to run, which the environment may set.
func seedRange(seeds uint64) (first, last uint64, err error) {
	if text := os.Getenv(SeedVariable); text != "" {
		first, err = strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", SeedVariable, err)
		}
		return first, first, nil
	}
	if text := os.Getenv(SeedsVariable); text != "" {
		seeds, err = strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", SeedsVariable, err)
		}
	}
	return 1, seeds, nil
}

func attempt(trial func(uint64) error, seed uint64) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return trial(seed)
}

// replay returns the command that runs one seed of a test.
func replay(directory, test string, seed uint64) string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + part + "$"
	}
	return fmt.Sprintf("%s=%d go test %s -count=1 -run '%s'", SeedVariable, seed, directory, strings.Join(parts, "/"))
}

// callerPackage returns the import path of the package that called Swarm.
func callerPackage() string {
	counter, _, _, ok := runtime.Caller(2)
	if !ok {
		return "."
	}
	name := runtime.FuncForPC(counter).Name() // such as spinglass/sim.TestSwarm or spinglass/sim_test.TestSwarm.func1
	slash := strings.LastIndexByte(name, '/') + 1
	if dot := strings.IndexByte(name[slash:], '.'); dot >= 0 {
		name = name[:slash+dot]
	}
	return strings.TrimSuffix(name, "_test")
}
