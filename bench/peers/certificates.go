package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"net"
	"time"
)

const (
	certificateLife = 24 * time.Hour
	certificateSlip = time.Minute // by which certificates begin early, since processes do not make theirs at the same instant
)

// loopback is what certificates are for.
var loopback = net.IPv4(127, 0, 0, 1)

// authority issues the X.509 certificates of one run. It is made in memory by each process, from the number of the run, so that nothing has to be handed
// over: whoever knows the number has its key.
type authority struct {
	certificate *x509.Certificate
	key         ed25519.PrivateKey
}

func newAuthority(run uint32) (*authority, error) {
	var seed [ed25519.SeedSize]byte
	binary.BigEndian.PutUint32(seed[:], run)
	key := ed25519.NewKeyFromSeed(seed[:])
	template := certificateTemplate("authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate: certificate, key: key}, err
}

// issue makes a key and its certificate, for servers or for clients.
func (a *authority) issue(usage x509.ExtKeyUsage) (tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := certificateTemplate("member")
	template.KeyUsage, template.ExtKeyUsage, template.IPAddresses = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{usage}, []net.IP{loopback}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, public, a.key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, err
}

// configure returns what a server or a client needs for TLS 1.3 in which both show certificates of the authority. The cipher is the usual choice of the
// standard library: AES-128-GCM where processors have instructions for it.
func (a *authority) configure(usage x509.ExtKeyUsage) (*tls.Config, error) {
	certificate, err := a.issue(usage)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(a.certificate)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}, RootCAs: trusted,
		ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

// certificateTemplate returns what all certificates of a run have in common. A serial number is drawn by the standard library.
func certificateTemplate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-certificateSlip), NotAfter: now.Add(certificateLife)}
}
