package live

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"spinglass/protocol"
)

// streamPair returns two nodes that know each other, and the events that their machines get.
func streamPair(t *testing.T, change func(*Config)) (a, b *Node, as, bs chan protocol.Event) {
	ma, as := listening()
	mb, bs := listening()
	a, b = run(t, 1, ma, change), run(t, 2, mb, change)
	introduce(t, a, b)
	introduce(t, b, a)
	return a, b, as, bs
}

// open opens a stream from a to b and returns b's number of it.
func open(t *testing.T, a *Node, number uint64, as, bs chan protocol.Event) uint64 {
	t.Helper()
	ask(t, a, &protocol.StreamOpen{Number: number, To: 2})
	if e, ok := next(t, as).(protocol.StreamOpened); !ok || e.Number != number || e.From != 2 {
		t.Fatalf("%+v", e)
	}
	e, ok := next(t, bs).(protocol.StreamOpened)
	if !ok || e.From != 1 || e.Number>>63 != 1 {
		t.Fatalf("%+v", e)
	}
	return e.Number
}

func TestStream(t *testing.T) {
	a, b, as, bs := streamPair(t, nil)
	number := open(t, a, 7, as, bs)
	random := rand.NewChaCha8([32]byte{1})
	var sent, got []byte
	for range 5 {
		data := make([]byte, 300_000)
		_, _ = random.Read(data)
		ask(t, a, &protocol.StreamWrite{Number: 7, Data: data})
		if e, ok := next(t, as).(protocol.StreamWritten); !ok || e.Number != 7 {
			t.Fatalf("%+v", e)
		}
		sent = append(sent, data...)
	}
	ask(t, b, &protocol.StreamWrite{Number: number, Data: []byte("answer")})
	ask(t, a, &protocol.StreamWrite{Number: 7, Data: []byte("end")}, &protocol.StreamClose{Number: 7})
	sent = append(sent, "end"...)
	for closed := false; !closed; {
		switch e := next(t, bs).(type) {
		case protocol.StreamRead:
			got = append(got, e.Data...)
		case protocol.StreamWritten:
		case protocol.StreamClosed:
			if closed = true; e.Err != nil || e.Number != number {
				t.Errorf("%+v", e)
			}
		}
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived of %d, or others", len(got), len(sent))
	}
	for {
		if e, ok := next(t, as).(protocol.StreamClosed); ok {
			if e.Err != nil || e.Number != 7 {
				t.Errorf("%+v", e)
			}
			break
		}
	}
	eventually(t, "no stream left", func() bool { return a.Stats().Streams+b.Stats().Streams == 0 })
}

func TestStreamErrors(t *testing.T) {
	a, b, as, bs := streamPair(t, func(c *Config) { c.Streams = 1 })
	fails := func(number uint64, want string, work ...protocol.Work) {
		t.Helper()
		ask(t, a, work...)
		for {
			if e, ok := next(t, as).(protocol.StreamClosed); ok {
				if e.Number != number || e.Err == nil || e.Err.Error() != want {
					t.Errorf("%+v, want number %d and error %s", e, number, want)
				}
				return
			}
		}
	}
	fails(1, errStreamAddress.Error(), &protocol.StreamOpen{Number: 1, To: 99})
	open(t, a, 2, as, bs)
	fails(2, errStreamNumber.Error(), &protocol.StreamOpen{Number: 2, To: 2})
	fails(3, ErrStreamRefused.Error(), &protocol.StreamOpen{Number: 3, To: 2})
	fails(2, errStreamSize.Error(), &protocol.StreamWrite{Number: 2, Data: make([]byte, StreamWriteSizeMax+1)})
	if _, ok := next(t, bs).(protocol.StreamClosed); !ok {
		t.Error("the other side was not told")
	}
	eventually(t, "the stream is free again", func() bool { return a.Stats().Streams+b.Stats().Streams == 0 })
	open(t, a, 2, as, bs)
	fails(2, errStreamBusy.Error(), &protocol.StreamWrite{Number: 2, Data: make([]byte, StreamWriteSizeMax)},
		&protocol.StreamWrite{Number: 2, Data: []byte("too soon")})
	ask(t, a, &protocol.StreamWrite{Number: 2, Data: []byte("gone")}, &protocol.StreamClose{Number: 2}) // ignored
}

