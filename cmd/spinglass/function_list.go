package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
	"spinglass/identity"
)

// functionLine is a function as commands print it with --json.
type functionLine struct {
	Name    string     `json:"name"`
	Zone    string     `json:"zone"`
	Version uint64     `json:"version"`
	Expires string     `json:"expires"`
	Program string     `json:"program"`
	Outputs []string   `json:"outputs"`
	Issuer  string     `json:"issuer,omitempty"`
	Trial   *trialLine `json:"trial,omitempty"`
}

// trialLine is what a program makes as commands print it with --json.
type trialLine struct {
	Zone     string          `json:"zone"`
	Outputs  map[string]any  `json:"outputs"`
	Null     []string        `json:"null"`
	Rows     int             `json:"rows"`
	Steps    int             `json:"steps"`
	StepsMax int             `json:"steps_max"`
	Warnings []local.Warning `json:"warnings"`
}

func (s *functionSettings) lineOf(zone string, t *local.Trial) *trialLine {
	line := &trialLine{Zone: zone, Outputs: make(map[string]any, len(t.Outputs)), Null: t.Null, Rows: t.Rows, Steps: t.Steps, StepsMax: s.steps, Warnings: t.Warnings}
	for name, value := range t.Outputs {
		line.Outputs[name] = valueJSON(value)
	}
	return line
}

// outputsOf returns the names of what a program makes, sorted.
func outputsOf(t *local.Trial) []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(t.Outputs)), t.Null...)))
}

// writeTrial writes for people what a program makes. Errors of writing show when the output is flushed.
func (s *functionSettings) writeTrial(out *output, zone string, t *local.Trial, colours palette) {
	cells := [][]string{{"OUTPUT", "VALUE"}}
	for _, name := range outputsOf(t) {
		text := "NULL"
		if value, ok := t.Outputs[name]; ok {
			text = valueText(value)
		}
		cells = append(cells, []string{valueText(name), text})
	}
	writeCells(out, cells, func(int) bool { return false }, colours)
	fmt.Fprintf(out, "rows of %s: %d; steps of an evaluation: at most %d of %d\n", zone, t.Rows, t.Steps, s.steps)
	for _, w := range t.Warnings {
		text := "warning: " + w.Message
		if w.Line > 0 {
			text = fmt.Sprintf("warning: line %d, column %d: %s", w.Line, w.Column, w.Message)
		}
		fmt.Fprintln(out, colours.paint(styleWarning, text))
	}
}

func newFunctionTest() *cobra.Command {
	var s functionSettings
	cmd := &cobra.Command{
		Use:   "test PROGRAM",
		Short: "Show what a program makes of the rows of a zone, and install nothing",
		Long: "Evaluates the program over the rows of a zone's table, as the agent holds them. NULL is what a row does not have. " +
			"Rows of zones have only what functions that are in force make: a new program is best tried on the zone of the agent, whose rows are those of hosts.",
		Example: "  spinglass function test --zone /lab 'SELECT MAX(load) AS load'",
		Args:    oneArgument("PROGRAM"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd); err != nil {
				return err
			}
			if err := s.compile(args[0]); err != nil {
				return err
			}
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			zones, err := client.Zones(cmd.Context())
			if err == nil {
				err = s.held(zones)
			}
			if err != nil {
				return noAgentHint(err)
			}
			trial, err := client.TryFunction(cmd.Context(), s.zone, args[0])
			if err != nil {
				return noAgentHint(err)
			}
			out := newOutput(cmd.OutOrStdout())
			if s.json {
				err = out.object(s.lineOf(s.zone, &trial))
			} else {
				s.writeTrial(out, s.zone, &trial, palette{on: colourful(cmd.OutOrStdout())})
			}
			if err != nil {
				return err
			}
			return out.flush()
		},
	}
	s.connectionFlags(cmd)
	s.zoneFlag(cmd)
	s.stepsFlag(cmd)
	return cmd
}

func newFunctionList() *cobra.Command {
	var s functionSettings
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the functions of the agent's zones",
		Long:  "Lists the functions that the agent holds: those for the zones on the way from / to its own.",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			functions, err := client.Functions(cmd.Context())
			if err != nil {
				return noAgentHint(err)
			}
			if !all {
				functions = slices.DeleteFunc(functions, func(f local.Function) bool { return f.Program == "" })
			}
			out := newOutput(cmd.OutOrStdout())
			if s.json {
				err = writeFunctionsJSON(out, functions)
			} else {
				writeFunctions(out, functions, palette{on: colourful(cmd.OutOrStdout())})
			}
			if err != nil {
				return err
			}
			return out.flush()
		},
	}
	s.connectionFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "list the removed ones as well, which stay until they would have expired")
	return cmd
}

func writeFunctionsJSON(out *output, functions []local.Function) error {
	for i := range functions {
		f := &functions[i]
		line := functionLine{
			Name: f.Name, Zone: f.Zone, Version: f.Version, Expires: identity.InstantOf(f.Expires).String(), Program: f.Program, Outputs: append([]string{}, f.Outputs...), Issuer: f.Issuer,
		}
		if err := out.object(line); err != nil {
			return err
		}
	}
	return nil
}

// writeFunctions writes a table for people. Errors of writing show when the output is flushed.
func writeFunctions(out *output, functions []local.Function, colours palette) {
	cells := [][]string{{"NAME", "ZONE", "EXPIRES", "OUTPUTS", "PROGRAM"}}
	for i := range functions {
		f := &functions[i]
		outputs, program := valueText(strings.Join(f.Outputs, " ")), valueText(strings.Join(strings.Fields(f.Program), " "))
		if f.Program == "" {
			outputs, program = "-", "removed"
		}
		cells = append(cells, []string{f.Name, f.Zone, identity.InstantOf(f.Expires).String(), cell(outputs), program})
	}
	writeCells(out, cells, func(int) bool { return false }, colours)
}
