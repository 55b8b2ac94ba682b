package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// run executes the command line and returns the exit status of the process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// The first signal asks to end; from then on a second one kills, as it does by default.
	context.AfterFunc(ctx, stop)
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(stderr, root.ExecuteContext(ctx))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "spinglass",
		Short: "Communication for large fleets by gossip",
		Long: "Spinglass spreads messages over a fleet of machines by gossip: no server, no broker, and a steady rate at healthy " +
			"members while others are slow.\n\n" +
			"Try: spinglass demo",
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(newAgent(), newPeers(), newPub(), newSub(), newTopics(), newEvents(), newAdhoc(), newSet(), newGet(), newTable(), newSQL(), newFunction(), newGroup(), newDemo(), newBench(), newBenchMember(), newLab(), newCA(), newVersion())
	root.CompletionOptions.HiddenDefaultCmd = false
	return root
}

// knownCommand refuses arguments of the root command: they are commands that do not exist.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		message += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("%s", message)
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, got %q", cmd.Name(), args[0])
	}
	return nil
}

// oneTopic wants the name of a topic as the only argument.
func oneTopic(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s takes one TOPIC, got %d arguments", cmd.Name(), len(args))
	}
	return checkTopic(args[0])
}
