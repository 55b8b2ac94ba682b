package spinglass

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/topic"
	"spinglass/vsync"
	"spinglass/vsync/replica"
)

// Bounds of groups.
const (
	GroupNameMax    = vsync.NameMax // bytes
	GroupMessageMax = vsync.CastMax // bytes of a message of a group
)

// GroupPhase says how a membership in a group stands.
type GroupPhase string

// The phases.
const (
	GroupPhaseJoining  GroupPhase = "joining"  // looks for the group, also after an ejection
	GroupPhaseState    GroupPhase = "state"    // is in a view, and is being given the state
	GroupPhaseMember   GroupPhase = "member"   // takes part
	GroupPhaseChanging GroupPhase = "changing" // takes part; the view is being changed, so that what is cast waits
	GroupPhaseOutside  GroupPhase = "outside"  // no majority can be reached: it must not act
	GroupPhaseEnded    GroupPhase = "ended"
)

// GroupStatus is how a membership in a group stands.
type GroupStatus struct {
	Name       string
	Order      GroupOrder
	Replicated bool // it has a state machine
	Weight     int
	Phase      GroupPhase
	View       GroupView // the latest that was installed; without members while there is none, and after the end
	StateBytes uint64    // of the state that have come so far, while it is given
	Queued     int       // bytes that wait for the application
	Applied    uint64    // commands that the state has carried out
	Ejections  uint64    // so far, those because the application was too slow among them
}

// Primary reports whether this member is in a view and can reach a majority of it, as far as it knows: it may act.
func (s *GroupStatus) Primary() bool {
	return s.Phase == GroupPhaseMember || s.Phase == GroupPhaseChanging
}

// Group is a membership of this node in a group. Its methods are safe from any goroutine.
type Group struct {
	node    *Node
	name    string
	options groupOptions
	replica *replica.Replica // nil without a state machine; of the goroutine of work

	mu        sync.Mutex
	queue     ring[groupItem]
	bytes     int           // of queue
	wake      chan struct{} // holds a token while a reader may find something
	working   bool          // a goroutine takes what is in the queue
	casts     []*groupCast  // that the group has not taken
	casting   bool          // the loop looks after them, or will
	flushes   map[uint64]groupFlush
	taken     uint64      // messages that the group has taken
	stable    uint64      // of these, so many are known to be stable
	lost      error       // why others may not be; nil when all may
	status    GroupStatus // but for its phase
	standing  standing
	joined    ViewID        // the view that took this member in, the latest time
	given     bool          // the protocol has handed over the state as of that
	entered   ViewID        // the latest view that took it in to which work has come; of its goroutine
	broken    bool          // the state could not be taken in; of the goroutine of work
	unasked   bool          // no flush can be asked for before something happens; of the goroutine of work
	observed  []GroupEvent  // wait until the state is taken in; of the goroutine of work
	ready     chan struct{} // closed while it takes part
	slow      bool          // the queue was full: until it is empty, nothing is put into it
	drained   bool          // and it is
	away      bool          // the protocol has let this member go because of that
	leaving   bool          // it is not to come back
	restoring *restore      // of the goroutine of work
	snapshots map[uint64]*snapshotWriter
	left      chan struct{} // closed when it has ended
	ended     error         // why it has

	recovering []chan error // who waits for a recovery; of the loop
}

// groupFlush is a flush that somebody waits for.
type groupFlush struct {
	done  chan error
	taken uint64 // messages that the group had taken when it was asked for
}

// standing is how a membership stands.
type standing struct {
	member  bool // it is in a view
	state   bool // and has the state
	blocked bool
	outside bool
}

func (s standing) phase() GroupPhase {
	switch {
	case !s.member:
		return GroupPhaseJoining
	case s.outside:
		return GroupPhaseOutside
	case !s.state:
		return GroupPhaseState
	case s.blocked:
		return GroupPhaseChanging
	}
	return GroupPhaseMember
}

