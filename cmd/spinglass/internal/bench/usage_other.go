//go:build !linux

package bench

import "time"

// cpuTime is not known on this system.
func cpuTime() time.Duration { return 0 }

// residentBytes is not known on this system.
func residentBytes() uint64 { return 0 }
