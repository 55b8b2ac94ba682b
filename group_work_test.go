package spinglass

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/vsync"
	"spinglass/vsync/replica"
)

// countingMachine is a state machine that counts its commands, and can be made to wait.
type countingMachine struct {
	began, hold chan struct{} // where they are not nil: sent to when a command comes, and waited for
	refuses     bool          // it cannot take in a state
	applied     int
	given       int
}

func (c *countingMachine) Apply(Command) any {
	if c.began != nil {
		c.began <- struct{}{}
		<-c.hold
	}
	c.applied++
	return c.applied
}

func (c *countingMachine) Snapshot() (io.WriterTo, error) {
	c.given++
	return strings.NewReader("x"), nil
}

var errRefused = errors.New("refused")

func (c *countingMachine) Restore(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil || !c.refuses {
		return err
	}
	return errRefused
}

// onLoop runs f on the loop of a group's node.
func (g *Group) onLoop(t *testing.T, f func()) {
	t.Helper()
	if err := g.node.call(t.Context(), func(protocol.Time, *protocol.Output) { f() }); err != nil {
		t.Fatal(err)
	}
}

// A member whose queue has no room for the view that takes it in takes part all the same when it has joined again.
func TestViewsThatDoNotFitAreMadeGood(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	machine := &countingMachine{began: make(chan struct{}, 1), hold: make(chan struct{})}
	g, err := single(t).Group(ctx, "ledger", Replicated(machine), FoundAfter(time.Millisecond), GroupQueue(QueueMin))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = g.Propose(ctx, nil) }()
	<-machine.began // nothing is taken out of the queue
	g.onLoop(t, func() {
		status, _ := g.node.stack.Groups.Group("ledger")
		g.tell(vsync.Suspected{Group: "ledger"}, QueueMin-entryOverhead-g.waiting())
		g.installed(&vsync.Installed{Group: "ledger", View: status.View, Joined: true})
	})
	if s := g.Status(); s.Ejections != 1 || s.Phase != GroupPhaseJoining {
		t.Errorf("%+v", s)
	}
	close(machine.hold)
	if err := g.Ready(ctx); err != nil {
		t.Errorf("%v: %+v", err, g.Status())
	}
}

// On a state that could not be taken in nothing is carried out, and it is not given to others.
func TestNothingIsCarriedOutOnABrokenState(t *testing.T) {
	n := single(t)
	machine := &countingMachine{refuses: true}
	o, err := groupOptionsOf([]GroupOption{Replicated(machine)})
	if err != nil {
		t.Fatal(err)
	}
	g := newGroup(n, "ledger", o)
	g.onLoop(t, func() { n.groups["ledger"] = g })
	g.handle(&vsync.State{Data: []byte{1, 0}}) // a state of no commands
	g.handle(vsync.Ready{})
	g.handle(&vsync.Delivery{})
	g.handle(vsync.SnapshotWanted{})
	if machine.applied != 0 || machine.given != 0 {
		t.Errorf("%d commands carried out, %d states given", machine.applied, machine.given)
	}
	if err := g.await(t.Context()); err != nil || !errors.Is(g.Err(), errRefused) {
		t.Errorf("the membership ends with %v, %v", g.Err(), err)
	}
}

