package vsync

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// Limits.
const (
	MembersMax = 128       // of a view
	NameMax    = 200       // bytes of a group's name
	CastMax    = 512 << 10 // bytes of a cast
	WeightMax  = 1 << 16   // of a member
	StateMax   = 1 << 32   // bytes of a state that is transferred
	GroupsMax  = 4096      // of Config.Groups

	StateWindowMin = 1 << 10 // bytes, of Options.StateWindow
)

// TopicPrefix begins the names of the topics that carry the data of groups.
const TopicPrefix = "$groups/"

// TopicOf returns the topic of a group.
func TopicOf(name string) string { return TopicPrefix + name }

// Config is what a Machine is made of. [DefaultConfig] fills in everything but Self, Rand and Host.
type Config struct {
	Self  protocol.NodeID
	Epoch uint64     // boot counter of this run; protocol.EpochRaised raises it
	Rand  *rand.Rand // owned by the machine from then on
	Host  Host

	Wall      int64              // seconds since 1970 at the start, 0 when they are not known; protocol.WallClock tells of later
	Addresses []protocol.Address // where this member is reached; at most AddressesMax
	Key       []byte             // its public key, 32 bytes; empty in a fleet without

	DatagramSize int // largest datagram, in bytes: wire.DatagramMin to wire.DatagramMax
	Groups       int // limit of groups joined: 1 to GroupsMax

	Gossip       time.Duration // between what a member tells of stability, while there is anything to tell: 10 ms to 1 min
	StallTicks   int           // so many of these without a word of a member in a round of stability make it suspect: 2 to 10 000
	FlushLimit   time.Duration // who has not answered in a flush for so long is out of the next view: 50 ms to 1 min
	Retry        time.Duration // after which what was not answered is said again: 10 ms to 10 s
	OrderPause   time.Duration // a cast without a place in the total order for so long has the next member take over as sequencer: 20 ms to 1 min
	SeekPause    time.Duration // between the calls of a member that wants to join, at first; up to SeekPauses times as long later: 50 ms to 1 min
	Check        time.Duration // between comparisons of views with another member: 100 ms to 10 min
	BufferBytes  int           // unstable messages of a group that are held before the member that holds stability up is taken for failed: 64 KiB to 1 TiB; twice as much is held at most
	QueueBytes   int           // what waits for the state of this member, for each group: 64 KiB to 1 TiB
	SnapshotWait time.Duration // for the application to give a snapshot that was asked for: 10 ms to 1 h
}

// SeekPauses is how many times Config.SeekPause the longest pause is between the calls of a member that wants to join.
const SeekPauses = 8

// AddressesMax bounds the addresses of a member.
const AddressesMax = 4

// DefaultConfig returns the defaults of docs/GROUPS.md.
func DefaultConfig() Config {
	return Config{
		DatagramSize: wire.DatagramDefault,
		Groups:       1024,
		Gossip:       300 * time.Millisecond,
		StallTicks:   50,
		FlushLimit:   2 * time.Second,
		Retry:        100 * time.Millisecond,
		OrderPause:   250 * time.Millisecond,
		SeekPause:    500 * time.Millisecond,
		Check:        2 * time.Second,
		BufferBytes:  16 << 20,
		QueueBytes:   32 << 20,
		SnapshotWait: 30 * time.Second,
	}
}

