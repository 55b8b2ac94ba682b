package enrolment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	folderMode = 0o700
	fileMode   = 0o600
	// temporaryMark ends the name of a file that is not complete. Left behind by a crash, it is overwritten by the next write.
	temporaryMark = ".writing"
)

// FileError says which file cannot be used, and why.
type FileError struct {
	What string // such as "key"
	Path string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s %s: %v", e.What, e.Path, e.Err) }

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }

// ErrExposed says that others than the owner can read or change a secret.
var ErrExposed = errors.New("others than its owner can read or change it: take it for stolen, or chmod 600 it if you know better")

// file is a kind of file in a folder: what it is called, and how large it can be.
type file struct {
	name    string
	what    string
	sizeMax int64
	secret  bool
}

// fail names the file that an error is of.
func (f file) fail(folder string, err error) error {
	return &FileError{What: f.what, Path: filepath.Join(folder, f.name), Err: plain(err)}
}

// plain takes the operation and the path out of a file error, which FileError names already.
func plain(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// read returns the whole file. The error is fs.ErrNotExist when there is none.
func (f file) read(folder string) ([]byte, error) {
	b, err := f.readAll(filepath.Join(folder, f.name))
	if err != nil {
		return nil, f.fail(folder, err)
	}
	return b, nil
}

func (f file) readAll(path string) ([]byte, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	info, err := opened.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case f.secret && exposed(info):
		return nil, ErrExposed
	}
	b, err := io.ReadAll(io.LimitReader(opened, f.sizeMax+1))
	if err == nil && int64(len(b)) > f.sizeMax {
		err = fmt.Errorf("%w: larger than %d bytes", ErrDamaged, f.sizeMax)
	}
	return b, err
}

// write stores the file so that after a crash at any moment it is the whole of the old one or the whole of the new one. Who calls holds the lock of the folder.
func (f file) write(folder string, content []byte) error {
	path := filepath.Join(folder, f.name)
	if err := writeDurably(path+temporaryMark, content); err != nil {
		_ = os.Remove(path + temporaryMark)
		return f.fail(folder, err)
	}
	err := os.Rename(path+temporaryMark, path)
	if err == nil {
		err = syncFolder(folder)
	}
	if err != nil {
		return f.fail(folder, err)
	}
	return nil
}

// remove removes the file, durably; it need not be there.
func (f file) remove(folder string) error {
	err := os.Remove(filepath.Join(folder, f.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncFolder(folder)
	}
	if err != nil {
		return f.fail(folder, err)
	}
	return nil
}

func writeDurably(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes what changed in a folder durable.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeFolder makes a folder, durably, and those above it.
func makeFolder(folder string) error {
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return nil
	}
	err := os.MkdirAll(folder, folderMode)
	if err == nil {
		err = syncFolder(filepath.Dir(folder))
	}
	if err != nil {
		return &FileError{What: "folder", Path: folder, Err: plain(err)}
	}
	return nil
}
