package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	groups "spinglass/adhoc"
	"spinglass/adhoc/anonymous"
	"spinglass/adhoc/aodv"
	"spinglass/adhoc/maodv"
	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/live/adhoc"
	"spinglass/protocol"
)

const (
	adhocRateDefault = 20   // messages per second from standard input: the histories of members then hold fifty seconds
	adhocLinesMax    = 4096 // that wait to be printed
)

var errNotEnrolledAdhoc = errors.New("this node has no certificate, by which others in the ad-hoc network know it: join a fleet by spinglass agent --token, or see spinglass ca")

type adhocSettings struct {
	dataDir string
	device  string
	group   string
	port    int
	json    bool
	rate    rate
	log     logSettings
}

func newAdhoc() *cobra.Command {
	s := adhocSettings{rate: rate{adhocRateDefault}}
	cmd := &cobra.Command{
		Use:   "adhoc --interface IF --group G",
		Short: "Take part in a group of a mobile ad-hoc network, without any agent",
		Long: "Publishes each line of standard input to a group of a mobile ad-hoc network, and prints the messages of others on standard output, one on a line. Nodes hear each other over UDP broadcasts on one " +
			"interface, and hand on what is for nodes that are farther away. Messages are signed by the certificate in the data directory, and whoever prints them checks that their sender " +
			"may publish to a topic of the group's name. Who stands between others only takes part in another group, and hands on all the same.\n\n" +
			"It runs until it is interrupted, also when standard input has ended: others may still need what was published. Messages can be read by whoever hears them.",
		Example: "  spinglass adhoc --interface wlan0 --group platoon\n  spinglass adhoc --interface wlan0 --group platoon --json </dev/null",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags().Lookup(flagDataDir)); err != nil {
				return err
			}
			if err := s.check(); err != nil {
				return err
			}
			return s.run(cmd)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.dataDir, flagDataDir, "", "data directory with the certificate of this node (default "+defaultDataDirText+")")
	flags.StringVar(&s.device, "interface", "", "network interface, which has an IPv4 address")
	flags.StringVar(&s.group, "group", "", "name of the group")
	flags.IntVar(&s.port, "port", adhoc.PortDefault, "UDP port, the same for all nodes")
	flags.BoolVar(&s.json, "json", false, "print messages and gaps as JSON objects, and at the end a summary")
	flags.Var(&s.rate, "rate", "messages per second from standard input at most, N/s")
	s.log.flags(flags)
	return cmd
}

func (s *adhocSettings) check() error {
	switch {
	case s.device == "":
		return usagef("--interface is missing: the network interface by which other nodes are reached")
	case s.group == "":
		return usagef("--group is missing")
	case s.port < 1 || s.port > 65535:
		return usagef("--port: %d is not in 1 to 65535", s.port)
	}
	return checkTopic(s.group)
}

// run takes part until the command is interrupted.
func (s *adhocSettings) run(cmd *cobra.Command) error {
	logger, err := s.log.logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	dataDir, err := dataDirOr(s.dataDir)
	if err != nil {
		return err
	}
	enrolled := &enrolled{store: &enrolment.Store{Dir: dataDir}, log: logger}
	member, err := enrolled.store.Member(enrolled.keptRevocations()...)
	if errors.Is(err, enrolment.ErrNotEnrolled) {
		return errNotEnrolledAdhoc
	}
	if err != nil {
		return err
	}
	machine, err := newAdhocMachine(member, enrolled.keptRevocations())
	if err != nil {
		return err
	}
	p := &adhocPrinter{settings: s, machine: machine, lines: make(chan any, adhocLinesMax), stderr: cmd.ErrOrStderr(), out: newOutput(cmd.OutOrStdout())}
	node, err := adhoc.Start(adhoc.Config{Self: member.Verified.NodeID, Interface: s.device, Port: s.port, Machine: machine, Decoder: &anonymous.Decoder{Under: new(maodv.Decoder)}, Event: p.take})
	if err != nil {
		return err
	}
	defer node.Close()
	return s.serve(cmd, node, machine, p, member)
}

