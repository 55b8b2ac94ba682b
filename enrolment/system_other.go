//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package enrolment

import (
	"io/fs"
	"os"
)

// tryLock only makes the file: locks are not known here, so that nothing keeps two processes apart.
func tryLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
}

// exposed knows nothing of permissions here.
func exposed(fs.FileInfo) bool { return false }
