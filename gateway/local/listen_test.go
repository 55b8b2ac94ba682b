package local

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustParse(t *testing.T, text string) Address {
	t.Helper()
	address, err := ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	if address.String() != text {
		t.Errorf("%q reads as %q", text, address)
	}
	return address
}

func TestParseAddress(t *testing.T) {
	for _, good := range []string{"unix:/run/a.sock", "unix:a", "127.0.0.1:7500", "127.9.9.9:1", "[::1]:0", "localhost:7500"} {
		mustParse(t, good)
	}
	for text, want := range map[string]string{
		"":                "neither unix:PATH nor HOST:PORT",
		"unix:":           "no path",
		"/run/a.sock":     "neither unix:PATH nor HOST:PORT",
		"127.0.0.1":       "neither unix:PATH nor HOST:PORT",
		":7500":           "not a loopback address",
		"0.0.0.0:7500":    "not a loopback address",
		"[::]:7500":       "not a loopback address",
		"10.0.0.1:7500":   "not a loopback address",
		"example.com:750": "not a loopback address",
	} {
		if _, err := ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func checkMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("mode of %s is %o, want %o", path, got, want)
	}
}

func TestListenMakesAPrivateSocket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	l, err := Listen(DefaultAddress(dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	checkMode(t, dir, 0o700)
	checkMode(t, socketPath(dir), 0o600)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(socketPath(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestListenRefusesALivingAgent(t *testing.T) {
	dir := t.TempDir()
	l, err := Listen(DefaultAddress(dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(DefaultAddress(dir), dir); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), dir) {
		t.Errorf("same directory: %v, want %v", err, ErrRunning)
	}
	if _, err := Listen(mustParse(t, "127.0.0.1:0"), dir); !errors.Is(err, ErrRunning) {
		t.Errorf("same directory on TCP: %v, want %v", err, ErrRunning)
	}
	if _, err := Listen(DefaultAddress(dir), t.TempDir()); !errors.Is(err, ErrRunning) {
		t.Errorf("same socket, other directory: %v, want %v", err, ErrRunning)
	}
	conn, err := net.Dial("unix", socketPath(dir))
	if err != nil {
		t.Fatalf("the living socket suffered: %v", err)
	}
	conn.Close()
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	dir := t.TempDir()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketPath(dir), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	s := startAt(t, DefaultAddress(dir), dir)
	if _, err := s.client.Status(testContext(t)); err != nil {
		t.Error(err)
	}
}

func TestListenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	long := "/" + strings.Repeat("d", SocketPathMax)
	for _, test := range []struct{ address, dir, want string }{
		{"unix:" + long, dir, "socket path " + long + " has 108 bytes, the limit is 107"},
		{"unix:" + file, dir, file + " exists and is not a socket"},
		{"unix:" + filepath.Join(dir, "missing", "a.sock"), dir, "no such file or directory"},
		{"unix:" + filepath.Join(dir, "a.sock"), file, "data directory: mkdir " + file + ": not a directory"},
		{taken.Addr().String(), dir, "api: listen " + taken.Addr().String() + ": address already in use"},
	} {
		if _, err := Listen(mustParse(t, test.address), test.dir); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s in %s: %v, want %q", test.address, test.dir, err, test.want)
		}
	}
	// Nothing of the failed attempts holds the directory.
	l, err := Listen(DefaultAddress(dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
