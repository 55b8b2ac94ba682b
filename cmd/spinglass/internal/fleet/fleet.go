package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"spinglass"
	"spinglass/internal/memoryfleet"
)

const (
	// MembersMax bounds the members of a fleet: each has sockets and goroutines of its own.
	MembersMax = 256

	pollInterval = 50 * time.Millisecond
	closeTimeout = 5 * time.Second
)

// Fleet is a number of members that know each other.
type Fleet struct {
	Nodes []*spinglass.Node
}

// Start starts members nodes on free loopback ports and waits until every one of them sees all others up. progress, when not nil,
// is called while it waits with the number of members that see all others. The fleet is closed when an error is returned.
func Start(ctx context.Context, members int, progress func(ready int)) (*Fleet, error) {
	f := &Fleet{}
	authority, err := memoryfleet.New()
	if err != nil {
		return nil, err
	}
	for i := range members {
		name := fmt.Sprintf("/local/m%03d", i)
		identity, err := authority.Identity(name)
		if err != nil {
			f.Close()
			return nil, err
		}
		config := spinglass.Config{Name: name, Listen: "127.0.0.1:0", First: i == 0, ZoneLimit: members + 1, Identity: identity}
		if i > 0 {
			config.Join = []string{f.Nodes[0].Addr()}
		}
		node, err := spinglass.Start(ctx, config)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("member %d of %d: %w", i+1, members, err)
		}
		f.Nodes = append(f.Nodes, node)
	}
	if err := f.wait(ctx, progress); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// wait returns once every member sees all others.
func (f *Fleet) wait(ctx context.Context, progress func(ready int)) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		ready, err := f.ready(ctx)
		if err == nil {
			if progress != nil {
				progress(ready)
			}
			if ready == len(f.Nodes) {
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("only %d of %d members see all others: %w", ready, len(f.Nodes), context.Cause(ctx))
		}
	}
}

// ready counts the members that see all others up.
func (f *Fleet) ready(ctx context.Context) (int, error) {
	ready := 0
	for _, node := range f.Nodes {
		peers, err := node.Peers(ctx)
		if err != nil {
			return ready, err
		}
		up := 0
		for i := range peers {
			if !peers[i].Self && peers[i].State == spinglass.PeerStateUp {
				up++
			}
		}
		if up == len(f.Nodes)-1 {
			ready++
		}
	}
	return ready, nil
}

// Close stops all members at once, without leaving first.
func (f *Fleet) Close() error {
	errs := make([]error, len(f.Nodes))
	var closing sync.WaitGroup
	for i, node := range f.Nodes {
		closing.Go(func() { errs[i] = node.Close() })
	}
	closed := make(chan struct{})
	go func() { closing.Wait(); close(closed) }()
	select {
	case <-closed:
		return errors.Join(errs...)
	case <-time.After(closeTimeout):
		return errors.New("some members did not stop in time")
	}
}
