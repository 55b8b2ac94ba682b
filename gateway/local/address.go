package local

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
)

// Names of the files in a data directory.
const (
	SocketFile = "api.sock"
	TokenFile  = "api.token"
	LockFile   = "agent.lock"
)

const unixPrefix = "unix:"

// Address says where an agent is reached: the path of a unix socket, or a loopback host and port.
type Address struct {
	network string // "unix" or "tcp"
	target  string // path, or host:port
}

// DefaultAddress returns the address of the socket in a data directory.
func DefaultAddress(dataDir string) Address {
	return Address{network: "unix", target: filepath.Join(dataDir, SocketFile)}
}

// ParseAddress reads "unix:PATH" or "HOST:PORT". HOST is a loopback address or localhost.
func ParseAddress(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, unixPrefix); ok {
		if path == "" {
			return Address{}, fmt.Errorf("api address %q has no path after %q", text, unixPrefix)
		}
		return Address{network: "unix", target: path}, nil
	}
	host, _, err := net.SplitHostPort(text)
	if err != nil {
		return Address{}, fmt.Errorf("api address %q is neither unix:PATH nor HOST:PORT", text)
	}
	if !loopback(host) {
		return Address{}, fmt.Errorf("api address %q is not a loopback address; the interface is for this machine only", text)
	}
	return Address{network: "tcp", target: text}, nil
}

// String returns the form that ParseAddress reads.
func (a Address) String() string {
	if a.network == "unix" {
		return unixPrefix + a.target
	}
	return a.target
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// check reports why the address cannot be listened on or dialled.
func (a Address) check() error {
	switch {
	case a.target == "":
		return errors.New("no api address")
	case a.network == "unix" && len(a.target) > SocketPathMax:
		return fmt.Errorf("socket path %s has %d bytes, the limit is %d; give a shorter one with --api unix:PATH",
			a.target, len(a.target), SocketPathMax)
	}
	return nil
}
