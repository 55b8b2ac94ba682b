package enrolment

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/identity"
	"spinglass/internal/keytls"
)

// pipe returns the ends of a connection in memory, both with their handshake done, the client's without a key.
func pipe(t *testing.T, key identity.PrivateKey) (client, server *tls.Conn) {
	t.Helper()
	a, b := net.Pipe()
	certificate := must[tls.Certificate](t)(keytls.Certificate(key))
	client, server = tls.Client(a, keytls.Client(nil, nil, Protocol)), tls.Server(b, keytls.Server(certificate, true, Protocol))
	done := make(chan error)
	go func() { done <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// TestSlowClients connects and then says nothing, reads nothing, or sends a byte now and then: all are cut off in time.
func TestSlowClients(t *testing.T) {
	o := newOffice(t)
	for name, behave := range map[string]func(*tls.Conn){
		"silent": func(c *tls.Conn) { _, _, _ = readMessage(c) },
		"deaf":   func(c *tls.Conn) {},
		"dripping": func(c *tls.Conn) {
			_, _, _ = readMessage(c)
			for _, b := range []byte{kindJoin, 1, 0, 1, 1, 1, 1, 1, 1, 1} {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain})
			client, server := pipe(t, o.member().Key)
			started := time.Now()
			done := make(chan struct{})
			go func() { behave(client); close(done) }()
			issuer.Serve(t.Context(), server)
			if took := time.Since(started); took != ExchangeTimeout || issuer.Stats().Cut != 1 {
				t.Errorf("%s: %v, %+v", name, took, issuer.Stats())
			}
			client.NetConn().Close()
			<-done
		})
	}
}

// TestConnectionsInFlight holds as many connections as are answered at a time: one more is cut off at once, and when they are done there is room again.
func TestConnectionsInFlight(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: time.Now})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		for range InFlightMax {
			_, server := pipe(t, o.member().Key)
			go func() { issuer.Serve(ctx, server); done <- struct{}{} }()
		}
		synctest.Wait()
		client, server := pipe(t, o.member().Key)
		issuer.Serve(ctx, server)
		if _, err := client.Read(make([]byte, 1)); err == nil || issuer.Stats().Busy != 1 {
			t.Errorf("%v, %+v", err, issuer.Stats())
		}
		cancel()
		for range InFlightMax {
			<-done
		}
		_, server = pipe(t, o.member().Key)
		issuer.Serve(ctx, server)
		if s := issuer.Stats(); s.Busy != 1 || s.Connections != InFlightMax+2 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAddressesAreLimited connects more often than one address may: what is too much is closed before anything is said.
func TestAddressesAreLimited(t *testing.T) {
	o := newOffice(t)
	c := o.client(2)
	c.Dial = nil
	for range AddressBurst {
		_, err := c.Renew(t.Context(), o.member().Bundle, o.address)
		oneLine(t, "within the burst", err, ErrProof)
	}
	conn := must[net.Conn](t)(net.Dial("tcp", string(o.address)))
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
	_, err := c.Renew(t.Context(), o.member().Bundle, o.address)
	oneLine(t, "too much", err, ErrNoAnswer)
	if s := o.Stats(); s.Limited != 2 || s.Refused != AddressBurst || s.Connections != AddressBurst+2 || s.Cut != 0 {
		t.Errorf("%+v", s)
	}
}

// TestBusyIssuersSaySo connects more often than one address may to an issuer whose port is shared, so that the handshake is done when it is asked.
func TestBusyIssuersSaySo(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: o.clock.now})
		for n := range AddressBurst + 1 {
			client, server := pipe(t, o.member().Key)
			done := make(chan struct{})
			go func() { issuer.Serve(t.Context(), server); close(done) }()
			kind, body, err := readMessage(client)
			if want := n < AddressBurst; err != nil || (kind == kindHello) != want {
				t.Errorf("connection %d: %d, %v", n, kind, err)
			} else if !want {
				oneLine(t, "busy", &RefusalError{Code: must[*refusal](t)(decodeRefusal(body)).Code}, ErrBusy)
			}
			client.NetConn().Close()
			<-done
		}
		if s := issuer.Stats(); s.Limited != 1 || s.Connections != AddressBurst+1 {
			t.Errorf("%+v", s)
		}
	})
}

// pipes is a listener of connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, open := <-p; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error { return nil }

func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// TestHandshakeCounts is slow with its handshake, and silent after it: all is over within one ExchangeTimeout.
func TestHandshakeCounts(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: o.clock.now})
		listener := make(pipes)
		done := make(chan error, 1)
		go func() { done <- issuer.ServeListener(t.Context(), listener, o.member().Key) }()
		a, b := net.Pipe()
		started := time.Now()
		listener <- b
		time.Sleep(ExchangeTimeout / 2)
		client := tls.Client(a, keytls.Client(nil, nil, Protocol))
		if kind, _, err := readMessage(client); err != nil || kind != kindHello {
			t.Errorf("%d, %v", kind, err)
		}
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Error("something was answered")
		}
		took := time.Since(started)
		synctest.Wait() // the connection is closed before it is counted
		if took != ExchangeTimeout || issuer.Stats().Cut != 1 {
			t.Errorf("%v, %+v", took, issuer.Stats())
		}
		a.Close()
		close(listener)
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}
