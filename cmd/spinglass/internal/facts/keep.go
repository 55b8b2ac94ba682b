package facts

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"spinglass"
)

// Bounds of how often facts are read.
const (
	IntervalDefault = 10 * time.Second
	IntervalMin     = time.Second
	IntervalMax     = time.Hour
)

// Keeper keeps the facts of a row.
type Keeper struct {
	Read   func(ctx context.Context, before spinglass.Attrs) (spinglass.Attrs, error)
	Set    func(ctx context.Context, attributes spinglass.Attrs) error
	Logger *slog.Logger

	set    spinglass.Attrs // what was set last
	failed string          // what was logged last, so that it is logged once
}

// Keep reads facts at once and whenever tick brings something, and sets those that have changed, until ctx ends or the node is closed.
func (k *Keeper) Keep(ctx context.Context, tick <-chan time.Time) {
	for {
		if k.refresh(ctx); ctx.Err() != nil {
			return
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
	}
}

// refresh brings the row up to date.
func (k *Keeper) refresh(ctx context.Context) {
	now, err := k.Read(ctx, k.set)
	changed := spinglass.Attrs{}
	for name, value := range now {
		if before, was := k.set[name]; before != value || !was && value != nil {
			changed[name] = value
		}
	}
	if len(changed) > 0 {
		if failed := k.Set(ctx, changed); failed == nil {
			k.set = maps.Clone(now)
		} else {
			err = errors.Join(err, failed)
		}
	}
	k.warn(ctx, err)
}

// warn logs why something of the facts is missing, when that is another reason than before.
func (k *Keeper) warn(ctx context.Context, err error) {
	text := ""
	if err != nil && ctx.Err() == nil && !errors.Is(err, spinglass.ErrClosed) {
		text = err.Error()
	}
	if text != k.failed && text != "" {
		k.Logger.Warn("facts of this machine are not in its row", "error", text)
	}
	k.failed = text
}
