package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

// run runs a member, or a fleet.
func run(ctx context.Context, out io.Writer, arguments []string) error {
	if len(arguments) > 0 && arguments[0] == "member" {
		var s memberSettings
		flags := flag.NewFlagSet("member", flag.ContinueOnError)
		flags.StringVar(&s.name, "name", "/lab/l1", "path of the member")
		flags.StringVar(&s.listen, "listen", "127.0.0.1:7400", "HOST:PORT to talk to other members on")
		flags.StringVar(&s.http, "http", "127.0.0.1:8400", "HOST:PORT to answer clients on")
		flags.StringVar(&s.join, "join", "", "HOST:PORT of a member to join by")
		flags.StringVar(&s.dataDir, "data-dir", "", "directory for what the node keeps")
		flags.BoolVar(&s.founds, "found", false, "found the ledger: for one member, the first time")
		if err := flags.Parse(arguments[1:]); err != nil {
			return err
		}
		return runMember(ctx, out, s)
	}
	s := fleetSettings{}
	flags := flag.NewFlagSet("ledger", flag.ContinueOnError)
	flags.IntVar(&s.members, "members", 5, "processes")
	flags.IntVar(&s.clients, "clients", 64, "that ask at the same time")
	flags.IntVar(&s.keys, "keys", 256, "that they ask for")
	flags.DurationVar(&s.duration, "duration", 20*time.Second, "of the run")
	flags.DurationVar(&s.every, "every", 3*time.Second, "between two members that are killed")
	flags.DurationVar(&s.down, "down", time.Second, "for which a member is away")
	flags.DurationVar(&s.check, "check", time.Minute, "limit of the check, after which it counts as failed")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if s.members < 1 || s.clients < 1 || s.keys < 1 || s.down <= 0 || s.every <= s.down {
		return fmt.Errorf("members, clients and keys are 1 or more, and down is less than every")
	}
	return runFleet(ctx, out, s)
}
