package live

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// speakers starts a server and a client that speak formats of their own.
func speakers(t *testing.T, client, server formats, change func(*Config)) (a, b *Node, heard *transcript) {
	f := newFleet(t, 1)
	heard = newTranscript()
	start := func(id protocol.NodeID, m protocol.Machine, spoken formats) *Node {
		return run(t, id, m, func(c *Config) {
			f.change(t, id, func(l *limits) { l.addressBurst, l.backoff = 100, time.Millisecond })(c)
			c.Security.spoken = &spoken
			change(c)
		})
	}
	b = start(2, heard, server)
	a = start(1, &toy{}, client)
	introduce(t, a, b)
	return a, b, heard
}

// Links speak the latest format that both ends do, whichever of them begins.
func TestFormatsAreNegotiated(t *testing.T) {
	for _, c := range []struct {
		client, server formats
		want           uint64
	}{
		{formats{1, 1}, formats{1, 1}, 1}, {formats{1, 2}, formats{1, 2}, 2}, {formats{1, 2}, formats{1, 1}, 1},
		{formats{1, 1}, formats{1, 2}, 1}, {formats{1, 2}, formats{2, 3}, 2}, {formats{11, 12}, formats{10, 11}, 11},
	} {
		a, b, heard := speakers(t, c.client, c.server, func(*Config) {})
		say(t, a, []protocol.NodeID{2}, "hello")
		eventually(t, "the message", func() bool { return heard.count("1 hello") == 1 })
		for _, n := range []*Node{a, b} {
			var got uint64
			eventually(t, "the session", func() bool { return n.Stats().Sessions == 1 })
			if err := n.Call(t.Context(), func(protocol.Time, *protocol.Output) {
				for _, p := range n.links.peers {
					got = p.current.format
				}
			}); err != nil || got != c.want {
				t.Errorf("%v to %v: node %s has a session of format %d, want %d; %v", c.client, c.server, n.config.ID, got, c.want, err)
			}
		}
	}
}

// "Unknown versions are refused": by both ends, each of which says in one line, whatever the number of attempts, who speaks what. Streams are refused likewise.
func TestNoFormatInCommon(t *testing.T) {
	for _, c := range []struct {
		client, server  formats
		atClient, there string
	}{
		{formats{1, 2}, formats{3, 4}, "the other end speaks 3 to 4, this node 1 to 2; upgrade this node", "the other end speaks 1 to 2, this node 3 to 4; upgrade the other end"},
		{formats{2, 3}, formats{1, 1}, "the other end speaks 1, this node 2 to 3; upgrade the other end", "the other end speaks 2 to 3, this node 1; upgrade this node"},
	} {
		var logs [2]logBuffer
		a, b, heard := speakers(t, c.client, c.server, func(config *Config) { config.Logger = logs[config.ID-1].logger() })
		for tries := uint64(1); tries <= 3; tries++ {
			eventually(t, "an attempt", func() bool {
				say(t, a, []protocol.NodeID{2}, "hello")
				return a.Stats().HandshakesFormat >= tries
			})
		}
		eventually(t, "the refusals, all for the format", func() bool {
			s := b.Stats()
			return s.HandshakesFormat >= 3 && s.HandshakesRefused == s.HandshakesFormat
		})
		for i, want := range []string{c.atClient, c.there} {
			if got := logs[i].String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "no format in common: "+want) {
				t.Errorf("node %d: want one line with %q: %s", i+1, want, got)
			}
		}
		if s := b.Stats(); heard.received.Load() != 0 || s.Sessions != 0 || b.links.table.used() != 0 {
			t.Errorf("%d received, %d sessions, %d indices taken", heard.received.Load(), s.Sessions, b.links.table.used())
		}
	}
}

// Who takes a node for a gateway that is none hears that, and not that one of them is to be upgraded, unless that is so.
func TestAServiceIsNotOffered(t *testing.T) {
	for _, c := range []struct {
		client         formats
		want           error
		failed, format uint64
	}{{formats{1, 2}, errNoProtocol, 1, 0}, {formats{3, 4}, errFormats, 0, 1}} {
		a, b, _ := speakers(t, c.client, formats{1, 2}, func(*Config) {})
		_, _, err := a.links.dialGreeted(t.Context(), 0, addrPort(b.LocalAddr()), a.links.relay, func(identity.PublicKey) error { return nil })
		if !errors.Is(err, c.want) {
			t.Errorf("%v instead of %v", err, c.want)
		}
		eventually(t, "the failure", func() bool { s := b.Stats(); return s.HandshakesFailed == c.failed && s.HandshakesFormat == c.format })
	}
}

func TestStreamsNeedAFormatInCommon(t *testing.T) {
	for _, c := range []struct {
		client, server formats
		opens          bool
	}{{formats{1, 2}, formats{1, 1}, true}, {formats{1, 1}, formats{2, 3}, false}} {
		f := newFleet(t, 1)
		ma, as := listening()
		mb, bs := listening()
		start := func(id protocol.NodeID, m protocol.Machine, spoken formats) *Node {
			return run(t, id, m, func(config *Config) {
				f.change(t, id, nil)(config)
				config.Security.spoken = &spoken
			})
		}
		a, b := start(1, ma, c.client), start(2, mb, c.server)
		introduce(t, a, b)
		introduce(t, b, a)
		if c.opens {
			open(t, a, 7, as, bs)
			continue
		}
		ask(t, a, &protocol.StreamOpen{Number: 7, To: 2})
		if e, ok := next(t, as).(protocol.StreamClosed); !ok || e.Err == nil || !strings.Contains(e.Err.Error(), errFormats.Error()) {
			t.Errorf("%+v", e)
		}
	}
}

