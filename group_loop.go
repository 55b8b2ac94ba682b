package spinglass

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"spinglass/protocol"
	"spinglass/vsync"
)

// onGroupEvent takes what the protocol of groups says, on the loop, and reports whether it was that.
func (n *Node) onGroupEvent(e protocol.Event) bool {
	switch e := e.(type) {
	case *vsync.Installed:
		n.inGroup(e.Group, func(g *Group) { g.installed(e) })
	case *vsync.Delivery:
		n.inGroup(e.Group, func(g *Group) { g.tell(e, len(e.Payload)) })
	case *vsync.State:
		n.inGroup(e.Group, func(g *Group) { g.stateCame(e) })
	case vsync.Ready:
		n.inGroup(e.Group, func(g *Group) { g.becameReady(e) })
	case vsync.Blocked:
		n.inGroup(e.Group, func(g *Group) { g.stands(func(s *standing) { s.blocked = true }); g.tell(e, 0) })
	case vsync.Outside:
		n.inGroup(e.Group, func(g *Group) { g.isOutside(e) })
	case vsync.Ejected:
		n.inGroup(e.Group, func(g *Group) { g.ejected(e) })
	case vsync.Left:
		n.inGroup(e.Group, func(g *Group) { g.wasLetGo() })
	case vsync.Writable:
		n.inGroup(e.Group, func(g *Group) { g.castMore() })
	case vsync.RecoveryEnded:
		n.inGroup(e.Group, func(g *Group) { g.recovered(e) })
	case vsync.Flushed:
		n.inGroup(e.Group, func(g *Group) { g.flushed(e) })
	case vsync.Suspected:
		n.inGroup(e.Group, func(g *Group) { g.tell(e, 0) })
	case vsync.SnapshotWanted:
		n.inGroup(e.Group, func(g *Group) { g.tell(e, 0) })
	case vsync.SnapshotWritable:
		n.inGroup(e.Group, func(g *Group) { g.snapshot(e.Number, (*snapshotWriter).goOn) })
	case vsync.SnapshotDropped:
		n.inGroup(e.Group, func(g *Group) { g.snapshot(e.Number, (*snapshotWriter).drop) })
	default:
		return false
	}
	return true
}

func (n *Node) inGroup(name string, f func(*Group)) {
	if g := n.groups[name]; g != nil {
		f(g)
	}
}

// tell hands an event to the application.
func (g *Group) tell(e any, size int) {
	g.mu.Lock()
	_, full := g.put(e, size)
	g.mu.Unlock()
	if full {
		g.tooSlow()
	}
}

// tooSlow has the member leave because there is no room for what its application does not take, so that nobody waits for it and nothing is lost in silence.
func (g *Group) tooSlow() {
	g.node.groupsSlow.Add(1)
	g.node.log.Warn("the application is too slow for a group: this node leaves it, and joins again when the application is done with what waits", "group", g.name, "queue", g.options.queue)
	g.schedule(g.goAway)
}

// goAway leaves the group because the application was too slow.
func (g *Group) goAway(now protocol.Time, out *protocol.Output) {
	if g.node.groups[g.name] != g {
		return // it has ended meanwhile, and the node may be a member anew
	}
	if err := g.node.stack.LeaveGroup(now, g.name, out); errors.Is(err, vsync.ErrUnknown) {
		g.wasLetGo() // it is out already
	}
}

// stands changes how the membership stands.
func (g *Group) stands(change func(*standing)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.slow {
		return
	}
	change(&g.standing)
	if g.standing.member && g.standing.state {
		select {
		case <-g.ready:
		default:
			close(g.ready)
		}
	}
}

func (g *Group) installed(e *vsync.Installed) {
	view := g.node.groupView(e.View, e.Rank)
	g.mu.Lock()
	if !g.slow {
		g.status.View = view
	}
	g.mu.Unlock()
	g.stands(func(s *standing) {
		if e.Joined {
			*s, g.given, g.joined = standing{member: true}, false, e.View.ID
		}
		s.blocked, s.outside = false, false
	})
	g.tell(e, len(view.Members)*memberCost)
	g.castMore()
}

