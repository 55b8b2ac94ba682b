//go:build !linux

package live

import "time"

// nap sleeps.
func nap(d time.Duration) { time.Sleep(d) }