// newAdhocMachine makes the machine of a node. Its run is later than all before as long as the clock is not set back; so are its numbers.
func newAdhocMachine(member *enrolment.Member, lists []*identity.RevocationList) (*anonymous.Machine, error) {
	now := time.Now()
	revocations := new(identity.Revocations)
	for _, list := range lists {
		if _, _, err := revocations.Merge(list); err != nil {
			return nil, err
		}
	}
	c := anonymous.DefaultConfig()
	c.Self, c.Epoch, c.Rand = member.Verified.NodeID, uint64(now.UnixMilli()), rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	c.Routing = maodv.New(maodv.Config{Self: c.Self, Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), Sequence: uint32(now.Unix()), Jitter: aodv.JitterDefault})
	c.Identity = &anonymous.Identity{
		Notary: identity.NewNotary(member.Key), Chain: member.Bundle.Chain, Anchor: member.Bundle.Anchor, Wall: identity.InstantOf(now), Grace: identity.GraceDefault, Revocations: revocations,
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return anonymous.New(c), nil
}

// serve joins the group and publishes standard input to it, while what comes is printed.
func (s *adhocSettings) serve(cmd *cobra.Command, node *adhoc.Node, machine *anonymous.Machine, p *adhocPrinter, member *enrolment.Member) error {
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	var joined error
	if err := node.Call(ctx, func(now protocol.Time, out *protocol.Output) { joined = machine.JoinName(now, s.group, out) }); err != nil || joined != nil {
		return errors.Join(err, ofGrant(joined, s.group, "subscribe"))
	}
	fmt.Fprintf(p.stderr, "%s (%s) takes part in %s over %s\n", member.Verified.Name, member.Verified.NodeID, printable(s.group), s.device)
	var printing sync.WaitGroup
	printing.Go(func() {
		if err := p.print(ctx); err != nil {
			cancel(err)
		}
	})
	go func() {
		if err := s.publish(ctx, cmd.InOrStdin(), node, machine); err != nil {
			cancel(err)
		}
	}()
	<-ctx.Done()
	printing.Wait()
	var err error
	if cause := context.Cause(ctx); cmd.Context().Err() == nil {
		err = cause
	}
	return errors.Join(err, p.end(node))
}

func ofGrant(err error, group, verb string) error {
	if errors.Is(err, anonymous.ErrGrant) {
		return fmt.Errorf("the certificate of this node has no grant %s:%s", verb, group)
	}
	return err
}

// publish publishes each line of standard input until it ends.
func (s *adhocSettings) publish(ctx context.Context, input io.Reader, node *adhoc.Node, machine *anonymous.Machine) error {
	lines := newLineReader(interruptible(ctx, input), newPacer(ctx, s.rate.perSecond))
	for lines.pacer.wait() && lines.readLine() {
		if len(lines.line) > anonymous.MessageMax {
			return fmt.Errorf("line %d is longer than %d bytes, the limit of a message in an ad-hoc network", lines.number, anonymous.MessageMax)
		}
		var failed error
		err := node.Call(ctx, func(now protocol.Time, out *protocol.Output) {
			_, failed = machine.Publish(now, groups.GroupOf(s.group), lines.line, out)
		})
		if err != nil || failed != nil {
			return errors.Join(err, ofGrant(failed, s.group, "publish"))
		}
	}
	return lines.failed
}

// The lines of adhoc --json.
type (
	adhocMessage struct {
		Type          string  `json:"type"` // message
		Group         string  `json:"group"`
		From          string  `json:"from"`
		Epoch         uint64  `json:"epoch"`
		Sequence      uint64  `json:"seq"`
		Repaired      bool    `json:"repaired"` // by gossip
		Payload       *string `json:"payload,omitempty"`
		PayloadBase64 *string `json:"payload_base64,omitempty"`

		raw []byte
	}
	adhocGap struct {
		Type   string `json:"type"` // gap
		Group  string `json:"group"`
		From   string `json:"from"`
		Epoch  uint64 `json:"epoch"`
		First  uint64 `json:"first"`
		Last   uint64 `json:"last"`
		Count  uint64 `json:"count"`
		Reason string `json:"reason"`
	}
	adhocSummary struct {
		Type      string  `json:"type"` // summary
		Published uint64  `json:"published"`
		Delivered uint64  `json:"delivered"`
		Repaired  uint64  `json:"repaired"`
		Lost      uint64  `json:"lost"`
		Unprinted uint64  `json:"unprinted"`
		Forged    uint64  `json:"forged"`
		Goodput   float64 `json:"goodput"`
		Broken    uint64  `json:"links_broken"`
		Held      int     `json:"history_messages"`
		HeldBytes int     `json:"history_bytes"`
		Crowded   uint64  `json:"history_crowded"` // messages that went for want of bytes
	}
)

