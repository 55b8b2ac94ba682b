package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
)

type countRow struct {
	Run int `json:"run"`
	Row int `json:"row"`
}

// counting is a series of runs with two rows each.
func counting(runs int, aside bool, wait func(ctx context.Context, run int) error) (*cobra.Command, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := &cobra.Command{Use: "counting", SilenceErrors: true, SilenceUsage: true, RunE: func(cmd *cobra.Command, _ []string) error {
		return (&series[int, countRow]{
			grid: func() (all []int, err error) {
				for i := range runs {
					all = append(all, i)
				}
				return all, nil
			},
			name: func(c *int) string { return fmt.Sprint(*c) },
			several: func(ctx context.Context, c int, progress func(string)) ([]countRow, error) {
				progress("running")
				return []countRow{{c, 1}, {c, 2}}, wait(ctx, c)
			},
			aside: aside,
			write: func(w io.Writer, first bool, r *countRow) { fmt.Fprintf(w, "%v %d/%d\n", first, r.Run, r.Row) },
			draw:  func([]countRow) []*figure.Figure { return nil },
		}).do(cmd)
	}}
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs([]string{})
	return cmd, &out
}

// Rows come in the order of the runs, whichever is done first.
func TestSeriesIsInOrder(t *testing.T) {
	for _, aside := range []bool{false, true} {
		done := make(chan struct{})
		cmd, out := counting(4, aside, func(_ context.Context, run int) error {
			switch {
			case !aside || runtime.GOMAXPROCS(0) == 1: // nothing is beside it
			case run == 0:
				<-done
			case run == 1:
				close(done)
			}
			return nil
		})
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		if want := "true 0/1\nfalse 0/2\nfalse 1/1\nfalse 1/2\nfalse 2/1\nfalse 2/2\nfalse 3/1\nfalse 3/2\n"; out.String() != want {
			t.Errorf("aside %v: %q", aside, out)
		}
	}
}

// The first run in order that fails ends the series, with the rows before it, and those under way are ended.
func TestSeriesEndsWithAnError(t *testing.T) {
	for _, aside := range []bool{false, true} {
		cmd, out := counting(1000, aside, func(ctx context.Context, run int) error {
			switch {
			case run == 2:
				return errors.New("no third run")
			case run > 2:
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		if err := cmd.Execute(); err == nil || err.Error() != "no third run" {
			t.Errorf("aside %v: %v", aside, err)
		}
		if strings.Count(out.String(), "\n") != 4 {
			t.Errorf("aside %v: %q", aside, out)
		}
	}
}

// Who interrupts a series is told in which run.
func TestSeriesIsInterrupted(t *testing.T) {
	for _, aside := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		cmd, _ := counting(1000, aside, func(ctx context.Context, run int) error {
			if run == 1 {
				cancel()
			}
			if run > 0 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		if err := cmd.ExecuteContext(ctx); err == nil || !strings.HasPrefix(err.Error(), "interrupted in run ") || !aside && err.Error() != "interrupted in run 2 of 1000" {
			t.Errorf("aside %v: %v", aside, err)
		}
		cancel()
	}
}
