package vsync

import (
	"slices"

	"spinglass/protocol"
)

// post sends a message to a node: by its NodeID where membership knows it, else to the addresses that a view, or its own call, tells of it. So a group does not depend on who is in the partial view of the mesh.
func (m *Machine) post(out *protocol.Output, to protocol.NodeID, message protocol.Message) {
	if _, known := m.peers[to]; !known {
		if addresses := m.addressesOf(to); len(addresses) > 0 {
			for _, address := range addresses {
				out.SendAddress(address, message)
			}
			return
		}
	}
	out.Send(to, message)
}

// postAll sends a message to several nodes.
func (m *Machine) postAll(out *protocol.Output, to []protocol.NodeID, message protocol.Message) {
	known := func(id protocol.NodeID) bool { _, known := m.peers[id]; return known }
	if !slices.ContainsFunc(to, func(id protocol.NodeID) bool { return !known(id) }) {
		out.Spread(to, message)
		return
	}
	for _, id := range to {
		m.post(out, id, message)
	}
}

// addressesOf returns where a node is reached, as far as groups tell.
func (m *Machine) addressesOf(id protocol.NodeID) []protocol.Address {
	for _, g := range m.groups {
		if rank := g.rankOf(id); rank >= 0 {
			return g.view.Members[rank].Addresses
		}
		for _, j := range g.joiners {
			if j.member.ID == id {
				return j.member.Addresses
			}
		}
	}
	return nil
}
