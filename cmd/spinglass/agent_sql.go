package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/spf13/pflag"

	"spinglass/gateway/sql"
)

// sqlListener are the flags by which an agent answers clients of SQL.
type sqlListener struct {
	address  string
	cert     string
	key      string
	clientCA string
}

func (l *sqlListener) flags(flags *pflag.FlagSet) {
	flags.StringVar(&l.address, "sql", "", "address for clients of SQL over the PostgreSQL protocol, [HOST]:PORT, the host by default loopback; their password is in the file "+sql.PasswordFile+" of the data directory (default none)")
	flags.StringVar(&l.cert, "sql-cert", "", "PEM file with the certificate that clients of SQL see; connections are encrypted then, as they have to be on other addresses than loopback")
	flags.StringVar(&l.key, "sql-key", "", "PEM file with the key of --sql-cert")
	flags.StringVar(&l.clientCA, "sql-client-ca", "", "PEM file with the authorities whose certificates let clients of SQL in without a password")
}

// check refuses flags that do not go together.
func (l *sqlListener) check() error {
	switch {
	case (l.cert == "") != (l.key == ""):
		return usagef("--sql-cert and --sql-key belong together")
	case l.clientCA != "" && l.cert == "":
		return usagef("--sql-client-ca: certificates of clients need encrypted connections, by --sql-cert and --sql-key")
	case l.cert != "" && l.address == "":
		return usagef("--sql-cert: no address is given by --sql")
	case l.address == "":
		return nil
	}
	host, _, err := net.SplitHostPort(l.address)
	if err != nil {
		return usagef("--sql: %q is not [HOST]:PORT", l.address)
	}
	if ip := net.ParseIP(host); l.cert == "" && host != "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usagef("--sql: %s is not loopback, where connections have to be encrypted: give --sql-cert and --sql-key", host)
	}
	return nil
}

// serve answers clients, where that is wanted; nil says that it is not.
func (l *sqlListener) serve(gateway *sql.Gateway, dataDir string, logger *slog.Logger) (*sql.Server, error) {
	if l.address == "" {
		return nil, nil
	}
	options := sql.ServerOptions{}
	var err error
	if options.Password, err = sql.Password(dataDir); err != nil {
		return nil, err
	}
	if options.TLS, err = l.encryption(); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(l.address)
	if err != nil {
		return nil, usagef("--sql: %q is not [HOST]:PORT", l.address)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("sql: %w", err)
	}
	server, err := gateway.Serve(listener, options)
	if err != nil {
		return nil, fmt.Errorf("sql: %w", errors.Join(err, listener.Close()))
	}
	logger.Info("SQL is answered", "address", listener.Addr().String(), "encrypted", options.TLS != nil)
	return server, nil
}

// encryption returns how connections are encrypted, nil when they are not.
func (l *sqlListener) encryption() (*tls.Config, error) {
	if l.cert == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(l.cert, l.key)
	if err != nil {
		return nil, fmt.Errorf("--sql-cert: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if l.clientCA == "" {
		return config, nil
	}
	authorities, err := os.ReadFile(l.clientCA)
	if err != nil {
		return nil, fmt.Errorf("--sql-client-ca: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !config.ClientCAs.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("--sql-client-ca: there is no certificate in %s", l.clientCA)
	}
	return config, nil
}
