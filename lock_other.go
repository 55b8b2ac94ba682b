//go:build !unix

package spinglass

import "os"

// lockFile only makes the file: locks are not known here, so that nothing keeps two processes apart.
func lockFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}
