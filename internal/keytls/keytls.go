package keytls

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	"spinglass/identity"
)

// certificateLife is the life of self-signed certificates, which nobody looks at: it says that they do not expire.
var certificateLife = [2]time.Time{time.Unix(0, 0).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}

// Errors of connections.
var (
	ErrNoKey   = errors.New("the other end has shown no key")
	ErrKeyKind = errors.New("the key of the other end is no Ed25519 key")
	ErrKey     = errors.New("the other end does not hold the expected key")
)

// Certificate returns the self-signed certificate of a key.
func Certificate(key identity.PrivateKey) (tls.Certificate, error) {
	signer := key.Ed25519()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: certificateLife[0], NotAfter: certificateLife[1],
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a TLS certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: signer}, nil
}

// Client returns the configuration of a client for the protocols given (ALPN). With expected not nil the server has to hold that key.
func Client(certificate *tls.Certificate, expected *identity.PublicKey, protocols ...string) *tls.Config {
	c := base(protocols)
	if certificate != nil {
		c.Certificates = []tls.Certificate{*certificate}
	}
	// The name and the signatures of certificates mean nothing here: VerifyConnection takes the place of the usual checks.
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(state tls.ConnectionState) error {
		key, err := PeerKey(state)
		if err == nil && expected != nil && key != *expected {
			err = ErrKey
		}
		return err
	}
	return c
}

// Server returns the configuration of a server for the protocols given (ALPN). With anonymous, clients need not show a key.
func Server(certificate tls.Certificate, anonymous bool, protocols ...string) *tls.Config {
	c := base(protocols)
	c.Certificates = []tls.Certificate{certificate}
	c.ClientAuth = tls.RequestClientCert
	c.VerifyConnection = func(state tls.ConnectionState) error {
		_, err := PeerKey(state)
		if anonymous && errors.Is(err, ErrNoKey) {
			return nil
		}
		return err
	}
	return c
}

func base(protocols []string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: protocols, SessionTicketsDisabled: true}
}

// PeerKey returns the key that the other end has proven to hold.
func PeerKey(state tls.ConnectionState) (identity.PublicKey, error) {
	if len(state.PeerCertificates) == 0 {
		return identity.PublicKey{}, ErrNoKey
	}
	raw, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(raw) != ed25519.PublicKeySize {
		return identity.PublicKey{}, ErrKeyKind
	}
	key := identity.PublicKey(raw)
	if err := key.Check(); err != nil {
		return identity.PublicKey{}, err
	}
	return key, nil
}
