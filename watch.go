package spinglass

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"spinglass/astrolabe"
	"spinglass/protocol"
)

// Bounds of watching tables.
const (
	watchesMax       = 64                     // loops over Watch of one node
	watchChangesMax  = 1 << 15                // changes that wait for one loop, of as many rows
	watchSampleEvery = 100 * time.Millisecond // how often a table is looked at
)

// Change is a row that has come, has changed, or is gone.
type Change struct {
	Row     Row // as it is; of one that is gone as it was last
	Removed bool
	// Missed is how many earlier changes the application does not get, because it had not taken them when later ones came: of this row, which this change has overwritten,
	// or, when very many rows had changed, of others.
	Missed uint64
}

// rowKey names a row of a table: hosts by their ids, since names may be taken twice, and zones by their paths, whoever represents them.
type rowKey struct {
	name string
	host protocol.NodeID
}

func keyOf(s *astrolabe.RowStatus) rowKey {
	if s.Host {
		return rowKey{s.Name, s.Owner}
	}
	return rowKey{name: s.Name}
}

// waitingChange is a change that the application has not taken yet.
type waitingChange struct {
	status  astrolabe.RowStatus
	removed bool
	missed  uint64
}

// rowWatch is the queue of one loop over Watch: the latest change of each row, in the order in which rows changed first.
type rowWatch struct {
	limit  int
	missed func(uint64) // is told of changes that the application does not get

	before map[rowKey]astrolabe.RowStatus // the table when it was looked at last; of the goroutine that looks
	order  []rowKey                       // of before, sorted by name

	mu      sync.Mutex
	queue   []rowKey
	waiting map[rowKey]*waitingChange
	wake    chan struct{} // holds a token while a reader may find something
}

func newRowWatch(limit int, missed func(uint64)) *rowWatch {
	return &rowWatch{limit: limit, missed: missed, waiting: map[rowKey]*waitingChange{}, wake: make(chan struct{}, 1)}
}

// look compares a table with what it was before.
func (w *rowWatch) look(statuses []astrolabe.RowStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, order := make(map[rowKey]astrolabe.RowStatus, len(statuses)), make([]rowKey, len(statuses))
	for i := range statuses {
		s := &statuses[i]
		key := keyOf(s)
		now[key], order[i] = *s, key
		if old, ok := w.before[key]; !ok || differ(&old, s) {
			w.push(key, waitingChange{status: *s})
		}
	}
	for _, key := range w.order {
		if _, ok := now[key]; !ok {
			w.push(key, waitingChange{status: w.before[key], removed: true})
		}
	}
	w.before, w.order = now, order
}

// differ reports whether an application that has seen a row has to see another. Age alone is no news.
func differ(a, b *astrolabe.RowStatus) bool {
	return a.RowsIn != b.RowsIn || a.Expected != b.Expected || a.Suspect != b.Suspect ||
		!slices.EqualFunc(a.Attributes, b.Attributes, func(a, b protocol.Attribute) bool { return a.Name == b.Name && bytes.Equal(a.Value, b.Value) })
}

// push puts a change into the queue, or in the place of one of the same row. The lock is held.
func (w *rowWatch) push(key rowKey, c waitingChange) {
	if old := w.waiting[key]; old != nil {
		c.missed = old.missed + 1
		w.missed(1)
		*old = c
		return
	}
	if len(w.queue) == w.limit {
		oldest := w.queue[0]
		w.queue = w.queue[1:]
		lost := w.waiting[oldest].missed + 1
		delete(w.waiting, oldest)
		w.missed(1)
		if len(w.queue) > 0 {
			w.waiting[w.queue[0]].missed += lost
		} else {
			c.missed += lost
		}
	}
	w.queue = append(w.queue, key)
	w.waiting[key] = &c
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take removes the oldest change.
func (w *rowWatch) take() (c waitingChange, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return waitingChange{}, false
	}
	key := w.queue[0]
	w.queue = w.queue[1:]
	c = *w.waiting[key]
	delete(w.waiting, key)
	return c, true
}

// Watch returns an iterator over the changes of the table of a zone, an empty one for the own: first all its rows as they are, then those that come, change or go. A change of the age
// alone is none. The table is looked at ten times a second, so that of several changes between two looks the last one is seen.
//
// While the application is busy, the latest change of each row waits for it, and [Change].Missed tells how many it has overwritten. The loop ends after [ErrZone] for a zone whose
// table this node does not hold, [ErrLimit] when there are too many loops, [ErrClosed] when the node was closed, and the context's error when ctx ended.
func (n *Node) Watch(ctx context.Context, zone string) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		defer n.watches.Add(-1)
		if n.watches.Add(1) > watchesMax {
			n.watchesRefused.Add(1)
			yield(Change{}, fmt.Errorf("%w: %d loops over tables", ErrLimit, watchesMax))
			return
		}
		w := newRowWatch(watchChangesMax, func(count uint64) { n.changesMissed.Add(count) })
		ended := make(chan error, 1)
		var looking sync.WaitGroup
		defer looking.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		looking.Go(func() { ended <- n.lookEvery(ctx, w, zone) })
		if err := w.drain(ctx, ended, yield); err != nil {
			yield(Change{}, err)
		}
	}
}

// drain yields changes until the loop is left, or it returns why there are no more.
func (w *rowWatch) drain(ctx context.Context, ended <-chan error, yield func(Change, error) bool) error {
	var reason error
	for {
		if c, ok := w.take(); ok && ctx.Err() == nil {
			if !yield(Change{Row: rowOf(&c.status), Removed: c.removed, Missed: c.missed}, nil) {
				return nil
			}
			continue
		}
		if reason != nil {
			return reason
		}
		select {
		case <-w.wake:
		case reason = <-ended: // what it has seen before comes first
		}
	}
}

// lookEvery looks at a table until that fails.
func (n *Node) lookEvery(ctx context.Context, w *rowWatch, zone string) error {
	ticker := time.NewTicker(watchSampleEvery)
	defer ticker.Stop()
	for {
		var statuses []astrolabe.RowStatus
		var failed error
		if err := n.call(ctx, func(protocol.Time, *protocol.Output) { statuses, failed = n.statuses(zone) }); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
		w.look(statuses)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-n.closing:
			return ErrClosed
		}
	}
}