func TestStreamsRefuseBadGreetings(t *testing.T) {
	m, events := listening()
	n := run(t, 2, m, nil)
	for i, greeting := range [][]byte{
		appendGreeting(nil, 1, 3), appendGreeting(nil, 2, 2), appendGreeting(nil, 0, 2), []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		conn, err := net.Dial("tcp", n.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(greeting); err != nil {
			t.Fatal(err)
		}
		if answer, _ := io.ReadAll(conn); len(answer) != 0 {
			t.Errorf("greeting %q was answered", greeting)
		}
		_ = conn.Close()
		eventually(t, "the refusal is counted", func() bool { return n.Stats().StreamsRefused == uint64(i+1) })
	}
	if len(events) != 0 {
		t.Errorf("the machine heard of %d bad greetings", len(events))
	}
}

func TestInjectedConnectionHasNoStreams(t *testing.T) {
	m, events := listening()
	n := run(t, 1, m, func(c *Config) { c.Conn = newMemoryConn("10.0.0.1:7400") })
	ask(t, n, &protocol.StreamOpen{Number: 4, To: 2})
	if e := next(t, events).(protocol.StreamClosed); e.Err != errNoStreams || e.Number != 4 {
		t.Errorf("%+v", e)
	}
}

// Close cuts off streams in every state.
func TestCloseWithStreams(t *testing.T) {
	a, b, as, bs := streamPair(t, nil)
	open(t, a, 1, as, bs)
	open(t, a, 2, as, bs)
	ask(t, a, &protocol.StreamWrite{Number: 1, Data: make([]byte, StreamWriteSizeMax)}, &protocol.StreamOpen{Number: 3, To: 2},
		&protocol.StreamClose{Number: 2})
	_ = a.Close()
	_ = b.Close()
}

// A peer that has ended its side of a stream and takes nothing of the other does not keep the stream.
func TestAHalfClosedStreamThatTakesNothingEnds(t *testing.T) {
	m, events := listening()
	n := run(t, 1, m, nil)
	n.streams.linger = 10 * time.Millisecond
	conn, err := net.Dial("tcp", n.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(appendGreeting(nil, 2, 1)); err != nil {
		t.Fatal(err)
	}
	opened, ok := next(t, events).(protocol.StreamOpened)
	if !ok {
		t.Fatal("not opened")
	}
	data := make([]byte, StreamWriteSizeMax)
	for range 64 { // more than the buffers of both sides take
		ask(t, n, &protocol.StreamWrite{Number: opened.Number, Data: data})
		select {
		case e := <-events:
			if _, ok := e.(protocol.StreamWritten); !ok {
				t.Fatalf("%+v", e)
			}
			continue
		case <-time.After(100 * time.Millisecond): // the write is stuck
		}
		break
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	e := next(t, events)
	if _, ok := e.(protocol.StreamWritten); ok { // it was not stuck, but slow
		e = next(t, events)
	}
	if _, ok := e.(protocol.StreamClosed); !ok {
		t.Fatalf("%+v", e)
	}
	eventually(t, "the stream is given free", func() bool { return n.Stats().Streams == 0 })
}

// A stream that is held brings no more, and so slows its writer down, until it is let go on; nothing of it is lost. One that is held ends all the same when this side closes it.
func TestStreamsAreHeld(t *testing.T) {
	a, b, as, bs := streamPair(t, nil)
	number := open(t, a, 7, as, bs)
	ask(t, b, &protocol.StreamHold{Number: number, Hold: true}, &protocol.StreamHold{Number: 99, Hold: true}) // there is no 99
	const whole, each = 64 << 20, 1 << 20                                                                     // beyond what kernels buffer
	written, read := 0, 0
	write := func() {
		if written < whole {
			ask(t, a, &protocol.StreamWrite{Number: 7, Data: make([]byte, each)})
		}
	}
	write()
	for quiet := false; !quiet; {
		select {
		case e := <-as:
			if _, ok := e.(protocol.StreamWritten); ok {
				written += each
				write()
			}
		case e := <-bs:
			read += len(e.(protocol.StreamRead).Data)
		case <-time.After(300 * time.Millisecond):
			quiet = true
		}
	}
	if read > streamReadSize || written >= whole {
		t.Fatalf("%d bytes are read of a stream that is held, %d written of %d", read, written, whole)
	}
	ask(t, b, &protocol.StreamHold{Number: number})
	for read < whole {
		select {
		case e := <-as:
			if _, ok := e.(protocol.StreamWritten); ok {
				written += each
				write()
			}
		case e := <-bs:
			read += len(e.(protocol.StreamRead).Data)
		case <-time.After(patience):
			t.Fatalf("%d bytes are read, %d written", read, written)
		}
	}
	ask(t, b, &protocol.StreamHold{Number: number, Hold: true})
	ask(t, a, &protocol.StreamWrite{Number: 7, Data: []byte("more")})
	ask(t, b, &protocol.StreamClose{Number: number})
	eventually(t, "no stream left", func() bool { return a.Stats().Streams+b.Stats().Streams <= 1 })
	ask(t, a, &protocol.StreamClose{Number: 7})
	eventually(t, "no stream left", func() bool { return a.Stats().Streams+b.Stats().Streams == 0 })
}
