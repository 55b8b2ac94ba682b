package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"spinglass/internal/measure"
)

// memberCommand is the argument by which this program serves one member.
const memberCommand = "member"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills
	err := run(ctx, os.Args[1:])
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "peers:", err)
	os.Exit(1)
}

func run(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == memberCommand {
		return measure.Serve(ctx, lookup)
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return compare(ctx, o, os.Stdout, newProgress(os.Stderr))
}

// options of a comparison.
type options struct {
	members   []int
	sizes     []int
	duration  time.Duration
	systems   []contender
	perturbed []int     // sizes that are also measured with sleeping receivers
	sleeps    []float64 // how much of the time these sleep
	json      bool
}

const (
	membersMax  = 128
	sizeMax     = 60_000 // bytes: what one datagram of the raw limits holds
	durationMin = 100 * time.Millisecond
	durationMax = time.Minute
)

func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	members := flags.String("members", "8,32", "members, the publisher among them; several give several tables")
	sizes := flags.String("size", "100,1024,7168", "bytes of a message; several give several tables")
	flags.DurationVar(&o.duration, "duration", 2*time.Second, "how long to measure, each time")
	systems := flags.String("systems", "", "the systems to measure, all by default: "+strings.Join(names(), ","))
	perturbed := flags.String("perturbed-size", "1024", "sizes that are also measured with sleeping receivers; empty for none")
	sleeps := flags.String("sleep", "0.5,0.9", "parts of the time that sleeping receivers sleep")
	flags.BoolVar(&o.json, "json", false, "print one JSON object per result instead of tables")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("no arguments are taken, got %q", flags.Args())
	}
	var errs [5]error
	o.members, errs[0] = list("members", *members, strconv.Atoi, func(n int) bool { return n >= 2 && n <= membersMax })
	o.sizes, errs[1] = list("size", *sizes, strconv.Atoi, func(n int) bool { return n >= measure.SizeMin && n <= sizeMax })
	o.perturbed, errs[2] = list("perturbed-size", *perturbed, strconv.Atoi, func(n int) bool { return n >= measure.SizeMin && n <= sizeMax })
	o.sleeps, errs[3] = list("sleep", *sleeps, number, func(share float64) bool { return share > 0 && share < 1 })
	o.systems, errs[4] = list("systems", *systems, find, func(contender) bool { return true })
	if len(o.systems) == 0 {
		o.systems = contenders()
	}
	if o.duration < durationMin || o.duration > durationMax {
		return nil, fmt.Errorf("--duration: %v is not from %v to %v", o.duration, durationMin, durationMax)
	}
	return o, errors.Join(errs[:]...)
}

// list reads values that are separated by commas.
func list[T any](name, text string, read func(string) (T, error), fits func(T) bool) ([]T, error) {
	var values []T
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		value, err := read(part)
		if err != nil || !fits(value) {
			return nil, fmt.Errorf("--%s: %q is not possible", name, part)
		}
		values = append(values, value)
	}
	return values, nil
}

func number(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

func find(name string) (contender, error) {
	all := contenders()
	i := slices.IndexFunc(all, func(c contender) bool { return c.Name == name })
	if i < 0 {
		return contender{}, fmt.Errorf("no system %q", name)
	}
	return all[i], nil
}

func names() (names []string) {
	for _, c := range contenders() {
		names = append(names, c.Name)
	}
	return names
}
