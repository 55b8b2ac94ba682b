package enrolment

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"spinglass/identity"
	"spinglass/internal/keytls"
	"spinglass/protocol"
)

// Errors of clients.
var (
	ErrNoAddress = errors.New("no address of an issuer is known")
	ErrNoAnswer  = errors.New("no issuer answers")
)

// Client asks issuers on behalf of a key. Its methods may be called from any goroutine.
type Client struct {
	Key identity.PrivateKey
	Now func() time.Time // nil: time.Now
	// Dial connects to an address; nil: by TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

func (c *Client) now() identity.Instant { return identity.InstantOf(timeBy(c.Now)) }

// Join asks the issuers at addresses, in order and several times, for a member certificate by a token. It returns once one grants it, verified. The error is a
// RefusalError, a ClockError, ErrNoAnswer with what was tried, or that of ctx.
func (c *Client) Join(ctx context.Context, token *identity.Token, name string, id protocol.NodeID, addresses ...protocol.Address) (*identity.Bundle, error) {
	request, err := identity.NewJoinRequest(c.Key, name, id, token)
	if err != nil {
		return nil, err
	}
	if len(addresses) == 0 {
		addresses = token.Addresses
	}
	var bundle *identity.Bundle
	err = c.try(ctx, addresses, RoundsMax, func(ctx context.Context, address protocol.Address) (err error) {
		bundle, err = c.exchangeGrant(ctx, address, token.Anchor, kindJoin, request.Append(nil))
		if err != nil {
			return err
		}
		return c.checkJoined(address, bundle, name, id)
	})
	return bundle, err
}

func (c *Client) checkJoined(address protocol.Address, bundle *identity.Bundle, name string, id protocol.NodeID) error {
	verified, err := checkBundle(bundle, c.Key.Public(), id, c.now())
	if err == nil && verified.Name != name {
		err = fmt.Errorf("%w: name %q, asked for was %q", ErrOtherNode, verified.Name, name)
	}
	if err != nil {
		return fmt.Errorf("what issuer %s grants is not good: %w", address, err)
	}
	return nil
}

// Renew asks the issuers at addresses, each once, for what the chain of the bundle says again. Errors are those of Join.
func (c *Client) Renew(ctx context.Context, bundle *identity.Bundle, addresses ...protocol.Address) (*identity.Bundle, error) {
	before := bundle.Chain.Leaf()
	var renewed *identity.Bundle
	err := c.try(ctx, addresses, 1, func(ctx context.Context, address protocol.Address) (err error) {
		renewed, err = c.exchangeGrant(ctx, address, bundle.Anchor, kindRenew, bundle.Chain.Append(nil))
		if err != nil {
			return err
		}
		policy := identity.Policy{Anchor: bundle.Anchor, Now: c.now()}
		verified, err := policy.Verify(renewed.Chain)
		if err == nil && (verified.Kind != before.Kind || verified.Name != before.Name || verified.NodeID != before.NodeID || verified.Key != before.Key) {
			err = ErrOtherNode
		}
		if err != nil {
			return fmt.Errorf("what issuer %s grants is not good: %w", address, err)
		}
		return nil
	})
	return renewed, err
}

// Token asks the issuers at addresses for a join token: for uses joins, good for life. The chain of the bundle needs a grant to issue in all of the issuer's zone. Errors
// are those of Join.
func (c *Client) Token(ctx context.Context, bundle *identity.Bundle, uses int, life time.Duration, addresses ...protocol.Address) (*identity.Token, error) {
	if uses < 1 || uses > identity.TokenUsesMax || life < time.Second || life > TokenLifeMax {
		return nil, fmt.Errorf("a token for %d uses and %s: the ranges are 1 to %d, and 1s to %s: %w", uses, life, identity.TokenUsesMax, TokenLifeMax, identity.ErrMalformed)
	}
	request := tokenRequest{Chain: bundle.Chain, Uses: uint64(uses), Life: uint64(life / time.Second)}
	var token *identity.Token
	err := c.try(ctx, addresses, 1, func(ctx context.Context, address protocol.Address) error {
		body, err := c.exchange(ctx, address, bundle.Anchor, kindToken, request.append(nil), kindIssued)
		if err != nil {
			return err
		}
		if token, err = identity.ParseToken(string(body)); err == nil && token.Anchor != bundle.Anchor {
			token, err = nil, fmt.Errorf("issuer %s hands out tokens of another fleet: %w", address, ErrOtherFleet)
		}
		return err
	})
	return token, err
}

// try asks one address after the other until one answers, and all again while none does and another answer is possible. Of several errors it returns the first
// of an issuer that said something, else the first.
func (c *Client) try(ctx context.Context, addresses []protocol.Address, rounds int, ask func(context.Context, protocol.Address) error) error {
	if len(addresses) == 0 {
		return ErrNoAddress
	}
	addresses = addresses[:min(len(addresses), AddressesMax)]
	var reason error
	for round := range rounds {
		if round > 0 {
			if err := sleep(ctx, jittered(RoundPause<<(round-1), rand.Float64())); err != nil {
				return err
			}
		}
		reason = nil
		for _, address := range addresses {
			err := ask(ctx, address)
			var refused *RefusalError
			switch {
			case err == nil:
				return nil
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.As(err, &refused) && refused.final():
				return err
			case reason == nil || errors.Is(reason, ErrNoAnswer) && !errors.Is(err, ErrNoAnswer):
				reason = err
			}
		}
		if !retryable(reason) {
			return reason
		}
	}
	return reason
}

// retryable reports whether the same question can have another answer soon.
func retryable(err error) bool {
	return errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrBusy) || errors.Is(err, ErrInternal)
}

