package facts

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"

	"spinglass"
)

// Names of the facts.
const (
	Load       = "load"
	CPUs       = "cpus"
	Memory     = "memory_bytes"
	MemoryUsed = "memory_used_bytes"
	DiskFree   = "disk_free_bytes"
	Uptime     = "uptime_s"
	Version    = "version"
	System     = "os"
	Machine    = "arch"
)

// versionMax is how many bytes of a version are told.
const versionMax = 64

// Read returns the facts of this machine; nil for those that cannot be read, which the error names. directory is the one whose file system counts. Those that are close to what they
// were before stay as they were.
func Read(ctx context.Context, directory, version string, before spinglass.Attrs) (spinglass.Attrs, error) {
	all := spinglass.Attrs{
		CPUs: runtime.NumCPU(), Version: version[:min(len(version), versionMax)], System: runtime.GOOS, Machine: runtime.GOARCH,
		Load: nil, Memory: nil, MemoryUsed: nil, DiskFree: nil, Uptime: nil,
	}
	average, loadErr := load.AvgWithContext(ctx)
	if loadErr == nil {
		all[Load] = steadyLoad(average.Load1, before[Load])
	}
	memory, memoryErr := mem.VirtualMemoryWithContext(ctx)
	if memoryErr == nil {
		all[Memory], all[MemoryUsed] = memory.Total, steadyPart(memory.Total-min(memory.Available, memory.Total), memory.Total, before[MemoryUsed])
	}
	space, diskErr := disk.UsageWithContext(ctx, directory)
	if diskErr == nil {
		all[DiskFree] = steadyPart(space.Free, space.Total, before[DiskFree])
	}
	seconds, uptimeErr := host.UptimeWithContext(ctx)
	if uptimeErr == nil {
		all[Uptime] = int64(coarse(time.Duration(seconds)*time.Second) / time.Second)
	}
	return all, errors.Join(named(Load, loadErr), named(Memory, memoryErr), named(DiskFree, diskErr), named(Uptime, uptimeErr))
}

func named(fact string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fact, err)
}

// twoDigits rounds to hundredths, and from 1 on to two digits.
func twoDigits(value float64) float64 {
	if value < 1 {
		return math.Round(value*100) / 100
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 2, 64), 64)
	if err != nil {
		return value
	}
	return rounded
}

// Differences of load that are told: a tenth of what it was, and no less than a tenth of a process.
const (
	loadPart  = 0.1
	loadLeast = 0.1
)

// steadyLoad returns a load in two digits, or what it was before if that is close.
func steadyLoad(value float64, before any) float64 {
	if told, ok := before.(float64); ok && math.Abs(value-told) < max(loadLeast, told*loadPart) {
		return told
	}
	return twoDigits(value)
}

// steadyPart returns a part of a whole in hundredths of it, or what it was before if that is less than a hundredth away.
func steadyPart(part, whole uint64, before any) uint64 {
	if told, ok := before.(uint64); ok && max(part, told)-min(part, told) < whole/100 {
		return told
	}
	return percents(part, whole)
}

// percents rounds a part of a whole to hundredths of it.
func percents(part, whole uint64) uint64 {
	step := max(whole/100, 1)
	return (part + step/2) / step * step
}

// coarse rounds an age down such that it changes seldom.
func coarse(age time.Duration) time.Duration {
	switch {
	case age < time.Hour:
		return age.Truncate(time.Minute)
	case age < 48*time.Hour:
		return age.Truncate(time.Hour)
	}
	return age.Truncate(24 * time.Hour)
}
