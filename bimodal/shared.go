package bimodal

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Shared is a packet that is sent to a group: on its first way, or as a repair for everybody. Whoever can open what a member sends to a group could also seal in its
// name, so that a link does not prove who has sent a Shared, and only the manifest does. Drivers take no other packets from groups.
type Shared struct {
	Packet *Packet
}

// Kind implements protocol.Message.
func (s *Shared) Kind() protocol.Kind { return wire.KindShared }

// Lent implements protocol.Message.
func (s *Shared) Lent() bool { return s.Packet.lent }

// Size implements protocol.Message.
func (s *Shared) Size() int { return s.Packet.Size() }

// Append implements protocol.Message.
func (s *Shared) Append(b []byte) []byte { return s.Packet.Append(b) }

// receiveShared takes in a packet that was sent to a group.
func (m *Machine) receiveShared(now protocol.Time, from protocol.NodeID, s *Shared, out *protocol.Output) {
	a := arrived{packet: s.Packet, from: from, way: wayFirst, shared: true}
	if from != s.Packet.Stream.Author {
		a.way = wayRepair
	}
	m.receive(now, a, out)
}
