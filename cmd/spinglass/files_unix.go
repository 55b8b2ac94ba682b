//go:build unix

package main

import "golang.org/x/sys/unix"

// checkFiles refuses to run an agent that may open too few files.
func checkFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil // not known
	}
	return enoughFiles(uint64(limit.Cur))
}
