package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"spinglass/internal/measure"
)

const (
	natsPending    = 512 << 20 // bytes that the server holds for a client before it disconnects it
	natsPayload    = 8 << 20   // bytes of a message, at most
	natsWrite      = 10 * time.Second
	natsStart      = 10 * time.Second // that the server has to start, and TLS to shake hands
	natsReconnect  = 50 * time.Millisecond
	natsBuffer     = 64 << 10 // bytes that the publisher gathers before it writes
	natsPatience   = 2 * time.Second
	natsFlushLimit = 10 * time.Second
)

// natsSystem is core NATS: an embedded server in a process of its own. What it holds for slow clients is raised from 64 MiB, and clients queue
// without limits. A client that is disconnected as too slow connects again; what it misses is lost. Secure is mutual TLS 1.3 between each client and the
// server, which reads and could change everything.
func natsSystem(secure bool) measure.System {
	name := "nats"
	if secure {
		name = "nats-tls"
	}
	start := func(_ context.Context, spec measure.Spec, recorder *measure.Recorder) (measure.Member, error) {
		links, err := natsLinks(spec, secure)
		if err != nil {
			return nil, err
		}
		if spec.Role == measure.RoleServer {
			return startNATSServer(links)
		}
		return startNATSClient(spec, recorder, links)
	}
	return measure.System{Name: name, Server: true, Ordered: true, Patience: natsPatience, Start: start}
}

// natsLinks returns what a member needs for TLS, nil if it is to use none.
func natsLinks(spec measure.Spec, secure bool) (*tls.Config, error) {
	if !secure {
		return nil, nil
	}
	a, err := newAuthority(spec.Run)
	if err != nil {
		return nil, err
	}
	usage := x509.ExtKeyUsageClientAuth
	if spec.Role == measure.RoleServer {
		usage = x509.ExtKeyUsageServerAuth
	}
	return a.configure(usage)
}

func startNATSClient(spec measure.Spec, recorder *measure.Recorder, links *tls.Config) (measure.Member, error) {
	c, err := nats.Connect(spec.Addresses[0], natsOptions(links)...)
	if err != nil {
		return nil, err
	}
	m := &natsClient{Conn: c}
	if spec.Role == measure.RolePublisher {
		return m, nil
	}
	subscription, err := c.Subscribe(topic, func(message *nats.Msg) { recorder.Message(message.Data) })
	if err == nil {
		err = subscription.SetPendingLimits(-1, -1)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return m, nil
}

func natsOptions(links *tls.Config) []nats.Option {
	options := []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(natsReconnect), nats.ReconnectJitter(0, 0), nats.WriteBufferSize(natsBuffer),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if links != nil {
		options = append(options, nats.Secure(links), nats.Timeout(natsStart))
	}
	return options
}

// natsClient is the publisher or a receiver.
type natsClient struct{ *nats.Conn }

func (m *natsClient) Address() string { return "" }

// Meet waits until the server knows what the client has subscribed to.
func (m *natsClient) Meet(context.Context, []string) error { return m.FlushTimeout(natsFlushLimit) }

func (m *natsClient) Publish(_ context.Context, payload []byte) error {
	return m.Conn.Publish(topic, payload)
}

// Flush leaves it to the client's own goroutine, which writes whenever there is something.
func (m *natsClient) Flush(context.Context) error { return nil }

func (m *natsClient) Close() error { m.Conn.Close(); return nil }

type natsServer struct{ *server.Server }

func startNATSServer(links *tls.Config) (measure.Member, error) {
	s, err := server.NewServer(&server.Options{
		Host: loopback.String(), Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, MaxPending: natsPending, MaxPayload: natsPayload, WriteDeadline: natsWrite,
		TLS: links != nil, TLSVerify: links != nil, TLSConfig: links, TLSTimeout: natsStart.Seconds(),
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(natsStart) {
		return nil, errors.New("the NATS server does not start")
	}
	return &natsServer{s}, nil
}

func (m *natsServer) Address() string                       { return m.ClientURL() }
func (m *natsServer) Meet(context.Context, []string) error  { return nil }
func (m *natsServer) Publish(context.Context, []byte) error { return nil }
func (m *natsServer) Flush(context.Context) error           { return nil }
func (m *natsServer) Close() error                          { m.Shutdown(); return nil }
