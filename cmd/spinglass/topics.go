package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"spinglass"
	"spinglass/gateway/local"
	"spinglass/topic"
)

// topicsWaitMax bounds --wait.
const topicsWaitMax = 30 * time.Second

type topicsSettings struct {
	connection
	json  bool
	watch bool
	wait  time.Duration
}

func newTopics() *cobra.Command {
	var s topicsSettings
	cmd := &cobra.Command{
		Use:   "topics [PATTERN]",
		Short: "List who publishes what, and what the agent receives of it",
		Long: "Lists the topics that match a pattern, all without one: who publishes to them, at which rates, and how many bytes a second of them the agent receives, in packets of all kinds.\n\n" +
			"In a pattern + stands for one level of names and # as the last level for all that follow: grid/+/frequency, grid/#. Rates are powers of two, as their publishers announce them. " +
			"The agent looks for topics for two seconds; in a fleet of several zones some come later, so that --wait or a second call shows more.",
		Example: "  spinglass topics\n  spinglass topics 'grid/+/frequency' --wait 6s",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("topics takes one PATTERN at most, got %d arguments", len(args))
			}
			return checkPattern(strings.Join(args, ""), len(args) == 0)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.wait < 0 || s.wait > topicsWaitMax {
				return usagef("--wait: %v is not from 0s to %v", s.wait, topicsWaitMax)
			}
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			return s.run(cmd, client, strings.Join(args, ""))
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object per topic")
	cmd.Flags().BoolVar(&s.watch, "watch", false, "print the list again every second")
	cmd.Flags().DurationVar(&s.wait, "wait", 0, "look for topics for this long before the list is printed")
	return cmd
}

func (s *topicsSettings) run(cmd *cobra.Command, client *local.Client, pattern string) error {
	if err := s.look(cmd.Context(), client, pattern); err != nil {
		return noAgentHint(err)
	}
	redraw := s.watch && !s.json && terminal(cmd.OutOrStdout())
	return repeat(cmd.Context(), newOutput(cmd.OutOrStdout()), s.watch, s.json, redraw, func(ctx context.Context, out *output, redraw bool) error {
		return s.list(ctx, client, pattern, out, redraw)
	})
}

// look has the agent look for topics for as long as was asked for.
func (s *topicsSettings) look(ctx context.Context, client *local.Client, pattern string) error {
	if s.wait <= spinglass.TopicsWait {
		return nil
	}
	began := time.Now()
	if _, err := client.Topics(ctx, pattern); err != nil {
		return err
	}
	select {
	case <-time.After(s.wait - time.Since(began)):
	case <-ctx.Done():
	}
	return nil
}

func (s *topicsSettings) list(ctx context.Context, client *local.Client, pattern string, out *output, redraw bool) error {
	topics, err := client.Topics(ctx, pattern)
	if err != nil {
		return err
	}
	if redraw {
		fmt.Fprint(out, clearScreen)
	}
	if s.json {
		for i := range topics {
			if err := out.object(&topics[i]); err != nil {
				return err
			}
		}
		return out.flush()
	}
	writeTopics(out, topics)
	return out.flush()
}

// writeTopics writes a table for people, with a line for each publisher. Errors of writing show when the output is flushed.
func writeTopics(out *output, topics []local.Topic) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TOPIC\tPUBLISHER\tMESSAGES/S\tBYTES/S\tRECEIVED/S\tNOTE")
	for i := range topics {
		t := &topics[i]
		received, note := "-", ""
		if t.Received > 0 {
			received = bytesText(int64(t.Received))
		}
		if t.Subscribed {
			note = "subscribed"
		}
		for j, p := range t.Publishers {
			if j > 0 {
				received, note = "", ""
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(t.Name), p.Name, perSecond(p.Messages), perSecond(p.Bytes), received, note)
		}
	}
	table.Flush()
}

// perSecond returns a rate that was announced, "-" for none.
func perSecond(rate float64) string {
	if rate == 0 {
		return "-"
	}
	return strconv.FormatFloat(rate, 'g', 3, 64)
}

// printable returns a name as it is if it does no harm to a terminal, and else in quotes.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

// checkPattern refuses what cannot be a pattern; none stands for all topics.
func checkPattern(text string, none bool) error {
	if none {
		return nil
	}
	if text == "" {
		return usagef("the pattern is empty")
	}
	if _, err := topic.Parse(text); err != nil {
		return usagef("%v", err)
	}
	if topic.IsReserved(text) {
		return usagef("the topics of %s and %s are the system's own", topic.System, topic.Groups)
	}
	return nil
}
