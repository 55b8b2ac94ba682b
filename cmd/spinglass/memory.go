package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

// memoryUsed returns the most memory that the process had in use since forgetMemory, beyond what it had then; nil where the system does not tell.
func memoryUsed(before *uint64) *uint64 {
	most := memoryMost()
	if before == nil || most == nil {
		return nil
	}
	return new(*most - min(*most, *before))
}

// memoryMost returns the most memory that the process had in use since forgetMemory, nil where the system does not tell.
func memoryMost() *uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes uint64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			return new(kilobytes << 10)
		}
	}
	return nil
}

// forgetMemory gives back what runs before have left, begins anew with what memoryMost returns, and returns that. Where the system does not begin anew, it is the most since the
// process began.
func forgetMemory() (before *uint64) {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	return memoryMost()
}
