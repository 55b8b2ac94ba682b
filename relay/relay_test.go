package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/protocol"
)

// world is a gateway and its clients, over pipes.
type world struct {
	t        *testing.T
	limits   Limits
	gateway  Switch
	counters Counters // of the gateway
	running  sync.WaitGroup
	absent   []string
}

// end is a client's end of a connection, or what the gateway is itself.
type end struct {
	*Conn
	counters Counters

	mutex  sync.Mutex
	frames []string // that came: from, kind and data
	served error    // why it has ended
	conns  chan net.Conn
}

const self = 100 // the gateway

func newWorld(t *testing.T, limit func(*Limits)) *world {
	w := &world{t: t, limits: DefaultLimits}
	if limit != nil {
		limit(&w.limits)
	}
	w.gateway = Switch{Self: self, Limits: &w.limits, Counters: &w.counters, Absent: func(member, sender protocol.NodeID) {
		w.absent = append(w.absent, fmt.Sprintf("%d for %d", member, sender))
	}}
	return w
}

// note notes a frame.
func (e *end) note(_ *Conn, f *Frame) bool {
	if f.Kind != KindDatagrams && f.Kind != KindAbsent {
		return true
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.frames = append(e.frames, fmt.Sprintf("%d %d %s", f.Peer, f.Kind, f.Data))
	return false
}

// ended returns why an end has ended, nil if it has not.
func (e *end) ended() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.served
}

func (e *end) got() []string {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return append([]string(nil), e.frames...)
}

// accept hands streams to who waits for them.
func (e *end) accept(_ *Conn, _ protocol.NodeID, conn net.Conn) bool {
	select {
	case e.conns <- conn:
		return true
	default:
		return false
	}
}

// raw connects a client whose end is a plain connection.
func (w *world) raw(id protocol.NodeID, take func(*Conn, *Frame) bool, accept func(*Conn, protocol.NodeID, net.Conn) bool) (client net.Conn, gateway *Conn) {
	w.t.Helper()
	client, server := net.Pipe()
	gateway = New(server, Config{
		Limits: &w.limits, Counters: &w.counters, Peer: id, Self: self, Accept: accept,
		Take: func(c *Conn, f *Frame) bool { return w.gateway.Pass(c, f) && take(c, f) },
	})
	if err := w.gateway.Join(gateway); err != nil {
		w.t.Fatal(err)
	}
	w.running.Go(func() {
		_ = gateway.Serve()
		w.gateway.Leave(gateway)
	})
	return client, gateway
}

// connect connects a client, and returns its end and what the gateway has of it itself.
func (w *world) connect(id protocol.NodeID, change func(*Config)) (client, gateway *end) {
	w.t.Helper()
	client, gateway = &end{conns: make(chan net.Conn, 4)}, &end{conns: make(chan net.Conn, 4)}
	conn, other := w.raw(id, gateway.note, gateway.accept)
	gateway.Conn = other
	config := Config{Limits: &w.limits, Counters: &client.counters, Peer: self, Take: client.note, Accept: client.accept}
	if change != nil {
		change(&config)
	}
	client.Conn = New(conn, config)
	w.running.Go(func() {
		err := client.Serve()
		client.mutex.Lock()
		defer client.mutex.Unlock()
		client.served = err
	})
	return client, gateway
}

// close ends all.
func (w *world) close() {
	for _, c := range w.gateway.Clients() {
		c.Close()
	}
	w.running.Wait()
}

func TestDatagramsArePassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		one, atGateway := w.connect(1, nil)
		two, _ := w.connect(2, nil)
		one.SendDatagrams(2, 0, []byte("hello"))
		one.SendDatagrams(2, 2, []byte("abc"))
		two.SendDatagrams(1, 0, []byte("back"))
		one.SendDatagrams(self, 0, []byte("for you"))
		one.SendDatagrams(0, 0, []byte("whoever"))
		atGateway.SendDatagrams(1, 0, []byte("from me"))
		one.SendDatagrams(3, 0, []byte("nobody"))
		synctest.Wait()
		for name, c := range map[string]struct {
			got  []string
			want string
		}{
			"two": {two.got(), "[1 1 hello 1 1 abc]"}, "one": {one.got(), "[3 2  2 1 back 100 1 from me]"},
			"gateway": {atGateway.got(), "[1 1 for you 1 1 whoever]"}, "absent": {w.absent, "[3 for 1]"},
		} {
			// Who is absent goes before datagrams that wait at the same time.
			if got := fmt.Sprint(c.got); got != c.want && (name != "one" || len(c.got) != 3) {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
		if w.counters.Passed.Load() != 4 || w.counters.PassAbsent.Load() != 1 {
			t.Errorf("%d passed on, %d for nobody", w.counters.Passed.Load(), w.counters.PassAbsent.Load())
		}
	})
}