// groupItem is something that waits for the application: an event of the protocol, or one of those below.
type groupItem struct {
	what any
	size int
}

type (
	slowApplication struct{}                    // nothing more fitted
	commandTaken    struct{ *replica.Proposal } // before its delivery
	flushAsked      struct {
		number uint64
		err    error
	}
)

func checkGroupName(name string) error {
	switch {
	case name == "" || len(name) > GroupNameMax:
		return fmt.Errorf("%w: a name has 1 to %d bytes, this one %d", ErrGroup, GroupNameMax, len(name))
	case topic.HasWildcard(name):
		return fmt.Errorf("%w: the name %q has a wildcard as a level", ErrGroup, name)
	}
	return nil
}

// Group makes this node a member of a group, or founds it, see [FoundAfter]. It returns once the node looks for the group; [Group.Ready] waits until it takes part. A node is in a group once.
//
// Without [Replicated], messages and views come as one stream, by [Group.Events]. With it, they are the commands of a state machine. The order is [TotalOrder] unless an option says otherwise. Members of a group have the same order.
//
// With an identity, the certificate must grant to publish and to subscribe to the topic $groups/NAME.
//
// Errors: [ErrGroup] for a name that cannot be, or a group that this node is in already; [ErrConfig] for an option; [ErrForbidden]; [ErrLimit] when the node is in too many groups or its row has no room; [ErrClosed]; that of ctx.
func (n *Node) Group(ctx context.Context, name string, options ...GroupOption) (*Group, error) {
	if err := checkGroupName(name); err != nil {
		return nil, err
	}
	o, err := groupOptionsOf(options)
	if err != nil {
		return nil, err
	}
	for _, verb := range [...]identity.Verb{identity.VerbPublish, identity.VerbSubscribe} {
		if err := n.allows(verb, vsync.TopicOf(name)); err != nil {
			return nil, err
		}
	}
	g := newGroup(n, name, o)
	var failed error
	err = n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		if n.groups[name] != nil { // it may be leaving, or about to join again
			failed = vsync.ErrJoined
		} else if failed = n.stack.JoinGroup(now, name, o.protocol, out); failed == nil {
			n.groups[name] = g
		}
	})
	if err != nil {
		return nil, err
	}
	return g, groupError(failed)
}

func newGroup(n *Node, name string, o groupOptions) *Group {
	g := &Group{
		node: n, name: name, options: o, wake: make(chan struct{}, 1), flushes: map[uint64]groupFlush{}, snapshots: map[uint64]*snapshotWriter{}, ready: make(chan struct{}), left: make(chan struct{}),
		status: GroupStatus{Name: name, Order: GroupOrder(o.protocol.Order), Replicated: o.machine != nil, Weight: int(o.protocol.Weight), View: GroupView{Rank: -1}},
	}
	if o.machine != nil {
		g.replica = replica.New(n.id, o.machine)
	}
	return g
}

// groupError returns the error of a command of the protocol as the application sees it.
func groupError(err error) error {
	var limit *vsync.LimitError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, vsync.ErrJoined), errors.Is(err, vsync.ErrName):
		return fmt.Errorf("%w: %w", ErrGroup, err)
	case errors.Is(err, vsync.ErrOptions):
		return fmt.Errorf("%w: %w", ErrConfig, err)
	case errors.Is(err, vsync.ErrNotPrimary):
		return ErrNotPrimary
	case errors.Is(err, vsync.ErrTooLarge):
		return ErrTooLarge
	case errors.Is(err, vsync.ErrUnknown), errors.Is(err, vsync.ErrLeaving):
		return ErrClosed
	case errors.As(err, &limit):
		return fmt.Errorf("%w: %w", ErrLimit, err)
	}
	return fmt.Errorf("%w: %w", ErrLimit, err) // of what the multicast or the row have room for
}

// Name returns the name of the group.
func (g *Group) Name() string { return g.name }

