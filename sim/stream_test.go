package sim

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"spinglass/protocol"
)

// writer writes size bytes in writes of chunk bytes to host 2 once its stream is open, then closes it.
func writer(size, chunk int) actor {
	sent := 0
	more := func(number uint64, out *protocol.Output) {
		if sent == size {
			out.Do(&protocol.StreamClose{Number: number})
			return
		}
		n := min(chunk, size-sent)
		data := make([]byte, n)
		for i := range data {
			data[i] = pattern(sent + i)
		}
		sent += n
		out.Do(&protocol.StreamWrite{Number: number, Data: data})
	}
	return actor{
		start: func(a *actor, _ protocol.Time, out *protocol.Output) {
			if a.boot.ID == 1 {
				out.Do(&protocol.StreamOpen{Number: 5, To: 2})
			}
		},
		notify: func(a *actor, _ protocol.Time, e protocol.Event, out *protocol.Output) {
			switch e := e.(type) {
			case protocol.StreamOpened:
				if a.boot.ID == 1 {
					more(e.Number, out)
				}
			case protocol.StreamWritten:
				more(e.Number, out)
			}
		},
	}
}

// pattern has no period, so that no piece equals another.
func pattern(i int) byte { return byte(mix(uint64(i))) }

// read returns the bytes that a host read, and its StreamClosed, if it was told.
func read(a *actor) (data []byte, closed *protocol.StreamClosed) {
	for _, e := range a.events {
		switch e := e.(type) {
		case protocol.StreamRead:
			data = append(data, e.Data...)
		case protocol.StreamClosed:
			closed = &e
		}
	}
	return data, closed
}

func TestStreamCarriesBytesInOrder(t *testing.T) {
	for _, loss := range []float64{0, 0.3} {
		w := New(Config{Seed: 1, Network: Network{
			Egress: 10e6, Topology: Flat{&Link{Loss: loss, Latency: Uniform{Max: 50 * time.Millisecond}, Duplicate: 0.5, Bandwidth: 20e6}},
		}})
		order := NewStreamOrder(w)
		w.Check(order)
		const size = 1 << 20
		cast(w, 2, writer(size, 100000))
		w.Run(seconds(600))
		data, closed := read(actorOf(w, 2))
		if len(data) != size || closed == nil || closed.Err != nil {
			t.Fatalf("loss %v: read %d bytes, closed %v", loss, len(data), closed)
		}
		for i, c := range data {
			if c != pattern(i) {
				t.Fatalf("loss %v: byte %d differs", loss, i)
			}
		}
		if _, closed := read(actorOf(w, 1)); closed == nil || closed.Err != nil || closed.Number != 5 {
			t.Errorf("loss %v: the writer was told %v", loss, closed)
		}
		if opened := actorOf(w, 2).events[0].(protocol.StreamOpened); opened.From != 1 || opened.Number>>63 != 1 {
			t.Errorf("loss %v: the reader was told %+v, want host 1 and the high bit", loss, opened)
		}
		if err := w.Finish(); err != nil {
			t.Error(err)
		}
	}
}

func TestStreamRespectsBandwidth(t *testing.T) {
	w := New(Config{Network: Network{Egress: 1e6}})
	cast(w, 2, writer(1e6, 1e5))
	var last protocol.Time
	w.Trace(func(s *Step) {
		if _, ok := s.Event.(protocol.StreamRead); ok {
			last = s.Now
		}
	})
	w.Run(seconds(10))
	if last < ms(1000) || last > ms(1010) {
		t.Errorf("a megabyte at a megabyte per second took %v", last)
	}
}

// A paused reader stops the writer: no more than the window and one write are under way.
func TestStreamBackpressure(t *testing.T) {
	w := New(Config{})
	const chunk = 50000
	cast(w, 2, writer(1<<20, chunk))
	written := 0
	w.Trace(func(s *Step) {
		for _, e := range s.Effects {
			if write, ok := e.Work.(*protocol.StreamWrite); ok {
				written += len(write.Data)
			}
		}
	})
	w.At(0, func() { w.Pause(2, 10*time.Second) })
	w.Run(seconds(5))
	if written < StreamWindow || written > StreamWindow+chunk {
		t.Errorf("%d bytes written to a paused reader, want the window of %d and a part of %d", written, StreamWindow, chunk)
	}
	w.Run(seconds(20))
	if data, _ := read(actorOf(w, 2)); len(data) != 1<<20 {
		t.Errorf("read %d bytes after the pause", len(data))
	}
}

