package flood

import "spinglass/protocol"

// Reasons for which a Machine drops input.
const (
	ReasonSelf      protocol.Reason = "flood_self"      // from this node itself
	ReasonKind      protocol.Reason = "flood_kind"      // of another protocol
	ReasonDuplicate protocol.Reason = "flood_duplicate" // seen before
	ReasonWaiting   protocol.Reason = "flood_waiting"   // not passed on: adhoc.LaterMax packets wait for that
)

// Stats counts what a Machine did.
type Stats struct {
	Sent          uint64 // packets of this node
	Forwarded     uint64 // packets passed on
	Arrived       uint64 // packets for this node, or for a group of which it is a member
	Duplicates    uint64 // packets seen before
	Expired       uint64 // packets not passed on because they had gone as far as they may
	Waiting       uint64 // packets not passed on because adhoc.LaterMax waited
	Routed        uint64 // unicasts sent, or passed on, along a route
	Broken        uint64 // of them: flooded after all, since the link broke
	RoutesRefused uint64 // nodes beyond RoutesMax
	SidesRefused  uint64 // neighbours beyond SidesMax
	GroupsRefused uint64 // groups beyond GroupsMax
}
