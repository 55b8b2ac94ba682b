package enrolment

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// lockInterval is how often a lock that another process holds is tried again.
const lockInterval = 5 * time.Millisecond

// ErrLocked says that another process did not let go of an authority or identity within LockTimeout.
var ErrLocked = errors.New("another process is using it and does not let go")

var lockOf = file{name: "lock", what: "lock"}

// lock takes the lock of a folder, which one holder has at a time, here or in other processes; the system lets go of it when a process ends. It is held
// for one operation only, so that a command and a running agent take turns.
func lock(ctx context.Context, folder string) (*os.File, error) {
	if err := makeFolder(folder); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, LockTimeout, ErrLocked)
	defer cancel()
	ticker := time.NewTicker(lockInterval)
	defer ticker.Stop()
	for {
		f, err := tryLock(filepath.Join(folder, lockOf.name))
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, errHeld) {
			return nil, lockOf.fail(folder, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, lockOf.fail(folder, context.Cause(ctx))
		}
	}
}

// errHeld says that somebody else holds a lock.
var errHeld = errors.New("held")
