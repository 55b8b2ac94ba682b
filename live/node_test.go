package live

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"spinglass/protocol"
)

// echo answers every message.
func echo() *toy {
	return &toy{receive: func(_ protocol.Time, from protocol.NodeID, body []byte, out *protocol.Output) {
		out.Send(from, &text{body: append([]byte(nil), body...)})
	}}
}

func TestEcho(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s plain=%t", listen, plain), func(t *testing.T) {
				change := func(c *Config) { c.Listen, c.PlainDatagrams = listen, plain }
				server := run(t, 2, echo(), change)
				answers := make(chan string, 1)
				client := run(t, 1, &toy{receive: func(_ protocol.Time, _ protocol.NodeID, body []byte, _ *protocol.Output) {
					answers <- string(body)
				}}, change)
				err := client.Do(func(_ protocol.Time, out *protocol.Output) {
					out.SendAddress(server.Advertised(), &text{body: []byte("hello")})
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := <-answers; got != "hello" {
					t.Errorf("got %q", got)
				}
			})
		}
	}
}

// Between real sockets of each family, with and without the kernel's help, a burst arrives whole and undamaged.
func TestBurst(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"127.0.0.1:0", "127.0.0.1:0"}, {"[::1]:0", "[::1]:0"}, {":0", "127.0.0.1:0"}, {":0", "[::1]:0"},
	} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s to %s plain=%t", c.from, c.to, plain), func(t *testing.T) {
				var damaged int
				sink := &toy{receive: func(_ protocol.Time, _ protocol.NodeID, body []byte, _ *protocol.Output) {
					if len(body) == 0 || len(bytes.Trim(body, string(body[:1]))) != 0 {
						damaged++
					}
				}}
				receiver := run(t, 2, sink, func(config *Config) { config.Listen, config.PlainDatagrams = c.to, plain })
				sender := run(t, 1, &toy{}, func(config *Config) { config.Listen, config.PlainDatagrams = c.from, plain })
				introduce(t, sender, receiver)
				const messages = 150 // what the smallest buffers of sockets hold, should nobody read for a while
				err := sender.Call(t.Context(), func(_ protocol.Time, out *protocol.Output) {
					for i := range messages {
						out.Send(2, &text{body: bytes.Repeat([]byte{'a' + byte(i%26)}, 1100+i%100)})
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				eventually(t, "all messages received", func() bool { return sink.received.Load() == messages })
				// The writer counts a parcel once it is sent.
				eventually(t, "all datagrams counted", func() bool { return sender.Stats().DatagramsSent >= messages })
				s := sender.Stats()
				if s.DatagramsSent != messages || s.MessagesSent != messages {
					t.Errorf("sent %d messages in %d datagrams, want %d", s.MessagesSent, s.DatagramsSent, messages)
				}
				if s.Segments && s.SendCalls > messages/10 || !s.Segments && s.SendCalls != messages {
					t.Errorf("segments %t: %d calls for %d datagrams", s.Segments, s.SendCalls, messages)
				}
				if r := receiver.Stats(); len(r.Drops) != 0 || r.DatagramsReceived != messages {
					t.Errorf("received %d datagrams, dropped %v", r.DatagramsReceived, r.Drops)
				}
				_ = receiver.Close() // the loop has ended, damaged may be read
				if damaged != 0 {
					t.Errorf("%d messages damaged", damaged)
				}
			})
		}
	}
}

func TestDropsAreLoggedInSamples(t *testing.T) {
	var log bytes.Buffer
	n := run(t, 1, &toy{}, func(c *Config) {
		c.Conn = newMemoryConn("10.0.0.1:7400")
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	_ = n.Do(func(_ protocol.Time, out *protocol.Output) {
		for range 1000 {
			out.Drop(2, "stale_row")
		}
	})
	_ = n.Close()
	// 1, 2, 4, ..., 512
	if got := strings.Count(log.String(), "stale_row"); got != 10 || n.Stats().Drops["stale_row"] != 1000 {
		t.Errorf("%d lines for %d drops, want 10 for 1000", got, n.Stats().Drops["stale_row"])
	}
}

func TestEventsReachTheApplicationInOrder(t *testing.T) {
	var got []protocol.Event
	m := &toy{start: func(_ protocol.Time, out *protocol.Output) { out.Emit(protocol.Joined{}) }}
	n := run(t, 1, m, func(c *Config) {
		c.OnEvent = func(_ protocol.Time, e protocol.Event) { got = append(got, e) }
	})
	_ = n.Do(func(_ protocol.Time, out *protocol.Output) {
		out.Emit(protocol.Healed{Peers: 3})
		out.Emit(protocol.Left{})
	})
	_ = n.Close()
	want := []protocol.Event{protocol.Joined{}, protocol.Healed{Peers: 3}, protocol.Left{}}
	if fmt.Sprint(got) != fmt.Sprint(want) || n.Stats().Events != 3 {
		t.Errorf("events %v, want %v", got, want)
	}
}
