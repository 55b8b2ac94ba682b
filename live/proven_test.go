package live

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"spinglass/protocol"
)

// laggard is a connection on which what is written is late, and the end too.
type laggard struct {
	net.Conn
	late  time.Duration
	lines chan []byte // nil ends
}

func newLaggard(conn net.Conn, late time.Duration) *laggard {
	l := &laggard{conn, late, make(chan []byte, 100)}
	go func() {
		for b := range l.lines {
			time.Sleep(late)
			if b == nil {
				_ = conn.Close()
				return
			}
			_, _ = conn.Write(b)
		}
	}()
	return l
}

func (l *laggard) Write(b []byte) (int, error) {
	l.lines <- append([]byte{}, b...)
	return len(b), nil
}

func (l *laggard) Close() error {
	select {
	case l.lines <- nil:
	default:
	}
	return nil
}

// SetWriteDeadline does nothing: a TLS connection that is closed for writing sets it to the past.
func (l *laggard) SetWriteDeadline(time.Time) error { return nil }

// unconfirmed is a connection that loses the last byte of a handshake and the good-bye, and is closed when it may be.
type unconfirmed struct {
	net.Conn
	may  chan struct{}
	lost *atomic.Int64
}

func (u *unconfirmed) Write(b []byte) (int, error) {
	const most = 5 + 2 + 1 + 16 // bytes of such a record: header, content, its type, tag
	if len(b) <= most {
		u.lost.Add(1)
		return len(b), nil
	}
	return u.Conn.Write(b)
}

func (u *unconfirmed) Close() error {
	go func() {
		<-u.may
		_ = u.Conn.Close()
	}()
	return nil
}

// greets starts a node that connects by what wrap makes of its connections, and has it say hello to a server, which answers.
func (f *fleet) greets(t *testing.T, server *Node, answers *transcript, wrap func(net.Conn) net.Conn) *Node {
	t.Helper()
	client := run(t, 1, answers, func(c *Config) {
		f.change(t, 1, nil)(c)
		c.Security.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return wrap(conn), nil
		}
	})
	err := client.Do(func(_ protocol.Time, out *protocol.Output) {
		out.SendAddress(server.Advertised(), &text{body: []byte("hello")})
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer", func() bool { return answers.count("2 hello") == 1 })
	return client
}

// A session that its peer has sent by stays, also when the handshake does not come to its end.
func TestASessionThatIsUsedStays(t *testing.T) {
	f := newFleet(t, 1)
	server := f.run(t, 2, echo(), nil)
	answers, answered := newTranscript(), make(chan struct{})
	var lost atomic.Int64
	client := f.greets(t, server, answers, func(conn net.Conn) net.Conn { return &unconfirmed{conn, answered, &lost} })
	close(answered)
	eventually(t, "the end of the handshake", func() bool { return server.gate.room.len() == 0 })
	say(t, client, []protocol.NodeID{2}, "again")
	eventually(t, "the second answer", func() bool { return answers.count("2 again") == 1 })
	if lost.Load() != 2 {
		t.Errorf("%d records were lost, not the confirmation and the good-bye", lost.Load())
	}
	if s := server.Stats(); s.Handshakes != 1 || s.HandshakesFailed != 0 || s.Sessions != 1 || len(s.Drops) != 0 {
		t.Errorf("%d handshakes, %d failed, %d sessions, drops %v", s.Handshakes, s.HandshakesFailed, s.Sessions, s.Drops)
	}
}

// A node that has restarted is answered by its new session, also when what it sends by that is there before the end of the handshake. There is no second try here.
func TestTheFirstMessageAfterARestartIsAnswered(t *testing.T) {
	f := newFleet(t, 1)
	server := f.run(t, 2, echo(), nil)
	for range 3 {
		answers := newTranscript()
		client := f.greets(t, server, answers, func(conn net.Conn) net.Conn { return newLaggard(conn, 30*time.Millisecond) })
		eventually(t, "the end of the handshake", func() bool { return server.gate.room.len() == 0 })
		_ = client.Close()
	}
	if s := server.Stats(); s.Handshakes != 3 || s.HandshakesFailed != 0 || s.Sessions != 1 || len(s.Drops) != 0 {
		t.Errorf("%d handshakes, %d failed, %d sessions, drops %v", s.Handshakes, s.HandshakesFailed, s.Sessions, s.Drops)
	}
}
