package live

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/internal/keytls"
	"spinglass/protocol"
)

// Who is not, or no longer, a member is refused by its peer, which says so in one line whatever the number of attempts, and hears nothing of it; the other side is
// told why. The control is the first case.
func TestWhoIsRefused(t *testing.T) {
	for _, c := range []struct {
		name     string
		spoil    func(t *testing.T, f *fleet, c *Config)
		later    func(f *fleet, client *Node)
		log      string // of the server
		answered string // in the log of the client
	}{
		{name: "a member"},
		{"expired", func(t *testing.T, f *fleet, c *Config) {
			chain := f.issue(t, 1, c.Security.Key.Public(), time.Hour)
			c.Security.Chain = func() identity.Chain { return chain }
		}, func(f *fleet, _ *Node) { f.now.Store(2 * 3600) }, "expired", "our certificate has expired"},
		{"not yet valid", nil, func(f *fleet, _ *Node) { f.now.Store(-3600) }, "not valid before", "our certificate is not valid yet"},
		{"revoked", nil, func(f *fleet, client *Node) { f.revoke(client.config.Security.Key.Public()) }, "revoked", "our certificate is revoked"},
		{"another fleet", func(t *testing.T, f *fleet, c *Config) {
			own := newFleet(t, 99)
			policy := c.Security.Policy // it takes the server for what it is
			c.Security = own.member(t, 1)
			c.Security.Policy = policy
		}, nil, "is it of another fleet?", "our certificate is of another fleet"},
		{"another node", nil, func(_ *fleet, client *Node) { client.links.self = 77 }, errNodeOther.Error(), "our certificate is for somebody else"},
		{"another's chain", nil, func(f *fleet, client *Node) {
			stolen := f.member(t, 1).Chain()
			client.config.Security.Chain = func() identity.Chain { return stolen }
		}, errKeyOther.Error(), "our certificate is for somebody else"},
		{"another one meant", nil, func(_ *fleet, client *Node) {
			client.links.self = 1
			address := client.config.Join[0]
			know(client, 55, address)
		}, errNotMeant.Error(), "it is not the node that was meant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet(t, 1)
			var serverLog, clientLog logBuffer
			heard := newTranscript()
			server := run(t, 2, heard, func(config *Config) {
				f.change(t, 2, func(l *limits) { l.addressBurst = 100 })(config)
				config.Logger = serverLog.logger()
			})
			client := run(t, 1, &toy{}, func(config *Config) {
				f.change(t, 1, func(l *limits) { l.backoff = time.Millisecond })(config)
				config.Join = []string{string(server.Advertised())}
				config.Logger = clientLog.logger()
				if c.spoil != nil {
					c.spoil(t, f, config)
				}
			})
			introduce(t, client, server)
			to := protocol.NodeID(2)
			if c.later != nil {
				if err := client.Call(t.Context(), func(protocol.Time, *protocol.Output) { c.later(f, client) }); err != nil {
					t.Fatal(err)
				}
			}
			if c.log == errNotMeant.Error() {
				to = 55
			}
			if c.log == "" {
				say(t, client, []protocol.NodeID{to}, "hello")
				eventually(t, "the message", func() bool { return heard.count("1 hello") == 1 })
				return
			}
			for tries := uint64(1); tries <= 3; tries++ {
				f.now.Add(1) // what an error says of the present time does not make it another one
				eventually(t, "an attempt", func() bool {
					say(t, client, []protocol.NodeID{to}, "hello")
					return client.Stats().HandshakesRefused >= tries
				})
			}
			eventually(t, "the refusals", func() bool { return server.Stats().HandshakesRefused >= 3 })
			if got := strings.Count(serverLog.String(), "level=WARN"); got != 1 || !strings.Contains(serverLog.String(), c.log) {
				t.Errorf("%d lines, want one with %q: %s", got, c.log, serverLog.String())
			}
			if got := strings.Count(clientLog.String(), "level=WARN"); got != 1 || !strings.Contains(clientLog.String(), c.answered) {
				t.Errorf("%d lines at the client, want one with %q: %s", got, c.answered, clientLog.String())
			}
			if server.Stats().MessagesReceived != 0 || server.Stats().Sessions != 0 || server.links.table.used() != 0 {
				t.Errorf("received %d messages, %d sessions, %d indices taken", server.Stats().MessagesReceived, server.Stats().Sessions, server.links.table.used())
			}
		})
	}
}

