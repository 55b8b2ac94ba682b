package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"spinglass"
	"spinglass/gateway/local"
	"spinglass/topic"
)

type subSettings struct {
	connection
	json       bool
	count      uint64
	queueBytes int
	rating     float64
	last       int
	buffered   bool
	latest     bool
	pattern    bool // the topic is one, or there are several
}

// The lines of sub --json.
type (
	messageLine struct {
		Type          string  `json:"type"` // message
		Topic         string  `json:"topic"`
		From          string  `json:"from"`
		Sequence      uint64  `json:"seq"`
		Payload       *string `json:"payload,omitempty"` // where it is valid UTF-8
		PayloadBase64 *string `json:"payload_base64,omitempty"`
	}
	gapLine struct {
		Type   string `json:"type"` // gap
		Topic  string `json:"topic"`
		From   string `json:"from"`
		First  uint64 `json:"first"`
		Last   uint64 `json:"last"`
		Count  uint64 `json:"count"`
		Reason string `json:"reason"`
	}
)

func newSub() *cobra.Command {
	var s subSettings
	cmd := &cobra.Command{
		Use:   "sub TOPIC | PATTERN[=RATING]...",
		Short: "Print the messages of a topic, or of all that match patterns",
		Long: "Prints the payload of each message of a topic on a line of standard output, and on standard error where messages " +
			"were lost. With --json, both are objects on standard output, which tell the topic.\n\n" +
			"TOPIC may be a pattern, in which + stands for one level of names and # as the last level for all that follow. Topics that match are joined as the agent hears of them, also those " +
			"that begin later; those that its certificate does not allow are left out.\n\n" +
			"Several patterns, or names, may each have a rating, 0 to 1, which says which fraction of the messages is wanted of the topics of which it is the most specific pattern that matches: at the first level in which two differ, a name of a level " +
			"comes before +, and both before #. 0 leaves topics out. A single name is taken as it is, whatever its end; elsewhere a pattern that itself ends like a rating needs another one.",
		Example: "  spinglass sub orders\n  spinglass sub 'grid/+/frequency' --json\n  spinglass sub 'grid/#=0.1' 'grid/+/alarm=1' --json",
		Args: func(cmd *cobra.Command, args []string) error {
			_, err := patternsOf(args, 1)
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd); err != nil {
				return err
			}
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			return s.run(cmd, client, args)
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print messages and gaps as JSON objects")
	cmd.Flags().Uint64Var(&s.count, "count", 0, "end after this many messages, lost ones counted (default never)")
	cmd.Flags().IntVar(&s.queueBytes, "queue", 0, "bytes of messages that wait for this command in the agent (default the agent's)")
	cmd.Flags().BoolVar(&s.latest, "latest", false, "while this command is busy, only the newest message of each topic and publisher waits for it")
	cmd.Flags().Float64Var(&s.rating, "rating", 1, "fraction of the messages that is wanted, above 0 and at most 1; of patterns, where they say nothing else")
	cmd.Flags().IntVar(&s.last, "last", 0, "begin with so many of the messages that each publisher has sent before, as far as they are still buffered")
	cmd.Flags().BoolVar(&s.buffered, "all-buffered", false, "begin with all messages that are still buffered")
	return cmd
}

// check reports which flag is out of its range.
func (s *subSettings) check(cmd *cobra.Command) error {
	switch {
	case s.queueBytes < 0:
		return usagef("--queue: %d is negative", s.queueBytes)
	case !(s.rating > 0 && s.rating <= 1):
		return usagef("--rating: %v is not above 0 and at most 1", s.rating)
	case cmd.Flags().Changed("last") && (s.last < 1 || s.last > spinglass.HistoryMax):
		return usagef("--last: %d is not 1 to %d", s.last, spinglass.HistoryMax)
	case s.last > 0 && s.buffered:
		return usagef("--last and --all-buffered exclude each other")
	}
	return nil
}

// subscribe subscribes to the topic or the patterns that the arguments name.
func (s *subSettings) subscribe(ctx context.Context, client *local.Client, args []string) (*local.Stream, error) {
	patterns, err := patternsOf(args, s.rating)
	if err != nil {
		return nil, err
	}
	o := local.SubscribeOptions{QueueBytes: s.queueBytes, Last: s.last, AllBuffered: s.buffered, Latest: s.latest}
	if s.pattern = len(patterns) > 0 || topic.HasWildcard(args[0]); len(patterns) > 0 {
		return client.SubscribePatterns(ctx, patterns, o)
	}
	if s.rating < 1 {
		o.Rating = s.rating
	}
	return client.SubscribeWith(ctx, args[0], o)
}

func (s *subSettings) run(cmd *cobra.Command, client *local.Client, args []string) error {
	ctx := cmd.Context()
	stream, err := s.subscribe(ctx, client, args)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return noAgentHint(err)
	}
	defer stream.Close()
	out := newOutput(cmd.OutOrStdout())
	err = s.print(stream, out, cmd.ErrOrStderr())
	if ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, out.flush())
}

// print prints the stream until it ends or enough messages were seen.
func (s *subSettings) print(stream *local.Stream, out *output, stderr io.Writer) error {
	for seen := uint64(0); s.count == 0 || seen < s.count; {
		// What was printed must not wait for what comes next.
		if stream.Idle() {
			if err := out.flush(); err != nil {
				return err
			}
		}
		m, err := stream.Next()
		if err == nil {
			seen++
			err = s.printMessage(out, &m)
		} else if gap, ok := errors.AsType[*spinglass.Gap](err); ok {
			seen += gap.Count
			err = s.printGap(out, stderr, gap)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *subSettings) printMessage(out *output, m *spinglass.Message) error {
	if !s.json {
		return out.line(m.Payload)
	}
	line := messageLine{Type: "message", Topic: m.Topic, From: m.From, Sequence: m.Sequence}
	if utf8.Valid(m.Payload) {
		text := string(m.Payload)
		line.Payload = &text
	} else {
		text := base64.StdEncoding.EncodeToString(m.Payload)
		line.PayloadBase64 = &text
	}
	return out.object(&line)
}

func (s *subSettings) printGap(out *output, stderr io.Writer, g *spinglass.Gap) error {
	if s.json {
		return out.object(&gapLine{
			Type: "gap", Topic: g.Topic, From: g.From, First: g.First, Last: g.Last, Count: g.Count, Reason: g.Reason,
		})
	}
	// Keeps its place among the messages where both go to a terminal.
	if err := out.flush(); err != nil {
		return err
	}
	of := ""
	if s.pattern {
		of = " of " + printable(g.Topic)
	}
	fmt.Fprintf(stderr, "gap: %d messages%s from %s are missing (%d to %d): %s\n", g.Count, of, g.From, g.First, g.Last, g.Reason)
	return nil
}
