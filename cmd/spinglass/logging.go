package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"spinglass"
)

// logSettings are the flags that say what is logged and how.
type logSettings struct {
	level  string
	format string
}

func (s *logSettings) flags(flags *pflag.FlagSet) {
	flags.StringVar(&s.level, "log-level", "info", "what to log: debug, info, warn or error")
	flags.StringVar(&s.format, "log-format", "text", "how to log: text or json")
}

// logger returns the logger that the flags ask for.
func (s *logSettings) logger(w io.Writer) (*slog.Logger, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[s.level]
	if !ok {
		return nil, usagef("--log-level: %q is not debug, info, warn or error", s.level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch s.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("--log-format: %q is not text or json", s.format)
}

// logEvents logs what a node tells of its peers and of itself, until the node ends.
func logEvents(node *spinglass.Node, logger *slog.Logger) {
	for e, err := range node.Events(context.Background()) {
		if err != nil {
			return
		}
		switch e.(type) {
		case spinglass.JoinFailing: // the node warns of that itself
		case spinglass.PeerChanged: // attributes change all the time
			logger.Debug(e.String())
		default:
			logger.Info(e.String())
		}
	}
}
