package main

import (
	"context"
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
	natsStart      = 10 * time.Second
	natsReconnect  = 50 * time.Millisecond
	natsBuffer     = 64 << 10 // bytes that the publisher gathers before it writes
	natsPatience   = 2 * time.Second
	natsFlushLimit = 10 * time.Second
)

// natsSystem is core NATS: an embedded server in a process of its own. What it holds for slow clients is raised from 64 MiB, and clients queue
// without limits. A client that is disconnected as too slow connects again; what it misses is lost.
func natsSystem() measure.System {
	return measure.System{Name: "nats", Server: true, Ordered: true, Patience: natsPatience, Start: startNATS}
}

func startNATS(_ context.Context, spec measure.Spec, recorder *measure.Recorder) (measure.Member, error) {
	if spec.Role == measure.RoleServer {
		return startNATSServer()
	}
	c, err := nats.Connect(spec.Addresses[0], nats.MaxReconnects(-1), nats.ReconnectWait(natsReconnect), nats.ReconnectJitter(0, 0),
		nats.WriteBufferSize(natsBuffer), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
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

func startNATSServer() (measure.Member, error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, MaxPending: natsPending, MaxPayload: natsPayload, WriteDeadline: natsWrite,
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
