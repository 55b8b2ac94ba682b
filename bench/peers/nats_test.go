package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	testRun     = 1 // number of the run whose authority members trust in tests
	testTimeout = 10 * time.Second
)

func mustConfigure(t *testing.T, run uint32, usage x509.ExtKeyUsage) *tls.Config {
	t.Helper()
	a, err := newAuthority(run)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.configure(usage)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustStartNATSServer(t *testing.T, links *tls.Config) *natsServer {
	t.Helper()
	s, err := startNATSServer(links)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*natsServer)
}

// TestNATSTLSIsMutual has clients connect with servers, one of both being wrong in one thing. The first pair, which differs in nothing, connects.
func TestNATSTLSIsMutual(t *testing.T) {
	server, client := mustConfigure(t, testRun, x509.ExtKeyUsageServerAuth), mustConfigure(t, testRun, x509.ExtKeyUsageClientAuth)
	foreign := mustConfigure(t, testRun+1, x509.ExtKeyUsageClientAuth)
	changed := func(change func(c *tls.Config)) *tls.Config {
		c := client.Clone()
		change(c)
		return c
	}
	for _, c := range []struct {
		name           string
		server, client *tls.Config
		connects       bool
	}{
		{"nothing", server, client, true},
		{"client without a certificate", server, changed(func(c *tls.Config) { c.Certificates = nil }), false},
		{"client of another authority", server, changed(func(c *tls.Config) { c.Certificates = foreign.Certificates }), false},
		{"client with a certificate for servers", server, server, false},
		{"client of TLS 1.2", server, changed(func(c *tls.Config) { c.MinVersion, c.MaxVersion = 0, tls.VersionTLS12 }), false},
		{"server of another authority", server, changed(func(c *tls.Config) { c.RootCAs = foreign.RootCAs }), false},
		{"server with a certificate for clients", client, client, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustStartNATSServer(t, c.server)
			connection, err := nats.Connect(s.Address(), natsOptions(c.client)...)
			if got := err == nil; got != c.connects {
				t.Errorf("connected: %v, want %v: %v", got, c.connects, err)
			}
			if err != nil {
				return
			}
			defer connection.Close()
			state, err := connection.TLSConnectionState()
			if err != nil || state.Version != tls.VersionTLS13 || len(state.VerifiedChains) != 1 {
				t.Errorf("version %#x, %d chains, %v", state.Version, len(state.VerifiedChains), err)
			}
		})
	}
}

// TestNATSServerServesPlainClientsWithoutTLSOnly speaks the protocol of NATS with both kinds of server, as the client's library would not.
func TestNATSServerServesPlainClientsWithoutTLSOnly(t *testing.T) {
	for _, c := range []struct {
		name   string
		links  *tls.Config
		served bool
	}{
		{"nats", nil, true},
		{"nats-tls", mustConfigure(t, testRun, x509.ExtKeyUsageServerAuth), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, err := url.Parse(mustStartNATSServer(t, c.links).Address())
			if err != nil {
				t.Fatal(err)
			}
			connection, err := net.DialTimeout("tcp", at.Host, testTimeout)
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			_ = connection.SetDeadline(time.Now().Add(testTimeout))
			// The second command is an error, after which the server ends the connection.
			if _, err := io.WriteString(connection, "CONNECT {\"verbose\":false}\r\nPING\r\nNONE\r\n"); err != nil {
				t.Fatal(err)
			}
			said, err := io.ReadAll(connection)
			if got := strings.Contains(string(said), "PONG"); got != c.served {
				t.Errorf("served: %v, want %v; %v: %q", got, c.served, err, said)
			}
		})
	}
}
