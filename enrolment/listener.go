package enrolment

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"

	"spinglass/identity"
	"spinglass/internal/keytls"
)

// ServeListener answers connections that a listener accepts, by TLS with the given key, until ctx ends or accepting fails: for an issuer that has a port of
// its own. Connections that an address has too many of are closed before the handshake, which is what costs most. It closes the listener, and returns once all
// connections are done. The error is that of accepting, nil when ctx ended.
func (i *Issuer) ServeListener(ctx context.Context, listener net.Listener, key identity.PrivateKey) error {
	certificate, err := keytls.Certificate(key)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	config := keytls.Server(certificate, true, Protocol)
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	defer listener.Close()
	var wait sync.WaitGroup
	defer wait.Wait()
	// As many as InFlightMax may shake hands, besides those that are answered.
	shaking := make(chan struct{}, InFlightMax)
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		i.counters.connections.Add(1)
		if !i.admit(conn.RemoteAddr()) {
			conn.Close()
			continue
		}
		select {
		case shaking <- struct{}{}:
		default:
			i.counters.busy.Add(1)
			conn.Close()
			continue
		}
		wait.Go(func() { i.shakeAndServe(ctx, tls.Server(conn, config), func() { <-shaking }) })
	}
}

// shakeAndServe answers a connection that was admitted, handshake included, and calls shaken when that is over.
func (i *Issuer) shakeAndServe(ctx context.Context, conn *tls.Conn, shaken func()) {
	ctx, cancel := context.WithTimeout(ctx, ExchangeTimeout)
	defer cancel()
	err := conn.HandshakeContext(ctx)
	shaken()
	if err != nil {
		i.counters.cut.Add(1)
		conn.NetConn().Close()
		return
	}
	i.serve(ctx, conn, true)
}
