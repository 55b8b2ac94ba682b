package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"spinglass"
	"spinglass/gateway/local"
)

type groupJoinSettings struct {
	connection
	json       bool
	order      string
	weight     int
	foundAfter time.Duration
	queueBytes int
	count      uint64
	leave      bool
	options    local.GroupOptions
}

// The lines of group join --json.
type (
	groupMessageLine struct {
		Type          string  `json:"type"` // message
		Group         string  `json:"group"`
		View          string  `json:"view"`
		From          string  `json:"from"`
		Sequence      uint64  `json:"seq"`
		Payload       *string `json:"payload,omitempty"` // where it is valid UTF-8
		PayloadBase64 *string `json:"payload_base64,omitempty"`
	}
	groupViewLine struct {
		Type    string              `json:"type"` // view
		Group   string              `json:"group"`
		View    string              `json:"view"`
		Rank    int                 `json:"rank"` // of the agent
		Members []local.GroupMember `json:"members"`
	}
	groupEventLine struct {
		Type   string `json:"type"` // ready, changing, outside, ejected, suspected
		Group  string `json:"group"`
		From   string `json:"from,omitempty"` // who is suspected
		Reason string `json:"reason,omitempty"`
	}
)

func newGroupJoin() *cobra.Command {
	var s groupJoinSettings
	cmd := &cobra.Command{
		Use:   "join NAME",
		Short: "Be a member of a group: cast the lines of standard input, print views and messages",
		Long: "Has the agent join a group, or found it, and be in it until the command ends. Each line of standard input is cast to all members, without the line's end, and views and messages are printed on standard output as they come: " +
			"views as \"-- view EPOCH.NUMBER: MEMBER ...\", messages as \"MEMBER: LINE\", and what else happens as lines that begin with \"--\" as well. All members get the same messages between two views, with --order total in the same order.\n\n" +
			"When standard input ends the command goes on printing; with --leave it ends as soon as all that it cast is stable, which means that all members that stay have it, and is printed.",
		Example: "  spinglass group join chat\n  seq 100 | spinglass group join numbers --leave --json",
		Args:    oneGroup,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(); err != nil {
				return err
			}
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			return s.run(cmd, client, args[0])
		},
	}
	s.connection.flags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&s.json, "json", false, "print one JSON object per view, message or other event")
	flags.StringVar(&s.order, "order", "total", "order of messages of different members: fifo, causal or total; the same at all members")
	flags.IntVar(&s.weight, "weight", 1, "what the agent counts for in majorities; 0 to follow without a vote")
	flags.DurationVar(&s.foundAfter, "found-after", spinglass.GroupFoundAfterDefault, "found the group after so long of hearing of nobody in it; 0s for never")
	flags.IntVar(&s.queueBytes, "queue", 0, "bytes that wait for this command in the agent, before that leaves the group and joins again (default the agent's)")
	flags.Uint64Var(&s.count, "count", 0, "end after this many messages (default never)")
	flags.BoolVar(&s.leave, "leave", false, "end when standard input has ended and all of it is stable")
	return cmd
}

// check reports which flag is out of its range.
func (s *groupJoinSettings) check() error {
	order, err := spinglass.ParseGroupOrder(s.order)
	switch {
	case err != nil:
		return usagef("--order: %q is none of fifo, causal, total", s.order)
	case s.weight < 0 || s.weight > spinglass.GroupWeightMax:
		return usagef("--weight: %d is not from 0 to %d", s.weight, spinglass.GroupWeightMax)
	case s.foundAfter < 0 || s.foundAfter > spinglass.GroupFoundAfterMax:
		return usagef("--found-after: %v is not from 0s to %v", s.foundAfter, spinglass.GroupFoundAfterMax)
	case s.queueBytes != 0 && (s.queueBytes < spinglass.QueueMin || s.queueBytes > spinglass.QueueMax):
		return usagef("--queue: %d is not from %d to %d", s.queueBytes, spinglass.QueueMin, spinglass.QueueMax)
	}
	s.options = local.GroupOptions{Order: order, Weight: s.weight, FoundAfter: s.foundAfter, QueueBytes: s.queueBytes}
	return nil
}

// errStable ends the printing once all that was cast is stable, and printed.
var errStable = errors.New("all is stable")

