package aodv

import "spinglass/protocol"

// Stats counts what a machine did since it was made. Routes is a present value.
type Stats struct {
	RequestsSent      uint64 // own
	RequestsForwarded uint64
	RequestsPostponed uint64 // by RequestRateLimit
	RepliesSent       uint64 // as destination or for one
	RepliesForwarded  uint64
	ErrorsSent        uint64
	ErrorsSuppressed  uint64 // by ErrorRateLimit
	HellosSent        uint64

	PacketsSent        uint64 // own
	PacketsForwarded   uint64
	PacketsArrived     uint64
	PacketsUnroutable  uint64 // of others, without a route
	PacketsBroken      uint64 // of others, whose next hop did not take them
	PacketsResent      uint64 // own, whose first hop did not take them
	PacketsOverflowed  uint64 // own, for which the buffers had no room
	PacketsUndelivered uint64 // own, given up: no route was found

	Discoveries       uint64 // begun
	DiscoveriesFailed uint64
	LinksBroken       uint64 // told by the driver
	LinksSilent       uint64 // found by missing hellos
	HintsTaken        uint64 // routes from Learn
	HintsRefused      uint64

	RoutesEvicted     uint64 // forgotten early because there were RoutesMax
	PrecursorsRefused uint64
	NeighboursRefused uint64
	BlackListRefused  uint64
	BroadcastsRefused uint64 // not handed on: too many wait

	Routes int // valid ones
}

// Reasons of drops.
const (
	ReasonKind      protocol.Reason = "adhoc_kind"          // not a message of this machine
	ReasonTTL       protocol.Reason = "adhoc_ttl"           // it has come far enough
	ReasonSeen      protocol.Reason = "adhoc_seen"          // seen before
	ReasonUnroutes  protocol.Reason = "adhoc_unroutable"    // a packet without a route
	ReasonBlackList protocol.Reason = "adhoc_blacklist"     // a request over a link that carries nothing the other way
	ReasonReverse   protocol.Reason = "adhoc_reverse_route" // a reply whose origin is no longer known
	ReasonSelf      protocol.Reason = "adhoc_self"          // what this node has sent itself
	ReasonBusy      protocol.Reason = "adhoc_busy"          // too much waits
)
