//go:build !linux

package measure

import "time"

// commonNow reads the wall clock: the members share one process on this system.
func commonNow() time.Duration { return time.Duration(time.Now().UnixNano()) }

func doze(d time.Duration) { time.Sleep(d) }

// cpuTime is not known on this system.
func cpuTime() time.Duration { return 0 }

// residentBytes is not known on this system.
func residentBytes() uint64 { return 0 }
