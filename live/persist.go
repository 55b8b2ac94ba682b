package live

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	persistKeyMax = 64         // bytes of a key
	persistSuffix = ".value"   // of the file of a key
	temporaryMark = ".writing" // of a file that is not complete; left behind by a crash, it is overwritten by the next write
)

var errPersistKey = fmt.Errorf("live: a key has 1 to %d letters, digits, '-' and '_'", persistKeyMax)

// ReadPersisted returns the value that Persist stored last under key in a data directory. The error is fs.ErrNotExist when there is none.
func ReadPersisted(dir, key string) ([]byte, error) {
	if !validKey(key) {
		return nil, errPersistKey
	}
	return os.ReadFile(persistPath(dir, key))
}

func validKey(key string) bool {
	if len(key) == 0 || len(key) > persistKeyMax {
		return false
	}
	for _, c := range []byte(key) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// PersistedFile returns the name of the file in a data directory that holds the value of a key.
func PersistedFile(key string) string { return key + persistSuffix }

func persistPath(dir, key string) string { return filepath.Join(dir, PersistedFile(key)) }

// persist stores a value so that after a crash at any moment the file holds the whole of the old value or the whole of the new one:
// the new one is complete and durable under another name before it takes the place of the old one. An empty dir stores nothing.
func persist(dir, key string, value []byte) error {
	switch {
	case !validKey(key):
		return errPersistKey
	case dir == "":
		return nil
	}
	path := persistPath(dir, key)
	temporary := path + temporaryMark
	if err := writeDurably(temporary, value); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(dir)
}

func writeDurably(path string, value []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(value)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes a rename in the directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// prepareDir makes the data directory if need be and checks that files can be made in it.
func prepareDir(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	f, err := os.CreateTemp(dir, "check-*"+temporaryMark)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
