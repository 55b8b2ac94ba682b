package main

import (
	"runtime"
	"testing"
)

const runBytes = 64 << 20

// shadow is by what memory may look larger: the race detector keeps notes of all of it.
const shadow = 4

// take uses memory as a run does, and leaves it behind.
func take() {
	memory := make([]byte, runBytes)
	for i := 0; i < len(memory); i += 1 << 10 {
		memory[i] = 1
	}
	runtime.KeepAlive(memory)
	runtime.GC() // which gives it back to the process, not to the system
}

// What a run takes counts for it, and not for the next one.
func TestMemoryOfRuns(t *testing.T) {
	before := forgetMemory()
	if before == nil {
		t.Skip("the system does not tell")
	}
	take()
	if used := memoryUsed(before); *used < runBytes*3/4 || *used > runBytes*shadow {
		t.Errorf("a run that takes %d MiB took %d MiB", runBytes>>20, *used>>20)
	}
	before = forgetMemory()
	if used := memoryUsed(before); *used > runBytes/4 || *before > *memoryMost() {
		t.Errorf("a run that takes nothing took %d MiB after one that took %d MiB", *used>>20, runBytes>>20)
	}
	take()
	if used := memoryUsed(before); *used < runBytes*3/4 {
		t.Errorf("the next run that takes %d MiB took %d MiB", runBytes>>20, *used>>20)
	}
}
