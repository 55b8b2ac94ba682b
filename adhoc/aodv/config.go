package aodv

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// Constants of RFC 3561, section 10, by their names there.
const (
	ActiveRouteTimeout = 3000 * time.Millisecond // ACTIVE_ROUTE_TIMEOUT
	AllowedHelloLoss   = 2                       // ALLOWED_HELLO_LOSS
	HelloInterval      = 1000 * time.Millisecond // HELLO_INTERVAL
	MyRouteTimeout     = 2 * ActiveRouteTimeout  // MY_ROUTE_TIMEOUT
	NetDiameter        = 35                      // NET_DIAMETER, in hops
	NodeTraversalTime  = 40 * time.Millisecond   // NODE_TRAVERSAL_TIME
	NetTraversalTime   = 2 * NodeTraversalTime * NetDiameter
	PathDiscoveryTime  = 2 * NetTraversalTime
	RequestRetries     = 2  // RREQ_RETRIES
	RequestRateLimit   = 10 // RREQ_RATELIMIT, a second
	ErrorRateLimit     = 10 // RERR_RATELIMIT, a second
	TimeoutBuffer      = 2  // TIMEOUT_BUFFER, in hops
	TTLStart           = 1  // TTL_START
	TTLIncrement       = 2  // TTL_INCREMENT
	TTLThreshold       = 7  // TTL_THRESHOLD
	BlackListTimeout   = RequestRetries * NetTraversalTime
	DeletePeriod       = 5 * max(ActiveRouteTimeout, HelloInterval) // DELETE_PERIOD, with K = 5
)

// Limits of this implementation.
const (
	RoutesMax      = 1024 // destinations that are remembered
	PrecursorsMax  = 64   // of one route
	NeighboursMax  = 256
	DiscoveriesMax = 64 // destinations that are looked for at once
	BufferMax      = 64 // payloads that wait for one route
	BlackListMax   = 32
	ErrorMax       = 64              // destinations in one Error
	JitterMax      = 1 * time.Second // of Config.Jitter
	attemptsMax    = 2               // times that a payload of this node's own is sent when the first hop does not take it
	helloSpread    = 4               // a hello comes up to one in so many of its interval early, so that neighbours do not fall into step
)

// JitterDefault is for how long a broadcast that is handed on waits at most.
const JitterDefault = 10 * time.Millisecond

// Config is what a Machine is made of.
type Config struct {
	Self protocol.NodeID
	Rand *rand.Rand // owned by the machine from then on
	// Sequence is the number to begin with. A node that restarts gives one that is not older than any that it had: the wall clock in seconds serves.
	Sequence uint32
	// Hello has hello messages sent while routes are used, and neighbours given up after AllowedHelloLoss of them. It is for drivers that tell of no broken links.
	Hello bool
	// Jitter is for how long a broadcast that is handed on waits at most, at random; 0 to JitterMax.
	Jitter time.Duration
}

// Validate reports the first field that is out of its range.
func (c *Config) Validate() error {
	switch {
	case c.Self == 0:
		return fmt.Errorf("aodv: Config.Self is zero, which names nobody")
	case c.Rand == nil:
		return fmt.Errorf("aodv: Config.Rand is missing")
	case c.Jitter < 0 || c.Jitter > JitterMax:
		return fmt.Errorf("aodv: Config.Jitter is %v, outside 0 to %v", c.Jitter, JitterMax)
	}
	return nil
}

// RingTraversalTime returns for how long replies to a request of this ring are waited for: RING_TRAVERSAL_TIME.
func RingTraversalTime(ttl int) time.Duration {
	return 2 * NodeTraversalTime * time.Duration(ttl+TimeoutBuffer)
}

// NextTTL returns the next ring after one of ttl hops: beyond TTLThreshold the whole network.
func NextTTL(ttl int) int {
	if ttl += TTLIncrement; ttl > TTLThreshold {
		return NetDiameter
	}
	return ttl
}
