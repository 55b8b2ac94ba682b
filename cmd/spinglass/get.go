package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"spinglass"
	"spinglass/gateway/local"
)

// rowLine is a row as get and table print it with --json.
type rowLine struct {
	Zone         string         `json:"zone"`
	Name         string         `json:"name"`
	Host         bool           `json:"host"`
	ID           string         `json:"id"`
	Self         bool           `json:"self"`
	Attributes   map[string]any `json:"attributes"`
	RowsIn       int            `json:"rows_in"`
	RowsExpected int            `json:"rows_expected"`
	AgeSeconds   float64        `json:"age_s"`
	Suspect      bool           `json:"suspect"`
}

func lineOf(r *local.Row) *rowLine {
	line := &rowLine{
		Zone: r.Zone, Name: r.Name, Host: r.Host, ID: r.ID, Self: r.Self, Attributes: make(map[string]any, len(r.Attributes)), RowsIn: r.RowsIn,
		RowsExpected: r.RowsExpected, AgeSeconds: r.AgeSeconds, Suspect: r.Suspect,
	}
	for name, value := range r.Attributes {
		line.Attributes[name] = valueJSON(value)
	}
	return line
}

type getSettings struct {
	connection
	json bool
	all  bool
	blob string
}

func newGet() *cobra.Command {
	var s getSettings
	cmd := &cobra.Command{
		Use:   "get [NAME]",
		Short: "Print one row: the agent's own, or that of a member or a zone",
		Long: "Prints the attributes of a row, one per line as NAME=VALUE: of the agent's own row, or of that of another member of its zone, or of a zone in one of the tables that " +
			"the agent holds; / is the summary of the whole fleet. A NAME without a slash in front is that of a member of the agent's zone. Rows that the agent does not hold are asked " +
			"for of members who do.\n\n" +
			"With --blob it prints the value that an attribute names by its hash, as it is (see: spinglass set NAME=@FILE).",
		Example: "  spinglass get\n  spinglass get web-2\n  spinglass get /eu/fra\n  spinglass get /us/ny/web-7 --blob doc > FILE",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("get takes one NAME at most, got %d arguments", len(args))
			}
			if s.blob != "" && (s.json || s.all) {
				return usagef("--blob prints a value as it is: --json and --all do not go with it")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			if s.blob != "" {
				return s.printBlob(cmd, client, name)
			}
			row, err := client.Row(cmd.Context(), name)
			if err != nil {
				return noAgentHint(err)
			}
			return s.print(newOutput(cmd.OutOrStdout()), cmd.ErrOrStderr(), &row)
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print a JSON object")
	cmd.Flags().BoolVar(&s.all, "all", false, "print the attributes as well that members set by themselves")
	cmd.Flags().StringVar(&s.blob, "blob", "", "print the value that the attribute of this `NAME` stands for by its hash")
	return cmd
}

// printBlob prints a value as it is.
func (s *getSettings) printBlob(cmd *cobra.Command, client *local.Client, name string) error {
	data, err := client.Blob(cmd.Context(), name, s.blob)
	if err != nil {
		return noAgentHint(err)
	}
	out := newOutput(cmd.OutOrStdout())
	if _, err := out.Write(data); err != nil {
		return err
	}
	return out.flush()
}

// print prints a row, and tells people where it has nothing to show.
func (s *getSettings) print(out *output, hints io.Writer, row *local.Row) error {
	if s.json {
		if err := out.object(lineOf(row)); err != nil {
			return err
		}
		return out.flush()
	}
	shown := 0
	for _, name := range slices.Sorted(maps.Keys(row.Attributes)) {
		if s.all || !spinglass.SystemAttribute(name) {
			fmt.Fprintf(out, "%s=%s\n", valueText(name), valueText(row.Attributes[name]))
			shown++
		}
	}
	if shown == 0 {
		fmt.Fprintf(hints, "%s has no attributes but those that members set by themselves, which --all shows\n", valueText(row.Name))
	}
	return out.flush()
}