// transfer sends random bytes of a length over a connection, in pieces, and closes it.
func transfer(conn net.Conn, random *rand.Rand, length int) []byte {
	all := make([]byte, length)
	for i := range all {
		all[i] = byte(random.Uint32())
	}
	for rest := all; len(rest) > 0; {
		n := min(len(rest), 1+random.IntN(40_000))
		if _, err := conn.Write(rest[:n]); err != nil {
			break
		}
		rest = rest[n:]
	}
	_ = conn.Close()
	return all
}

// Streams between clients, and with the gateway, carry everything, in order, and end; also when the reader is far slower than the writer.
func TestStreamsCarryEverything(t *testing.T) {
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			defer w.close()
			random := rand.New(rand.NewPCG(seed, 0))
			one, atGateway := w.connect(1, nil)
			two, _ := w.connect(2, nil)
			for _, c := range []struct {
				from *end
				to   protocol.NodeID
				at   *end
			}{{one, 2, two}, {two, 1, one}, {one, self, atGateway}, {atGateway, 1, one}} {
				conn, err := c.from.Dial(t.Context(), c.to)
				if err != nil {
					t.Fatal(err)
				}
				other := <-c.at.conns
				sent := make(chan []byte, 1)
				go func() { sent <- transfer(conn, random, random.IntN(400_000)) }()
				if seed%2 == 0 {
					time.Sleep(time.Second) // the window is full
				}
				got, err := io.ReadAll(other)
				if want := <-sent; err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
				}
				_ = other.Close()
				synctest.Wait()
				if left := one.counters.Streams.Load() + two.counters.Streams.Load() + w.counters.Streams.Load(); left != 0 {
					t.Errorf("%d ends of streams are left", left)
				}
			}
			if broken := w.counters.StreamBroken.Load(); broken != 0 {
				t.Errorf("%d broken", broken)
			}
		})
	}
}

// A stream that the other end has closed, and of which somebody has not taken all, does not keep its connection from ending; and what has arrived of it may be taken after that.
func TestAStreamThatNobodyReadsDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		one, _ := w.connect(1, nil)
		two, _ := w.connect(2, nil)
		conn, err := one.Dial(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		there := <-two.conns
		if _, err := conn.Write([]byte("the rest")); err != nil {
			t.Error(err)
		}
		_ = conn.Close()
		synctest.Wait()
		two.Close()
		synctest.Wait()
		if two.ended() == nil {
			t.Error("the connection waits for who reads the stream")
		}
		if rest, err := io.ReadAll(there); err != nil || string(rest) != "the rest" {
			t.Errorf("%q, %v", rest, err)
		}
		_ = there.Close()
	})
}

func TestStreamsThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.Streams, l.OpenBurst = 3, 100 })
		defer w.close()
		one, _ := w.connect(1, nil)
		two, _ := w.connect(2, func(c *Config) { c.Accept = nil })
		three, _ := w.connect(3, nil)
		if _, err := one.Dial(t.Context(), 9); !errors.Is(err, ErrAbsent) {
			t.Errorf("to nobody: %v", err)
		}
		if _, err := one.Dial(t.Context(), 2); !errors.Is(err, ErrRefused) {
			t.Errorf("to who takes none: %v", err)
		}
		var open []net.Conn
		for range 3 {
			conn, err := one.Dial(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, conn, <-three.conns)
		}
		if _, err := one.Dial(t.Context(), 3); !errors.Is(err, ErrRefused) {
			t.Errorf("one too many: %v", err)
		}
		if _, err := two.Dial(t.Context(), 3); !errors.Is(err, ErrRefused) {
			t.Errorf("one too many at the other end: %v", err)
		}
		// The end of a connection ends its streams, at all ends.
		one.Close()
		for _, conn := range open {
			if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("read %d bytes, %v", n, err)
			}
			_ = conn.Close()
		}
		if _, err := one.Dial(t.Context(), 3); !errors.Is(err, ErrClosed) {
			t.Errorf("over a connection that has ended: %v", err)
		}
	})
}

