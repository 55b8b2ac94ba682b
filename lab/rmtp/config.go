package rmtp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/lab/stream"
	"spinglass/protocol"
)

// ErrWindow says that the window is full.
var ErrWindow = errors.New("rmtp: the window is full")

// Limits.
const (
	BitmapMax   = 128     // bytes of the bitmap of a status
	ChildrenMax = 1 << 12 // of an acknowledgement processor
)

// Config is what a Machine is made of. [DefaultConfig] fills in everything but Self, Sender, Parent and Rand.
type Config struct {
	Self   protocol.NodeID
	Sender protocol.NodeID
	Parent protocol.NodeID // the acknowledgement processor; 0 at the sender
	Rand   *rand.Rand
	Late   bool // the stream is taken up where it is first heard of, instead of from its beginning

	AckInterval    time.Duration // T_ack
	RepairInterval time.Duration // T_retx
	MulticastAbove int           // children that lack a packet: more of them get it by multicast
	Window         int           // packets that the sender publishes beyond what its children have
	Kept           int           // packets that a member keeps: 1 to stream.WindowMax, Window at least
	Silence        int           // times T_ack after which a child that says nothing is forgotten
}

// DefaultConfig returns the parameters of the package documentation.
func DefaultConfig() Config {
	return Config{
		AckInterval: 100 * time.Millisecond, RepairInterval: 20 * time.Millisecond, MulticastAbove: 3, Window: 1024, Kept: 2048, Silence: 50,
	}
}

func (c *Config) validate() error {
	switch {
	case c.Self == 0 || c.Sender == 0 || c.Rand == nil:
		return fmt.Errorf("rmtp: Config lacks Self, Sender or Rand")
	case (c.Self == c.Sender) != (c.Parent == 0) || c.Parent == c.Self:
		return fmt.Errorf("rmtp: Config.Parent of %v is %v, the sender %v", c.Self, c.Parent, c.Sender)
	case c.AckInterval <= 0 || c.RepairInterval <= 0 || c.Silence < 1 || c.MulticastAbove < 0:
		return fmt.Errorf("rmtp: intervals %v and %v, Silence %d, MulticastAbove %d", c.AckInterval, c.RepairInterval, c.Silence, c.MulticastAbove)
	case c.Window < 1 || c.Kept < c.Window || c.Kept > stream.WindowMax:
		return fmt.Errorf("rmtp: Config.Window is %d and Kept %d, of at most %d", c.Window, c.Kept, stream.WindowMax)
	}
	return nil
}

// Writable tells that there is room in the window, after Publish failed.
type Writable struct{ protocol.EventMark }

// Stats counts what a machine did.
type Stats struct {
	Published  uint64
	Delivered  uint64
	Statuses   uint64 // sent
	Repairs    uint64 // sent to one child
	Multicasts uint64 // repairs sent to the region
	Duplicates uint64 // packets that were here already
	Full       uint64 // times that the window was full
	Unheld     uint64 // packets that a child lacks and this member does not have
	Refused    uint64 // children beyond ChildrenMax
	Forgotten  uint64 // children that said nothing
}
