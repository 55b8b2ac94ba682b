package spinglass

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spinglass/live"
	"spinglass/protocol"
	"spinglass/vsync"
	"spinglass/vsync/replica"
)

// castsTurn is how many messages of a group are given to the protocol before others get their turn.
const castsTurn = 256

// groupCast is a message that waits until the group takes it.
type groupCast struct {
	payload  []byte
	proposal *replica.Proposal // nil for a message
	taken    chan error        // of one
	stable   chan error        // of one; nil where nobody waits for that
}

// Cast sends a message to all members of the group, this one included. It returns once the group has taken the message, which then comes to all members of the view; only [Group.Flush] says that it has. It waits while this member
// is not in the group yet, while the view is being changed, and while too much of what was cast is not stable. The payload is copied. Messages of one goroutine come in their order.
//
// An error says that the message was not taken: [ErrNotPrimary] when no majority can be reached, [ErrTooLarge], [ErrConfig] in a group with a state machine, [ErrClosed], others that have ended the membership, that of ctx.
func (g *Group) Cast(ctx context.Context, payload []byte) error {
	if g.replica != nil {
		return errPropose
	}
	return g.cast(ctx, &groupCast{payload: payload, taken: make(chan error, 1)})
}

// CastStable is Cast, and waits until the message is stable: all members that stay have it, whatever fails. More than [vsync.FlushesMax] at a time wait for each other. Errors that are [ErrUncertain] leave open whether members get it: this member was ejected ([ErrEjected]), ctx
// has ended, or the node was closed ([ErrClosed]) before. Others say that it was not cast: those of Cast.
func (g *Group) CastStable(ctx context.Context, payload []byte) error {
	if g.replica != nil {
		return errPropose
	}
	c := &groupCast{payload: payload, taken: make(chan error, 1), stable: make(chan error, 1)}
	if err := g.cast(ctx, c); err != nil {
		return err
	}
	select {
	case err := <-c.stable:
		return err
	case <-g.node.closing:
		return fmt.Errorf("%w: %w", ErrUncertain, ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUncertain, ctx.Err())
	}
}

var errPropose = fmt.Errorf("%w: what is cast in a group with a state machine is a command: Propose", ErrConfig)

// Propose has a command carried out by all members, in one order with all others, and returns the result of this member's state machine. It returns when the command is settled: stable, with all that it came after, so that no failure takes it back. A command that
// only reads is proposed as well where it must see what was settled before it; what the application reads of its copy by itself may be behind. It waits as [Group.Cast] does. The payload is not to be changed until it returns.
//
// Errors that are [ErrUncertain] leave open whether the command was, or will be, carried out: this member was ejected ([ErrEjected]), ctx has ended, or the node was closed ([ErrClosed]) before it was settled. Others say that it will not
// be: those of [Group.Cast].
func (g *Group) Propose(ctx context.Context, command []byte) (result any, err error) {
	if g.replica == nil {
		return nil, fmt.Errorf("%w: the group has no state machine", ErrConfig)
	}
	answered := make(chan struct{})
	p := &replica.Proposal{Tag: answered, Payload: command}
	if err := g.cast(ctx, &groupCast{payload: command, proposal: p, taken: make(chan error, 1)}); err != nil {
		return nil, err
	}
	select {
	case <-answered:
		return p.Result, p.Err
	case <-g.node.closing:
		return nil, fmt.Errorf("%w: %w", ErrUncertain, ErrClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUncertain, ctx.Err())
	}
}

// cast waits until the group has taken a message.
func (g *Group) cast(ctx context.Context, c *groupCast) error {
	if len(c.payload) > GroupMessageMax {
		return fmt.Errorf("%w: the limit of a group is %d", ErrTooLarge, GroupMessageMax)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	if g.ended != nil {
		g.mu.Unlock()
		return g.ended
	}
	g.casts = append(g.casts, c)
	wake := !g.casting
	g.casting = true
	g.mu.Unlock()
	if wake && g.node.live.Do(g.sendCasts) != nil {
		return ErrClosed
	}
	err := ErrClosed
	select {
	case err := <-c.taken:
		return err
	case <-ctx.Done():
		err = ctx.Err()
	case <-g.node.closing:
	}
	if g.giveUp(c) {
		return err
	}
	return <-c.taken
}

// giveUp takes back a message that waits, and reports whether it still did.
func (g *Group) giveUp(c *groupCast) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.casts, c)
	if i >= 0 {
		g.casts = slices.Delete(g.casts, i, i+1)
	}
	return i >= 0
}

// castMore has the loop look after what waits, on the loop.
func (g *Group) castMore() {
	g.mu.Lock()
	wake := !g.casting && len(g.casts) > 0
	g.casting = g.casting || wake
	g.mu.Unlock()
	if wake {
		g.schedule(g.sendCasts)
	}
}

// schedule runs f on the loop soon; the loop calls it, which must not wait.
func (g *Group) schedule(f func(protocol.Time, *protocol.Output)) {
	if errors.Is(g.node.live.Post(f), live.ErrQueueFull) {
		g.node.posting.Go(func() { _ = g.node.live.Do(f) })
	}
}

// sendCasts gives the protocol what waits, until that cannot take more. It runs on the loop.
func (g *Group) sendCasts(now protocol.Time, out *protocol.Output) {
	for range castsTurn {
		g.mu.Lock()
		c, err, full := g.sendCast(now, out)
		if c == nil {
			g.casting = false
		}
		g.mu.Unlock()
		if full {
			g.tooSlow()
		}
		if c == nil {
			return // an event tells when there is more to be done
		}
		c.taken <- groupError(err)
	}
	g.schedule(g.sendCasts)
}

// sendCast gives the protocol the first message that waits, and takes it away unless it has to wait longer. g.mu is held, so that nobody gives the message up meanwhile; the protocol calls nothing back.
func (g *Group) sendCast(now protocol.Time, out *protocol.Output) (c *groupCast, err error, full bool) {
	// What is cast before the state has come may be in it, and is not delivered then: no proposal would match it.
	if len(g.casts) == 0 || g.slow || g.replica != nil && !g.given && !g.standing.outside {
		return nil, nil, false
	}
	c = g.casts[0]
	if c.stable != nil && len(g.flushes) >= vsync.FlushesMax {
		return nil, nil, false // it waits until it can be told when it is stable
	}
	err = g.node.stack.Cast(now, g.name, c.payload, out)
	if errors.Is(err, vsync.ErrBlocked) || errors.Is(err, vsync.ErrFull) || errors.Is(err, vsync.ErrNotMember) {
		return nil, nil, false
	}
	g.casts[0] = nil
	g.casts = g.casts[1:]
	if err != nil {
		return c, err, false
	}
	g.taken++
	switch {
	case c.proposal != nil:
		var put bool
		if put, full = g.put(commandTaken{c.proposal}, len(c.payload)); !put { // before its delivery
			c.proposal.Err = fmt.Errorf("%w: %w: %w", ErrUncertain, ErrEjected, ErrSlow)
			close(c.proposal.Tag.(chan struct{}))
		}
	case c.stable != nil:
		if number, err := g.node.stack.FlushGroup(now, g.name, out); err != nil {
			c.stable <- fmt.Errorf("%w: %w", ErrUncertain, groupError(err))
		} else {
			g.flushes[number] = groupFlush{c.stable, g.taken}
		}
	}
	return c, nil, full
}
