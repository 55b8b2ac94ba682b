//go:build unix

package live

import (
	"math"

	"golang.org/x/sys/unix"
)

// filesMax returns how many files the process may open.
func filesMax() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(limit.Cur)
}
