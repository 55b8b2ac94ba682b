package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"spinglass/gateway/local"
	"spinglass/gateway/sql"
)

type sqlSettings struct {
	connection
	json  bool
	csv   bool
	watch bool
}

func newSQL() *cobra.Command {
	var s sqlSettings
	cmd := &cobra.Command{
		Use:   "sql QUERY",
		Short: "Ask for the tables in SQL",
		Long: "Does one statement of SQL at the agent, and prints its rows.\n\n" +
			"The tables are hosts (of the agent's zone), zones (summaries of all zones that the agent holds), zones_0, zones_1, ... and \"/\", \"/us\", ... (the table of each by its depth and its path), self and own_rows " +
			"(rows of the agent, which UPDATE, INSERT and DELETE change), peers, functions, certificates and streams. zone_tree('/us/ny') is the table of any zone.\n\n" +
			"Other programs reach the same tables over the PostgreSQL protocol, by agent --sql.",
		Example: "  spinglass sql 'SELECT name, load FROM hosts ORDER BY load DESC LIMIT 5'\n  spinglass sql 'SELECT role, count(*), avg(load) FROM hosts GROUP BY role' --csv\n" +
			"  spinglass sql \"UPDATE self SET role = 'web'\"\n  spinglass sql \"SELECT name, attributes ->> 'gpus' FROM zone_tree('/us/ny')\"",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) != 1:
				return usagef("sql takes one QUERY, got %d arguments; put it in quotes", len(args))
			case strings.TrimSpace(args[0]) == "":
				return usagef("the query is empty")
			case len(args[0]) > sql.StatementMax:
				return usagef("a query of %d bytes exceeds the limit of %d", len(args[0]), sql.StatementMax)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.json && s.csv {
				return usagef("--json and --csv exclude each other")
			}
			client, err := s.client(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			return s.run(cmd, client, args[0])
		},
	}
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print one JSON object per row")
	cmd.Flags().BoolVar(&s.csv, "csv", false, "print comma-separated values, with the names of columns first")
	cmd.Flags().BoolVar(&s.watch, "watch", false, "ask again every second")
	return cmd
}

func (s *sqlSettings) run(cmd *cobra.Command, client *local.Client, query string) error {
	stdout := cmd.OutOrStdout()
	list := func(ctx context.Context, out *output, redraw bool) error {
		result, err := client.SQL(ctx, query)
		if err != nil {
			return err
		}
		if redraw {
			fmt.Fprint(out, clearScreen)
		}
		switch {
		case s.json:
			err = writeSQLObjects(out, result)
		case s.csv:
			err = writeSQLValues(out, result)
		default:
			writeSQLTable(out, result, palette{on: colourful(stdout)})
		}
		return errors.Join(err, out.flush())
	}
	redraw := s.watch && !s.json && !s.csv && terminal(stdout)
	return repeat(cmd.Context(), newOutput(stdout), s.watch, s.json || s.csv, redraw, list)
}

// writeSQLObjects writes an object for each row, with keys in the order of columns.
func writeSQLObjects(out *output, result *local.SQLResult) error {
	for _, row := range result.Rows {
		var line bytes.Buffer
		line.WriteByte('{')
		for i, value := range row {
			if i > 0 {
				line.WriteByte(',')
			}
			if err := appendJSON(&line, result.Columns[i].Name); err != nil {
				return err
			}
			line.WriteByte(':')
			if err := appendJSON(&line, value); err != nil {
				return err
			}
		}
		line.WriteByte('}')
		if err := out.line(line.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// appendJSON appends a value without the end of a line.
func appendJSON(line *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	line.Truncate(line.Len() - 1)
	return nil
}

// writeSQLValues writes rows as CSV; NULL is nothing between commas.
func writeSQLValues(out *output, result *local.SQLResult) error {
	if len(result.Columns) == 0 {
		return nil
	}
	writer := csv.NewWriter(out)
	line := make([]string, len(result.Columns))
	for i, c := range result.Columns {
		line[i] = c.Name
	}
	_ = writer.Write(line) // errors show when it is flushed
	for _, row := range result.Rows {
		for i, value := range row {
			if line[i] = ""; value != nil {
				line[i] = fmt.Sprint(value)
			}
		}
		_ = writer.Write(line)
	}
	writer.Flush()
	return writer.Error()
}

// writeSQLTable writes rows for people, or what was done.
func writeSQLTable(out *output, result *local.SQLResult, colours palette) {
	if len(result.Columns) == 0 {
		fmt.Fprintln(out, result.Tag)
		return
	}
	header := make([]string, len(result.Columns))
	for i, c := range result.Columns {
		header[i] = cell(valueText(c.Name))
	}
	cells := [][]string{header}
	for _, row := range result.Rows {
		line := make([]string, len(row))
		for i, value := range row {
			if line[i] = "-"; value != nil {
				line[i] = cell(valueText(value))
			}
		}
		cells = append(cells, line)
	}
	writeCells(out, cells, func(int) bool { return false }, colours)
}

// doSQL does a statement for a command.
func doSQL(gateway *sql.Gateway) func(ctx context.Context, query string) (*local.SQLResult, error) {
	return func(ctx context.Context, query string) (*local.SQLResult, error) {
		result, err := gateway.Query(ctx, query)
		if failed := (*sql.Error)(nil); errors.As(err, &failed) {
			text := fmt.Sprintf("%s (SQLSTATE %s)", failed.Message, failed.Code)
			if failed.Hint != "" {
				text += ". " + failed.Hint
			}
			return nil, errors.New(text)
		}
		if err != nil {
			return nil, err
		}
		answer := &local.SQLResult{Columns: make([]local.SQLColumn, len(result.Columns)), Rows: result.Rows, Tag: result.Tag}
		for i, c := range result.Columns {
			answer.Columns[i] = local.SQLColumn(c)
		}
		for _, row := range answer.Rows {
			for i := range row {
				row[i] = valueJSON(row[i])
			}
		}
		if answer.Rows == nil {
			answer.Rows = [][]any{}
		}
		return answer, nil
	}
}
