package flood

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// Limits.
const (
	SidesMax  = 256             // neighbours, for all groups together
	SideLife  = 3 * time.Second // after the last packet from a neighbour
	RoutesMax = 256             // nodes to which the way back is remembered
	RouteLife = 3 * time.Second // after the latest packet of the node: ACTIVE_ROUTE_TIMEOUT of RFC 3561
	JitterMax = time.Second     // of Config.Jitter
	TTLMax    = 255             // of Config.TTL
	GroupsMax = 64              // of which a node is a member
)

// Parameters where nothing else is wanted.
const (
	// JitterDefault is 10 ms, as Broch et al. have it ("A Performance Comparison of Multi-Hop Wireless Ad Hoc Network Routing Protocols", MobiCom 1998).
	JitterDefault = 10 * time.Millisecond
	// TTLDefault is NET_DIAMETER of RFC 3561.
	TTLDefault = 35
)

// Config is what a Machine is made of.
type Config struct {
	Self protocol.NodeID
	Rand *rand.Rand // owned by the machine from then on
	// Sequence is the number of the last packet before the first one. A node that restarts gives one that is not older than any that it had.
	Sequence uint32
	Jitter   time.Duration // for which a packet waits at most; 0 to JitterMax
	TTL      int           // hops that a packet goes, 1 to TTLMax
}

// Validate reports the first field that is out of its range.
func (c *Config) Validate() error {
	switch {
	case c.Self == 0:
		return fmt.Errorf("flood: Config.Self is zero, which names nobody")
	case c.Rand == nil:
		return fmt.Errorf("flood: Config.Rand is missing")
	case c.Jitter < 0 || c.Jitter > JitterMax:
		return fmt.Errorf("flood: Config.Jitter is %v, outside 0 to %v", c.Jitter, JitterMax)
	case c.TTL < 1 || c.TTL > TTLMax:
		return fmt.Errorf("flood: Config.TTL is %d, outside 1 to %d", c.TTL, TTLMax)
	}
	return nil
}
