package spinglass

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/vsync"
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
