package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
)

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

// forgetMemory begins anew with what memoryMost returns, without what runs before have left. Where the system does not do that, it is the most since the process began.
func forgetMemory() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}
