package live

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	"spinglass/identity"
	"spinglass/internal/keytls"
	"spinglass/protocol"
	"spinglass/relay"
)

// Security makes a node talk to members of its fleet only: nothing that is not sealed by one is accepted, and nothing is sent in the clear.
type Security struct {
	// Key is the node's own, for which its certificate is.
	Key identity.PrivateKey
	// Chain returns the node's own certificate with those of its issuers, and may return a renewed one the next time. What it returns must not change. It is called
	// from any goroutine, as is Policy.
	Chain func() identity.Chain
	// Policy returns what peers are verified against, now. What it points to must not change. It is asked at each handshake and once a second.
	Policy func() identity.Policy
	// Accept has further protocols (ALPN) on the same TCP port. Their clients need not show a key: keytls.PeerKey tells. Each function serves one connection, at most
	// 16 of them run at once, and the connection is closed when it returns, when the node is closed, or after 30 s unless the function sets another deadline.
	Accept map[string]func(*tls.Conn)
	// Dial makes TCP connections; nil stands for those of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	limits      *limits  // nil: the defaults
	spoken      *formats // nil: those of this build
	relayLimits *relay.Limits
}

// check reports the first thing that is wrong. id is the node's own.
func (s *Security) check(c *Config) error {
	switch {
	case c.Conn != nil && c.Listener == nil:
		return errors.New("live: a secured node over an injected connection needs a Listener")
	case s.Chain == nil || s.Policy == nil:
		return errors.New("live: security without a chain or a policy")
	}
	for name := range s.Accept {
		if service, _ := splitProtocol(name); slices.Contains([]string{"", protocolLink, protocolStream, protocolRelay, protocolFormats}, service) {
			return fmt.Errorf("live: %q is no name for a further protocol", name)
		}
	}
	leaf := s.Chain().Leaf()
	switch {
	case leaf == nil || leaf.Kind != identity.KindMember:
		return errors.New("live: the node's own chain does not end in a member's certificate")
	case leaf.NodeID != c.ID:
		return fmt.Errorf("live: the node's own certificate is for node %s, and this is %s", leaf.NodeID, c.ID)
	case len(s.Key.Ed25519()) == 0 || leaf.Key != s.Key.Public():
		return errors.New("live: the node's own certificate is for another key")
	}
	return nil
}

// tlsConfigurations are those of clients of links, streams and gateways, and that of the node's own port.
type tlsConfigurations struct{ link, stream, relay, server *tls.Config }

// configurations makes the TLS configurations. gateway tells whether the port serves clients of a gateway.
func (s *Security) configurations(gateway bool) (tlsConfigurations, error) {
	certificate, err := keytls.Certificate(s.Key)
	if err != nil {
		return tlsConfigurations{}, err
	}
	spoken := s.formats()
	names := append(spoken.names(protocolLink), spoken.names(protocolStream)...)
	if gateway {
		names = append(names, spoken.names(protocolRelay)...)
	}
	for name := range s.Accept {
		names = append(names, name)
	}
	server := keytls.Server(certificate, true, append(names, protocolFormats)...)
	server.VerifyConnection = func(state tls.ConnectionState) error {
		_, err := keytls.PeerKey(state)
		if s.Accept[state.NegotiatedProtocol] != nil && errors.Is(err, keytls.ErrNoKey) {
			return nil
		}
		return err
	}
	client := func(service string) *tls.Config {
		return keytls.Client(&certificate, nil, append(spoken.names(service), protocolFormats)...)
	}
	return tlsConfigurations{client(protocolLink), client(protocolStream), client(protocolRelay), server}, nil
}

// Errors for which a peer is refused that its chain does not explain.
var (
	errSelf        = errors.New("this is the node itself")
	errNotMember   = errors.New("the certificate is not that of a member")
	errKeyOther    = errors.New("the certificate is for another key than the one that the other end holds")
	errNodeOther   = errors.New("the certificate is for another node than the one that the other end says it is")
	errNotMeant    = errors.New("another node was meant")
	errTable       = errors.New("too many sessions")
	errHello       = errors.New("not a greeting of this protocol")
	errNoProtocol  = errors.New("no protocol in common")
	errRefusedByIt = errors.New("refused by the other end")
)

// verify returns who the other end of a connection is, by the chain that it has shown and the key that it has proven.
func (s *Security) verify(state tls.ConnectionState, from protocol.NodeID, chain identity.Chain) (*identity.Verified, error) {
	key, err := keytls.PeerKey(state)
	if err != nil {
		return nil, err
	}
	if key == s.Key.Public() {
		return nil, errSelf
	}
	peer, err := s.Policy().Verify(chain)
	switch {
	case err != nil:
		return nil, err
	case peer.Kind != identity.KindMember:
		return nil, errNotMember
	case peer.Key != key:
		return nil, errKeyOther
	case peer.NodeID != from:
		return nil, errNodeOther
	}
	return peer, nil
}
