package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
	"spinglass/protocol"
	topics "spinglass/topic"
)

// Flags by which commands find their agent.
const (
	flagDataDir = "data-dir"
	flagAPI     = "api"
)

// connection is how a command finds its agent.
type connection struct {
	dataDir string
	api     string
}

func (c *connection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.dataDir, flagDataDir, "", "data directory of the agent (default "+defaultDataDirText+")")
	cmd.Flags().StringVar(&c.api, flagAPI, "", "where the agent is reached, unix:PATH or HOST:PORT (default the socket in the data directory)")
}

// client returns a client for the agent that the flags, the environment or the defaults name.
func (c *connection) client(cmd *cobra.Command) (*local.Client, error) {
	for _, name := range []string{flagDataDir, flagAPI} {
		if err := fromEnvironment(cmd.Flags().Lookup(name)); err != nil {
			return nil, err
		}
	}
	address, dataDir, err := c.address()
	if err != nil {
		return nil, err
	}
	return local.NewClient(address, dataDir)
}

// address returns where the agent is reached, and its data directory.
func (c *connection) address() (local.Address, string, error) {
	dataDir, err := dataDirOr(c.dataDir)
	if err != nil {
		return local.Address{}, "", err
	}
	if c.api == "" {
		return local.DefaultAddress(dataDir), dataDir, nil
	}
	address, err := local.ParseAddress(c.api)
	if err != nil {
		return local.Address{}, "", &usageError{err}
	}
	return address, dataDir, nil
}

const defaultDataDirText = "$XDG_STATE_HOME/spinglass, else ~/.local/state/spinglass"

// dataDirOr returns the given data directory as an absolute path, or the default one.
func dataDirOr(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	// The XDG base directory specification: "All paths set in these environment variables must be absolute. If an implementation
	// encounters a relative path in any of these variables it should consider the path invalid and ignore it."
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "spinglass"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no data directory: %w; give one with --%s", err, flagDataDir)
	}
	return filepath.Join(home, ".local", "state", "spinglass"), nil
}

// noAgentHint adds what to do to the error that no agent runs.
func noAgentHint(err error) error {
	if errors.Is(err, local.ErrNoAgent) {
		return fmt.Errorf("%w; start one with: spinglass agent", err)
	}
	return err
}

// checkTopic refuses what cannot be the name of a topic.
func checkTopic(topic string) error {
	switch {
	case topic == "":
		return usagef("the topic is empty")
	case len(topic) > protocol.TopicMax:
		return usagef("topic of %d bytes exceeds the limit of %d", len(topic), protocol.TopicMax)
	case topics.HasWildcard(topic):
		return usagef("%q has a wildcard, which stands for many topics", topic)
	case topics.IsReserved(topic):
		return usagef("the topics of %s and %s are the system's own", topics.System, topics.Groups)
	}
	return nil
}
