package srm

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/lab/stream"
	"spinglass/protocol"
)

// Limits and constants.
const (
	EchoesMax  = 40 // clocks of others in a session message
	ExtentsMax = 64 // sources in a session message
	SourcesMax = 64 // of which a member has streams

	backoffMax    = 5    // times that the interval of requests grows
	smoothing     = 0.25 // weight of the latest value in every average
	sessionJitter = 0.1
	ignoreFactor  = 3 // times the distance: how long requests are ignored after a repair
)

// Interval is when a request or a repair is sent: drawn evenly from Start to Start + Width, both times the distance.
type Interval struct{ Start, Width float64 }

// Config is what a Machine is made of. [DefaultConfig] fills in everything but Self and Rand.
type Config struct {
	Self protocol.NodeID
	Rand *rand.Rand
	Late bool // streams are taken up where they are first heard of, instead of from their beginning

	Adaptive bool
	Request  Interval // C1 and C2
	Repair   Interval // D1 and D2; if adaptive they begin with log10 G
	Scope    int      // peers whose Distance is below it are near by: the first request goes to them; 0 for no scope

	SessionInterval time.Duration
	Distance        time.Duration // taken for that of a member of which nothing is known
	Kept            int           // packets of each source: 1 to stream.WindowMax
}

// DefaultConfig returns the published constants, and those of ns-2 where none are.
func DefaultConfig() Config {
	return Config{
		Request: Interval{Start: 2, Width: 2}, Repair: Interval{Start: 1, Width: 1},
		SessionInterval: time.Second, Distance: 100 * time.Millisecond, Kept: 1024,
	}
}

// validate reports what is wrong with a configuration.
func (c *Config) validate() error {
	positive := func(i Interval) bool { return i.Start >= 0 && i.Width > 0 }
	switch {
	case c.Self == 0 || c.Rand == nil:
		return fmt.Errorf("srm: Config lacks Self or Rand")
	case !positive(c.Request) || !positive(c.Repair):
		return fmt.Errorf("srm: intervals %v and %v", c.Request, c.Repair)
	case c.SessionInterval <= 0 || c.Distance <= 0 || c.Scope < 0:
		return fmt.Errorf("srm: Config.SessionInterval is %v, Distance %v, Scope %d", c.SessionInterval, c.Distance, c.Scope)
	case c.Kept < 1 || c.Kept > stream.WindowMax:
		return fmt.Errorf("srm: Config.Kept is %d, outside 1 to %d", c.Kept, stream.WindowMax)
	}
	return nil
}

// Stats counts what a machine did.
type Stats struct {
	Published  uint64
	Delivered  uint64
	Missing    uint64 // packets found missing
	Requests   uint64 // sent
	Scoped     uint64 // of those
	Repairs    uint64 // sent
	Sessions   uint64 // sent
	Duplicates uint64 // packets that were here already
	Refused    uint64 // messages about a source beyond SourcesMax
	Unknown    uint64 // requests for packets that are not kept here
}
