package gravitational

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// Limits.
const (
	EventsMax   = 4096 // messages that a member remembers
	ContactsMax = 1024 // partners of a member in a round
	LifeMax     = 1000 // rounds
	PayloadMax  = 1<<16 - 1
)

// Config is what a Machine is made of. [DefaultConfig] fills in everything but Self, Rand and Rating.
type Config struct {
	Self   protocol.NodeID
	Rand   *rand.Rand
	Rating float64 // 0 to 1
	Round  time.Duration
	Life   int // T, rounds: 1 to LifeMax
}

// DefaultConfig returns the parameters of the package documentation.
func DefaultConfig() Config { return Config{Round: 100 * time.Millisecond, Life: 10} }

func (c *Config) validate() error {
	switch {
	case c.Self == 0 || c.Rand == nil:
		return fmt.Errorf("gravitational: Config lacks Self or Rand")
	case !(c.Rating >= 0 && c.Rating <= 1):
		return fmt.Errorf("gravitational: Config.Rating is %v, not 0 to 1", c.Rating)
	case c.Round <= 0 || c.Life < 1 || c.Life > LifeMax:
		return fmt.Errorf("gravitational: Config.Round is %v, Life %d", c.Round, c.Life)
	}
	return nil
}

// Stats counts what a machine did.
type Stats struct {
	Published  uint64
	Delivered  uint64
	Contacts   uint64 // messages handed to partners, each time
	Partners   uint64 // drawn
	Duplicates uint64 // messages that were here already
	Capped     uint64 // partners not drawn because of ContactsMax
	Refused    uint64 // messages not taken because of EventsMax, own ones included
	Malformed  uint64 // ratings of peers that are none
}
