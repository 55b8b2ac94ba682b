package vsync

import (
	"hash/fnv"
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// Bounds of messages that come in parts.
const (
	assembliesMax     = 64 // at once
	assemblyBytesMax  = 8 << 20
	assembliesFromMax = 4 // of one node
)

// assembly is a message of which parts have come.
type assembly struct {
	from   protocol.NodeID
	number uint64
	inner  protocol.Kind
	parts  [][]byte
	left   int // parts that are missing
	bytes  int
}

// send sends a message that is sealed, in parts if it does not fit into a datagram.
func (m *Machine) send(to protocol.NodeID, message protocol.Message, out *protocol.Output) {
	room := m.bodyRoom()
	if message.Size() <= room {
		m.post(out, to, message)
		return
	}
	body := message.Append(nil)
	number := fnv.New64a()
	_, _ = number.Write(body) // the same when it is sent again, so that parts add up
	count := (len(body) + room - 1) / room
	if count > partsMax {
		m.stats.PartsRefused++
		return
	}
	for i := range count {
		piece := body[i*room : min(len(body), (i+1)*room)]
		m.post(out, to, seal(&Part{Number: number.Sum64(), Inner: message.Kind(), Index: uint64(i), Count: uint64(count), Bytes: piece}))
	}
}

// receivePart puts a message together, and takes it once it is complete.
func (m *Machine) receivePart(now protocol.Time, from protocol.NodeID, p *Part, out *protocol.Output) {
	a := m.assemblyOf(from, p)
	if a.inner != p.Inner || len(a.parts) != int(p.Count) {
		m.stats.PartsRefused++
		out.Drop(from, ReasonParts)
		return
	}
	if a.parts[p.Index] != nil {
		return
	}
	a.parts[p.Index] = slices.Clone(p.Bytes)
	a.bytes += len(p.Bytes)
	a.left--
	for m.partBytes() > assemblyBytesMax { // the oldest make room, as parts of them may be lost for good
		m.stats.PartsEvicted++
		m.parts = slices.Delete(m.parts, 0, 1)
	}
	if a.left > 0 {
		return
	}
	m.parts = slices.DeleteFunc(m.parts, func(other *assembly) bool { return other == a })
	message, err := m.decoder.Decode(a.inner, slices.Concat(a.parts...))
	if err != nil || message.Kind() == wire.KindGroupPart {
		out.Drop(from, ReasonMalformed)
		return
	}
	m.Receive(now, from, message, out)
}

// partBytes returns what the parts take that have come.
func (m *Machine) partBytes() (bytes int) {
	for _, a := range m.parts {
		bytes += a.bytes
	}
	return bytes
}

// assemblyOf returns the message that a part is of. The oldest of the same node make room, then the oldest of all.
func (m *Machine) assemblyOf(from protocol.NodeID, p *Part) *assembly {
	same, first := 0, -1
	for i, a := range m.parts {
		if a.from == from && a.number == p.Number {
			return a
		}
		if a.from == from {
			if same++; first < 0 {
				first = i
			}
		}
	}
	switch {
	case same >= assembliesFromMax:
		m.stats.PartsEvicted++
		m.parts = slices.Delete(m.parts, first, first+1)
	case len(m.parts) >= assembliesMax:
		m.stats.PartsEvicted++
		m.parts = slices.Delete(m.parts, 0, 1)
	}
	a := &assembly{from: from, number: p.Number, inner: p.Inner, parts: make([][]byte, p.Count), left: int(p.Count)}
	m.parts = append(m.parts, a)
	return a
}
