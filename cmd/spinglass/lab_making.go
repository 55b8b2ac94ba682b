package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/spf13/cobra"
)

// making is the runs of a series while they are made, one after the other or several at a time.
type making[R any] struct {
	made     []chan made[R] // by run, of one each
	ctx      context.Context
	cancel   context.CancelFunc
	workers  sync.WaitGroup
	screen   sync.Mutex // of the progress; held while rows are printed
	progress *progress
}

// made is what has become of a run.
type made[R any] struct {
	rows []R
	err  error
}

// make begins to make the runs. end is to be called when no more of them is wanted.
func (s *series[C, R]) make(cmd *cobra.Command, runs []C) *making[R] {
	ctx, cancel := context.WithCancel(cmd.Context())
	m := &making[R]{made: make([]chan made[R], len(runs)), ctx: ctx, cancel: cancel, progress: newProgress(cmd.ErrOrStderr())}
	for i := range m.made {
		m.made[i] = make(chan made[R], 1)
	}
	next := make(chan int)
	m.workers.Go(func() {
		defer close(next)
		for i := range runs {
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	workers := 1
	if s.aside {
		workers = min(len(runs), runtime.GOMAXPROCS(0))
	}
	for range workers {
		m.workers.Go(func() {
			for i := range next {
				rows, err := s.one(ctx, runs[i], func(text string) { m.show("run %d of %d, %s: %s", i+1, len(runs), s.name(&runs[i]), text) })
				m.made[i] <- made[R]{rows, err}
			}
		})
	}
	return m
}

// one makes a run.
func (s *series[C, R]) one(ctx context.Context, c C, tell func(string)) ([]R, error) {
	if s.several != nil {
		return s.several(ctx, c, tell)
	}
	row, err := s.run(ctx, c, tell)
	return []R{row}, err
}

func (m *making[R]) show(format string, args ...any) {
	m.screen.Lock()
	defer m.screen.Unlock()
	m.progress.show(format, args...)
}

// take waits for what a run finds, and has it printed with no progress in between.
func (m *making[R]) take(i int, print func(rows []R) error) error {
	var found made[R]
	select {
	case found = <-m.made[i]:
	case <-m.ctx.Done():
		select {
		case found = <-m.made[i]:
		default:
			found.err = m.ctx.Err() // it may not have begun
		}
	}
	m.screen.Lock()
	defer m.screen.Unlock()
	m.progress.clear()
	if errors.Is(found.err, context.Canceled) {
		return fmt.Errorf("interrupted in run %d of %d", i+1, len(m.made))
	}
	if found.err != nil {
		return found.err
	}
	return print(found.rows)
}

// end waits until no run goes on.
func (m *making[R]) end() {
	m.cancel()
	m.workers.Wait()
	m.progress.clear()
}
