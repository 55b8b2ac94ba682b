package spinglass

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"spinglass/protocol"
	"spinglass/vsync"
	"spinglass/vsync/replica"
)

// flushEvery is how many events of a group with a state machine are taken at most before answers that wait are looked after.
const flushEvery = 256

// work has a goroutine take what is in the queue, for a group with a state machine; g.mu is held. The goroutine ends when there is nothing to do, so that a group in which nothing happens costs none.
func (g *Group) work() {
	if g.replica == nil || g.working {
		return
	}
	g.working = true
	g.node.posting.Go(g.workAll)
}

// workAll takes what is in the queue until there is nothing more.
func (g *Group) workAll() {
	for taken := 0; !g.node.closed(); taken++ {
		item, ok := g.take()
		if !ok || taken%flushEvery == flushEvery-1 {
			g.settle()
		}
		if ok {
			g.handle(item.what)
			continue
		}
		switch rests, ended := g.rest(); {
		case ended:
			g.abandon()
			return
		case rests:
			return
		}
	}
	g.abandon()
}

// rest reports whether there is nothing to be done, for now or, if the membership has ended, for good.
func (g *Group) rest() (rests, ended bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.queue.length > 0 {
		return false, false
	}
	g.working = g.ended != nil // no other goroutine begins then
	return true, g.working
}

// abandon answers what will have no other answer, and ends the transfer of a state.
func (g *Group) abandon() {
	g.endRestore(ErrClosed)
	g.observe(nil)
	g.answer(g.replica.Ejected(), ErrClosed)
}

// handle takes one item. Nothing is carried out on a state that could not be taken in, nor is that given to others.
func (g *Group) handle(what any) {
	if g.broken {
		if e, ok := what.(commandTaken); ok {
			g.replica.Taken(e.Proposal) // abandon answers it
		}
		return
	}
	g.unasked = false // what was in the way of a flush may be over
	switch e := what.(type) {
	case commandTaken:
		g.replica.Taken(e.Proposal)
	case *vsync.Delivery:
		g.replica.Deliver(e)
		g.mu.Lock()
		g.status.Applied = g.replica.Applied()
		g.mu.Unlock()
		return
	case flushAsked:
		if e.err != nil {
			g.replica.FlushFailed()
			g.unasked = true // until a flush of the application has ended, a view has come, or this member is out
		} else {
			g.replica.FlushAsked(e.number)
		}
	case vsync.Flushed:
		g.answer(g.replica.Flushed(e.Number), nil)
	case *vsync.Installed:
		if e.Joined {
			g.entered = e.View.ID
		}
	case *vsync.State:
		g.restore(e)
	case vsync.Ready:
		g.restored()
	case vsync.SnapshotWanted:
		g.give(e.Number)
	case vsync.Ejected:
		g.endRestore(errDonorChanged)
		g.answer(g.replica.Ejected(), ErrEjected)
	case slowApplication:
		g.endRestore(errDonorChanged)
		g.answer(g.replica.Ejected(), fmt.Errorf("%w: %w", ErrEjected, ErrSlow))
	}
	g.observe(what)
}

// observationsMax bounds what waits for an observer while its state is taken in.
const observationsMax = 256

// observe tells a machine that wants to know what happens. While that takes in a state it is told nothing, since two goroutines would call it: of the progress it is told the latest when that is over, with the rest in its order.
func (g *Group) observe(what any) {
	o, ok := g.options.machine.(GroupObserver)
	if !ok {
		return
	}
	if told := g.node.groupEvent(what); told != nil {
		if _, state := told.(GroupState); state {
			g.observed = slices.DeleteFunc(g.observed, func(e GroupEvent) bool { _, state := e.(GroupState); return state })
		}
		g.observed = append(g.observed, told)
	}
	if g.restoring != nil && len(g.observed) > observationsMax {
		g.observed = slices.Delete(g.observed, 0, 1)
		g.node.groupsUnobserved.Add(1)
	}
	for g.restoring == nil && len(g.observed) > 0 {
		told := g.observed[0]
		g.observed = g.observed[1:]
		o.Observe(told)
	}
}

