package sim

import (
	"bytes"
	"fmt"

	"spinglass/protocol"
	"spinglass/wire"
)

// scribble overwrites memory that was lent, so that who kept it notices.
const scribble = 0xA5

// encoder holds the buffers of wire mode.
type encoder struct {
	received []byte // what a machine is lent
	again    []byte // a second encoding, to compare with
}

// emission is what wire mode keeps of an emitted message: its datagram, shared by all receivers, and the targets, which must not change.
type emission struct {
	datagram []byte
	targets  []protocol.NodeID
	sum      uint64 // over the targets
}

func targetSum(targets []protocol.NodeID) uint64 {
	var t trace
	for _, to := range targets {
		t.add(uint64(to))
	}
	return t.hash
}

// emit checks a message that a machine has emitted and, in wire mode, encodes it.
func (w *World) emit(h *host, m protocol.Message, targets []protocol.NodeID) *emission {
	if m.Lent() {
		panic(fmt.Sprintf("sim: host %v emitted a lent %T", h.place.ID, m))
	}
	if !w.config.Wire {
		return nil
	}
	datagram := appendDatagram(nil, h.place.ID, m)
	if len(datagram) != datagramSize(m) {
		panic(fmt.Sprintf("sim: %T appends %d bytes more than its Size", m, len(datagram)-datagramSize(m)))
	}
	return &emission{datagram: datagram, targets: targets, sum: targetSum(targets)}
}

func appendDatagram(b []byte, from protocol.NodeID, m protocol.Message) []byte {
	b = wire.BeginDatagram(b, from)
	b = wire.AppendFrame(b, m)
	wire.FinishDatagram(b)
	return b
}

// receiveWire opens and decodes a datagram for its receiver and gives it to the machine, lent.
func (w *World) receiveWire(h *host, in *input, from protocol.NodeID) {
	w.encoder.again = appendDatagram(w.encoder.again[:0], from, in.message)
	if !bytes.Equal(w.encoder.again, in.aside.sent.datagram) {
		panic(fmt.Sprintf("sim: a %T was changed after host %v emitted it", in.message, from))
	}
	if targetSum(in.aside.sent.targets) != in.aside.sent.sum {
		panic(fmt.Sprintf("sim: the targets of a %T were changed after host %v emitted it", in.message, from))
	}
	w.encoder.received = append(w.encoder.received[:0], in.aside.sent.datagram...)
	datagram := w.encoder.received
	m, body := w.decode(h, datagram, from, in.message)
	w.encoder.again = m.Append(w.encoder.again[:0])
	if m.Kind() != in.message.Kind() || m.Size() != len(body) || !bytes.Equal(w.encoder.again, body) {
		panic(fmt.Sprintf("sim: a decoded %T is not what was encoded", in.message))
	}
	h.machine.Receive(w.now, from, m, &w.output)
	for i := range datagram {
		datagram[i] = scribble
	}
}

func (w *World) decode(h *host, datagram []byte, from protocol.NodeID, sent protocol.Message) (protocol.Message, []byte) {
	sender, frames, err := wire.OpenDatagram(datagram)
	if err != nil || sender != from {
		panic(fmt.Sprintf("sim: the datagram of a %T does not open: %v", sent, err))
	}
	kind, body, rest, err := wire.NextFrame(frames)
	if err != nil || len(rest) != 0 {
		panic(fmt.Sprintf("sim: the frame of a %T is malformed: %v", sent, err))
	}
	if h.more().decoder == nil {
		h.extra.decoder = w.config.Decoder()
	}
	m, err := h.extra.decoder.Decode(kind, body)
	if err != nil {
		panic(fmt.Sprintf("sim: the decoder refuses a %T: %v", sent, err))
	}
	return m, body
}

// refuse drops a datagram that was corrupted on its way; in wire mode it shows that the checksum notices.
func (w *World) refuse(h *host, in *input) {
	w.stats.Corrupted++
	if !w.config.Wire {
		return
	}
	w.encoder.received = append(w.encoder.received[:0], in.aside.sent.datagram...)
	datagram := w.encoder.received
	r := w.draw(purposeCorrupt, uint64(h.place.ID), w.stats.Corrupted, uint64(len(datagram)))
	first := r.IntN(8 * len(datagram))
	for i := range 1 + r.IntN(corruptMax) {
		bit := (first + i*corruptStride) % (8 * len(datagram))
		datagram[bit/8] ^= 1 << (bit % 8)
	}
	if _, _, err := wire.OpenDatagram(datagram); err == nil {
		panic("sim: the checksum accepts a corrupted datagram")
	}
}

// Corruption flips up to corruptMax bits, corruptStride apart so that no two are the same one: the shortest datagram has more bits than
// three strides. CRC-32C detects any three flipped bits in datagrams of every permitted size.
const (
	corruptMax    = 3
	corruptStride = 29
)
