package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"spinglass"
)

// hosts are those of the fleet, and how many GPUs each has.
var hosts = []struct {
	name string
	gpus int
}{
	{"/eu/fra/desk", 0}, {"/eu/fra/web-1", 0}, {"/eu/ber/web-2", 1}, {"/us/ny/web-3", 0}, {"/us/ny/train-1", 4}, {"/us/la/web-4", 0},
}

// attribute is what hosts say of their GPUs, and zones of those below them; program makes the latter of the former.
const (
	attribute = "gpus"
	program   = "SELECT SUM(gpus) AS gpus"
)

// jobs is the topic on which a host gets jobs, and results that on which who sent one gets its result. A job is the topic for the result, and behind a space what is to be done.
func jobs(host string) string      { return "jobs" + host }
func results(finder string) string { return "results" + finder }

// start starts the fleet. The caller closes its nodes.
func start(ctx context.Context) (nodes []*spinglass.Node, err error) {
	for i, h := range hosts {
		c := spinglass.Config{Name: h.name, Listen: "127.0.0.1:0", First: i == 0}
		if i > 0 {
			c.Join = []string{nodes[0].Addr()}
		}
		node, err := spinglass.Start(ctx, c)
		if err != nil {
			return nodes, err
		}
		nodes = append(nodes, node)
		if h.gpus > 0 {
			if err := node.Set(ctx, spinglass.Attrs{attribute: h.gpus}); err != nil {
				return nodes, err
			}
		}
	}
	// Whoever may install functions does so once, anywhere; it spreads to all members of its zone, here of the whole fleet.
	return nodes, nodes[0].Install(ctx, &spinglass.Function{Name: "gpus", Zone: "/", Program: program})
}

// await waits until the row of the root says what it should, since what hosts set needs a few seconds to come up.
func await(ctx context.Context, node *spinglass.Node, attribute string, want int64) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		root, err := node.Get(ctx, "/")
		if err != nil || root.Attributes[attribute] == want {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s=%d, which is %v: %w", attribute, want, root.Attributes[attribute], ctx.Err())
		}
	}
}

// look is how often the finder looks whether its tables have what it waits for.
const look = 100 * time.Millisecond

// serve does the jobs that a host gets, until ctx ends.
func serve(ctx context.Context, node *spinglass.Node) error {
	subscription, err := node.Subscribe(ctx, jobs(node.Name()))
	if err != nil {
		return err
	}
	defer subscription.Close()
	for m, err := range subscription.Messages(ctx) {
		if err != nil {
			return err
		}
		answer, job, _ := strings.Cut(string(m.Payload), " ") // a member of another zone is not always known by its name
		if err := node.Publish(ctx, answer, fmt.Appendf(nil, "%s done by %s", job, node.Name())); err != nil {
			return err
		}
	}
	return nil
}

// again is how long the finder waits for a result before it sends its job once more: the host may have heard neither of the finder's topic nor the job.
const again = time.Second
