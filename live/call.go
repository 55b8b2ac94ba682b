package live

import (
	"context"
	"sync/atomic"

	"spinglass/protocol"
)

// Do queues f to run on the loop, as one input of the machine, and waits while the queue is full. It does not wait for f. It is for what makes the
// machine send: f runs once the writer has nothing to send, so that what comes meanwhile goes out together. After Close
// has begun it returns ErrClosed; a function that was accepted at the same time may never run.
func (n *Node) Do(f func(now protocol.Time, out *protocol.Output)) error {
	if n.closed() {
		return ErrClosed
	}
	select {
	case n.feeds <- f:
		return nil
	case <-n.closing:
		return ErrClosed
	}
}

// Post queues f like Do, and returns ErrQueueFull rather than wait.
func (n *Node) Post(f func(now protocol.Time, out *protocol.Output)) error {
	if n.closed() {
		return ErrClosed
	}
	select {
	case n.feeds <- f:
		return nil
	default:
		return ErrQueueFull
	}
}

// The states of a call that somebody waits for.
const (
	callWaiting int32 = iota
	callTaken         // by the loop
	callGivenUp       // by the caller
)

// Call runs f on the loop, whatever the writer has to send, and waits until it has run. When it returns an error, that of ctx or ErrClosed, f has not run
// and will not.
func (n *Node) Call(ctx context.Context, f func(now protocol.Time, out *protocol.Output)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.closed() {
		return ErrClosed
	}
	var state atomic.Int32
	ran := make(chan struct{})
	call := func(now protocol.Time, out *protocol.Output) {
		if state.CompareAndSwap(callWaiting, callTaken) {
			f(now, out)
			close(ran)
		}
	}
	var err error
	select {
	case n.calls <- call:
	case <-ctx.Done():
		return ctx.Err()
	case <-n.closing:
		return ErrClosed
	}
	select {
	case <-ran:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-n.stopped:
		err = ErrClosed
	}
	if state.CompareAndSwap(callWaiting, callGivenUp) {
		return err
	}
	<-ran
	return nil
}
