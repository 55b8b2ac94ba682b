package enrolment

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"spinglass/identity"
	"spinglass/internal/keytls"
)

// IssuerConfig says for whom an issuer answers.
type IssuerConfig struct {
	Authority *Authority
	// Chain returns the chain for the key that TLS connections prove: the node's own. It is called for each connection.
	Chain func() identity.Chain
	// Revocations returns the lists of other authorities that the node knows of; nil: none.
	Revocations func() []*identity.RevocationList
	Now         func() time.Time // nil: time.Now
	Logger      *slog.Logger     // nil discards
}

// Issuer answers joins, renewals and requests for tokens. Its methods may be called from any goroutine.
type Issuer struct {
	config   IssuerConfig
	limiter  limiter
	refusals refusalLog
	inFlight chan struct{}
	counters counters
}

// NewIssuer returns an issuer that answers by an authority.
func NewIssuer(config IssuerConfig) *Issuer {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Issuer{config: config, inFlight: make(chan struct{}, InFlightMax)}
}

// Stats returns what was counted.
func (i *Issuer) Stats() Stats { return i.counters.stats() }

// Serve answers one connection of Protocol, whose handshake is done, and closes it: within ExchangeTimeout, or when ctx ends.
func (i *Issuer) Serve(ctx context.Context, conn *tls.Conn) {
	i.counters.connections.Add(1)
	ctx, cancel := context.WithTimeout(ctx, ExchangeTimeout)
	defer cancel()
	i.serve(ctx, conn, false)
}

// serve answers one connection before ctx ends, and closes it. Admitted says that its address was let in before.
func (i *Issuer) serve(ctx context.Context, conn *tls.Conn, admitted bool) {
	select {
	case i.inFlight <- struct{}{}:
		defer func() { <-i.inFlight }()
	default:
		i.counters.busy.Add(1)
		conn.NetConn().Close()
		return
	}
	// What waits for the network is ended by closing the connection beneath TLS, which would otherwise wait for room to say good-bye.
	stop := context.AfterFunc(ctx, func() { conn.NetConn().Close() })
	defer stop()
	defer conn.Close()
	switch err := i.answer(ctx, conn, admitted); {
	case err == nil:
	case errors.Is(err, errProtocol):
		i.counters.protocol.Add(1)
	case errors.Is(err, ErrMessage):
		i.counters.malformed.Add(1)
	default:
		i.counters.cut.Add(1)
	}
}

var errProtocol = errors.New("another protocol")

// answer exchanges messages. Its error is that of the connection, errProtocol, or an ErrMessage.
func (i *Issuer) answer(ctx context.Context, conn *tls.Conn, admitted bool) error {
	state := conn.ConnectionState()
	if !state.HandshakeComplete || state.NegotiatedProtocol != Protocol {
		return errProtocol
	}
	if !admitted && !i.admit(conn.RemoteAddr()) {
		return i.refuse(conn, ErrBusy)
	}
	first := &hello{Now: i.now(), Chain: i.config.Chain()}
	if err := writeMessage(conn, kindHello, first.append(nil)); err != nil {
		return err
	}
	kind, body, err := readMessage(conn)
	if err != nil {
		return err
	}
	answer, content, err := i.handle(ctx, state, kind, body)
	if err != nil {
		i.count(err, conn)
		return errors.Join(i.refuse(conn, err), onlyMalformed(err))
	}
	return writeMessage(conn, answer, content)
}

// admit reports whether a connection of a remote address is within what addresses may, and counts it if not.
func (i *Issuer) admit(remote net.Addr) bool {
	switch i.limiter.admit(remote, timeBy(i.config.Now)) {
	case limited:
		i.counters.limited.Add(1)
		return false
	case crowded:
		i.counters.crowded.Add(1)
		return false
	}
	return true
}

// onlyMalformed returns err if it is an ErrMessage.
func onlyMalformed(err error) error {
	if errors.Is(err, ErrMessage) {
		return err
	}
	return nil
}

func (i *Issuer) now() identity.Instant { return identity.InstantOf(timeBy(i.config.Now)) }

func (i *Issuer) refuse(conn *tls.Conn, err error) error {
	return writeMessage(conn, kindRefusal, refusalOf(err).append(nil))
}

