package astrolabe

import (
	"bytes"
	"slices"

	"spinglass/protocol"
	"spinglass/table"
)

// viewed tells siblings of a representative of another child zone: it is in the partial view. before is the row that this one replaced, nil when there was none.
func (m *Machine) viewed(e *entry, before *table.Row, l *level, out *protocol.Output) {
	row, s := e.Row(), &e.State
	s.old = s.old || s.told && !sameView(before, row)
	if row.Name == l.own || row.Owner == m.config.Self || m.knowsHost(row.Owner) {
		return // membership tells of hosts, also of one that was in another zone before
	}
	switch {
	case row.Left && s.told:
		s.told, s.old = false, false
		out.Emit(protocol.PeerDropped{Peer: m.peerOf(row, l)})
	case row.Left:
	case !s.told:
		s.told = true
		out.Emit(protocol.PeerUp{Peer: m.peerOf(row, l)})
	case s.old:
		s.old = false
		out.Emit(protocol.PeerChanged{Peer: m.peerOf(row, l)})
	}
}

// sameView reports whether a row says the same as another one of what siblings go by: where the representative is, and what its zone wants. Summaries of what changes all the time would
// have them look at all peers in each round.
func sameView(a, b *table.Row) bool {
	before, _ := a.Attribute(AttributeInterest)
	after, _ := b.Attribute(AttributeInterest)
	return a.Epoch == b.Epoch && a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses) && bytes.Equal(before, after)
}

// viewLost tells siblings that a representative fell silent. Whether the member lives is not known here: it may represent its zone no longer.
func (m *Machine) viewLost(e *entry, l *level, out *protocol.Output) {
	if !e.State.told {
		return
	}
	if e.State.told = false; !m.knowsHost(e.Owner()) {
		out.Emit(protocol.PeerDropped{Peer: m.peerOf(e.Row(), l)})
	}
}

// peerOf returns a representative as siblings see it: with the attributes of its zone, of which the interest is raw. Those of zones below the own one are at distance 1: they
// are no hosts of it.
func (m *Machine) peerOf(row *table.Row, l *level) *protocol.Peer {
	attributes := slices.Clone(row.Attributes)
	for i := range attributes {
		if attributes[i].Name == AttributeInterest {
			interest := SketchOf(row)
			attributes[i].Value = interest.Append(nil)
		}
	}
	return &protocol.Peer{
		ID: row.Owner, Epoch: row.Epoch, Name: join(row.Name, "representative"), Addresses: row.Addresses, Distance: max(1, len(m.levels)-1-l.depth),
		Attributes: attributes,
	}
}
