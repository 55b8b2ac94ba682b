package spinglass

import (
	"fmt"
	"time"

	"spinglass/vsync"
	"spinglass/vsync/replica"
)

// GroupOrder says in which order the messages of different members of a group are delivered. Those of one member always are in the order in which it cast them. It is a [GroupOption].
type GroupOrder vsync.Order

// The orders of groups.
const (
	FIFOOrder   = GroupOrder(vsync.OrderFIFO)   // nothing is promised beyond one member
	CausalOrder = GroupOrder(vsync.OrderCausal) // a message comes after all that its sender had got when it cast it
	TotalOrder  = GroupOrder(vsync.OrderTotal)  // the same at all members
)

// String returns fifo, causal or total.
func (o GroupOrder) String() string { return vsync.Order(o).String() }

// ParseGroupOrder reads what String returns. Its error is an [ErrConfig].
func ParseGroupOrder(text string) (GroupOrder, error) {
	o, err := vsync.ParseOrder(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return GroupOrder(o), nil
}

func (o GroupOrder) apply(g *groupOptions) error {
	if o > TotalOrder {
		return fmt.Errorf("%w: order %d of a group", ErrConfig, uint8(o))
	}
	g.protocol.Order = vsync.Order(o)
	return nil
}

// Bounds of the options of a group.
const (
	GroupWeightMax         = vsync.WeightMax
	GroupFoundAfterDefault = 2 * time.Second
	GroupFoundAfterMax     = time.Hour
)

// GroupOption is an option of one membership in a group.
type GroupOption interface{ apply(*groupOptions) error }

type groupOptions struct {
	protocol vsync.Options
	machine  StateMachine
	queue    int
}

type groupOption func(*groupOptions) error

func (f groupOption) apply(o *groupOptions) error { return f(o) }

func groupOptionsOf(options []GroupOption) (groupOptions, error) {
	o := groupOptions{protocol: vsync.DefaultOptions(), queue: QueueDefault}
	o.protocol.State, o.protocol.FoundAfter = false, foundAfterUnset
	for _, option := range options {
		if err := option.apply(&o); err != nil {
			return o, err
		}
	}
	if o.protocol.FoundAfter == foundAfterUnset {
		if o.protocol.FoundAfter = GroupFoundAfterDefault; o.machine != nil {
			o.protocol.FoundAfter = 0
		}
	}
	if o.machine != nil {
		o.protocol.StateWindow = o.queue / stateShare
	}
	if o.machine != nil && o.protocol.Order != vsync.OrderTotal {
		return o, fmt.Errorf("%w: copies of a state machine need the same order at all members, which is TotalOrder", ErrConfig)
	}
	return o, nil
}

// stateShare is the part of the queue that a state takes at most which the application has not taken in: what is beyond waits at the member that gives it. After half of what it takes the protocol is told, so that pieces stay large.
const (
	stateShare = 2
	toldShare  = 2
)

// StateMachine is a state that the members of a group each have a copy of. One goroutine at a time calls these methods, and none of the library's locks is held meanwhile.
//
//	Apply(c Command) (result any)      // carries out a command; deterministic
//	Snapshot() (io.WriterTo, error)    // what writes the state as of now, later, while further commands are carried out
//	Restore(r io.Reader) error         // replaces the state by a snapshot
//
// See [replica.StateMachine] for what each must hold to. None may wait for the group, or close its node.
type StateMachine = replica.StateMachine

// Command is one command of a [StateMachine].
type Command = replica.Command

// GroupObserver is a [StateMachine] that is told what happens in its group, in its place among the commands: of views, of states that are transferred, of an ejection. Observe is called as Apply is. What happens while Restore reads
// it is told when that has returned, of the state's progress only the latest; [Group.Status] tells how much of the state has come meanwhile.
type GroupObserver interface {
	StateMachine
	Observe(e GroupEvent)
}

// Replicated has the group replicate a state machine: [Group.Propose] has commands carried out by all members, in the same order, and joiners are given the state. All members of a group have one, or none.
func Replicated(machine StateMachine) GroupOption {
	return groupOption(func(o *groupOptions) error {
		if machine == nil {
			return fmt.Errorf("%w: no state machine", ErrConfig)
		}
		o.machine, o.protocol.State = machine, true
		return nil
	})
}

// Weight is what this member counts for in majorities: 0 to [GroupWeightMax], 1 without the option. One of weight 0 follows the group without a vote.
func Weight(weight int) GroupOption {
	return groupOption(func(o *groupOptions) error {
		if weight < 0 || weight > GroupWeightMax {
			return fmt.Errorf("%w: weight %d is not 0 to %d", ErrConfig, weight, GroupWeightMax)
		}
		o.protocol.Weight = uint64(weight)
		return nil
	})
}

// foundAfterUnset stands for no FoundAfter.
const foundAfterUnset = -1

// FoundAfter is after how long of hearing of nobody in the group this member founds it: up to [GroupFoundAfterMax], 0 for never. Without the option it is [GroupFoundAfterDefault], and never with [Replicated]: a member that founds a group since it
// is cut off from those that are in it already carries out commands of its own, which are void when it meets the others. So let one member found the group, the first time that it starts.
func FoundAfter(wait time.Duration) GroupOption {
	return groupOption(func(o *groupOptions) error {
		if wait < 0 || wait > GroupFoundAfterMax {
			return fmt.Errorf("%w: a group is founded after 0 to %v, not %v", ErrConfig, GroupFoundAfterMax, wait)
		}
		o.protocol.FoundAfter = wait
		return nil
	})
}

// StayOut has a member that is ejected stay out: its [Group] ends with [ErrEjected]. Without it the member joins again by itself, and is given the state anew.
func StayOut() GroupOption {
	return groupOption(func(o *groupOptions) error {
		o.protocol.Stay = true
		return nil
	})
}

// GroupQueue bounds what waits for the application, [QueueMin] to [QueueMax] bytes of messages and bookkeeping, [QueueDefault] without the option. A member whose application is behind by more leaves the group, so that
// it holds up nobody and nothing is lost in silence; when the application has taken what waits it is told so, by [GroupEjected] with [ErrSlow], and the member joins again.
func GroupQueue(bytes int) GroupOption {
	return groupOption(func(o *groupOptions) error {
		if bytes < QueueMin || bytes > QueueMax {
			return fmt.Errorf("%w: queue of %d bytes is not in %d to %d", ErrConfig, bytes, QueueMin, QueueMax)
		}
		o.queue = bytes
		return nil
	})
}
