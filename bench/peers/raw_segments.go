package main

import (
	"context"
	"net"
	"net/netip"

	"spinglass/internal/measure"
	"spinglass/internal/rawudp"
)

const (
	segmentsMax = 64     // datagrams in one call
	segmentsEnd = 65_000 // bytes in one call
)

// segmentsSystem is UDP in segments: one call for up to 64 datagrams to each receiver (UDP_SEGMENT), received coalesced (UDP_GRO), one message a
// datagram.
func segmentsSystem() measure.System {
	return measure.System{Name: "udp-gso", Ordered: true, Patience: rawPatience, Start: startSegments}
}

func startSegments(_ context.Context, spec measure.Spec, r *measure.Recorder) (measure.Member, error) {
	d, err := startDatagrams(spec, &segments{size: spec.Size}, split(spec.Size, r.Message))
	if err != nil {
		return nil, err
	}
	rawudp.EnableCoalescing(d.conn)
	return d, nil
}

// split hands over what datagrams of a size hold that came one behind the other.
func split(size int, receive func([]byte)) func([]byte) {
	return func(b []byte) {
		for ; len(b) > size; b = b[size:] {
			receive(b[:size])
		}
		receive(b)
	}
}

// segments gathers datagrams of one size and sends them in one call to each target.
type segments struct {
	size    int
	conn    *net.UDPConn
	targets []netip.AddrPort
	buffer  []byte
	control []byte
}

func (s *segments) meet(conn *net.UDPConn, targets []netip.AddrPort) {
	s.conn, s.targets = conn, targets
	if rawudp.SupportsSegment(conn) {
		s.control = rawudp.SegmentControl(s.size)
	}
}

// room is how many bytes go out in one call.
func (s *segments) room() int {
	if s.control == nil {
		return s.size
	}
	return s.size * max(1, min(segmentsMax, segmentsEnd/s.size))
}

func (s *segments) publish(payload []byte) error {
	s.buffer = append(s.buffer, payload...)
	if len(s.buffer) < s.room() {
		return nil
	}
	return s.flush()
}

func (s *segments) flush() error {
	if len(s.buffer) == 0 {
		return nil
	}
	control := s.control
	if len(s.buffer) <= s.size {
		control = nil
	}
	for _, target := range s.targets {
		if _, _, err := s.conn.WriteMsgUDPAddrPort(s.buffer, control, target); err != nil {
			return err
		}
	}
	s.buffer = s.buffer[:0]
	return nil
}
