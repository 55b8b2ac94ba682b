package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"spinglass/identity"
	"spinglass/internal/keytls"
	"spinglass/protocol"
	"spinglass/seal"
)

// exporterLabel is what the secrets of sessions are exported under. It is fixed for good.
const exporterLabel = "EXPORTER-spinglass-link-1"

// destination is whom a session is wanted with: a peer, or whoever is at an address.
type destination struct {
	id    protocol.NodeID
	route netip.AddrPort // valid if id is 0
}

// linked is the outcome of a handshake, on its way to the loop.
type linked struct {
	to      destination     // what the node itself wanted; zero when the other end began
	route   netip.AddrPort  // where that is
	peer    protocol.NodeID // who began it, if known, and if the node itself did not
	session *session        // nil when it failed
	err     error
	subject string // whom err is about
	refused bool   // err is about who the other end is
}

// handshakes makes sessions. Its methods are called from any goroutine.
type handshakes struct {
	self     protocol.NodeID
	security *Security
	limits   limits
	table    *sessions
	now      func() protocol.Time
	relays   *relays
	count    *counters
	tlsConfigurations
}

// policyError is an error about who the other end is.
type policyError struct {
	err     error
	subject string
}

func (e *policyError) Error() string { return e.err.Error() }
func (e *policyError) Unwrap() error { return e.err }

// identify returns who has greeted on a connection, or refuses it and returns a *policyError.
func (h *handshakes) identify(conn *tls.Conn, said hello) (*identity.Verified, error) {
	peer, err := h.security.verify(conn.ConnectionState(), said.from, said.chain)
	if err == nil && said.to != 0 && said.to != h.self {
		err = errNotMeant
	}
	if err == nil {
		return peer, nil
	}
	h.refuse(conn, err)
	subject := fmt.Sprintf("%s (%s)", said.from, remoteName(said.chain))
	return nil, &policyError{err, subject}
}

// remoteName returns the name that a chain claims, which need not be true.
func remoteName(chain identity.Chain) string {
	if leaf := chain.Leaf(); leaf != nil {
		return leaf.Name
	}
	return "no name"
}

// refuse tells the other end why it is refused.
func (h *handshakes) refuse(conn *tls.Conn, err error) {
	_, _ = conn.Write((&hello{refusal: refusalOf(err)}).append(nil)) // It need not hear it.
}

// greet says who this node is.
func (h *handshakes) greet(conn *tls.Conn, to protocol.NodeID, index uint32) error {
	said := hello{from: h.self, to: to, index: index, chain: h.security.Chain()}
	_, err := conn.Write(said.append(nil))
	return err
}

// connect makes a TLS connection whose handshake is done, and whose deadline is that of all that is to come.
func (h *handshakes) connect(ctx context.Context, to netip.AddrPort, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, h.limits.handshakeTimeout)
	defer cancel()
	raw, err := h.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, config)
	deadline, _ := ctx.Deadline()
	if err = raw.SetDeadline(deadline); err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err == nil {
		err = h.checkEnd(conn.ConnectionState())
	}
	if err == nil && conn.ConnectionState().NegotiatedProtocol == protocolFormats {
		err = h.tellFormats(conn, to.String())
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}

// dial makes a connection: of TCP, or through a gateway.
func (h *handshakes) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	switch dial := h.security.Dial; {
	case isRelayed(to):
		return h.relays.dial(ctx, to)
	case dial != nil:
		return dial(ctx, "tcp", to.String())
	}
	return new(net.Dialer).DialContext(ctx, "tcp", to.String())
}

// checkEnd looks at what is known before the other end has said anything.
func (h *handshakes) checkEnd(state tls.ConnectionState) error {
	key, err := keytls.PeerKey(state)
	switch {
	case err != nil:
		return err
	case key == h.security.Key.Public():
		return errSelf
	case state.NegotiatedProtocol == "":
		return errNoProtocol
	}
	return nil
}

// dialLink makes a session with whoever is wanted, at an address.
func (h *handshakes) dialLink(ctx context.Context, to destination, route netip.AddrPort) linked {
	s, err := h.dialSession(ctx, to.id, route)
	return outcome(linked{to: to, route: route}, s, err)
}

func outcome(l linked, s *session, err error) linked {
	l.session, l.err = s, err
	var refusal *policyError
	if errors.As(err, &refusal) {
		l.refused, l.subject = true, refusal.subject
	}
	l.refused = l.refused || errors.Is(err, errRefusedByIt)
	return l
}

func (h *handshakes) dialSession(ctx context.Context, id protocol.NodeID, route netip.AddrPort) (*session, error) {
	index, ok := h.table.reserve()
	if !ok {
		return nil, errTable
	}
	s, err := h.dialReserved(ctx, id, route, index)
	if err != nil {
		h.table.free(index)
		return nil, err
	}
	return s, nil
}