// A member opens no more streams than it may; others do not suffer.
func TestOpeningIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		one, _ := w.connect(1, nil)
		two, _ := w.connect(2, nil)
		three, _ := w.connect(3, nil)
		opened := 0
		dial := func(from *end) {
			if conn, err := from.Dial(t.Context(), 3); err == nil {
				opened++
				_, _ = conn.Close(), (<-three.conns).Close()
			}
		}
		for range 50 {
			dial(one)
		}
		dial(two)
		if opened != w.limits.OpenBurst+1 || three.counters.StreamRefused.Load() != uint64(50-w.limits.OpenBurst) {
			t.Errorf("%d opened, %d refused", opened, three.counters.StreamRefused.Load())
		}
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		one, _ := w.connect(1, nil)
		silent, _ := w.raw(2, nil, nil)
		go func() { _, _ = io.Copy(io.Discard, silent) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := one.Dial(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if left := one.counters.Streams.Load(); left != 0 {
			t.Errorf("%d streams are left", left)
		}
	})
}

// A client that takes nothing costs its senders what it does not take, others nothing, and is cut off.
func TestAClientThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.Queue, l.Silence = 64<<10, time.Hour })
		defer w.close()
		one, _ := w.connect(1, nil)
		two, _ := w.connect(2, nil)
		stuck, _ := w.raw(3, nil, nil) // whose pipe nobody reads
		defer stuck.Close()
		datagram := make([]byte, 1000)
		for range 200 {
			one.SendDatagrams(3, 0, datagram)
			one.SendDatagrams(2, 0, []byte("x"))
			synctest.Wait()
		}
		room := uint64(w.limits.Queue / (len(datagram) + 2 + HeaderSize))
		if lost := w.counters.PassQueueFull.Load(); lost != 200-room || len(two.got()) != 200 {
			t.Errorf("%d lost, want %d; the other client has %d", lost, 200-room, len(two.got()))
		}
		time.Sleep(w.limits.WriteTimeout + time.Second)
		if w.gateway.Client(3) != nil || w.counters.Clients.Load() != 2 {
			t.Errorf("it is still a client; there are %d", w.counters.Clients.Load())
		}
	})
}

// What an end sends faster than its connection takes is dropped and counted there.
func TestTheOwnQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.Queue = 10_000 })
		a, b := net.Pipe()
		defer b.Close()
		var count Counters
		c := New(a, Config{Limits: &w.limits, Counters: &count, Peer: self, Take: func(*Conn, *Frame) bool { return false }})
		var serving sync.WaitGroup
		serving.Go(func() { _ = c.Serve() })
		for range 100 {
			c.SendDatagrams(2, 500, make([]byte, 1000))
		}
		if got := count.QueueFull.Load(); got != 2*(100-9) {
			t.Errorf("%d datagrams dropped", got)
		}
		c.Close()
		serving.Wait()
	})
}

func TestOneClientIsLimited(t *testing.T) {
	for _, rate := range []int{100_000, 1 << 30} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(l *Limits) { l.Rate, l.Burst = rate, 10_000 })
			defer w.close()
			one, _ := w.connect(1, nil)
			two, _ := w.connect(2, nil)
			for range 100 {
				one.SendDatagrams(2, 0, make([]byte, 1000))
				time.Sleep(time.Millisecond)
			}
			limited := w.counters.PassRate.Load()
			if rate == 100_000 && (limited < 70 || limited > 90) || rate > 100_000 && limited != 0 || len(two.got()) != 100-int(limited) {
				t.Errorf("at %d bytes a second %d of 100 were dropped, %d arrived", rate, limited, len(two.got()))
			}
		})
	}
}

// Who floods somebody who is not there makes the gateway look for it now and then only.
func TestLookingForWhoIsAbsentIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.AbsentBurst = 5 })
		defer w.close()
		one, _ := w.connect(1, nil)
		for i := range 50 {
			one.SendDatagrams(9, 0, []byte("x"))
			if _, err := one.Dial(t.Context(), 9); !errors.Is(err, ErrAbsent) {
				t.Errorf("%d: %v", i, err)
			}
		}
		synctest.Wait()
		if len(w.absent) != 5 || w.counters.PassAbsent.Load() != 50 {
			t.Errorf("looked for %d times, %d dropped", len(w.absent), w.counters.PassAbsent.Load())
		}
	})
}

func TestClientsAreBoundedAndReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(l *Limits) { l.Clients = 2 })
		defer w.close()
		one, _ := w.connect(1, nil)
		w.connect(2, nil)
		if !w.gateway.Full(3) || w.gateway.Full(1) {
			t.Error("who may join is told wrongly")
		}
		a, _ := net.Pipe()
		third := New(a, Config{Limits: &w.limits, Counters: &w.counters, Peer: 3})
		if err := w.gateway.Join(third); !errors.Is(err, ErrClients) || w.counters.ClientsRefused.Load() != 1 {
			t.Errorf("a third client: %v, %d refused", err, w.counters.ClientsRefused.Load())
		}
		again, _ := w.connect(1, nil)
		synctest.Wait()
		if one.ended() == nil || w.counters.ClientsReplaced.Load() != 1 || w.counters.Clients.Load() != 2 {
			t.Errorf("the connection before has ended: %v; %d replaced, %d clients", one.ended(), w.counters.ClientsReplaced.Load(), w.counters.Clients.Load())
		}
		again.SendDatagrams(2, 0, []byte("x"))
		synctest.Wait()
		if w.counters.Passed.Load() != 1 {
			t.Error("the later connection is not used")
		}
	})
}

// Whoever sends something malformed is cut off by the gateway, and nobody else hears of it.
func TestMalformedFramesCutTheirSenderOff(t *testing.T) {
	good := Frame{Kind: KindDatagrams, Peer: 2, Data: []byte("x")}
	for name, b := range map[string][]byte{
		"size":  {byte(KindDatagrams), 0, 0, 0, 0, 0, 0, 0, 2, 255, 255, 255},
		"kind":  (&Frame{Kind: KindCredit, Peer: 2, Credit: Window + 1}).Append(nil),
		"shape": (&Frame{Kind: KindDatagrams, Peer: 2, Segment: 1, Data: make([]byte, 1000)}).Append(nil),
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			defer w.close()
			bad, _ := w.raw(1, nil, nil)
			defer bad.Close()
			go func() { _, _ = io.Copy(io.Discard, bad) }()
			two, _ := w.connect(2, nil)
			_, _ = bad.Write(append([]byte{99, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 3}, "new"...)) // of a version to come
			_, _ = bad.Write(good.Append(nil))
			_, _ = bad.Write(b)
			synctest.Wait()
			if w.gateway.Client(1) != nil || w.counters.Malformed.Load() != 1 || w.counters.Unknown.Load() != 1 {
				t.Errorf("%s: still a client, or %d malformed, %d unknown", name, w.counters.Malformed.Load(), w.counters.Unknown.Load())
			}
			if got := two.got(); len(got) != 2 || !slices.Contains(got, "1 1 x") || !slices.Contains(got, "1 2 ") || w.gateway.Client(2) == nil {
				t.Errorf("%s: the other client has %q, want a datagram and word that its sender is gone", name, got)
			}
		})
	}
}

// A stream that exceeds its window, or names none, breaks; the connection does not.
func TestStreamsBeyondTheirWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		two, _ := w.connect(2, nil)
		bad, _ := w.raw(1, nil, nil)
		defer bad.Close()
		go func() { _, _ = io.Copy(io.Discard, bad) }()
		write := func(f Frame) { _, _ = bad.Write(f.Append(nil)) }
		write(Frame{Kind: KindData, Peer: 2, Stream: 7, Opener: true, Data: []byte("x")})
		write(Frame{Kind: KindOpen, Peer: 2, Stream: 1, Opener: true})
		write(Frame{Kind: KindOpen, Peer: 2, Stream: 2, Opener: true})
		flooded, credited := <-two.conns, <-two.conns
		for range Window/DataMax + 2 {
			write(Frame{Kind: KindData, Peer: 2, Stream: 1, Opener: true, Data: make([]byte, DataMax)})
		}
		write(Frame{Kind: KindCredit, Peer: 2, Stream: 2, Opener: true, Credit: 1})
		synctest.Wait()
		for _, conn := range []net.Conn{flooded, credited} {
			if n, err := io.Copy(io.Discard, conn); n > Window || err != nil {
				t.Errorf("read %d bytes, %v", n, err)
			}
			_ = conn.Close()
		}
		synctest.Wait()
		if two.counters.StreamBroken.Load() != 2 || two.counters.Streams.Load() != 0 || w.gateway.Client(1) == nil {
			t.Errorf("%d broken, %d left", two.counters.StreamBroken.Load(), two.counters.Streams.Load())
		}
	})
}

