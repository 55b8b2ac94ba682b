package live

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

func TestStartErrors(t *testing.T) {
	taken := run(t, 1, &toy{}, nil).LocalAddr().String()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"in use", func(c *Config) { c.Listen = taken }, "listen " + taken + ": address already in use"},
		{"no port", func(c *Config) { c.Listen = "127.0.0.1" }, "listen 127.0.0.1: not an address of the form host:port"},
		{"port", func(c *Config) { c.Listen = ":70000" }, "listen :70000: not an address of the form host:port"},
		{"not ours", func(c *Config) { c.Listen = "192.0.2.1:7400" }, "listen 192.0.2.1:7400: cannot assign requested address"},
		{"advertise", func(c *Config) { c.Advertise = "web-1" }, "advertise web-1: not an address of the form host:port"},
		{"data", func(c *Config) { c.DataDir = filepath.Join(file, "data") }, "data directory: mkdir " + file + ": not a directory"},
		{"build", func(c *Config) {
			c.Machine, c.Build = nil, func(protocol.Address) (protocol.Machine, error) { return nil, broken }
		}, "live: building the machine: broken"},
		{"id", func(c *Config) { c.ID = 0 }, "live: node id is zero"},
		{"machine", func(c *Config) { c.Machine = nil }, "live: exactly one of Machine and Build must be set"},
		{"decoder", func(c *Config) { c.Decoder = nil }, "live: no decoder"},
		{"listen", func(c *Config) { c.Listen = "" }, "live: no address to listen on"},
		{"size", func(c *Config) { c.DatagramSize = wire.DatagramMin - 1 }, "live: datagram size 1199 is not in 1200 to 65107"},
		{"key", func(c *Config) { c.Key = []byte{1} }, "live: key of 1 bytes is not an Ed25519 private key"},
		{"bound", func(c *Config) { c.CallQueue = -1 }, "live: bound -1 is not in 1 to 1073741824"},
		{"perturb", func(c *Config) { c.Perturb.Sleep = 2 }, "live: perturbation"},
	} {
		config := Config{ID: 2, Machine: &toy{}, Decoder: &textDecoder{}, Listen: "127.0.0.1:0"}
		c.change(&config)
		n, err := Start(config)
		if err == nil {
			_ = n.Close()
			t.Errorf("%s: started", c.name)
			continue
		}
		if !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %q, want %q", c.name, err, c.want)
		}
	}
}

func TestAdvertised(t *testing.T) {
	for _, c := range []struct{ listen, advertise, join, host string }{
		{"127.0.0.1:0", "", "", "127.0.0.1"},
		{"[::1]:0", "", "", "::1"},
		{":0", "", "127.0.0.1:9", "127.0.0.1"},
		{":0", "", "[::1]:9", "::1"},
		{":0", "web.example:0", "", "web.example"},
		{"127.0.0.1:0", "10.1.2.3:0", "", "10.1.2.3"},
	} {
		var told protocol.Address
		n := run(t, 1, nil, func(config *Config) {
			config.Listen, config.Advertise, config.Join = c.listen, c.advertise, []string{c.join}
			config.Machine, config.Build = nil, func(a protocol.Address) (protocol.Machine, error) { told = a; return &toy{}, nil }
		})
		_, port, _ := net.SplitHostPort(n.LocalAddr().String())
		if want := protocol.Address(net.JoinHostPort(c.host, port)); n.Advertised() != want || told != want {
			t.Errorf("%+v: advertised %s, told %s, want %s", c, n.Advertised(), told, want)
		}
	}
	n := run(t, 1, &toy{}, func(c *Config) { c.Listen = ":0" })
	if host, _, err := net.SplitHostPort(string(n.Advertised())); err != nil || net.ParseIP(host).IsUnspecified() {
		t.Errorf("advertised %s, which nobody can reach", n.Advertised())
	}
}

func TestAdvertisedPortIsKept(t *testing.T) {
	if n := run(t, 1, &toy{}, func(c *Config) { c.Advertise = "10.1.2.3:99" }); n.Advertised() != "10.1.2.3:99" {
		t.Errorf("advertised %s", n.Advertised())
	}
}

// Nodes that flood each other are closed while callers call, and nothing is left behind (TestMain checks the goroutines).
func TestCloseUnderLoad(t *testing.T) {
	var callers sync.WaitGroup
	for range 3 {
		a := run(t, 2, echo(), nil)
		b := run(t, 3, echo(), nil)
		introduce(t, a, b)
		introduce(t, b, a)
		for _, n := range []*Node{a, b} {
			callers.Go(func() {
				for {
					err := n.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
						out.Spread([]protocol.NodeID{2, 3}, &text{body: make([]byte, 1000)})
					})
					if err != nil {
						if err != ErrClosed {
							t.Errorf("call: %v", err)
						}
						return
					}
				}
			})
		}
		eventually(t, "traffic", func() bool { return b.Stats().MessagesReceived > 1000 })
		_ = a.Close()
		_ = b.Close()
	}
	callers.Wait()
}