// count counts a refusal, and tells the operator of it.
func (i *Issuer) count(err error, conn *tls.Conn) {
	switch refusalOf(err).Code {
	case CodeInternal:
		i.counters.failed.Add(1)
		i.config.Logger.Error("a certificate could not be issued", "remote", conn.RemoteAddr().String(), "error", err)
	default:
		i.counters.refused.Add(1)
		if before, ok := i.refusals.take(timeBy(i.config.Now)); ok {
			i.config.Logger.Warn("a request for a certificate was refused", "remote", conn.RemoteAddr().String(), "error", err, "unlogged_before", before)
		}
	}
}

// handle does what a message asks for, and returns the answer.
func (i *Issuer) handle(ctx context.Context, state tls.ConnectionState, kind byte, body []byte) (answer byte, content []byte, err error) {
	switch kind {
	case kindJoin:
		bundle, err := i.join(ctx, body)
		if err != nil {
			return 0, nil, err
		}
		return kindGrant, appendGrant(nil, bundle), nil
	case kindRenew:
		bundle, err := i.renew(ctx, state, body)
		if err != nil {
			return 0, nil, err
		}
		return kindGrant, appendGrant(nil, bundle), nil
	case kindToken:
		text, err := i.token(ctx, state, body)
		return kindIssued, []byte(text), err
	}
	return 0, nil, fmt.Errorf("kind %d: %w", kind, ErrMessage)
}

func (i *Issuer) join(ctx context.Context, body []byte) (*identity.Bundle, error) {
	request, err := identity.DecodeJoinRequest(body)
	if err != nil {
		return nil, fmt.Errorf("join request: %w: %w", ErrMessage, err)
	}
	bundle, err := i.config.Authority.Admit(ctx, request)
	if err != nil {
		return nil, err
	}
	i.counters.joined.Add(1)
	i.config.Logger.Info("a node has joined", "name", request.Name, "id", request.NodeID.String(), "key", request.Key.String())
	return bundle, nil
}

func (i *Issuer) renew(ctx context.Context, state tls.ConnectionState, body []byte) (*identity.Bundle, error) {
	chain, err := identity.DecodeChain(body)
	if err != nil {
		return nil, fmt.Errorf("chain to renew: %w: %w", ErrMessage, err)
	}
	if err := proven(state, chain); err != nil {
		return nil, err
	}
	bundle, err := i.config.Authority.Renew(ctx, chain, i.revocations()...)
	if err != nil {
		return nil, err
	}
	i.counters.renewed.Add(1)
	return bundle, nil
}

// token makes a token for who may issue in all of the authority's zone: the holder of a token can take any name there.
func (i *Issuer) token(ctx context.Context, state tls.ConnectionState, body []byte) (string, error) {
	request, err := decodeTokenRequest(body)
	if err != nil {
		return "", fmt.Errorf("request for a token: %w: %w", ErrMessage, err)
	}
	if err := proven(state, request.Chain); err != nil {
		return "", err
	}
	own, err := i.config.Authority.Bundle()
	if err != nil {
		return "", err
	}
	revocations := &identity.Revocations{}
	list, err := i.config.Authority.RevocationList(ctx)
	if err != nil {
		return "", err
	}
	if err := mergeAll(revocations, append(i.revocations(), list)); err != nil {
		return "", err
	}
	verified, err := identity.Policy{Anchor: own.Anchor, Now: i.now(), Revocations: revocations}.Verify(request.Chain)
	if err != nil {
		return "", err
	}
	if wanted := (identity.Grant{Verb: identity.VerbIssue, Pattern: own.Chain.Leaf().Zone()}); !verified.Grants.Allows(wanted.Verb, wanted.Pattern) {
		return "", fmt.Errorf("request for a token: %w", &identity.GrantError{Grant: wanted})
	}
	token, err := i.config.Authority.NewToken(ctx, int(request.Uses), time.Duration(request.Life)*time.Second)
	if err != nil {
		return "", err
	}
	i.counters.tokens.Add(1)
	i.config.Logger.Info("a join token was handed out", "to", verified.Name, "uses", request.Uses, "expires", token.Expiry.String())
	return token.Text(), nil
}

func (i *Issuer) revocations() []*identity.RevocationList {
	if i.config.Revocations == nil {
		return nil
	}
	return i.config.Revocations()
}

// proven reports whether the connection proves the key that a chain is for.
func proven(state tls.ConnectionState, chain identity.Chain) error {
	key, err := keytls.PeerKey(state)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if chain.Leaf().Key != key {
		return ErrProof
	}
	return nil
}
