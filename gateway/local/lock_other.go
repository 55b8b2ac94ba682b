//go:build !unix

package local

import "os"

// lockFile does nothing where files cannot be locked: a dial tells whether an agent lives.
func lockFile(*os.File) (held bool, err error) { return false, nil }

func restrictSocket(uintptr) error { return nil }