// memberCost is what a member of a view counts for in a queue, in bytes.
const memberCost = 64

func (g *Group) stateCame(e *vsync.State) {
	g.mu.Lock()
	g.status.StateBytes = e.Offset + uint64(len(e.Data))
	g.mu.Unlock()
	g.tell(e, len(e.Data))
}

func (g *Group) becameReady(e vsync.Ready) {
	g.stands(func(s *standing) {
		g.given, s.state = true, g.replica == nil // a state machine has to take the state in first
	})
	g.tell(e, 0)
	g.castMore()
}

func (g *Group) isOutside(e vsync.Outside) {
	g.stands(func(s *standing) { s.outside = true })
	g.tell(e, 0)
	g.castMore() // what waits fails
}

func (g *Group) ejected(e vsync.Ejected) {
	why := fmt.Errorf("%w: %s", ErrEjected, ejectTexts[e.Reason])
	g.mu.Lock()
	if !g.slow {
		g.lose(why)
	}
	g.mu.Unlock()
	g.tell(e, 0)
	if g.options.protocol.Stay { // the protocol has forgotten the group
		g.end(why)
	}
}

// wasLetGo takes note that the protocol has forgotten the group.
func (g *Group) wasLetGo() {
	g.mu.Lock()
	back := g.slow && !g.leaving
	g.away = back
	g.mu.Unlock()
	if back {
		g.schedule(g.comeBack)
	} else {
		g.end(ErrClosed)
	}
}

func (g *Group) flushed(e vsync.Flushed) {
	g.mu.Lock()
	f, waits := g.flushes[e.Number]
	delete(g.flushes, e.Number)
	g.stable = max(g.stable, f.taken)
	g.mu.Unlock()
	if waits {
		f.done <- nil
		g.castMore() // there is room for another flush
	}
	if g.replica != nil {
		g.tell(e, 0)
	}
}

// Flush waits until everything that this member has cast so far is stable and delivered here: all members that stay have it, whatever fails. It is for use before an effect outside of the group. Where messages may be lost because this member
// was ejected after they were cast, it says so, once: of several goroutines that cast, one is told. [Group.CastStable] tells of each message.
//
// Errors: one that is [ErrUncertain] and [ErrEjected] where messages may be lost; [ErrLimit], [ErrClosed]; that of ctx.
func (g *Group) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	var number uint64
	var failed error
	err := g.node.call(ctx, func(now protocol.Time, out *protocol.Output) { number, failed = g.flush(now, done, out) })
	if err != nil || failed != nil {
		return cmp.Or(err, failed)
	}
	select {
	case err := <-done:
		return err
	case <-g.node.closing:
		return fmt.Errorf("%w: %w", ErrUncertain, ErrClosed)
	case <-ctx.Done():
		g.mu.Lock()
		if f, waits := g.flushes[number]; waits {
			f.done = make(chan error, 1) // nobody waits for it any longer; what it says of what was taken counts all the same
			g.flushes[number] = f
		}
		g.mu.Unlock()
		return ctx.Err()
	}
}

// flush asks for a flush, on the loop.
func (g *Group) flush(now protocol.Time, done chan error, out *protocol.Output) (number uint64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.ended != nil:
		return 0, g.ended
	case g.lost != nil:
		err, g.lost = fmt.Errorf("%w: %w", ErrUncertain, g.lost), nil
		return 0, err
	case g.taken == g.stable:
		done <- nil
		return 0, nil
	}
	if number, err = g.node.stack.FlushGroup(now, g.name, out); err != nil {
		return 0, groupError(err)
	}
	g.flushes[number] = groupFlush{done, g.taken} // what it comes to is told after this
	return number, nil
}