// ownCasts counts the messages of this command that have come back, so that the command does not end before they are printed.
type ownCasts struct {
	complete func() // is called once all are stable and have come

	mu     sync.Mutex
	come   uint64
	stable bool
	count  uint64 // of those that are stable
	self   local.GroupMember
}

// take takes in an event that was printed.
func (c *ownCasts) take(e *local.GroupEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.Type == "view" && e.Rank >= 0 && e.Rank < len(e.Members):
		c.self = e.Members[e.Rank]
	case e.Type == "message" && (e.From == c.self.Name || e.From == c.self.ID):
		c.come++
		c.look()
	}
}

// areStable says how many were cast, all of which are stable.
func (c *ownCasts) areStable(count uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stable, c.count = true, count
	c.look()
}

func (c *ownCasts) look() {
	if c.stable && c.come >= c.count {
		c.complete()
	}
}

// run joins, casts what comes in, and prints what happens until one of them ends the command.
func (s *groupJoinSettings) run(cmd *cobra.Command, client *local.Client, name string) error {
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	stream, err := client.JoinGroup(ctx, name, s.options)
	if err != nil {
		if cmd.Context().Err() != nil {
			return nil
		}
		return noAgentHint(err)
	}
	defer stream.Close()
	casting := make(chan struct{})
	own := &ownCasts{complete: func() { cancel(errStable) }}
	go func() {
		defer close(casting)
		lines := newLineReader(interruptible(ctx, cmd.InOrStdin()), newPacer(ctx, 0))
		done, err := client.Cast(ctx, name, lines)
		if err == nil {
			err = lines.failed
		}
		switch {
		case err != nil:
			cancel(err)
		case s.leave:
			own.areStable(done.Messages)
		}
	}()
	out := newOutput(cmd.OutOrStdout())
	err = s.print(stream, out, name, own)
	if cause := context.Cause(ctx); cause != nil {
		if err = cause; errors.Is(err, errStable) || cmd.Context().Err() != nil {
			err = nil
		}
	}
	cancel(nil)
	<-casting
	return errors.Join(err, out.flush())
}

// print prints the stream until it ends or enough messages were seen.
func (s *groupJoinSettings) print(stream *local.GroupStream, out *output, name string, own *ownCasts) error {
	for seen := uint64(0); s.count == 0 || seen < s.count; {
		e, err := stream.Next()
		if err != nil {
			return err
		}
		if e.Type == "message" {
			seen++
		}
		if err := s.printEvent(out, name, &e); err != nil {
			return err
		}
		if err := out.flush(); err != nil {
			return err
		}
		own.take(&e)
	}
	return nil
}

func (s *groupJoinSettings) printEvent(out *output, name string, e *local.GroupEvent) error {
	if s.json {
		return out.object(groupLine(name, e))
	}
	switch e.Type {
	case "message":
		return out.line(append([]byte(e.From+": "), e.Payload...))
	case "view":
		return out.line(fmt.Appendf(nil, "-- view %s: %s", e.View, names(e.Members)))
	case "changing":
		return out.line([]byte("-- the view is being changed"))
	case "outside":
		return out.line([]byte("-- no majority can be reached"))
	case "ejected":
		return out.line([]byte("-- " + oneLine(errors.New(e.Reason))))
	case "suspected":
		return out.line(fmt.Appendf(nil, "-- %s is taken for failed: %s", e.From, e.Reason))
	}
	return nil
}

// groupLine returns the JSON object of an event.
func groupLine(name string, e *local.GroupEvent) any {
	switch e.Type {
	case "view":
		return &groupViewLine{Type: e.Type, Group: name, View: e.View, Rank: e.Rank, Members: e.Members}
	case "message":
		line := groupMessageLine{Type: e.Type, Group: name, View: e.View, From: e.From, Sequence: e.Sequence}
		text := string(e.Payload)
		if utf8.Valid(e.Payload) {
			line.Payload = &text
		} else {
			text = base64.StdEncoding.EncodeToString(e.Payload)
			line.PayloadBase64 = &text
		}
		return &line
	}
	return &groupEventLine{Type: e.Type, Group: name, From: e.From, Reason: e.Reason}
}
