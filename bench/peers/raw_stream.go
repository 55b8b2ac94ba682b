package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"
	"time"

	"spinglass/internal/measure"
)

const (
	streamWrite    = 64 << 10 // bytes that are gathered before they are written to each receiver
	streamPatience = 3 * time.Second
)

// streamSystem is a TCP connection to each receiver, with blocking writes, one after the other: the slowest receiver holds up all others once its
// buffers are full. Messages are gathered into writes of up to 64 KiB.
func streamSystem() measure.System {
	return measure.System{Name: "tcp", Ordered: true, Patience: streamPatience, Start: startStream}
}

func startStream(_ context.Context, spec measure.Spec, r *measure.Recorder) (measure.Member, error) {
	if spec.Role == measure.RolePublisher {
		return &streamPublisher{}, nil
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &streamReceiver{listener: listener}
	m.receiving.Go(func() { m.receive(spec.Size, r) })
	return m, nil
}

// streamPublisher writes.
type streamPublisher struct {
	conns  []net.Conn
	buffer []byte
}

func (m *streamPublisher) Address() string { return "" }

func (m *streamPublisher) Meet(_ context.Context, addresses []string) error {
	for _, address := range addresses[1:] {
		conn, err := net.Dial("tcp4", address)
		if err != nil {
			return err
		}
		m.conns = append(m.conns, conn)
	}
	return nil
}

func (m *streamPublisher) Publish(ctx context.Context, payload []byte) error {
	m.buffer = append(m.buffer, payload...)
	if len(m.buffer) < streamWrite {
		return nil
	}
	return m.Flush(ctx)
}

func (m *streamPublisher) Flush(context.Context) error {
	if len(m.buffer) == 0 {
		return nil
	}
	for _, conn := range m.conns {
		if _, err := conn.Write(m.buffer); err != nil {
			return err
		}
	}
	m.buffer = m.buffer[:0]
	return nil
}

func (m *streamPublisher) Close() error {
	for _, conn := range m.conns {
		conn.Close()
	}
	return nil
}

// streamReceiver reads.
type streamReceiver struct {
	listener  net.Listener
	mu        sync.Mutex
	conn      net.Conn
	receiving sync.WaitGroup
}

func (m *streamReceiver) receive(size int, r *measure.Recorder) {
	conn, err := m.listener.Accept()
	if err != nil {
		return
	}
	m.mu.Lock()
	m.conn = conn
	m.mu.Unlock()
	reader, message := bufio.NewReaderSize(conn, max(streamWrite, 2*size)), make([]byte, size)
	for {
		if _, err := io.ReadFull(reader, message); err != nil {
			return
		}
		r.Message(message)
	}
}

func (m *streamReceiver) Address() string                       { return m.listener.Addr().String() }
func (m *streamReceiver) Meet(context.Context, []string) error  { return nil }
func (m *streamReceiver) Publish(context.Context, []byte) error { return nil }
func (m *streamReceiver) Flush(context.Context) error           { return nil }

func (m *streamReceiver) Close() error {
	m.listener.Close()
	m.mu.Lock()
	if m.conn != nil {
		m.conn.Close()
	}
	m.mu.Unlock()
	m.receiving.Wait()
	return nil
}
