//go:build unix

package local

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the exclusive lock of an open file; held reports that another process has it. The lock ends with the file,
// however the process ends.
func lockFile(file *os.File) (held bool, err error) {
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return true, nil
	case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOSYS):
		return false, nil // such a file system leaves only the dial
	}
	return false, err
}

// restrictSocket gives a socket the mode that its file is to have, before it is bound: Linux creates the file with it.
func restrictSocket(descriptor uintptr) error {
	return unix.Fchmod(int(descriptor), 0o600)
}
