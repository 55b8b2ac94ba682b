package spinglass

import (
	"cmp"
	"context"
	"slices"
	"time"

	"spinglass/membership"
	"spinglass/protocol"
)

// PeerState is how a member stands, as this node sees it.
type PeerState string

// The states of a member.
const (
	PeerStateUp      PeerState = "up"
	PeerStateSuspect PeerState = "suspect" // its heartbeat has stood still for T_fail
	PeerStateDown    PeerState = "down"    // its heartbeat has stood still for twice T_fail
	PeerStateLeft    PeerState = "left"    // it has left of its own will
)

// Peer is a member of the fleet, as this node sees it.
type Peer struct {
	Name        string // as it is configured
	ID          protocol.NodeID
	Address     string // the first of its addresses
	Zone        string // its leaf zone
	State       PeerState
	Unreachable bool          // it does not answer this node
	RoundTrip   time.Duration // smoothed; 0 while it is not measured
	Since       time.Time     // since when this node sees it in this state; zero in events
	Self        bool          // it is the node itself
	Format      uint64        // the latest format that it speaks (docs/WIRE.md); the node itself and members of the format before work together
}

// peer makes a Peer of what an event of the protocols says.
func (n *Node) peer(p *protocol.Peer, state PeerState) Peer {
	peer := Peer{Name: protocol.ConfiguredName(p.Name), ID: p.ID, Zone: protocol.Zone(p.Name), State: state, RoundTrip: p.RoundTrip, Format: p.Format}
	if len(p.Addresses) > 0 {
		peer.Address = string(p.Addresses[0])
	}
	return peer
}

var peerStates = map[membership.State]PeerState{
	membership.StateUp:      PeerStateUp,
	membership.StateSuspect: PeerStateSuspect,
	membership.StateDown:    PeerStateDown,
	membership.StateLeft:    PeerStateLeft,
}

// Peers returns the members that this node knows of: itself first, then the others by name. Those that are down or have left stay in the list
// for as long as the node tries to reach them again (24 hours).
func (n *Node) Peers(ctx context.Context) ([]Peer, error) {
	var peers []Peer
	err := n.call(ctx, func(protocol.Time, *protocol.Output) {
		self := n.peer(n.stack.Membership.Self(), PeerStateUp)
		self.Self, self.Since = true, n.epoch
		peers = append(peers, self)
		for _, p := range n.stack.Membership.Peers() {
			peer := n.peer(p.Peer, peerStates[p.State])
			peer.Unreachable, peer.Since = p.Unreachable, n.wall(p.Since)
			peers = append(peers, peer)
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(peers[1:], func(a, b Peer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return peers, nil
}

// wall turns an instant of the loop into wall-clock time.
func (n *Node) wall(t protocol.Time) time.Time { return n.epoch.Add(time.Duration(t)) }
