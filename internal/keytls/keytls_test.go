package keytls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/internal/keytls"
)

func newKey(t *testing.T) (identity.PrivateKey, tls.Certificate) {
	t.Helper()
	key, err := identity.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := keytls.Certificate(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate
}

// shake makes a connection and returns what each side thinks of it. The client reads a byte, since it learns of a refusal by the server only then.
func shake(t *testing.T, client, server *tls.Config) (c, s *tls.Conn, clientError, serverError error) {
	t.Helper()
	a, b := net.Pipe()
	deadline := time.Now().Add(time.Minute)
	_, _ = a.SetDeadline(deadline), b.SetDeadline(deadline)
	t.Cleanup(func() { a.Close(); b.Close() })
	c, s = tls.Client(a, client), tls.Server(b, server)
	done := make(chan error)
	go func() {
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		if err != nil {
			b.Close()
		}
		done <- err
	}()
	_, clientError = io.ReadFull(c, make([]byte, 1))
	if clientError != nil {
		a.Close()
	}
	return c, s, clientError, <-done
}

func TestBothEndsProveTheirKeys(t *testing.T) {
	key1, certificate1 := newKey(t)
	key2, certificate2 := newKey(t)
	public2 := key2.Public()
	c, s, err1, err2 := shake(t, keytls.Client(&certificate1, &public2, "x"), keytls.Server(certificate2, false, "x", "y"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if got, err := keytls.PeerKey(s.ConnectionState()); err != nil || got != key1.Public() {
		t.Errorf("the server sees %v, %v", got, err)
	}
	if got, err := keytls.PeerKey(c.ConnectionState()); err != nil || got != public2 {
		t.Errorf("the client sees %v, %v", got, err)
	}
	if got := c.ConnectionState().Version; got != tls.VersionTLS13 {
		t.Errorf("version %#x", got)
	}
	// Both ends derive the same secrets from the connection, and no others do.
	k1, err1 := exported(c)
	k2, err2 := exported(s)
	if err1 != nil || err2 != nil || string(k1) != string(k2) {
		t.Errorf("exported keys differ: %v, %v", err1, err2)
	}
}

func exported(c *tls.Conn) ([]byte, error) {
	state := c.ConnectionState()
	return state.ExportKeyingMaterial("EXPORTER-test", nil, 32)
}

func TestAnotherKeyIsRefused(t *testing.T) {
	_, certificate1 := newKey(t)
	_, certificate2 := newKey(t)
	other, _ := newKey(t)
	expected := other.Public()
	if _, _, err, _ := shake(t, keytls.Client(&certificate1, &expected, "x"), keytls.Server(certificate2, false, "x")); !errors.Is(err, keytls.ErrKey) {
		t.Errorf("error %v, want %v", err, keytls.ErrKey)
	}
}

func TestWithoutAKeyOnlyWhereItIsAllowed(t *testing.T) {
	_, certificate := newKey(t)
	if _, _, err, _ := shake(t, keytls.Client(nil, nil, "x"), keytls.Server(certificate, false, "x")); err == nil {
		t.Error("a client without a key was let in")
	}
	_, s, err1, err2 := shake(t, keytls.Client(nil, nil, "x"), keytls.Server(certificate, true, "x"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if _, err := keytls.PeerKey(s.ConnectionState()); !errors.Is(err, keytls.ErrNoKey) {
		t.Errorf("error %v, want %v", err, keytls.ErrNoKey)
	}
}

func TestKeysOfOtherKindsAreRefused(t *testing.T) {
	_, certificate := newKey(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	other := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
	if _, _, err, _ := shake(t, keytls.Client(&certificate, nil, "x"), keytls.Server(other, false, "x")); !errors.Is(err, keytls.ErrKeyKind) {
		t.Errorf("error %v, want %v", err, keytls.ErrKeyKind)
	}
	if _, _, _, err := shake(t, keytls.Client(&other, nil, "x"), keytls.Server(certificate, true, "x")); !errors.Is(err, keytls.ErrKeyKind) {
		t.Errorf("error %v, want %v", err, keytls.ErrKeyKind)
	}
}

func TestOlderVersionsAreRefused(t *testing.T) {
	_, certificate := newKey(t)
	old := keytls.Client(&certificate, nil, "x")
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, _, err, _ := shake(t, old, keytls.Server(certificate, false, "x")); err == nil {
		t.Error("TLS 1.2 was accepted")
	}
}
