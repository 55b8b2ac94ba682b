package enrolment

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"spinglass/identity"
	"spinglass/internal/keytls"
	"spinglass/protocol"
)

// office is an issuer that listens on loopback.
type office struct {
	*Issuer
	clock     *clock
	authority *Authority
	held      atomic.Pointer[Member]
	address   protocol.Address
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{clock: newClock()}
	o.authority = newAuthority(t, o.clock)
	o.enrolItself(t)
	o.open(t)
	return o
}

func (o *office) enrolItself(t testing.TB) {
	t.Helper()
	o.held.Store(enrol(t, o.authority, o.authority.store, "/lab/a1", 1))
}

func (o *office) member() *Member { return o.held.Load() }

func (o *office) chain() identity.Chain { return o.member().Bundle.Chain }

// open listens until the test ends.
func (o *office) open(t testing.TB) {
	t.Helper()
	o.Issuer = NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: o.clock.now})
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	o.address = protocol.Address(listener.Addr().String())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.ServeListener(ctx, listener, o.member().Key) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// client returns a client with a key, whose clock is the office's, and of whom the office does not tire.
func (o *office) client(seed uint64) *Client {
	key, err := identity.GenerateKey(entropy(seed))
	if err != nil {
		panic(err)
	}
	return &Client{Key: key, Now: o.clock.now, Dial: o.dial}
}

func (o *office) dial(ctx context.Context, address string) (net.Conn, error) {
	o.limiter.mutex.Lock()
	o.limiter.buckets = nil
	o.limiter.mutex.Unlock()
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

func (o *office) token(t testing.TB, uses int) *identity.Token {
	t.Helper()
	return must[*identity.Token](t)(o.authority.NewToken(context.Background(), uses, TokenLifeDefault, o.address))
}

// oneLine fails unless an error is of a kind, and one line that holds all that is given.
func oneLine(t *testing.T, what string, err, want error, holds ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
		return
	}
	for _, part := range holds {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q does not hold %q", what, err, part)
		}
	}
}

// raw connects to the office and reads its hello.
func (o *office) raw(t *testing.T) *tls.Conn {
	t.Helper()
	conn := must[net.Conn](t)(o.dial(t.Context(), string(o.address)))
	t.Cleanup(func() { conn.Close() })
	secured := tls.Client(conn, keytls.Client(nil, nil, Protocol))
	if kind, body, err := readMessage(secured); err != nil || kind != kindHello {
		t.Fatal(kind, err)
	} else if h, err := decodeHello(body); err != nil || h.Now != o.clock.instant() {
		t.Fatal(h, err)
	}
	return secured
}
