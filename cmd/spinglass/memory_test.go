package main

import (
	"runtime"
	"testing"
)

// What a run has left does not count for the next one.
func TestMemoryOfEarlierRuns(t *testing.T) {
	const left = 64 << 20 // bytes
	garbage := make([]byte, left)
	for i := 0; i < len(garbage); i += 1 << 10 {
		garbage[i] = 1
	}
	runtime.KeepAlive(garbage)
	before := memoryMost()
	if before == nil {
		t.Skip("the system does not tell")
	}
	forgetMemory()
	if after := memoryMost(); *after+left*3/4 > *before {
		t.Errorf("%d MiB before and %d MiB after %d MiB were given up", *before>>20, *after>>20, left>>20)
	}
}
