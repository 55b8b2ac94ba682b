package live

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap sleeps for less than the timers of the runtime can: those are waited for in whole milliseconds.
func nap(d time.Duration) {
	pause := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&pause, nil) // a signal ends it early, which does no harm
}
