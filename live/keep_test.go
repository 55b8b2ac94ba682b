package live

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"

	"spinglass/protocol"
	"spinglass/wire"
)

// keepingDecoder notes what it is told of the memory of bodies.
type keepingDecoder struct {
	textDecoder
	size  int
	sizes []int
}

func (d *keepingDecoder) Keep(size int) { d.size = size }

func (d *keepingDecoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	d.sizes = append(d.sizes, d.size)
	return d.textDecoder.Decode(kind, body)
}

// "Keep says that the bodies decoded from now on lie in size bytes of memory that is never written again." Small arrivals are lent.
func TestLargeArrivalsAreNeverWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, decoder := newMemoryConn("10.0.0.1:7400"), &keepingDecoder{}
		var kept [][]byte
		m := &toy{receive: func(_ protocol.Time, _ protocol.NodeID, body []byte, _ *protocol.Output) {
			if decoder.size > 0 {
				kept = append(kept, body)
			}
		}}
		n := run(t, 1, m, func(c *Config) { c.Conn, c.Decoder = conn, decoder })
		var want [][]byte
		var sizes []int
		for i := range 100 {
			length := arrivalCopyMax + i*400
			if i%4 == 0 {
				length = 100
			}
			body := bytes.Repeat([]byte{byte(i + 1)}, length)
			d := datagram(2, string(body))
			if length > 100 {
				want, sizes = append(want, body), append(sizes, len(d))
			} else {
				sizes = append(sizes, 0)
			}
			inject(conn, d, "10.0.0.2:7400")
		}
		synctest.Wait()
		_ = n.Close()
		if fmt.Sprint(decoder.sizes) != fmt.Sprint(sizes) {
			t.Errorf("told of memory of %v bytes, want %v", decoder.sizes, sizes)
		}
		if len(kept) != len(want) {
			t.Fatalf("%d bodies may be kept, want %d", len(kept), len(want))
		}
		for i := range want {
			if !bytes.Equal(kept[i], want[i]) {
				t.Errorf("body %d was written to after it was handed over", i)
			}
		}
	})
}

// What the reader refuses is counted by it, and what follows in the same arrival is taken all the same.
func TestDamagedDatagramsInALargeArrival(t *testing.T) {
	m := &toy{}
	n := idle(t, m)
	one := datagram(2, string(make([]byte, 3000)))
	var b []byte
	for range 5 {
		b = append(b, one...)
	}
	b[len(one)+20]++           // damaged
	b[3*len(one)] = 9          // another version
	b = b[:len(b)-len(one)+10] // the last one is cut short
	n.inspect(b, len(one))
	s := &slab{buffer: b, kept: true}
	s.add(arrival{size: len(b), segment: len(one), from: mustAddr("10.0.0.2:7400")}, 0)
	n.receiveSlab(s)
	drops := n.Stats().Drops
	if m.received.Load() != 2 || drops[ReasonDatagramChecksum] != 1 || drops[ReasonDatagramVersion] != 1 || drops[ReasonDatagramShort] != 1 {
		t.Errorf("received %d, dropped %v; want 2, and one each of checksum, version and short", m.received.Load(), drops)
	}
	if got := wire.HeaderSize; got <= 10 {
		t.Fatalf("a header of %d bytes fits into the cut datagram", got)
	}
}
