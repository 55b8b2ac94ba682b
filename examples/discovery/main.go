package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"spinglass"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "discovery:", err)
		os.Exit(1)
	}
}

// run starts the fleet, finds a host with four GPUs from the first one, and has it do a job.
func run(ctx context.Context, out io.Writer) error {
	nodes, err := start(ctx)
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	defer func() {
		cancel()
		serving.Wait()
		for _, n := range nodes {
			_ = n.Close()
		}
	}()
	if err != nil {
		return err
	}
	for _, n := range nodes[1:] {
		serving.Go(func() { _ = serve(ctx, n) }) // it ends with ctx
	}
	finder := nodes[0]
	fmt.Fprintf(out, "%s holds the tables on its own path, and waits for them to be complete\n", finder.Name())
	total := int64(0)
	for _, h := range hosts {
		total += int64(h.gpus)
	}
	if err := errors.Join(await(ctx, finder, "nmembers", int64(len(hosts))), await(ctx, finder, attribute, total)); err != nil {
		return err
	}
	host, err := discover(ctx, out, finder, "/", attribute, 4)
	for errors.Is(err, errNone) && ctx.Err() == nil { // a table further down may be a moment behind the summary of it
		time.Sleep(look)
		host, err = discover(ctx, out, finder, "/", attribute, 4)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "found: %s at %v\n", host.Name, host.Addresses)
	result, err := order(ctx, finder, host.Name, "job 1")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, result)
	return nil
}

// order sends a job to a host, until its result comes.
func order(ctx context.Context, finder *spinglass.Node, host, job string) (result string, err error) {
	subscription, err := finder.Subscribe(ctx, results(finder.Name()))
	if err != nil {
		return "", err
	}
	defer subscription.Close()
	sending, cancel := context.WithCancel(ctx)
	var sent sync.WaitGroup
	defer sent.Wait()
	defer cancel()
	sent.Go(func() {
		for sending.Err() == nil && finder.Publish(sending, jobs(host), []byte(results(finder.Name())+" "+job)) == nil {
			select {
			case <-time.After(again):
			case <-sending.Done():
			}
		}
	})
	for m, err := range subscription.Messages(ctx) {
		if err != nil {
			return "", err
		}
		return string(m.Payload), nil
	}
	return "", ctx.Err()
}