// revoke takes back all certificates for a key.
func (f *fleet) revoke(key identity.PublicKey) {
	list, err := f.authority.Revoke(identity.InstantOf(time.Now()), identity.Revocation{Key: key, Before: identity.InstantMax})
	if err != nil {
		panic(err)
	}
	revocations := &identity.Revocations{}
	if _, _, err := revocations.Merge(list); err != nil {
		panic(err)
	}
	f.revoked.Store(revocations)
}

// Who is revoked while there is a session with it is not heard from the next look at the sessions on. Before that it is, which is the control.
func TestARevokedPeerIsCutOff(t *testing.T) {
	f := newFleet(t, 1)
	var log logBuffer
	heard := newTranscript()
	server := run(t, 2, heard, func(c *Config) {
		f.change(t, 2, func(l *limits) { l.period = time.Millisecond })(c)
		c.Logger = log.logger()
	})
	client := f.run(t, 1, &toy{}, nil)
	introduce(t, client, server)
	say(t, client, []protocol.NodeID{2}, "before")
	eventually(t, "the message", func() bool { return heard.count("1 before") == 1 })
	eventually(t, "a session", func() bool { return server.Stats().Sessions == 1 })
	f.revoke(client.config.Security.Key.Public())
	eventually(t, "the end of the session", func() bool { return server.Stats().SessionsRevoked == 1 && server.Stats().Sessions == 0 })
	say(t, client, []protocol.NodeID{2}, "after")
	eventually(t, "a drop", func() bool { return server.Stats().Drops[ReasonSessionUnknown] == 1 })
	eventually(t, "a log line", func() bool { return strings.Contains(log.String(), "no longer talking to a peer") })
	if heard.count("1 after") != 0 || strings.Count(log.String(), "no longer talking to a peer") != 1 {
		t.Errorf("heard after, or several log lines: %s", log.String())
	}
}

func TestSecurityIsChecked(t *testing.T) {
	f := newFleet(t, 1)
	good := f.member(t, 1)
	for want, spoil := range map[string]func(c *Config, s *Security){
		"live: the node's own certificate is for node":        func(c *Config, _ *Security) { c.ID = 3 },
		"live: the node's own certificate is for another key": func(_ *Config, s *Security) { s.Key = f.member(t, 5).Key },
		"live: the node's own chain does not end":             func(_ *Config, s *Security) { s.Chain = func() identity.Chain { return f.authority.Chain() } },
		"live: security without a chain or a policy":          func(_ *Config, s *Security) { s.Policy = nil },
		"live: \"spinglass-link/1\" is no name":               func(_ *Config, s *Security) { s.Accept = map[string]func(*tls.Conn){protocolLink + "/1": nil} },
		"live: a secured node over an injected connection":    func(c *Config, _ *Security) { c.Conn = newMemoryConn("10.0.0.1:7400") },
	} {
		s := *good
		c := Config{ID: 1, Machine: &toy{}, Decoder: &textDecoder{}, Listen: "127.0.0.1:0", Security: &s}
		spoil(&c, &s)
		n, err := Start(c)
		if err == nil {
			_ = n.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// dialAs makes a TLS connection to a node by hand.
func dialAs(t *testing.T, n *Node, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	raw, err := net.Dial("tcp", n.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	conn := tls.Client(raw, config)
	if err := raw.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn, conn.Handshake()
}

// Further protocols share the port, and their clients need no key. Links and streams do.
func TestFurtherProtocols(t *testing.T) {
	f := newFleet(t, 1)
	n := run(t, 2, &toy{}, func(c *Config) {
		f.change(t, 2, nil)(c)
		c.Security.Accept = map[string]func(*tls.Conn){"echo/1": func(conn *tls.Conn) {
			b := make([]byte, 5)
			if _, err := io.ReadFull(conn, b); err == nil {
				_, _ = conn.Write(b)
			}
		}}
	})
	conn, err := dialAs(t, n, keytls.Client(nil, nil, "echo/1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, name := range []string{protocolLink + "/1", protocolStream + "/1", protocolFormats, "other/1", ""} {
		names := []string{name}
		if name == "" {
			names = nil
		}
		conn, err := dialAs(t, n, keytls.Client(nil, nil, names...))
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		if err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("without a key and for %q: %v", name, err)
		}
	}
	eventually(t, "the failures", func() bool { return n.Stats().HandshakesFailed == 5 })
}