func TestStreamEndings(t *testing.T) {
	for _, c := range []struct {
		name   string
		script func(*World)
		err    error
	}{
		{"down", func(w *World) { w.Crash(2) }, ErrStreamRefused},
		{"cut", func(w *World) { w.Isolate(1) }, ErrStreamTimeout},
		{"cut one way", func(w *World) { w.Cut(w.Hosts()[1:], w.Hosts()[:1], false) }, ErrStreamTimeout},
		{"cut midway", func(w *World) { w.At(ms(100), func() { w.Isolate(1) }) }, ErrStreamTimeout},
		{"crash midway", func(w *World) { w.At(ms(100), func() { w.Crash(2) }) }, ErrStreamReset},
		{"healed", func(w *World) {
			w.At(ms(100), func() { w.At(ms(5000), w.Isolate(1).Heal) })
		}, nil},
		{"restart midway", func(w *World) { w.At(ms(100), func() { w.Restart(2, true) }) }, ErrStreamReset},
	} {
		w := New(Config{Network: Network{Egress: 1e6, Topology: Flat{&Link{Latency: Constant(time.Millisecond)}}}})
		w.Check(NewStreamOrder(w))
		cast(w, 2, writer(1<<19, 1<<16))
		c.script(w)
		w.Run(seconds(100))
		_, closed := read(actorOf(w, 1))
		if closed == nil || !errors.Is(closed.Err, c.err) {
			t.Errorf("%s: the writer was told %v, want %v", c.name, closed, c.err)
		}
		if err := w.Finish(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, h := range w.hosts {
			if h.extra != nil && c.name != "cut midway" && len(h.extra.streams) != 0 {
				t.Errorf("%s: host %v still has %d streams", c.name, h.place.ID, len(h.extra.streams))
			}
		}
	}
}

func TestStreamToUnknownAndTooMany(t *testing.T) {
	w := New(Config{})
	cast(w, 2, actor{})
	do(w, 1, &protocol.StreamOpen{Number: 1, To: 99})
	for i := range uint64(StreamsMax + 1) {
		do(w, 1, &protocol.StreamOpen{Number: 10 + i, To: 2})
	}
	do(w, 1, &protocol.StreamWrite{Number: 5})
	w.Run(1)
	refused := 0
	for _, e := range actorOf(w, 1).events {
		if closed, ok := e.(protocol.StreamClosed); ok && errors.Is(closed.Err, ErrStreamRefused) {
			refused++
		}
	}
	if refused != 2 || w.Stats().StreamStale != 1 || w.Stats().StreamsOpened != StreamsMax {
		t.Errorf("%d refused, %+v", refused, w.Stats())
	}
	mustPanic(t, "number that is taken", func() {
		do(w, 1, &protocol.StreamOpen{Number: 10, To: 2})
		w.Run(2)
	})
}

func TestSecondWriteUnderWayPanics(t *testing.T) {
	w := New(Config{})
	cast(w, 2, actor{})
	do(w, 1, &protocol.StreamOpen{Number: 1, To: 2})
	do(w, 1, &protocol.StreamWrite{Number: 1, Data: []byte("a")})
	do(w, 1, &protocol.StreamWrite{Number: 1, Data: []byte("b")})
	mustPanic(t, "while a write is under way", func() { w.Run(1) })
}

// "StreamRead brings bytes that arrived on a stream. Data is lent."
func TestStreamReadIsLent(t *testing.T) {
	w := New(Config{})
	var kept []byte
	like := writer(100, 100)
	for i := range 2 {
		w.Add(HostConfig{ID: protocol.NodeID(i + 1), Build: func(b Boot) protocol.Machine {
			a := like
			a.boot, a.deadline = b, protocol.Never
			return &keeper{actor: &a, kept: &kept}
		}})
	}
	w.Run(seconds(1))
	if !bytes.Equal(kept, bytes.Repeat([]byte{scribble}, 100)) {
		t.Errorf("bytes kept without copying read % x", kept)
	}
}

// keeper keeps what it was lent.
type keeper struct {
	*actor
	kept *[]byte
}

func (k *keeper) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	if lent, ok := e.(protocol.StreamRead); ok {
		*k.kept = lent.Data
	}
	k.actor.Notify(now, e, out)
}

// A reader that holds a stream is given what is in the window, and no more until it lets it go on.
func TestStreamsAreHeld(t *testing.T) {
	w := New(Config{Seed: 1})
	order := NewStreamOrder(w)
	w.Check(order)
	const size = 4 * StreamWindow
	a := writer(size, 100000)
	notify := a.notify
	a.notify = func(a *actor, now protocol.Time, e protocol.Event, out *protocol.Output) {
		if opened, ok := e.(protocol.StreamOpened); ok && a.boot.ID == 2 {
			out.Do(&protocol.StreamHold{Number: opened.Number, Hold: true})
		}
		notify(a, now, e, out)
	}
	cast(w, 2, a)
	w.Run(seconds(10))
	held, closed := read(actorOf(w, 2))
	if len(held) != StreamWindow || closed != nil {
		t.Fatalf("%d bytes are read while the stream is held, closed %v", len(held), closed)
	}
	w.Command(2, func(_ protocol.Time, m protocol.Machine, out *protocol.Output) {
		out.Do(&protocol.StreamHold{Number: actorOf(w, 2).events[0].(protocol.StreamOpened).Number})
	})
	w.Run(seconds(20))
	if data, closed := read(actorOf(w, 2)); len(data) != size || closed == nil || closed.Err != nil {
		t.Errorf("%d bytes are read of %d, closed %v", len(data), size, closed)
	}
	if err := w.Finish(); err != nil {
		t.Error(err)
	}
}