// beacon is a message of a kind that came with a later format.
type beacon struct{ text }

func (b *beacon) Kind() protocol.Kind { return wire.KindBeacon }

// What the format of a link does not know does not go by it, also before the link is there, whether it is sent to a peer or to an address. The control is the peer that knows it.
func TestLinksCarryWhatTheirFormatKnows(t *testing.T) {
	f := newFleet(t, 1)
	start := func(id protocol.NodeID, m protocol.Machine, latest uint64) *Node {
		return run(t, id, m, func(c *Config) {
			f.change(t, id, nil)(c)
			c.Security.spoken = &formats{1, latest}
		})
	}
	heard := newTranscript()
	old, current := start(2, heard, 1), start(3, heard, 2)
	sender := start(1, &toy{}, 2)
	introduce(t, sender, old, current)
	for i := range 2 { // the first time there is no link yet
		send := func(_ protocol.Time, out *protocol.Output) {
			out.Spread([]protocol.NodeID{2, 3}, &beacon{})
			out.SendAddress(current.Advertised(), &beacon{})
			out.SendAddress(old.Advertised(), &beacon{})
			out.Spread([]protocol.NodeID{2, 3}, &text{body: []byte("hello")})
		}
		if err := sender.Call(t.Context(), send); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the messages behind", func() bool { return heard.count("1 hello") == 2*(i+1) })
	}
	eventually(t, "the old peer to be sent none of what it does not know, the current one all four, and four to be dropped", func() bool {
		// What was sent to an address may wait for a handshake of its own.
		got := [3]uint64{old.Stats().Drops[ReasonFrameKind], current.Stats().Drops[ReasonFrameKind], sender.Stats().Drops[ReasonFormat]}
		return got == [3]uint64{0, 4, 4}
	})
}

// rewriting is a connection on which somebody changes what is written.
type rewriting struct {
	net.Conn
	old, new []byte
	done     *atomic.Int64
}

func (c *rewriting) Write(b []byte) (int, error) {
	changed := bytes.ReplaceAll(b, c.old, c.new)
	if !bytes.Equal(changed, b) {
		c.done.Add(1)
	}
	return c.Conn.Write(changed)
}

// Nobody on the way makes two nodes speak an older format than they could: TLS proves what was offered. The control changes nothing.
func TestFormatsCannotBeLoweredOnTheWay(t *testing.T) {
	for _, attack := range []bool{true, false} {
		var changed atomic.Int64
		to := "spinglass-link/2"
		if attack {
			to = "spinglass-link/1"
		}
		a, _, heard := speakers(t, formats{1, 2}, formats{1, 2}, func(c *Config) {
			c.Security.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				return &rewriting{conn, []byte("spinglass-link/2"), []byte(to), &changed}, err
			}
		})
		say(t, a, []protocol.NodeID{2}, "hello")
		if !attack {
			eventually(t, "the message", func() bool { return heard.count("1 hello") == 1 })
			continue
		}
		eventually(t, "a handshake that fails", func() bool { return changed.Load() > 0 && a.Stats().HandshakesFailed > 0 })
		if heard.received.Load() != 0 || a.Stats().Sessions != 0 {
			t.Error("a session was made in spite of the change")
		}
	}
}

func TestServiceNames(t *testing.T) {
	for name, want := range map[string]struct {
		service string
		format  uint64
	}{
		"spinglass-link/12": {"spinglass-link", 12}, "spinglass-formats": {"spinglass-formats", 0}, "echo/1": {"echo", 1}, "": {}, "/": {"/", 0},
		"spinglass-link/x": {"spinglass-link/x", 0}, "a/b/3": {"a/b", 3},
	} {
		if service, format := splitProtocol(name); service != want.service || format != want.format {
			t.Errorf("%q: %q, %d", name, service, format)
		}
	}
	if got := strings.Join(formats{9, 11}.names("x"), " "); got != "x/11 x/10 x/9" {
		t.Error(got)
	}
}

func TestFormatsAreRead(t *testing.T) {
	for _, f := range []formats{{1, 1}, {1, 2}, {1 << 40, 1 << 62}} {
		b := f.append(nil)
		got, err := readFormats(bytes.NewReader(b))
		longer := append([]byte{b[0] + 3}, append(bytes.Clone(b[1:]), 1, 2, 3)...)
		more, longerErr := readFormats(bytes.NewReader(longer))
		if got != f || err != nil || more != f || longerErr != nil {
			t.Errorf("%v: %v, %v; with more behind it: %v, %v", f, got, err, more, longerErr)
		}
		for n := range b {
			if _, err := readFormats(bytes.NewReader(b[:n])); err == nil {
				t.Errorf("cut to %d bytes it was read", n)
			}
		}
	}
	for _, b := range [][]byte{{2, 0, 1}, {2, 2, 1}, {1, 1}, {0}, {3, 0x81, 0, 2}} {
		if f, err := readFormats(bytes.NewReader(b)); err == nil {
			t.Errorf("%x is read as %v", b, f)
		}
	}
}

func FuzzFormats(f *testing.F) {
	f.Add(formats{1, 2}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readFormats(bytes.NewReader(b))
		if err != nil {
			return
		}
		if again := got.append(nil); !bytes.HasPrefix(b[1:], again[1:]) {
			t.Fatalf("%x is read as what is encoded as %x", b, again)
		}
	})
}
