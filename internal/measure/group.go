package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	startTimeout  = 60 * time.Second // of all members together
	settleTimeout = 8 * time.Second
	settleQuick   = 50 * time.Millisecond // less than a system needs that brings messages by repair alone
	settleInRow   = 2
)

// Options of a group.
type Options struct {
	System  System
	Setting string // of the system, in its own words
	Members int    // publisher and receivers, at least 2
	Size    int    // bytes of a message, at least SizeMin
	// Process are the arguments by which this program serves one member: by calling Serve. Without them the members share this process.
	Process []string
}

// Group is the members of a system, running. Its methods are called from one goroutine.
type Group struct {
	options  Options
	number   uint32 // Spec.Run
	clock    Clock
	progress *progress
	launcher *launcher // nil when the members share this process
	server   *remote   // nil without one
	members  []*remote // publisher and receivers
	serving  sync.WaitGroup
	trials   uint64
	spoilt   error // a member did not answer: nothing can be run any more
}

// Start starts the members of a system and returns once messages reach them all. The group must be closed.
func Start(ctx context.Context, options Options) (*Group, error) {
	if options.Members < 2 || options.Size < SizeMin {
		return nil, fmt.Errorf("%d members and messages of %d bytes cannot be measured", options.Members, options.Size)
	}
	g := &Group{options: options, number: rand.Uint32(), clock: NewClock(), progress: newProgress(options.Members)}
	if options.Process != nil {
		var err error
		if g.launcher, err = newLauncher(options.Members, options.Process); err != nil {
			return nil, err
		}
		g.progress = g.launcher.progress()
	}
	if err := g.begin(ctx); err != nil {
		g.Close()
		return nil, fmt.Errorf("%s: %w", options.System.Name, err)
	}
	return g, nil
}

// begin starts the server, then the publisher, then all receivers at once, and lets them meet.
func (g *Group) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the members did not start within %v", startTimeout))
	defer cancel()
	var known []string
	if g.options.System.Server {
		server, address, err := g.start(ctx, RoleServer, -1, nil)
		g.server = server
		if err != nil {
			return err
		}
		known = append(known, address)
	}
	g.members = make([]*remote, g.options.Members)
	addresses := make([]string, g.options.Members)
	var err error
	if g.members[0], addresses[0], err = g.start(ctx, RolePublisher, 0, known); err != nil {
		return err
	}
	known = append(known, addresses[0])
	err = g.each(1, func(i int) (err error) {
		g.members[i], addresses[i], err = g.start(ctx, RoleReceiver, i, known)
		return err
	})
	if err != nil {
		return err
	}
	if err := g.each(0, func(i int) error { _, err := g.members[i].ask(ctx, request{Meet: addresses}); return err }); err != nil {
		return err
	}
	return g.Settle(ctx)
}

// each calls do for all members from the first on, at once.
func (g *Group) each(first int, do func(index int) error) error {
	errs := make([]error, len(g.members))
	var asking sync.WaitGroup
	for i := first; i < len(g.members); i++ {
		asking.Go(func() { errs[i] = do(i) })
	}
	asking.Wait()
	for _, err := range errs {
		if err != nil {
			return err // the others say the same, as a rule
		}
	}
	return nil
}

// start starts one member. It returns the remote, if there is one, to be closed even when there is an error.
func (g *Group) start(ctx context.Context, role Role, index int, known []string) (*remote, string, error) {
	name := fmt.Sprintf("%s %d", role, index)
	if role == RoleServer {
		name = "server"
	}
	r, err := g.connect(name)
	if err != nil {
		return nil, "", err
	}
	o := &g.options
	answer, err := r.ask(ctx, request{Start: &Spec{
		Run: g.number, System: o.System.Name, Setting: o.Setting, Role: role, Index: index, Members: o.Members, Size: o.Size, Addresses: known,
	}})
	return r, answer.Address, err
}

// connect makes a member that serves requests, in a process of its own or in this one.
func (g *Group) connect(name string) (*remote, error) {
	if g.launcher != nil {
		p, err := g.launcher.launch()
		if err != nil {
			return nil, err
		}
		r := newRemote(name, p.in, p.out)
		r.process, r.close = p, p.end
		return r, nil
	}
	requestsIn, requestsOut := io.Pipe()
	repliesIn, repliesOut := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	lookup := func(string) (System, bool) { return g.options.System, true }
	g.serving.Go(func() { repliesOut.CloseWithError(serve(ctx, lookup, g.progress, requestsIn, repliesOut)) })
	r := newRemote(name, requestsOut, repliesIn)
	r.close = func() { cancel(); requestsOut.Close(); repliesIn.Close() }
	return r, nil
}

// Settle runs short trials until messages reach everybody quickly, which some systems take a while to. It gives up after some time, since a machine
// can be too slow for its notion of quick, and a system too lossy.
func (g *Group) Settle(ctx context.Context) error {
	probe := Trial{Rate: 100, Duration: 100 * time.Millisecond}
	for begun, quick := time.Now(), 0; quick < settleInRow && time.Since(begun) < settleTimeout; {
		outcome, err := g.Run(ctx, probe)
		if err != nil {
			return err
		}
		if quick++; outcome.Missing() > 0 || outcome.Latency.Quantile(1) > settleQuick {
			quick = 0
		}
	}
	return nil
}

// Receivers returns how many members receive.
func (g *Group) Receivers() int { return g.options.Members - 1 }

// Close ends all members.
func (g *Group) Close() error {
	var closing sync.WaitGroup
	for _, r := range g.all() {
		closing.Go(r.close)
	}
	closing.Wait()
	g.serving.Wait()
	if g.launcher != nil {
		g.launcher.close()
	}
	g.spoilt = errors.New("the group is closed")
	return nil
}

// all returns the remotes that there are.
func (g *Group) all() []*remote {
	var all []*remote
	for _, r := range append([]*remote{g.server}, g.members...) {
		if r != nil {
			all = append(all, r)
		}
	}
	return all
}