// exchangeGrant asks for a certificate.
func (c *Client) exchangeGrant(ctx context.Context, address protocol.Address, anchor identity.Fingerprint, kind byte, body []byte) (*identity.Bundle, error) {
	answer, err := c.exchange(ctx, address, anchor, kind, body, kindGrant)
	if err != nil {
		return nil, err
	}
	bundle, err := decodeGrant(answer)
	if err == nil && bundle.Anchor != anchor {
		err = &identity.AuthorityError{Expected: anchor, Found: bundle.Anchor}
	}
	if err != nil {
		return nil, fmt.Errorf("what issuer %s grants is not good: %w", address, err)
	}
	return bundle, nil
}

// exchange connects, looks at who answers, asks, and returns the answer of the wanted kind.
func (c *Client) exchange(ctx context.Context, address protocol.Address, anchor identity.Fingerprint, kind byte, body []byte, want byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, ExchangeTimeout)
	defer cancel()
	answer, err := c.exchangeWithin(ctx, address, anchor, kind, body, want)
	if err != nil && errors.Is(err, ErrNoAnswer) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = noAnswer(address, fmt.Errorf("not within %s", ExchangeTimeout))
	}
	return answer, err
}

func (c *Client) exchangeWithin(ctx context.Context, address protocol.Address, anchor identity.Fingerprint, kind byte, body []byte, want byte) ([]byte, error) {
	conn, err := c.connect(ctx, address)
	if err != nil {
		return nil, err
	}
	defer conn.NetConn().Close()
	stop := context.AfterFunc(ctx, func() { conn.NetConn().Close() })
	defer stop()
	first, err := c.receive(conn, address, kindHello)
	if err != nil {
		return nil, err
	}
	if err := c.checkHello(conn.ConnectionState(), address, anchor, first); err != nil {
		return nil, err
	}
	if err := writeMessage(conn, kind, body); err != nil {
		return nil, noAnswer(address, err)
	}
	return c.receive(conn, address, want)
}

func (c *Client) connect(ctx context.Context, address protocol.Address) (*tls.Conn, error) {
	dial := c.Dial
	if dial == nil {
		dial = func(ctx context.Context, address string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "tcp", address)
		}
	}
	conn, err := dial(ctx, string(address))
	if err != nil {
		return nil, noAnswer(address, err)
	}
	certificate, err := keytls.Certificate(c.Key)
	if err != nil {
		conn.Close()
		return nil, err
	}
	secured := tls.Client(conn, keytls.Client(&certificate, nil, Protocol))
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, noAnswer(address, fmt.Errorf("it does not speak TLS as issuers do: %w", err))
	}
	if secured.ConnectionState().NegotiatedProtocol != Protocol {
		conn.Close()
		return nil, noAnswer(address, errors.New("it is no issuer, or one of another version"))
	}
	return secured, nil
}

// noAnswer says of an address that no issuer answers there.
func noAnswer(address protocol.Address, err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		err = op.Err
	}
	return fmt.Errorf("%w at %s: %w", ErrNoAnswer, address, err)
}

// receive reads a message of the wanted kind; a refusal is an error.
func (c *Client) receive(conn *tls.Conn, address protocol.Address, want byte) ([]byte, error) {
	kind, body, err := readMessage(conn)
	switch {
	case err != nil:
		return nil, noAnswer(address, err)
	case kind == want:
		return body, nil
	case kind != kindRefusal:
		return nil, noAnswer(address, fmt.Errorf("kind %d: %w", kind, ErrMessage))
	}
	r, err := decodeRefusal(body)
	if err != nil {
		return nil, noAnswer(address, err)
	}
	return nil, &RefusalError{Address: address, Code: r.Code, Text: r.Text}
}

// checkHello finds out whether the issuer is of the fleet and holds the key that it shows a chain for. It first believes the issuer's clock, so that an issuer that is
// good but for the clocks is told from one that is not.
func (c *Client) checkHello(state tls.ConnectionState, address protocol.Address, anchor identity.Fingerprint, body []byte) error {
	first, err := decodeHello(body)
	if err != nil {
		return noAnswer(address, err)
	}
	policy := identity.Policy{Anchor: anchor, Now: first.Now, Grace: identity.GraceDefault}
	if _, err := policy.Verify(first.Chain); err != nil {
		return fmt.Errorf("who answers at %s is not trusted: %w", address, err)
	}
	if err := proven(state, first.Chain); err != nil {
		return fmt.Errorf("who answers at %s is not trusted: %w", address, err)
	}
	here := c.now()
	if difference := here.Sub(first.Now); difference > identity.Skew || difference < -identity.Skew {
		return &ClockError{Address: address, Here: here, Issuer: first.Now}
	}
	return nil
}

// jittered returns a half to all of a pause, by a jitter from 0 to 1, so that a fleet does not come back at once.
func jittered(pause time.Duration, jitter float64) time.Duration {
	return pause/2 + time.Duration(jitter*float64(pause/2))
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