// Status returns how the membership stands.
func (g *Group) Status() GroupStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.status
	if s.Queued, s.Phase = g.bytes, g.standing.phase(); g.ended != nil {
		s.Phase = GroupPhaseEnded
	}
	return s
}

// waiting returns how many bytes the queue holds.
func (g *Group) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bytes
}

// View returns the latest view that this member has installed, without members while there is none. What waits for the application may be of an earlier one. View.ID is a fencing token, see [ViewID]; it is that of a primary view, which
// another may have followed that this member has not heard of.
func (g *Group) View() GroupView { return g.Status().View }

// Ready waits until this member takes part: it is in a view and has the state. Errors: [ErrClosed], [ErrEjected] with [StayOut], others that have ended the membership, that of ctx.
func (g *Group) Ready(ctx context.Context) error {
	if err := g.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	ready := g.ready
	g.mu.Unlock()
	select {
	case <-ready:
		return nil
	default:
	}
	select {
	case <-ready:
		return nil
	case <-g.left:
		return g.Err()
	case <-g.node.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Err returns why the membership has ended, nil while it lasts: [ErrClosed] after [Group.Leave] or the end of the node, an [ErrEjected], or an error of the state machine.
func (g *Group) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended == nil && g.node.closed() {
		return ErrClosed
	}
	return g.ended
}

// Leave ends the membership: the others make a view without this member, and until then messages come. Where that takes too long, or no majority can be reached, this member goes all the same. After an error of ctx it goes on leaving.
// What is cast and not taken yet fails with [ErrClosed].
func (g *Group) Leave(ctx context.Context) error {
	if err := g.node.call(ctx, g.leave); err != nil {
		if errors.Is(err, ErrClosed) {
			return nil
		}
		return err
	}
	return g.await(ctx)
}

// await waits until the membership has ended.
func (g *Group) await(ctx context.Context) error {
	select {
	case <-g.left:
		return nil
	case <-g.node.closing:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave begins to leave, on the loop.
func (g *Group) leave(now protocol.Time, out *protocol.Output) {
	if g.node.groups[g.name] != g {
		return
	}
	if err := g.node.stack.LeaveGroup(now, g.name, out); errors.Is(err, vsync.ErrUnknown) {
		g.end(ErrClosed) // it is away because the application was slow
		return
	}
	g.mu.Lock()
	g.leaving = true
	g.mu.Unlock()
}

// end ends the membership, on the loop.
func (g *Group) end(why error) {
	if g.node.groups[g.name] == g {
		delete(g.node.groups, g.name)
	}
	g.mu.Lock()
	if g.ended != nil {
		g.mu.Unlock()
		return
	}
	g.ended = why
	casts := g.casts
	g.casts = nil
	g.standing, g.status.View, g.status.StateBytes = standing{}, GroupView{Rank: -1}, 0
	g.failFlushes(why)
	for _, w := range g.snapshots {
		w.drop()
	}
	close(g.left)
	g.work()
	g.mu.Unlock()
	for _, c := range casts {
		c.taken <- why
	}
	g.tellRecovering(why)
	g.signal()
}

// Events returns an iterator over what happens in the group, in its order: messages, views, and the other events of [GroupEvent]. What is not taken stays for the next call; several loops share the events among them. It ends with the error of
// [Group.Err] when the membership has ended, and with that of ctx. A loop that is too slow has the member leave the group and join again, see [GroupQueue]; nothing is lost in silence. With a state machine there is none,
// and it ends with [ErrConfig] at once: see [GroupObserver].
func (g *Group) Events(ctx context.Context) iter.Seq2[GroupEvent, error] {
	return func(yield func(GroupEvent, error) bool) {
		if g.replica != nil {
			yield(nil, fmt.Errorf("%w: events of a group with a state machine go to that, if it is a GroupObserver", ErrConfig))
			return
		}
		for {
			item, err := g.next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if e := g.node.groupEvent(item.what); e != nil && !yield(e, nil) {
				return
			}
		}
	}
}

// next waits for the first item and takes it.
func (g *Group) next(ctx context.Context) (groupItem, error) {
	for {
		if err := ctx.Err(); err != nil {
			g.signal() // a token that this loop may have taken is for another one
			return groupItem{}, err
		}
		item, ok := g.take()
		if ok {
			return item, nil
		}
		if err := g.Err(); err != nil {
			g.signal()
			return groupItem{}, err
		}
		select {
		case <-g.wake:
		case <-g.node.closing:
		case <-ctx.Done():
		}
	}
}

// take takes the first item.
func (g *Group) take() (item groupItem, ok bool) {
	g.mu.Lock()
	item, ok = g.queue.pop()
	g.bytes -= item.size
	more := g.queue.length > 0
	if _, last := item.what.(slowApplication); last {
		g.drained = true
		more = true // for what comes behind it
	}
	g.mu.Unlock()
	if more {
		g.signal()
	}
	if _, last := item.what.(slowApplication); last {
		_ = g.node.live.Do(g.comeBack) // it fails when the node is closed
	}
	return item, ok
}

func (g *Group) signal() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// put puts something into the queue, on the loop; g.mu is held. Where there is no room, the member has to leave: full tells that, once.
func (g *Group) put(what any, size int) (done, full bool) {
	if g.slow || g.ended != nil {
		return false, false
	}
	size += entryOverhead
	if full = g.bytes+size > g.options.queue && g.queue.length > 0; full {
		g.slow, g.drained, g.away = true, false, false
		what, size = slowApplication{}, entryOverhead
		g.lose(fmt.Errorf("%w: %w", ErrEjected, ErrSlow))
	}
	g.queue.push(groupItem{what, size})
	g.bytes += size
	g.work()
	g.signal()
	return !full, full
}

// lose takes note that this member is out of the group; g.mu is held.
func (g *Group) lose(why error) {
	g.standing, g.given, g.status.View = standing{}, false, GroupView{Rank: -1}
	if g.taken > g.stable {
		g.stable, g.lost = g.taken, why
	}
	g.status.Ejections++
	select {
	case <-g.ready:
		g.ready = make(chan struct{})
	default:
	}
	g.failFlushes(why)
}

// failFlushes tells who waits for a flush that nobody knows what becomes of what was cast; g.mu is held.
func (g *Group) failFlushes(why error) {
	for _, f := range g.flushes {
		f.done <- fmt.Errorf("%w: %w", ErrUncertain, why)
	}
	clear(g.flushes)
}

// comeBack joins again once the application has taken what waited and the protocol has let this member go. It runs on the loop.
func (g *Group) comeBack(now protocol.Time, out *protocol.Output) {
	g.mu.Lock()
	back := g.slow && g.drained && g.away && g.ended == nil
	if back {
		g.slow = false
	}
	stay := g.options.protocol.Stay
	g.mu.Unlock()
	switch {
	case !back:
	case stay:
		g.end(fmt.Errorf("%w: %w", ErrEjected, ErrSlow))
	default:
		if err := g.node.stack.JoinGroup(now, g.name, g.options.protocol, out); err != nil {
			g.end(groupError(err))
		}
	}
}

// Groups returns how the node's memberships in groups stand, by their names.
func (n *Node) Groups(ctx context.Context) ([]GroupStatus, error) {
	var all []GroupStatus
	err := n.call(ctx, func(protocol.Time, *protocol.Output) {
		for _, g := range n.groups {
			all = append(all, g.Status())
		}
	})
	slices.SortFunc(all, func(a, b GroupStatus) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// leaveGroups leaves all groups, at the same time.
func (n *Node) leaveGroups(ctx context.Context) error {
	var all []*Group
	err := n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		all = slices.Collect(maps.Values(n.groups))
		for _, g := range all {
			g.leave(now, out)
		}
	})
	for _, g := range all {
		if err == nil {
			err = g.await(ctx)
		}
	}
	return err
}
