package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// ErrRunning says that an agent already runs with this data directory or socket.
var ErrRunning = errors.New("an agent already runs")

// Listener is where a [Server] accepts commands. It holds the lock of the data directory until it is closed.
type Listener struct {
	net.Listener
	address Address
	token   string
	lock    *os.File
}

// Listen makes the data directory when it does not exist, locks it and opens the address. A socket that no agent listens on any
// more is replaced; for one that lives, and for a data directory that another process holds, the error is [ErrRunning].
func Listen(address Address, dataDir string) (*Listener, error) {
	if err := address.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := lockDirectory(dataDir)
	if err != nil {
		return nil, err
	}
	l := &Listener{address: address, lock: lock}
	if address.network == "unix" {
		l.Listener, err = listenUnix(address.target)
	} else {
		l.Listener, err = listenTCP(address.target)
		if err == nil {
			l.address.target = l.Listener.Addr().String()
			l.token, err = createToken(dataDir)
		}
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Address returns where the listener is reached, with the port that was chosen where the given one was 0.
func (l *Listener) Address() Address { return l.address }

// Close stops listening, removes the socket and gives the data directory free.
func (l *Listener) Close() error {
	var err error
	if l.Listener != nil {
		err = l.Listener.Close()
	}
	return errors.Join(err, l.lock.Close())
}

func lockDirectory(dataDir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dataDir, LockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	held, err := lockFile(file)
	if err == nil && held {
		err = fmt.Errorf("%w in %s", ErrRunning, dataDir)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func listenUnix(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var restricted error
		err := raw.Control(func(descriptor uintptr) { restricted = restrictSocket(descriptor) })
		return errors.Join(err, restricted)
	}}
	listener, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, listenError(path, err)
	}
	// Systems other than Linux create the file with the mode of the process alone.
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// removeStale removes the socket that an agent left behind when it was killed.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s exists and is not a socket", path)
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		conn.Close()
		return fmt.Errorf("%w on %s", ErrRunning, path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s: cannot tell whether an agent listens there: %w", path, cause(err))
	}
	return os.Remove(path)
}

func listenTCP(hostPort string) (net.Listener, error) {
	listener, err := net.Listen("tcp", hostPort)
	if err != nil {
		return nil, listenError(hostPort, err)
	}
	// localhost is a name, and names can be made to point anywhere.
	if address, ok := listener.Addr().(*net.TCPAddr); !ok || !address.IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("api address %s is not a loopback address", listener.Addr())
	}
	return listener, nil
}

func listenError(where string, err error) error {
	return fmt.Errorf("api: listen %s: %w", where, cause(err))
}

// cause takes the names of system calls and repeated addresses off a network error.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