// Validate reports the first field that is out of its range.
func (c *Config) Validate() error {
	switch {
	case c.Self == 0:
		return fmt.Errorf("vsync: Config.Self is zero, which names nobody")
	case c.Rand == nil:
		return fmt.Errorf("vsync: Config.Rand is missing")
	case c.Host == nil:
		return fmt.Errorf("vsync: Config.Host is missing")
	case len(c.Addresses) > AddressesMax:
		return fmt.Errorf("vsync: %d of Config.Addresses exceed the limit of %d", len(c.Addresses), AddressesMax)
	case len(c.Key) != 0 && len(c.Key) != keySize:
		return fmt.Errorf("vsync: Config.Key has %d bytes, not %d", len(c.Key), keySize)
	}
	for _, field := range []struct {
		name        string
		value       int64
		least, most int64
	}{
		{"DatagramSize", int64(c.DatagramSize), wire.DatagramMin, wire.DatagramMax},
		{"Groups", int64(c.Groups), 1, GroupsMax},
		{"Gossip", int64(c.Gossip), int64(10 * time.Millisecond), int64(time.Minute)},
		{"StallTicks", int64(c.StallTicks), 2, 10_000},
		{"FlushLimit", int64(c.FlushLimit), int64(50 * time.Millisecond), int64(time.Minute)},
		{"Retry", int64(c.Retry), int64(10 * time.Millisecond), int64(10 * time.Second)},
		{"OrderPause", int64(c.OrderPause), int64(20 * time.Millisecond), int64(time.Minute)},
		{"SeekPause", int64(c.SeekPause), int64(50 * time.Millisecond), int64(time.Minute)},
		{"Check", int64(c.Check), int64(100 * time.Millisecond), int64(10 * time.Minute)},
		{"BufferBytes", int64(c.BufferBytes), 64 << 10, 1 << 40},
		{"QueueBytes", int64(c.QueueBytes), 64 << 10, 1 << 40},
		{"SnapshotWait", int64(c.SnapshotWait), int64(10 * time.Millisecond), int64(time.Hour)},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("vsync: Config.%s is %d, outside %d to %d", field.name, field.value, field.least, field.most)
		}
	}
	return nil
}

// Order says in which order the casts of different members are delivered. Those of one member always are in the order in which they were sent.
type Order uint8

// The orders.
const (
	// OrderFIFO promises nothing beyond one member.
	OrderFIFO Order = iota
	// OrderCausal delivers a cast after all that its sender had delivered when it sent it.
	OrderCausal
	// OrderTotal is the same at all members.
	OrderTotal

	orders = iota
)

var orderNames = [orders]string{"fifo", "causal", "total"}

// String returns fifo, causal or total.
func (o Order) String() string {
	if int(o) >= len(orderNames) {
		return fmt.Sprintf("order %d", uint8(o))
	}
	return orderNames[o]
}

// ParseOrder reads what String returns.
func ParseOrder(text string) (Order, error) {
	for i, name := range orderNames {
		if text == name {
			return Order(i), nil
		}
	}
	return 0, fmt.Errorf("vsync: %q is none of fifo, causal, total", text)
}

// Options are what is chosen for a group. Order and State belong to the group: members that differ in them do not join each other.
type Options struct {
	Order Order
	// State says that members have a state, which joiners are given. Without it they begin with nothing.
	State bool
	// Weight is what this member counts for in majorities, 0 to WeightMax; 0 has it follow without a vote.
	Weight uint64
	// FoundAfter is after how long of hearing of nobody in the group this member founds it; 0 for never, as is any time with a Weight of 0. Of several members that look for a group at the same time the one of the lowest NodeID
	// founds it.
	FoundAfter time.Duration
	// StateWindow bounds the bytes of a state that are handed to the application, and that it has not said it has taken (Machine.StateTaken): what is beyond has to wait at the donor. 0 for no bound; else at least StateWindowMin.
	StateWindow int
	// Stay has a member that was ejected stay out, instead of joining again by itself.
	Stay bool
}

// DefaultOptions returns total order with a state, weight 1, and two seconds until a group is founded.
func DefaultOptions() Options {
	return Options{Order: OrderTotal, State: true, Weight: 1, FoundAfter: 2 * time.Second}
}

func (o *Options) validate() error {
	switch {
	case o.Order >= orders:
		return fmt.Errorf("%w: Order is %d", ErrOptions, o.Order)
	case o.Weight > WeightMax:
		return fmt.Errorf("%w: Weight is %d, beyond %d", ErrOptions, o.Weight, WeightMax)
	case o.StateWindow != 0 && o.StateWindow < StateWindowMin:
		return fmt.Errorf("%w: StateWindow is %d, below %d", ErrOptions, o.StateWindow, StateWindowMin)
	case o.FoundAfter < 0:
		return fmt.Errorf("%w: FoundAfter is negative", ErrOptions)
	}
	return nil
}
