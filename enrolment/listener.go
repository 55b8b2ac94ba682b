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
// its own. It closes the listener, and returns once all connections are done. The error is that of accepting, nil when ctx ended.
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
		select {
		case shaking <- struct{}{}:
		default:
			i.counters.busy.Add(1)
			conn.Close()
			continue
		}
		wait.Go(func() {
			secured, err := i.shake(ctx, conn, config)
			<-shaking
			if err != nil {
				i.counters.cut.Add(1)
				conn.Close()
				return
			}
			i.Serve(ctx, secured)
		})
	}
}

func (i *Issuer) shake(ctx context.Context, conn net.Conn, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, ExchangeTimeout)
	defer cancel()
	secured := tls.Server(conn, config)
	return secured, secured.HandshakeContext(ctx)
}