// adhocPrinter prints what the machine tells, without holding it up.
type adhocPrinter struct {
	settings  *adhocSettings
	machine   *anonymous.Machine
	lines     chan any
	unprinted uint64 // of the loop of the node: lines for which there was no room
	stderr    io.Writer
	out       *output
}

// take is called by the loop of the node for each event.
func (p *adhocPrinter) take(e protocol.Event) {
	var line any
	switch v := e.(type) {
	case anonymous.Delivery:
		line = &adhocMessage{Type: "message", Group: p.settings.group, From: p.name(v.Source.Node), Epoch: v.Source.Epoch, Sequence: v.Number, Repaired: v.Repaired, raw: v.Payload}
	case anonymous.Gap:
		line = &adhocGap{Type: "gap", Group: p.settings.group, From: p.name(v.Source.Node), Epoch: v.Source.Epoch, First: v.First, Last: v.Last, Count: v.Count, Reason: string(v.Reason)}
	default:
		return
	}
	select {
	case p.lines <- line:
	default:
		p.unprinted++
	}
}

func (p *adhocPrinter) name(id protocol.NodeID) string {
	if name := p.machine.Name(id); name != "" {
		return name
	}
	return id.String()
}

// print prints lines until ctx ends.
func (p *adhocPrinter) print(ctx context.Context) error {
	for {
		var line any
		select {
		case line = <-p.lines:
		default:
			if err := p.out.flush(); err != nil {
				return err
			}
			select {
			case line = <-p.lines:
			case <-ctx.Done():
				return nil
			}
		}
		if err := p.printLine(line); err != nil {
			return err
		}
	}
}

func (p *adhocPrinter) printLine(line any) error {
	switch v := line.(type) {
	case *adhocMessage:
		if !p.settings.json {
			return p.out.line(v.raw)
		}
		if text := string(v.raw); utf8.ValidString(text) {
			v.Payload = &text
		} else {
			text = base64.StdEncoding.EncodeToString(v.raw)
			v.PayloadBase64 = &text
		}
	case *adhocGap:
		if !p.settings.json {
			if err := p.out.flush(); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.stderr, "gap: %d messages from %s are missing (%d to %d): %s\n", v.Count, v.From, v.First, v.Last, v.Reason)
			return err
		}
	}
	return p.out.object(line)
}

// end prints the summary, if one is wanted, and ends the node.
func (p *adhocPrinter) end(node *adhoc.Node) error {
	stats, err := node.Stats(context.Background())
	if err != nil {
		return err
	}
	var s anonymous.Stats
	var unprinted uint64
	if err := node.Call(context.Background(), func(protocol.Time, *protocol.Output) { s, unprinted = p.machine.Stats(), p.unprinted }); err != nil {
		return err
	}
	if unprinted > 0 {
		fmt.Fprintf(p.stderr, "%d lines were not printed, since standard output did not take them\n", unprinted)
	}
	if p.settings.json {
		summary := adhocSummary{
			Type: "summary", Published: s.Published, Delivered: s.Delivered, Repaired: s.DeliveredRepaired, Lost: s.Lost, Unprinted: unprinted, Forged: s.Forged, Goodput: s.Goodput(), Broken: stats.UnicastsBroken,
			Held: s.Held, HeldBytes: s.HeldBytes, Crowded: s.HistoryCrowded,
		}
		if err := p.out.object(&summary); err != nil {
			return err
		}
	}
	return p.out.flush()
}
