package hosts_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"spinglass"
	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/internal/enroltest"
	"spinglass/live"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/seal"
	"spinglass/stack"
	"spinglass/table"
	"spinglass/wire"
)

// forger makes rows that look like those of a member and that nobody has signed.
type forger struct {
	id    protocol.NodeID
	name  string
	key   identity.PublicKey
	chain identity.Chain
}

// row returns the i-th of them.
func (f *forger) row(i int) *membership.Delta {
	row := &table.Row{
		Owner: f.id, Epoch: 9, Sequence: uint64(i + 1), Name: f.name, Addresses: []protocol.Address{"10.77.0.99:7401"},
		PublicKey: f.key[:], Anchor: make([]byte, table.LinkSize), Certificates: f.chain[1:].Append(nil), Signature: make([]byte, ed25519.SignatureSize),
	}
	binary.BigEndian.PutUint64(row.Signature, uint64(i))
	return &membership.Delta{Evidence: membership.Evidence{Version: row.Version(1)}, Rows: []membership.RowUpdate{{Row: row, Heartbeat: 1}}}
}

// datagram fills in an open datagram with the i-th of them.
func (f *forger) datagram(i int, datagram []byte) {
	b := wire.AppendFrame(wire.BeginDatagram(nil, f.id), f.row(i))
	if len(b) > len(datagram) {
		panic(fmt.Sprintf("a forged row takes %d bytes", len(b)))
	}
	clear(datagram[copy(datagram, b):]) // padding
	wire.FinishDatagram(datagram)
}

// insider is a member whose certificate is good, and which says what a test makes it say.
type insider struct {
	*live.Node
	forger
}

// silent is a machine that says nothing by itself.
type silent struct{}

func (silent) Start(protocol.Time, *protocol.Output)                                      {}
func (silent) Receive(protocol.Time, protocol.NodeID, protocol.Message, *protocol.Output) {}
func (silent) Notify(protocol.Time, protocol.Event, *protocol.Output)                     {}
func (silent) Timeout(protocol.Time, *protocol.Output)                                    {}
func (silent) Deadline() protocol.Time                                                    { return protocol.Never }

// insider enrols the host and starts a member on it.
func (h *host) insider() *insider {
	t := h.net.t
	t.Helper()
	if err := enroltest.Enrol(t.Context(), filepath.Join(h.net.hosts[0].dataDir, "vault"), h.dataDir, h.name()); err != nil {
		t.Fatal(err)
	}
	member, err := (&enrolment.Store{Dir: h.dataDir}).Member()
	if err != nil {
		t.Fatal(err)
	}
	conn := h.open(7401)
	var listener net.Listener
	err = h.net.inside(h.namespace, func() (err error) {
		listener, err = net.Listen("tcp", conn.LocalAddr().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	node, err := live.Start(live.Config{
		ID: member.Verified.NodeID, Machine: silent{}, Decoder: &stack.Decoder{}, Conn: conn, Listener: listener,
		Security: &live.Security{
			Key: member.Key, Chain: func() identity.Chain { return member.Bundle.Chain }, Dial: h.dial,
			Policy: func() identity.Policy {
				return identity.Policy{Anchor: member.Bundle.Anchor, Now: identity.InstantOf(time.Now())}
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	return &insider{node, forger{member.Verified.NodeID, h.name(), member.Key.Public(), member.Bundle.Chain}}
}

// forged returns what an outsider sends who has seen frames on their way to the host: open datagrams with rows of a member, datagrams for no session and for
// those that there are, to groups, and noise.
func (h *host) forged(rows *forger, seen [][]byte) (parcels []parcel, sessions, groups int) {
	unicast := &net.UDPAddr{IP: net.ParseIP(h.address), Port: 7401}
	noise := rand.NewChaCha8([32]byte{1})
	sealed := func(header []byte) func(i int, datagram []byte) {
		return func(i int, datagram []byte) {
			_, _ = noise.Read(datagram)
			copy(datagram, header[:seal.HeaderSize])
			datagram[seal.HeaderSize-3]++ // of the counter, so that it is one that has not been seen
			datagram[seal.HeaderSize-1] += byte(i)
		}
	}
	parcels = []parcel{
		makeParcel(unicast, floodSize, rows.datagram),
		makeParcel(unicast, floodSize, func(_ int, datagram []byte) {
			_, _ = noise.Read(datagram)
			datagram[0] = seal.Version // of no session
		}),
		makeParcel(unicast, floodSize, func(_ int, datagram []byte) {
			_, _ = noise.Read(datagram)
			datagram[0] = 77
		}),
		makeParcel(unicast, seal.HeaderSize, func(_ int, datagram []byte) {
			_, _ = noise.Read(datagram)
			datagram[0] = seal.Version + 1 // a notice
		}),
	}
	known := map[string]bool{}
	for _, frame := range seen {
		first, to := datagrams(frame)[0], destination(frame)
		if len(first) < seal.SizeMin {
			continue
		}
		key := string(first[:5]) // version, session
		if to.IP.IsMulticast() {
			key = to.String() + string(first[:9]) // version, sender
		}
		if known[key] {
			continue
		}
		known[key] = true
		if to.IP.IsMulticast() {
			groups++
		} else {
			sessions++
		}
		parcels = append(parcels, makeParcel(to, floodSize, sealed(first)))
	}
	return parcels, sessions, groups
}

// believes checks that a node without security takes a forged row for true.
func believes(t *testing.T, rows *forger) {
	node, err := spinglass.Start(t.Context(), spinglass.Config{Name: "/lab/open", Listen: "127.0.0.1:0", First: true})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	conn, err := net.Dial("udp", node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), joinPatience)
	defer cancel()
	for i := 0; ; i++ {
		datagram := make([]byte, floodSize)
		rows.datagram(i, datagram)
		if _, err := conn.Write(datagram); err != nil {
			t.Fatal(err)
		}
		peers, err := node.Peers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(peers, func(p spinglass.Peer) bool { return p.Name == rows.name && p.State == spinglass.PeerStateUp }) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