// answer answers proposals: why says of those without a result what has happened.
func (g *Group) answer(proposals []*replica.Proposal, why error) {
	for _, p := range proposals {
		if p.Err != nil {
			p.Err = fmt.Errorf("%w: %w", ErrUncertain, why)
		}
		close(p.Tag.(chan struct{}))
	}
}

// settle asks the group to tell when what was carried out is stable, if an answer waits for that.
func (g *Group) settle() {
	if g.unasked || !g.replica.FlushWanted() {
		return
	}
	_ = g.node.live.Do(func(now protocol.Time, out *protocol.Output) { // it fails when the node is closed
		number, err := g.node.stack.FlushGroup(now, g.name, out)
		g.tell(flushAsked{number, err}, 0)
	})
}

// restore is a state that the machine is being given.
type restore struct {
	writer *io.PipeWriter
	told   uint64 // bytes of which the protocol knows that they are taken
	done   chan error
	stop   func() bool
}

// errDonorChanged ends the reader of a state of which the rest does not come: another follows.
var errDonorChanged = errors.New("spinglass: the member that gave the state is gone; another gives it anew")

// restore passes a piece of the state on.
func (g *Group) restore(e *vsync.State) {
	if e.Offset == 0 {
		g.endRestore(errDonorChanged)
		g.restoring = g.beginRestore()
	}
	if g.restoring == nil {
		return
	}
	_, _ = g.restoring.writer.Write(e.Data) // what the machine does not want, it need not read
	if taken := e.Offset + uint64(len(e.Data)); taken-g.restoring.told >= uint64(g.options.protocol.StateWindow/toldShare) {
		g.restoring.told = taken
		g.schedule(func(now protocol.Time, out *protocol.Output) {
			if g.node.groups[g.name] == g {
				_ = g.node.stack.StateTaken(now, g.name, e.Number, taken, out) // the transfer may be over
			}
		})
	}
}

func (g *Group) beginRestore() *restore {
	reader, writer := io.Pipe()
	r := &restore{writer: writer, done: make(chan error, 1)}
	r.stop = context.AfterFunc(g.node.lifetime, func() { _ = writer.CloseWithError(ErrClosed) })
	go func() {
		err := g.replica.Restore(reader)
		_ = reader.Close()
		r.done <- err
	}()
	return r
}

// end ends the transfer, nil where the state is complete, and returns what the machine says.
func (r *restore) end(why error) error {
	_ = r.writer.CloseWithError(why)
	r.stop()
	return <-r.done
}

func (g *Group) endRestore(why error) {
	if g.restoring != nil {
		_ = g.restoring.end(why)
		g.restoring = nil
	}
}

// restored takes note that the state is complete, if there is one.
func (g *Group) restored() {
	if g.restoring != nil {
		err := g.restoring.end(nil)
		if g.restoring = nil; err != nil {
			g.fail(fmt.Errorf("%w: %w", ErrState, err))
			return
		}
		g.mu.Lock()
		g.status.Applied = g.replica.Applied()
		g.mu.Unlock()
	}
	g.stands(func(s *standing) { s.state = s.member && g.joined == g.entered })
}

// fail ends the membership because of an error of the application.
func (g *Group) fail(why error) {
	g.broken = true
	g.node.log.Error("a member cannot take in the state of its group, and leaves it", "group", g.name, "error", why)
	_ = g.node.live.Do(func(now protocol.Time, out *protocol.Output) {
		if g.node.groups[g.name] != g {
			return // it has ended meanwhile, and the node may be a member anew
		}
		g.end(why)
		_ = g.node.stack.LeaveGroup(now, g.name, out) // it may be out already
	})
}
