package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
)

// interruptGrace is how long an interrupt leaves the agent to send what it has taken.
const interruptGrace = 3 * time.Second

var errInterrupted = errors.New("interrupted; the agent may not have sent everything")

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
		Long: "Publishes each line of standard input as a message, without the line's end; an empty line is an empty message. It " +
			"waits while the agent cannot take more, and ends when all that it published has been sent.",
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
	if status, err := client.Status(ctx); err == nil && !status.Member {
		fmt.Fprintln(cmd.ErrOrStderr(), "the agent has not met another member yet; waiting for that")
	}
	lines := newLineReader(interruptible(ctx, cmd.InOrStdin()), newPacer(ctx, s.rate.perSecond))
	request, cancel := lingering(ctx, interruptGrace)
	defer cancel()
	done, err := client.Publish(request, topic, lines)
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

// lingering returns a context that ends with an error that says so when ctx has ended for some time: what was published before an
// interrupt is still sent and counted.
func lingering(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, func() { cancel(errInterrupted) })
	})
	return longer, func() { stop(); cancel(nil) }
}

// interruptible returns what can be read from r until ctx ends; then it fails with context.Canceled, even while r has nothing.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { writer.CloseWithError(context.Canceled) })
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err)
	}()
	return reader
}