// What a membership that has ended was about to do leaves the next one of the same name alone.
func TestEndedMembershipsLeaveTheNextAlone(t *testing.T) {
	n := single(t)
	next, err := n.Group(t.Context(), "ledger", FoundAfter(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	before := newGroup(n, "ledger", next.options)
	if err := n.call(t.Context(), before.goAway); err != nil {
		t.Fatal(err)
	}
	before.fail(errRefused)
	if _, joined := groupOf(t, next); !joined || next.Err() != nil {
		t.Errorf("the next membership has ended: %v", next.Err())
	}
}

// Who waits for a recovery is told when the membership ends, whatever ends it.
func TestRecoveriesEndWithTheMembership(t *testing.T) {
	g, err := single(t).Group(t.Context(), "ledger", FoundAfter(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	g.onLoop(t, func() { g.recovering = append(g.recovering, waits) })
	g.fail(errRefused)
	select {
	case err := <-waits:
		if !errors.Is(err, errRefused) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing is told")
	}
}

// groupOf returns how the protocol sees a group, after all that was queued for the loop before.
func groupOf(t *testing.T, g *Group) (status vsync.Status, joined bool) {
	t.Helper()
	ran := make(chan struct{})
	if err := g.node.live.Do(func(protocol.Time, *protocol.Output) {
		status, joined = g.node.stack.Groups.Group(g.name)
		close(ran)
	}); err != nil {
		t.Fatal(err)
	}
	<-ran
	return status, joined
}

// heldFlushes gives a group so many flushes that do not end.
func heldFlushes(t *testing.T, g *Group, count int) {
	g.onLoop(t, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		for i := range uint64(count) {
			g.flushes[1<<40+i] = groupFlush{done: make(chan error, 1)}
		}
	})
}

// A message that is to be told of when it is stable waits while too many are waited for; it is not cast, so that nothing about it is uncertain.
func TestCastStableWaitsForRoom(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	g, err := single(t).Group(ctx, "chat", FoundAfter(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	heldFlushes(t, g, vsync.FlushesMax)
	told := make(chan error, 1)
	go func() { told <- g.CastStable(ctx, []byte("x")) }()
	for waits := false; !waits && ctx.Err() == nil && len(told) == 0; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		waits = len(g.casts) == 1 && !g.casting
		g.mu.Unlock()
	}
	if g.taken != 0 {
		t.Error("it is cast, though nothing can tell when it is stable")
	}
	g.onLoop(t, func() { g.flushed(vsync.Flushed{Group: "chat", Number: 1 << 40}) })
	if err := <-told; err != nil {
		t.Error(err)
	}
}

// What was told to be stable is not uncertain when the member is ejected later.
func TestStableIsNotUncertain(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	g, err := single(t).Group(ctx, "chat", FoundAfter(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.CastStable(ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	g.onLoop(t, func() { g.ejected(vsync.Ejected{Group: "chat", Reason: vsync.EjectView}) })
	if err := g.Flush(ctx); err != nil {
		t.Errorf("all is known to be stable: %v", err)
	}
}

// The worker of a state machine asks for a flush once, and when it cannot be asked for again when something has happened.
func TestFlushesAreNotAskedForWithoutPause(t *testing.T) {
	n := single(t)
	o, err := groupOptionsOf([]GroupOption{Replicated(&countingMachine{})})
	if err != nil {
		t.Fatal(err)
	}
	g := newGroup(n, "none", o) // the protocol does not know it, so that every flush fails
	g.working = true            // the test is the worker
	g.replica.Taken(&replica.Proposal{Tag: make(chan struct{})})
	g.replica.Deliver(&vsync.Delivery{Sender: n.id})
	asked := func() (count int) {
		for range 10 {
			g.settle()
			g.onLoop(t, func() {})
			for item, ok := g.take(); ok; item, ok = g.take() {
				count++
				g.handle(item.what)
			}
		}
		return count
	}
	if got := asked(); got != 1 {
		t.Errorf("a flush is asked for %d times", got)
	}
	g.handle(vsync.Flushed{Number: 5})
	if got := asked(); got != 1 {
		t.Errorf("a flush is asked for %d times after something has happened", got)
	}
}

// What a membership was says nothing after its end.
func TestStatusAfterTheEnd(t *testing.T) {
	g, err := single(t).Group(t.Context(), "chat", FoundAfter(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := g.Status(); s.Phase != GroupPhaseEnded || s.Primary() || len(s.View.Members) > 0 || s.View.ID != (ViewID{}) || s.View.Rank != -1 {
		t.Errorf("%+v", s)
	}
}

// lockedMachine holds one lock in all of its methods.
type lockedMachine struct {
	mu   sync.Mutex
	told []GroupEvent
}

func (l *lockedMachine) Apply(Command) any              { return nil }
func (l *lockedMachine) Snapshot() (io.WriterTo, error) { return strings.NewReader("x"), nil }

func (l *lockedMachine) Restore(r io.Reader) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := io.Copy(io.Discard, r)
	return err
}

func (l *lockedMachine) Observe(e GroupEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, e)
}

// A machine may hold its lock while it takes in a state: it is told what happens meanwhile afterwards, in the order in which it did, and of the progress the latest.
func TestObserversAreToldAfterTheState(t *testing.T) {
	n := single(t)
	machine := &lockedMachine{}
	o, err := groupOptionsOf([]GroupOption{Replicated(machine)})
	if err != nil {
		t.Fatal(err)
	}
	g := newGroup(n, "ledger", o)
	g.handle(&vsync.State{Data: []byte{1, 0}}) // a state of no commands
	g.handle(vsync.Blocked{})
	for i := range uint64(3) {
		g.handle(&vsync.State{Data: []byte{7}, Offset: 2 + i})
	}
	g.handle(vsync.Ready{})
	var kinds []string
	for _, e := range machine.told {
		kinds = append(kinds, strings.TrimPrefix(fmt.Sprintf("%T", e), "spinglass."))
	}
	if want := []string{"GroupChanging", "GroupState", "GroupReady"}; !slices.Equal(kinds, want) {
		t.Errorf("told %v, want %v", kinds, want)
	}
	g.handle(&vsync.State{Data: []byte{1, 0}})
	for range observationsMax + 9 {
		g.handle(vsync.Blocked{})
	}
	if len(g.observed) > observationsMax || n.groupsUnobserved.Load() != 10 {
		t.Errorf("%d wait, %d were dropped", len(g.observed), n.groupsUnobserved.Load())
	}
	g.handle(vsync.Ejected{})
	if len(g.observed) > 0 {
		t.Error("it is not told in the end")
	}
}
