package spinglass

import (
	"context"
	"errors"
	"fmt"

	"spinglass/protocol"
	"spinglass/vsync"
)

// Recover has the group go on without those members of the view that cannot be reached, though a majority is among them: it is the word of a person that they are gone for good. It returns when those that are left have installed a view, which
// [Group.View] tells, with all that any of them has got of the view before. What the others have done in views of which no member is left is lost; if they are there after all they give it up, and join afresh. So
// nobody may act for them any longer; what is acted on refuses them by the view's id, see [ViewID]. A recovery takes a few seconds.
//
// Errors: [ErrMajority] when this member, or one that it reaches, has not found that no majority can be reached (which takes some seconds), or when a majority has answered, by which the group goes on; [ErrGroup] when this member is not in the
// group, or has not got its state, when nobody that answers has a weight, or after too many recoveries; [ErrNotPrimary] when it came to nothing in time; [ErrEjected] when the group has gone on without this member meanwhile; that of
// [Group.Err] when the membership has ended; that of ctx, after which it goes on.
func (g *Group) Recover(ctx context.Context) error {
	done := make(chan error, 1)
	var failed error
	err := g.node.call(ctx, func(now protocol.Time, out *protocol.Output) { failed = g.recover(now, done, out) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-g.node.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RecoverGroup is [Group.Recover] of the group of a name that this node is in.
func (n *Node) RecoverGroup(ctx context.Context, name string) error {
	var g *Group
	if err := n.call(ctx, func(protocol.Time, *protocol.Output) { g = n.groups[name] }); err != nil {
		return err
	}
	if g == nil {
		return fmt.Errorf("%w: this node is not in the group %q", ErrGroup, name)
	}
	return g.Recover(ctx)
}

// recover begins a recovery, or waits for the one that is under way. It runs on the loop, and so do the others.
func (g *Group) recover(now protocol.Time, done chan error, out *protocol.Output) error {
	if g.node.groups[g.name] != g {
		return g.Err()
	}
	err := g.node.stack.RecoverGroup(now, g.name, out)
	switch {
	case err == nil, errors.Is(err, vsync.ErrRecovering):
		g.recovering = append(g.recovering, done) // what it comes to is told after this
		return nil
	case errors.Is(err, vsync.ErrMajority):
		return fmt.Errorf("%w: this member has not found that none can be", ErrMajority)
	case errors.Is(err, vsync.ErrUnknown), errors.Is(err, vsync.ErrLeaving):
		return ErrClosed
	}
	return fmt.Errorf("%w: %w", ErrGroup, err)
}

// recovered tells who waits what a recovery has come to.
func (g *Group) recovered(e vsync.RecoveryEnded) {
	var err error
	switch e.Outcome {
	case vsync.RecoveryDone:
	case vsync.RecoveryRefused:
		err = fmt.Errorf("%w: %s has not found that none can be", ErrMajority, g.node.names.of(e.Member))
	case vsync.RecoveryMajority:
		err = fmt.Errorf("%w: one has answered, and the group goes on by it", ErrMajority)
	case vsync.RecoveryVoteless:
		err = fmt.Errorf("%w: nobody that answers has a weight", ErrGroup)
	case vsync.RecoveryLate:
		err = fmt.Errorf("%w: the recovery came to nothing in time", ErrNotPrimary)
	default:
		err = fmt.Errorf("%w: the group has gone on meanwhile, or this node has left it", ErrEjected)
	}
	if err == nil {
		g.node.log.Warn("a group goes on without a majority of its view, as a person wanted", "group", g.name, "view", g.View().ID)
	}
	g.tellRecovering(err)
}

// tellRecovering tells who waits for a recovery.
func (g *Group) tellRecovering(err error) {
	for _, done := range g.recovering {
		done <- err
	}
	g.recovering = nil
}
