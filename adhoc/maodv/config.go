package maodv

import (
	"time"

	"spinglass/adhoc/aodv"
)

// Constants of the draft, section 11, by their names there.
const (
	GroupHelloInterval = 5000 * time.Millisecond // GROUP_HELLO_INTERVAL
	PruneTimeout       = aodv.ActiveRouteTimeout // PRUNE_TIMEOUT
	RequestRetries     = aodv.RequestRetries     // RREQ_RETRIES
)

// Constants and limits of this implementation.
const (
	// OfferWait is for how long further offers are waited for after the first one.
	OfferWait = 2 * aodv.NodeTraversalTime
	// GroupHelloLoss is how many group hellos in a row may not come along the tree before the upstream edge is given up.
	GroupHelloLoss = 3
	// StrayHellos is after how many hellos an edge ends that only one end believes in.
	StrayHellos = 2

	GroupsMax = 64 // groups that a node knows of
	EdgesMax  = 32 // of one tree at one node
	OffersMax = 64 // branches that are offered to others through a node, for one group
	OfferLife = aodv.NetTraversalTime
	StraysMax = 32 // neighbours that claim an edge that there is not, for one group

	helloSpread    = 4                      // a tree hello comes up to one in so many of its interval early
	triggeredPause = 100 * time.Millisecond // between tree hellos that changes cause
	hopsMax        = aodv.NetDiameter       // distance from a leader beyond which there must be a loop
	helloLife      = aodv.HelloLife + aodv.HelloInterval/helloSpread
)

// Config is what a Machine is made of: that of the routes below it.
type Config = aodv.Config
