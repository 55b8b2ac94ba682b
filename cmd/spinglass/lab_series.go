package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
)

// series is the runs of an experiment, in order: C says what a run is like, R, a structure whose fields have keys for JSON, what was found.
type series[C, R any] struct {
	full *fullFlag           // nil for none; what it changes is what grid has
	grid func() ([]C, error) // the runs; the error says what is wrong with the flags
	name func(c *C) string   // for progress
	// run makes a run. progress may be told how far it is.
	run func(ctx context.Context, c C, progress func(text string)) (R, error)
	// several makes a run that finds several rows; where it is given, run is not.
	several func(ctx context.Context, c C, progress func(text string)) ([]R, error)
	// aside has as many runs at a time as there are processors. They share nothing, and rows come in their order all the same.
	aside bool
	write func(w io.Writer, first bool, r *R) // a row for people, the first one with a header before it
	draw  func(rows []R) []*figure.Figure     // pictures of all rows
	// finish writes for people what all rows together say; nil for nothing.
	finish func(w io.Writer, rows []R)
	out    labOutput
}

// labOutput is where the rows of an experiment go.
type labOutput struct {
	directory string
	json      bool
}

func (o *labOutput) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.directory, "out", "", "directory for the rows as comma-separated values, and for pictures as SVG and PNG")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per row")
}

// seedFlags adds the flags by which every experiment is repeated.
func seedFlags(cmd *cobra.Command, seeds *int, first *uint64) {
	cmd.Flags().IntVar(seeds, "seeds", *seeds, "runs of each kind, with seeds that follow each other")
	cmd.Flags().Uint64Var(first, "seed", *first, "first seed")
}

// fullFlag is the flag --full, and what it takes for flags that are not given.
type fullFlag struct {
	on    bool
	takes map[string]func()
}

func (f *fullFlag) flag(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&f.on, "full", false, usage)
}

// fullValue has --full take a value for what a flag is about.
func fullValue[T any](f *fullFlag, flag string, value *T, full T) {
	if f.takes == nil {
		f.takes = make(map[string]func())
	}
	f.takes[flag] = func() { *value = full }
}

func (f *fullFlag) take(cmd *cobra.Command) {
	if f == nil || !f.on {
		return
	}
	for flag, take := range f.takes { // each of them changes another value
		if !cmd.Flags().Changed(flag) {
			take()
		}
	}
}

// do makes the runs. Each row is printed, and in its file, when it and those before it are found; the pictures follow the last one.
func (s *series[C, R]) do(cmd *cobra.Command) error {
	s.full.take(cmd)
	runs, err := s.grid()
	if err != nil {
		return &usageError{err}
	}
	file, err := newRowFile(s.out.directory, cmd.Name())
	if err != nil {
		return err
	}
	defer file.close() // again after success, to no effect
	out := newOutput(cmd.OutOrStdout())
	m := s.make(cmd, runs)
	defer m.end()
	var rows []R
	for i := range runs {
		if err := m.take(i, func(found []R) error {
			for _, row := range found {
				rows = append(rows, row)
				if err := s.put(out, file, len(rows) == 1, row); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if s.finish != nil && !s.out.json {
		s.finish(out, rows)
		if err := out.flush(); err != nil {
			return err
		}
	}
	if err := s.pictures(rows); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return file.close()
}

// put prints a row, and puts it into the file.
func (s *series[C, R]) put(out *output, file *rowFile, first bool, row R) (err error) {
	if err := file.row(first, row); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if s.out.json {
		err = out.object(&row)
	} else {
		s.write(out, first, &row)
	}
	if err != nil {
		return err
	}
	return out.flush()
}

// pictures writes the pictures of all rows, where there is a directory for them.
func (s *series[C, R]) pictures(rows []R) error {
	if s.out.directory == "" {
		return nil
	}
	for _, f := range s.draw(rows) {
		if err := f.Write(s.out.directory); err != nil {
			return err
		}
	}
	return nil
}
