package measure

import (
	"context"
	"net"
	"sync"
	"time"
)

// loopback is a system over UDP sockets, a datagram for each message and receiver. None is lost, so that its patience is only for receivers that the machine keeps
// waiting.
func loopback() System {
	return System{Name: "loopback", Ordered: true, Patience: time.Minute, Start: startLoopback}
}

type loopbackMember struct {
	conn      *net.UDPConn
	targets   []*net.UDPAddr
	receiving sync.WaitGroup
}

func startLoopback(_ context.Context, spec Spec, recorder *Recorder) (Member, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	m := &loopbackMember{conn: conn}
	if spec.Role == RoleReceiver {
		m.receiving.Go(func() {
			buffer := make([]byte, 1<<16)
			for {
				n, err := conn.Read(buffer)
				if err != nil {
					return
				}
				recorder.Message(buffer[:n])
			}
		})
	}
	return m, nil
}

func (m *loopbackMember) Address() string { return m.conn.LocalAddr().String() }

func (m *loopbackMember) Meet(_ context.Context, addresses []string) error {
	for _, address := range addresses[1:] {
		target, err := net.ResolveUDPAddr("udp4", address)
		if err != nil {
			return err
		}
		m.targets = append(m.targets, target)
	}
	return nil
}

func (m *loopbackMember) Publish(_ context.Context, payload []byte) error {
	for _, target := range m.targets {
		if _, err := m.conn.WriteToUDP(payload, target); err != nil {
			return err
		}
	}
	return nil
}

func (m *loopbackMember) Flush(context.Context) error { return nil }

func (m *loopbackMember) Close() error {
	err := m.conn.Close()
	m.receiving.Wait()
	return err
}
