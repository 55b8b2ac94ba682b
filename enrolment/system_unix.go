//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package enrolment

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// tryLock takes the lock that a file is. The error is errHeld when somebody else has it.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errHeld
		}
		return nil, err
	}
	return f, nil
}

// exposed reports whether others than its owner can read or change a file.
func exposed(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }
