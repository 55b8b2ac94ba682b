package main

import (
	"context"
	"net"
	"net/netip"

	"spinglass/internal/measure"
	"spinglass/internal/rawudp"
	"spinglass/wire"
)

// packedSystem is UDP in segments with datagrams of the size that this library's have: several small messages in one, and a large one cut into
// several. What this costs beside the kernel is the copying, and the number of each piece.
func packedSystem() measure.System {
	return measure.System{Name: "udp-gso-packed", Ordered: true, Patience: rawPatience, Start: startPacked}
}

func startPacked(_ context.Context, spec measure.Spec, r *measure.Recorder) (measure.Member, error) {
	p := &packed{size: spec.Size, messages: max(1, wire.DatagramLoopback/spec.Size)}
	p.pieces = (spec.Size + wire.DatagramLoopback - 2) / (wire.DatagramLoopback - 1)
	p.piece = (spec.Size + p.pieces - 1) / p.pieces
	receive := split(spec.Size, r.Message)
	p.segments.size = p.messages * spec.Size
	if p.pieces > 1 {
		p.segments.size = p.piece + 1
		receive = split(p.segments.size, (&pieces{wanted: p.pieces, whole: r.Message}).receive)
	}
	d, err := startDatagrams(spec, p, receive)
	if err != nil {
		return nil, err
	}
	rawudp.EnableCoalescing(d.conn)
	return d, nil
}

// packed makes datagrams of messages.
type packed struct {
	segments
	size     int // bytes of a message
	messages int // in a datagram
	pieces   int // of a message, and how many bytes each has
	piece    int
	datagram []byte // that is not full yet
}

func (p *packed) meet(conn *net.UDPConn, targets []netip.AddrPort) { p.segments.meet(conn, targets) }

func (p *packed) publish(payload []byte) error {
	if p.pieces > 1 {
		return p.cut(payload)
	}
	p.datagram = append(p.datagram, payload...)
	if len(p.datagram) < p.segments.size {
		return nil
	}
	return p.send()
}

// cut sends a message in pieces that are equally long and begin with their number.
func (p *packed) cut(payload []byte) error {
	for i := range p.pieces {
		p.datagram = append(p.datagram[:0], byte(i))
		p.datagram = append(p.datagram, payload[min(i*p.piece, len(payload)):min((i+1)*p.piece, len(payload))]...)
		for len(p.datagram) < p.segments.size {
			p.datagram = append(p.datagram, 0)
		}
		if err := p.send(); err != nil {
			return err
		}
	}
	return nil
}

func (p *packed) send() error {
	err := p.segments.publish(p.datagram)
	p.datagram = p.datagram[:0]
	return err
}

// flush sends what there is; a datagram that is not full is the last of its call, where a shorter one may be.
func (p *packed) flush() error {
	p.segments.buffer = append(p.segments.buffer, p.datagram...)
	p.datagram = p.datagram[:0]
	return p.segments.flush()
}

// pieces counts the pieces of messages, which come in order or not at all.
type pieces struct {
	wanted, have int
	first        []byte
	whole        func(message []byte)
}

func (p *pieces) receive(piece []byte) {
	switch {
	case len(piece) == 0:
	case piece[0] == 0:
		p.first, p.have = append(p.first[:0], piece[1:]...), 1
	case int(piece[0]) == p.have:
		if p.have++; p.have == p.wanted {
			p.whole(p.first)
		}
	default:
		p.have = 0
	}
}
