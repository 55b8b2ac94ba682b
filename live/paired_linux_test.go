package live

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pairAt opens a pair at an address, which the kernel of every system that runs these tests gives.
func pairAt(t *testing.T, address string) *pairedSocket {
	t.Helper()
	udp, tcp, err := listenFree(address)
	if err != nil {
		t.Skipf("no socket at %s: %v", address, err)
	}
	_ = tcp.Close()
	s, ok := paired(udp).(*pairedSocket)
	if !ok {
		t.Fatalf("no second socket at %s", address)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// received counts what arrives at a socket: as much as is expected, and then until nothing has for a while.
func received(t *testing.T, s *net.UDPConn, expected int) (count int, from netip.AddrPort) {
	t.Helper()
	for buffer := make([]byte, 64); ; count++ {
		wait := 100 * time.Millisecond
		if count < expected {
			wait = patience
		}
		if err := s.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		_, sender, err := s.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return count, from
		}
		from = unmap(sender)
	}
}

// What is sent to the address of a pair, by whomever, arrives at the socket that receives. The control: without the filter the kernel shares it out.
func TestPairReceives(t *testing.T) {
	const senders = 64
	for _, filtered := range []bool{true, false} {
		s := pairAt(t, "127.0.0.1:0")
		if !filtered {
			withSocket(s.UDPConn, func(fd int) {
				if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0); err != nil {
					t.Fatal(err)
				}
			})
		}
		for range senders {
			conn, err := net.DialUDP("udp", nil, s.LocalAddr().(*net.UDPAddr))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		}
		expected := 0
		if filtered {
			expected = senders
		}
		if got, _ := received(t, s.UDPConn, expected); (got == senders) != filtered {
			t.Errorf("filtered %t: %d of %d datagrams arrived", filtered, got, senders)
		}
	}
}

// What a pair sends comes from its address, whatever family, and costs no memory.
func TestPairSends(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"127.0.0.1:0", "127.0.0.1:0"}, {"[::1]:0", "[::1]:0"}, {":0", "127.0.0.1:0"}, {":0", "[::1]:0"},
	} {
		sender, receiver := pairAt(t, c.from), pairAt(t, c.to)
		to := receiver.LocalAddr().(*net.UDPAddr).AddrPort()
		payload := []byte("hello")
		allocations := testing.AllocsPerRun(10, func() {
			if _, err := sender.WriteToUDPAddrPort(payload, to); err != nil {
				t.Fatal(err)
			}
		})
		count, from := received(t, receiver.UDPConn, 11)
		want := netip.AddrPortFrom(to.Addr(), sender.LocalAddr().(*net.UDPAddr).AddrPort().Port())
		if count != 11 || from != want || allocations != 0 {
			t.Errorf("from %s to %s: %d datagrams arrived from %s, want 11 from %s; %.0f allocations each", c.from, c.to, count, from, want, allocations)
		}
	}
}

// A reader may answer while the writer writes: nothing fails, and everybody gets what is meant for it.
func TestAnswersBesideWrites(t *testing.T) {
	const rounds, segment = 20_000, 100
	l := newLink(pairAt(t, "127.0.0.1:0"), false, SocketBufferDefault)
	sockets := map[byte]*net.UDPConn{'w': pairAt(t, "127.0.0.1:0").UDPConn, 'a': pairAt(t, "127.0.0.1:0").UDPConn}
	to := func(kind byte) netip.AddrPort { return sockets[kind].LocalAddr().(*net.UDPAddr).AddrPort() }
	var others atomic.Int64 // datagrams that came to the wrong one
	var sending, receiving sync.WaitGroup
	for kind, socket := range sockets {
		receiving.Go(func() {
			for buffer := make([]byte, slabSize); ; {
				size, err := socket.Read(buffer)
				if err != nil {
					return
				}
				if size > segment || buffer[0] != kind {
					others.Add(1)
				}
			}
		})
	}
	var failure atomic.Pointer[error]
	send := func(err error) {
		if err != nil {
			failure.Store(&err)
		}
	}
	sending.Go(func() {
		many := bytes.Repeat([]byte{'w'}, segment)
		if l.segments() {
			many = bytes.Repeat(many, 10)
		}
		for range rounds {
			send(l.write(many, segment, to('w')))
		}
	})
	sending.Go(func() {
		one := bytes.Repeat([]byte{'a'}, noticeSize)
		for range rounds {
			send(l.answer(one, to('a')))
		}
	})
	sending.Wait()
	for _, socket := range sockets {
		_ = socket.Close()
	}
	receiving.Wait()
	if err := failure.Load(); err != nil {
		t.Errorf("sending failed: %v", *err)
	}
	if n := others.Load(); n > 0 {
		t.Errorf("%d datagrams came to somebody else", n)
	}
}

// A closed pair ends whoever reads, refuses to send, and frees its address.
func TestPairCloses(t *testing.T) {
	s := pairAt(t, "127.0.0.1:0")
	ended := make(chan error)
	go func() {
		_, err := newLink(s, false, SocketBufferDefault).read(make([]byte, slabSize))
		ended <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a read ended with %v", err)
	}
	if _, err := s.WriteToUDPAddrPort([]byte("hello"), s.LocalAddr().(*net.UDPAddr).AddrPort()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("sending failed with %v", err)
	}
	if err := s.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closing again: %v", err)
	}
	alone, err := net.ListenUDP("udp", s.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	_ = alone.Close()
}

// Nobody else gets an address that a pair has: not a socket that is not shareable, and not a second node.
func TestPairIsAlone(t *testing.T) {
	first, tcp, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	defer tcp.Close()
	if other, err := net.ListenUDP("udp", first.LocalAddr().(*net.UDPAddr)); err == nil {
		_ = other.Close()
		t.Error("a socket that is not shareable got the address")
	}
	if second, tcp, err := listen(first.LocalAddr().String()); err == nil {
		_ = tcp.Close()
		_ = second.Close()
		t.Error("a second node got the address")
	}
}

func TestScopes(t *testing.T) {
	s := &pairedSocket{}
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skipf("no interface lo: %v", err)
	}
	for _, c := range []struct {
		zone string
		want int
	}{{"", 0}, {"lo", loopback.Index}, {"lo", loopback.Index}, {"7", 7}, {"none-such", -1}} {
		scope, err := s.scopeOf(c.zone)
		if err != nil {
			if c.want >= 0 {
				t.Errorf("%q: %v", c.zone, err)
			}
			continue
		}
		if int(scope) != c.want {
			t.Errorf("%q: %d, want %d", c.zone, scope, c.want)
		}
	}
}
