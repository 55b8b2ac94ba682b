package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"spinglass"
	"spinglass/gateway/local"
)

type setSettings struct {
	connection
	json   bool
	string bool
	row    string
}

func newSet() *cobra.Command {
	var s setSettings
	cmd := &cobra.Command{
		Use:   "set NAME=VALUE...",
		Short: "Set attributes of the agent's row",
		Long: "Sets attributes of the agent's row, which all members of its zone come to see, and which zones are summarised from. All are set, or none.\n\n" +
			"A value is true or false, an integer (7), a float (0.5, 1e9), a time (2026-01-02T03:04:05Z), or else a string; so are numbers with a leading zero or plus. " +
			"NAME= removes the attribute. With --string every value is a string, also an empty one.\n\n" +
			"NAME=@FILE keeps what is in the file, up to 64 KiB, and sets the attribute to its hash, by which others get it (spinglass get --blob). Files are taken one by one, before the rest.\n\n" +
			"With --row they are attributes of a further row of the agent, which is made by that and gone when it has none left. These rows are the table of the agent itself " +
			"(spinglass table /us/ny/web-7), and functions make attributes of the agent's row of them.\n\n" +
			"A name is letters, digits and underscores, also with dots between them. What is set is gone when the agent ends.",
		Example: "  spinglass set role=web color=blue weight=0.5\n  spinglass set color=\n  spinglass set --string build=007\n  spinglass set doc=@README\n  spinglass set --row db queue=7",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("set takes one NAME=VALUE at least")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			args, files, err := s.files(args)
			if err != nil {
				return err
			}
			if s.row != "" && (s.json || len(files) > 0) {
				return usagef("with --row there are neither files nor --json")
			}
			attributes, err := parseAssignments(args, s.string)
			if err != nil {
				return err
			}
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			return noAgentHint(s.run(cmd, client, files, attributes))
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print the row afterwards as a JSON object")
	cmd.Flags().BoolVar(&s.string, "string", false, "take every value for a string")
	cmd.Flags().StringVar(&s.row, "row", "", "set attributes of another row of the agent, of this `NAME` below its own")
	return cmd
}

// file is a value that is set by its hash.
type file struct {
	attribute string
	data      []byte
}

// files reads the files that arguments name, and returns the other arguments.
func (s *setSettings) files(args []string) (others []string, files []file, err error) {
	for _, arg := range args {
		name, path, ok := strings.Cut(arg, "=@")
		if !ok || s.string || strings.Contains(name, "=") {
			others = append(others, arg)
			continue
		}
		data, err := readFile(path)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w (--string sets the text itself)", shortened(name), err)
		}
		files = append(files, file{name, data})
	}
	return others, files, nil
}

// readFile reads a file that can be a blob.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, spinglass.BlobMax+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0:
		return nil, fmt.Errorf("%s is empty", path)
	case len(data) > spinglass.BlobMax:
		return nil, fmt.Errorf("%s has more than the limit of %d bytes", path, spinglass.BlobMax)
	}
	return data, nil
}

func (s *setSettings) run(cmd *cobra.Command, client *local.Client, files []file, attributes local.Attributes) error {
	for _, f := range files {
		if err := client.SetBlob(cmd.Context(), f.attribute, f.data); err != nil {
			return err
		}
	}
	if len(attributes) > 0 {
		if err := client.SetRow(cmd.Context(), s.row, attributes); err != nil {
			return err
		}
	}
	if !s.json {
		return nil
	}
	row, err := client.Row(cmd.Context(), "")
	if err != nil {
		return err
	}
	out := newOutput(cmd.OutOrStdout())
	if err := out.object(lineOf(&row)); err != nil {
		return err
	}
	return out.flush()
}
