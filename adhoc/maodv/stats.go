package maodv

import (
	"spinglass/adhoc/aodv"
	"spinglass/protocol"
)

// Stats counts what a machine did since it was made. The fields in the last group are present values, over all groups.
type Stats struct {
	Sent      uint64 // own payloads
	Alone     uint64 // of them: without any edge to send them along
	Forwarded uint64
	Arrived   uint64
	OffTree   uint64 // packets heard from who is no neighbour on the tree
	Expired   uint64 // packets that have come too far

	RequestsSent       uint64 // own
	RequestsForwarded  uint64
	RequestsPostponed  uint64 // there were too many in a second
	RepliesSent        uint64 // as a node on the tree
	RepliesForwarded   uint64
	ActivationsSent    uint64 // joins; own and for others
	PrunesSent         uint64
	LeadsSent          uint64
	GroupHellosSent    uint64 // own
	GroupHellosPassed  uint64
	TreeHellosSent     uint64
	DistancesSent      uint64
	Joins              uint64 // searches that joined a tree
	Repairs            uint64 // searches that joined it again
	Merges             uint64 // searches that joined another one
	SearchesFailed     uint64
	LeadershipsBegun   uint64
	LeadershipsEnded   uint64
	UpstreamLost       uint64
	DownstreamLost     uint64
	LinksSilent        uint64 // edges lost because nothing was heard
	LoopsFound         uint64 // upstream edges given up because the leader seemed too far away or silent
	StraysPruned       uint64 // edges of others, or of this node, that only one end believed in
	StraysRefused      uint64 // hellos with an edge that there is not, from more than StraysMax neighbours
	GroupsRefused      uint64
	EdgesRefused       uint64
	OffersRefused      uint64
	BroadcastsRefused  uint64 // not handed on: too many wait
	HintsTaken         uint64
	RoutesFromRequests uint64 // reverse routes from requests for trees

	Trees  int // that this node is on
	Edges  int
	Routes aodv.Stats
}

// Stats returns the counters.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Routes = m.routes.Stats()
	for _, g := range m.groups {
		if g.onTree() {
			s.Trees++
			s.Edges += len(g.edges)
		}
	}
	return s
}

// Reasons of drops.
const (
	ReasonKind     protocol.Reason = "tree_kind"     // not a message of this machine
	ReasonSelf     protocol.Reason = "tree_self"     // what this node has sent itself
	ReasonSeen     protocol.Reason = "tree_seen"     // seen before
	ReasonTTL      protocol.Reason = "tree_ttl"      // it has come far enough
	ReasonOffTree  protocol.Reason = "tree_off"      // a packet of who is no neighbour on the tree
	ReasonReverse  protocol.Reason = "tree_reverse"  // a reply whose origin is no longer known
	ReasonGroup    protocol.Reason = "tree_group"    // of a group that is not known here, and there are too many
	ReasonFarther  protocol.Reason = "tree_farther"  // a repair of who is nearer to the leader
	ReasonLate     protocol.Reason = "tree_late"     // a reply that nobody waits for
	ReasonBusy     protocol.Reason = "tree_busy"     // too much waits
	ReasonStranger protocol.Reason = "tree_stranger" // about an edge that there is not
)