func (h *handshakes) dialReserved(ctx context.Context, id protocol.NodeID, route netip.AddrPort, index uint32) (*session, error) {
	conn, err := h.connect(ctx, route, h.link)
	if err != nil {
		return nil, err
	}
	raw := conn.NetConn()
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	if err := h.greet(conn, id, index); err != nil {
		return nil, err
	}
	said, err := readHello(conn)
	if err != nil {
		return nil, err
	}
	peer, err := h.identify(conn, said)
	if err == nil && id != 0 && peer.NodeID != id {
		err = &policyError{errNotMeant, peer.NodeID.String()}
	}
	if err != nil {
		return nil, err
	}
	s, err := h.export(conn, peer, said, true, index)
	if err != nil {
		return nil, err
	}
	h.table.put(s) // before the other end may use it
	if _, err := conn.Write([]byte{confirmation}); err != nil {
		return nil, err
	}
	_ = conn.CloseWrite()
	return s, nil
}

// export makes the session of a connection.
func (h *handshakes) export(conn *tls.Conn, peer *identity.Verified, said hello, initiator bool, index uint32) (*session, error) {
	state := conn.ConnectionState()
	secret, err := state.ExportKeyingMaterial(exporterLabel, nil, seal.SecretSize)
	if err != nil {
		return nil, err
	}
	s, err := newSession(secret, initiator, index, said.index)
	if err != nil {
		return nil, err
	}
	s.peer, s.name, s.chain, s.began = peer.NodeID, peer.Name, said.chain, h.now()
	_, s.format = splitProtocol(state.NegotiatedProtocol)
	s.heard.Store(int64(s.began))
	return s, nil
}

// answerLink makes a session with who has connected.
func (h *handshakes) answerLink(conn *tls.Conn) linked {
	said, err := readHello(conn)
	if err != nil {
		return outcome(linked{}, nil, err)
	}
	peer, err := h.identify(conn, said)
	if err != nil {
		return outcome(linked{}, nil, err)
	}
	h.table.expect(peer.NodeID)
	s, err := h.answerSession(conn, peer, said)
	return outcome(linked{peer: peer.NodeID}, s, err)
}

func (h *handshakes) answerSession(conn *tls.Conn, peer *identity.Verified, said hello) (*session, error) {
	index, ok := h.table.reserve()
	if !ok {
		h.refuse(conn, errTable)
		return nil, errTable
	}
	s, err := h.answerReserved(conn, peer, said, index)
	if err != nil {
		h.table.free(index)
		return nil, err
	}
	return s, nil
}

func (h *handshakes) answerReserved(conn *tls.Conn, peer *identity.Verified, said hello, index uint32) (*session, error) {
	s, err := h.export(conn, peer, said, false, index)
	if err != nil {
		return nil, err
	}
	h.table.put(s) // before the other end may use it
	if err := h.greet(conn, peer.NodeID, index); err != nil {
		return nil, err
	}
	if err := awaitConfirmation(conn); err != nil && s.abandon() {
		return nil, err
	}
	return s, nil
}

// awaitConfirmation waits for the last byte of a handshake.
func awaitConfirmation(conn *tls.Conn) error {
	var confirmed [1]byte
	if _, err := conn.Read(confirmed[:]); err != nil {
		return err
	}
	if confirmed[0] == confirmation {
		return nil
	}
	if _, err := readHello(io.MultiReader(bytes.NewReader(confirmed[:]), conn)); err != nil {
		return err // as a rule it says why it refuses
	}
	return errHello
}

// dialStream makes a connection for a stream to a peer.
func (h *handshakes) dialStream(ctx context.Context, id protocol.NodeID, route netip.AddrPort) (*tls.Conn, error) {
	conn, _, err := h.dialGreeted(ctx, id, route, h.stream, func(identity.PublicKey) error { return nil })
	return conn, err
}

// greeted is who has greeted, with the proof of it.
type greeted struct {
	id    protocol.NodeID
	name  string
	chain identity.Chain
}

// dialGreeted makes a connection whose ends have greeted each other, and that has no deadline. id is 0 when it is not known who is there; admits is asked, before this end greets, whether the
// holder of that key will do.
func (h *handshakes) dialGreeted(ctx context.Context, id protocol.NodeID, route netip.AddrPort, config *tls.Config, admits func(identity.PublicKey) error) (*tls.Conn, greeted, error) {
	conn, err := h.connect(ctx, route, config)
	if err != nil {
		return nil, greeted{}, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })()
	key, err := keytls.PeerKey(conn.ConnectionState())
	if err == nil {
		err = admits(key)
	}
	if err == nil {
		err = h.greet(conn, id, 0)
	}
	var said hello
	if err == nil {
		said, err = readHello(conn)
	}
	var peer *identity.Verified
	if err == nil {
		if peer, err = h.identify(conn, said); err == nil && id != 0 && peer.NodeID != id {
			err = errNotMeant
		}
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.NetConn().Close()
		return nil, greeted{}, err
	}
	return conn, greeted{peer.NodeID, peer.Name, said.chain}, nil
}

// welcome returns the peer that wants a connection, which has no deadline then. admits tells why it may not have one.
func (h *handshakes) welcome(conn *tls.Conn, admits func(protocol.NodeID) error) (greeted, error) {
	said, err := readHello(conn)
	if err != nil {
		return greeted{}, err
	}
	peer, err := h.identify(conn, said)
	if err != nil {
		return greeted{}, err
	}
	if err := admits(peer.NodeID); err != nil {
		h.refuse(conn, err)
		return greeted{}, err
	}
	if err := h.greet(conn, peer.NodeID, 0); err != nil {
		return greeted{}, err
	}
	return greeted{peer.NodeID, peer.Name, said.chain}, conn.SetDeadline(time.Time{})
}
