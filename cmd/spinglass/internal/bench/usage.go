package bench

import (
	"runtime"
	"time"
)

// usage is what the process has used up to an instant.
type usage struct {
	at          time.Time
	cpu         time.Duration
	allocations uint64
	published   uint64
	delivered   uint64 // at all receivers together
}

// usageNow reads what the process has used. It stops the world for an instant.
func usageNow() usage {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return usage{at: time.Now(), cpu: cpuTime(), allocations: memory.Mallocs}
}