// An end that says nothing is taken for gone, one that is merely idle is not, unless it is to be.
func TestSilenceAndIdleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		kept, _ := w.connect(1, nil)
		idle, _ := w.connect(2, func(c *Config) { c.Idle = time.Minute })
		used, _ := w.connect(3, func(c *Config) { c.Idle = time.Minute })
		silent, _ := w.raw(4, nil, nil)
		defer silent.Close()
		go func() { _, _ = io.Copy(io.Discard, silent) }()
		for range 10 {
			time.Sleep(30 * time.Second)
			used.Use()
		}
		for name, c := range map[string]struct {
			got, want bool
		}{
			"kept": {w.gateway.Client(1) != nil, true}, "idle": {w.gateway.Client(2) != nil, false}, "used": {w.gateway.Client(3) != nil, true},
			"silent": {w.gateway.Client(4) != nil, false},
		} {
			if c.got != c.want {
				t.Errorf("%s: a client: %t", name, c.got)
			}
		}
		if kept.ended() != nil || !errors.Is(idle.ended(), ErrIdle) {
			t.Errorf("kept has ended by %v, idle by %v", kept.ended(), idle.ended())
		}
	})
}

func TestCheckEndsAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		revoked := errors.New("revoked")
		var is atomic.Bool
		one, _ := w.connect(1, func(c *Config) {
			c.Check = func() error {
				if is.Load() {
					return revoked
				}
				return nil
			}
		})
		time.Sleep(time.Minute)
		if one.ended() != nil {
			t.Fatalf("ended by %v", one.ended())
		}
		is.Store(true)
		time.Sleep(2 * w.limits.Period)
		if one.ended() != revoked {
			t.Errorf("ended by %v", one.ended())
		}
	})
}

// What was sent before Finish arrives, and then the connection ends at both ends.
func TestFinish(t *testing.T) {
	a, b := tcpPair(t)
	var counts [2]Counters
	limits := DefaultLimits
	other := &end{}
	left := New(a, Config{Limits: &limits, Counters: &counts[0], Peer: 2, Take: other.note})
	right := New(b, Config{Limits: &limits, Counters: &counts[1], Peer: 1, Take: other.note})
	var serving sync.WaitGroup
	serving.Go(func() { _ = left.Serve() })
	serving.Go(func() { _ = right.Serve() })
	for range 300 {
		left.SendDatagrams(2, 0, make([]byte, 1000))
	}
	left.Finish()
	if left.SendDatagrams(2, 0, []byte("late")) {
		t.Error("took something after Finish")
	}
	serving.Wait()
	if got := len(other.got()); got != 300 {
		t.Errorf("%d of 300 arrived", got)
	}
}

// tcpPair returns the ends of a TCP connection on loopback.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if a, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		b, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

// Whatever bytes come, an end neither panics nor hangs nor lets its streams grow beyond their limit.
func FuzzConn(f *testing.F) {
	var all []byte
	for _, seed := range []Frame{
		{Kind: KindOpen, Peer: 2, Stream: 1, Opener: true}, {Kind: KindData, Peer: 2, Stream: 1, Opener: true, Data: []byte("x")}, {Kind: KindOpen, Peer: self, Stream: 1, Opener: true},
		{Kind: KindCredit, Peer: self, Stream: 1, Opener: true, Credit: 9}, {Kind: KindClose, Peer: self, Stream: 1, Opener: true}, {Kind: KindPing}, {Kind: KindAbsent, Peer: 2},
		{Kind: KindDatagrams, Peer: 2, Segment: 2, Data: []byte("abc")},
	} {
		all = seed.Append(all)
		f.Add(seed.Append(nil))
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newWorld(t, func(l *Limits) { l.Streams = 4 })
		take := func(_ *Conn, f *Frame) bool { return f.Kind != KindDatagrams && f.Kind != KindAbsent }
		accept := func(_ *Conn, _ protocol.NodeID, conn net.Conn) bool {
			_ = conn.SetDeadline(time.Now().Add(time.Millisecond))
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}()
			return true
		}
		client, _ := w.raw(1, take, accept)
		other, _ := w.raw(2, take, accept)
		go func() { _, _ = io.Copy(io.Discard, client) }()
		go func() { _, _ = io.Copy(io.Discard, other) }()
		_, _ = client.Write(b)
		_, _ = client.Close(), other.Close()
		w.running.Wait()
		if n := w.counters.Streams.Load(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}
