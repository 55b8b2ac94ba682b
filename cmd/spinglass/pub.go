package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
)

type pubSettings struct {
	connection
	json bool
	rate rate
}

// pubSummary is the last line of pub --json.
type pubSummary struct {
	Type    string  `json:"type"` // summary
	Seconds float64 `json:"seconds"`
	local.Published
}

func newPub() *cobra.Command {
	var s pubSettings
	cmd := &cobra.Command{
		Use:   "pub TOPIC",
		Short: "Publish each line of standard input as a message",
		Long: "Publishes each line of standard input as a message, without the line's end; an empty line is an empty message. It waits while the " +
			"agent cannot take more, and ends when all that it published has been sent.",
		Example: "  date | spinglass pub clock\n  seq 10000 | spinglass pub numbers --rate 1000/s",
		Args:    oneTopic,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			return s.run(cmd, client, args[0])
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "end with a summary as a JSON object")
	cmd.Flags().Var(&s.rate, "rate", "messages per second at most, N/s (default as fast as the agent takes them)")
	return cmd
}

func (s *pubSettings) run(cmd *cobra.Command, client *local.Client, topic string) error {
	ctx := cmd.Context()
	start := time.Now()
	lines := newLineReader(interruptible(ctx, cmd.InOrStdin()), newPacer(ctx, s.rate.perSecond))
	// An interrupt ends the input; what was published before it is still sent and counted.
	done, err := client.Publish(context.WithoutCancel(ctx), topic, lines)
	if err == nil {
		err = lines.failed
	}
	if s.json {
		out := newOutput(cmd.OutOrStdout())
		summary := pubSummary{Type: "summary", Published: done, Seconds: time.Since(start).Seconds()}
		if outErr := out.object(summary); outErr != nil {
			return outErr
		}
		if outErr := out.flush(); outErr != nil {
			return outErr
		}
	}
	if err != nil && done.Messages > 0 {
		return fmt.Errorf("%w (%d messages were published before)", err, done.Messages)
	}
	return noAgentHint(err)
}

// interruptible returns what can be read from r until ctx ends; then it ends as well, even while r does not.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { writer.Close() })
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err)
	}()
	return reader
}
