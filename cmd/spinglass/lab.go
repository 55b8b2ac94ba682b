package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// newLab holds the experiments.
func newLab() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Run an experiment with the shipping code in a simulated world",
		Long: "Runs an experiment: the code that ships, unchanged, in a simulated network of as many members as it takes. Equal seeds give equal results, on every machine of one " +
			"processor architecture.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("unknown experiment %q", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLabAll(), newLabAstrolabe(), newLabBuffers(), newLabConvoys(), newLabDeadlines(), newLabDetection(), newLabLinks(), newLabManet(), newLabMicropartitions(), newLabOverhead(), newLabPlan(), newLabRatings(), newLabScale(), newLabStorms(), newLabThroughput(), newLabTopics(), newLabViews())
	return cmd
}

// In large worlds more time goes into collecting garbage, and a quarter of the memory in use may be garbage instead of as much as is in use.
const (
	largeWorld        = 50_000 // members
	largeWorldGarbage = 25     // percent
)

// prepare makes a world of so many members fit into less memory, unless the environment says otherwise.
func prepare(members int) {
	if members >= largeWorld && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(largeWorldGarbage)
	}
}

// rowFile is a file of comma-separated values with the rows of an experiment, which are structures with the same fields. Without a directory there is none.
type rowFile struct {
	file *os.File
	csv  *csv.Writer
}

// newRowFile makes the directory, if it is not there, and in it a file that is called after the experiment, in place of an earlier one.
func newRowFile(directory, experiment string) (*rowFile, error) {
	if directory == "" {
		return &rowFile{}, nil
	}
	if err := os.MkdirAll(directory, 0o777); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	file, err := os.Create(filepath.Join(directory, experiment+".csv"))
	if err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	return &rowFile{file: file, csv: csv.NewWriter(file)}, nil
}

// row adds a row, the first one with a header before it. It is in the file when row returns, so that an experiment that is ended leaves what it has found.
func (f *rowFile) row(first bool, v any) error {
	if f.file == nil {
		return nil
	}
	names, values, err := columnsOf(v)
	if err != nil {
		return err
	}
	if first {
		if err := f.csv.Write(names); err != nil {
			return err
		}
	}
	if err := f.csv.Write(values); err != nil {
		return err
	}
	f.csv.Flush()
	return f.csv.Error()
}

func (f *rowFile) close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// columnsOf returns the keys of a structure and its values as JSON has them: an absent one is empty, and text is without quotes.
func columnsOf(v any) (names, values []string, err error) {
	s := reflect.ValueOf(v)
	for i := range s.NumField() {
		encoded, err := json.Marshal(s.Field(i).Interface())
		if err != nil {
			return nil, nil, err
		}
		text := string(encoded)
		if field := s.Field(i); field.Kind() == reflect.String {
			text = field.String()
		} else if text == "null" {
			text = ""
		}
		name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
		names, values = append(names, name), append(values, text)
	}
	return names, values, nil
}
