package live

import (
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"spinglass/internal/keytls"
	"spinglass/protocol"
)

// newRoom returns a room with so many places.
func newRoom(places int) *room {
	return &room{places: places, short: helloTimeout, count: new(counters)}
}

// someone is a connection that nobody uses.
func someone(t *testing.T) net.Conn {
	a, b := net.Pipe()
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a
}

// Those that say nothing have 5 s while there are few, and half a second in a crowd. Who has spoken is not hurried.
func TestSilenceIsShortInACrowd(t *testing.T) {
	r, from, start := newRoom(16), &source{}, time.Now()
	first := r.enter(someone(t), from, 16, start)
	if hello, all := r.patience(handshakeTimeout); hello != handshakeTimeout || all != handshakeTimeout {
		t.Errorf("%v, %v alone", hello, all)
	}
	r.enter(someone(t), from, 16, start)
	if hello, all := r.patience(handshakeTimeout); hello != helloTimeout || all != handshakeTimeout {
		t.Errorf("%v, %v in a crowd", hello, all)
	}
	if err := r.heard(&tls.ClientHelloInfo{Conn: first}, handshakeTimeout); err != nil {
		t.Fatal(err)
	}
	if r.enter(someone(t), from, 16, start.Add(helloTimeout-1)); r.len() != 3 {
		t.Errorf("%d are there, want 3: nobody is late yet", r.len())
	}
	if r.enter(someone(t), from, 16, start.Add(helloTimeout)); r.len() != 3 || r.taken[0] != first || r.count.connectionsSilent.Load() != 1 {
		t.Errorf("%d are there, %d ended for silence", r.len(), r.count.connectionsSilent.Load())
	}
}

// Who gives way for whom when there is no place: the oldest that has said nothing, then the oldest of the source that has most, and nobody where none has more
// than the one that asks would have.
func TestWhoGivesWay(t *testing.T) {
	start := time.Now()
	fill := func(r *room, sources, each int, speak bool) {
		for range sources {
			from := &source{}
			for range each {
				if i := r.enter(someone(t), from, each, start); speak {
					_ = r.heard(&tls.ClientHelloInfo{Conn: i}, handshakeTimeout)
				}
			}
		}
	}
	for _, c := range []struct {
		sources, each int
		speak, enters bool
	}{
		{8, 2, false, true}, {16, 1, false, true}, {8, 2, true, true}, {16, 1, true, false},
	} {
		r := newRoom(16)
		fill(r, c.sources, c.each, c.speak)
		oldest := r.taken[0]
		enters := r.enter(someone(t), &source{}, 2, start) != nil
		if enters != c.enters || r.len() != 16 || (r.taken[0] != oldest) != c.enters || r.count.connectionsDisplaced.Load() != map[bool]uint64{true: 1}[c.enters] {
			t.Errorf("%+v: enters %v, %d are there", c, enters, r.len())
		}
	}
	// A source at its share displaces nobody but itself, and not even that when it has spoken.
	for _, speak := range []bool{false, true} {
		r, from := newRoom(16), &source{}
		for range 2 {
			if i := r.enter(someone(t), from, 2, start); speak {
				_ = r.heard(&tls.ClientHelloInfo{Conn: i}, handshakeTimeout)
			}
		}
		if enters := r.enter(someone(t), from, 2, start) != nil; enters == speak || from.open != 2 || r.len() != 2 {
			t.Errorf("spoken %v: enters %v, %d of one source are there", speak, enters, from.open)
		}
	}
}

// connectFrom makes connections to a node from loopback addresses of their own. Those that speak send a ClientHello and read nothing.
func connectFrom(t *testing.T, n *Node, addresses, each int, speak bool) {
	t.Helper()
	for a := range addresses {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+a))}}
		for range each {
			conn, err := dialer.DialContext(t.Context(), "tcp", n.LocalAddr().String())
			if err != nil {
				t.Skipf("no further loopback addresses: %v", err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if speak {
				go func() {
					_ = tls.Client(deaf{conn, t.Context().Done()}, keytls.Client(nil, nil, protocolLink+"/1")).Handshake()
				}()
			}
		}
	}
}

// deaf is a connection on which nothing is read.
type deaf struct {
	net.Conn
	done <-chan struct{}
}

func (d deaf) Read([]byte) (int, error) {
	<-d.done
	return 0, net.ErrClosed
}

// "One address that connects and says nothing takes up to an eighth of the handshakes; eight can keep others from beginning any": they do not keep a member out any
// more, whether they say nothing or begin a handshake and leave it at that. Who has as many addresses as there are places, and speaks from each, still does: that
// is the control.
func TestManyAddressesLeaveRoomForMembers(t *testing.T) {
	const places = 16
	for _, c := range []struct {
		addresses, each int
		speak, enters   bool
	}{
		{sourceShare, places / sourceShare, false, true}, {places, 1, false, true}, {sourceShare, places / sourceShare, true, true}, {places, 1, true, false},
	} {
		t.Run(fmt.Sprintf("%d addresses, speak %v", c.addresses, c.speak), func(t *testing.T) {
			f := newFleet(t, 1)
			heard := newTranscript()
			n := f.run(t, 2, heard, func(l *limits) {
				l.inbound, l.loopbackFactor, l.handshakeTimeout, l.helloTimeout = places, 1, patience, patience
			})
			connectFrom(t, n, c.addresses, c.each, c.speak)
			eventually(t, "all connections", func() bool { return n.gate.room.len() == places })
			if c.speak {
				eventually(t, "their hellos", func() bool { return n.gate.room.silent() == 0 })
			}
			member := f.run(t, 1, &toy{}, nil)
			introduce(t, member, n)
			say(t, member, []protocol.NodeID{2}, "hello")
			if c.enters {
				eventually(t, "the member", func() bool { return heard.count("1 hello") == 1 })
				if s := n.Stats(); s.ConnectionsDisplaced == 0 || s.ConnectionsCrowded > 0 {
					t.Errorf("%d displaced, %d refused", s.ConnectionsDisplaced, s.ConnectionsCrowded)
				}
				return
			}
			eventually(t, "the refusal", func() bool { return n.Stats().ConnectionsCrowded > 0 })
			if heard.count("1 hello") > 0 || n.Stats().ConnectionsDisplaced > 0 {
				t.Error("the control: a member gets in")
			}
		})
	}
}

// silent returns how many have said nothing yet.
func (r *room) silent() (count int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, i := range r.taken {
		if !i.spoke {
			count++
		}
	}
	return count
}

// Who says nothing in a crowd is cut off soon, without anybody else coming; who is alone is not. Its neighbours speak, and stay.
func TestSilenceInACrowdEnds(t *testing.T) {
	n := newFleet(t, 1).run(t, 2, &toy{}, func(l *limits) {
		l.inbound, l.helloTimeout, l.handshakeTimeout = 3*crowdedShare, 20*time.Millisecond, patience
	})
	connectFrom(t, n, 2, 1, true) // which are no crowd yet
	eventually(t, "two that speak", func() bool { return n.gate.room.len() == 2 && n.gate.room.silent() == 0 })
	connectMany(t, n, 1, nil)
	eventually(t, "the end of the silent one", func() bool { return n.Stats().HandshakesFailed == 1 && n.gate.room.len() == 2 })
}
