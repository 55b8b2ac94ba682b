package traditional

import (
	"fmt"
	"slices"
	"time"

	"spinglass/protocol"
)

// Order says in which order messages of different senders are delivered. Those of one sender always are in the order in which they were sent.
type Order uint8

// The orders.
const (
	// OrderFIFO promises nothing beyond one sender.
	OrderFIFO Order = iota
	// OrderTotal is the same at all members: the member of rank 0, the sequencer, multicasts it, and members wait for that.
	OrderTotal
)

var orderNames = [...]string{"fifo", "total"}

// String returns fifo or total.
func (o Order) String() string { return orderNames[o] }

// ParseOrder reads what String returns.
func ParseOrder(text string) (Order, error) {
	for i, name := range orderNames {
		if text == name {
			return Order(i), nil
		}
	}
	return 0, fmt.Errorf("%q is neither fifo nor total", text)
}

// MembersMax bounds a group.
const MembersMax = 1024

// Config describes a member. [DefaultConfig] fills in everything but Self and Members.
type Config struct {
	Self    protocol.NodeID
	Members []protocol.NodeID // that may ever be in a view; the first view has them by rank
	First   int               // of Members that are the first view, 0 for all; the others ask to join when they start. Later views hold a majority of the first one
	Order   Order

	Window int // bytes that a member may have been sent and not acknowledged; 0 for no such limit
	Buffer int // bytes that a sender holds because not all members are known to have them

	StableInterval time.Duration // between the rows of a member
	PingInterval   time.Duration // between its pings
	PingsMissed    int           // after how many without an echo a member is suspected
	RetryInterval  time.Duration // after which what was not answered is said again
}

// DefaultConfig returns the constants of Ensemble, the buffer apart, which has no limit there.
func DefaultConfig() Config {
	return Config{
		Window: 50_000, Buffer: 4 << 20, StableInterval: time.Second, PingInterval: time.Second, PingsMissed: 15, RetryInterval: 50 * time.Millisecond,
	}
}

// overhead is added to the size of each message in windows and buffers (Ensemble's mflow_overhead), so that empty ones count.
const overhead = 100

// first returns how many members the first view has.
func (c *Config) first() int {
	if c.First == 0 {
		return len(c.Members)
	}
	return c.First
}

// Validate reports the first field that is out of its range.
func (c *Config) Validate() error {
	if !slices.Contains(c.Members, c.Self) {
		return fmt.Errorf("traditional: Config.Self is not among the %d of Config.Members", len(c.Members))
	}
	if c.Order > OrderTotal {
		return fmt.Errorf("traditional: Config.Order is %d", c.Order)
	}
	for _, field := range []struct {
		name               string
		value, least, most int64
	}{
		{"Members", int64(len(c.Members)), 1, MembersMax},
		{"First", int64(c.First), 0, int64(len(c.Members))},
		{"Window", int64(c.Window), 0, 1 << 40},
		{"Buffer", int64(c.Buffer), 1, 1 << 40},
		{"StableInterval", int64(c.StableInterval), int64(time.Millisecond), int64(time.Hour)},
		{"PingInterval", int64(c.PingInterval), int64(time.Millisecond), int64(time.Hour)},
		{"PingsMissed", int64(c.PingsMissed), 1, 1 << 20},
		{"RetryInterval", int64(c.RetryInterval), int64(time.Millisecond), int64(time.Hour)},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("traditional: Config.%s is %d, outside %d to %d", field.name, field.value, field.least, field.most)
		}
	}
	return nil
}
