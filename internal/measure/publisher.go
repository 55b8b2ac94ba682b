package measure

import (
	"context"
	"fmt"
	"time"
)

const (
	slice        = 200 * time.Microsecond // between looks at what is due, at the least
	burst        = 256                    // messages between looks at whether to stop
	graceMin     = time.Second            // that an open loop may take longer than its duration
	forgiveAfter = 250 * time.Millisecond // without progress, a closed loop takes what is missing for lost
)

// publisher publishes the messages of trials.
type publisher struct {
	member   Member
	clock    Clock
	progress *progress
	payload  []byte
	order    order
	sent     uint64
	forgiven uint64 // messages that a closed loop no longer waits for
}

// published is what a publisher did in a trial.
type published struct {
	Messages uint64        `json:"messages"`
	End      time.Duration `json:"end"` // by the common clock
}

// run publishes a trial. It returns early when the trial was stopped, or ctx ended, which is no error.
func (p *publisher) run(ctx context.Context, o order) (published, error) {
	p.order, p.sent, p.forgiven = o, 0, 0
	pause(o.Begin - p.clock.Now())
	loop := p.open
	if o.Rate == 0 {
		loop = p.closed
	}
	err := loop(ctx)
	if err == nil {
		err = p.member.Flush(ctx)
	}
	if err != nil && ctx.Err() == nil {
		return published{}, fmt.Errorf("publishing: %w", err)
	}
	return published{Messages: p.sent, End: p.clock.Now()}, nil
}

// ended reports whether to publish no more.
func (p *publisher) ended(ctx context.Context) bool {
	return ctx.Err() != nil || p.progress.stopped().Load() >= p.order.Number
}

// open publishes what is due, in slices. It gives up when it is late by more than a trial may be.
func (p *publisher) open(ctx context.Context) error {
	total, latest := p.order.total(), p.order.Begin+p.order.Duration+max(graceMin, p.order.Duration/4)
	for p.sent < total && !p.ended(ctx) {
		now := p.clock.Now()
		if now > latest {
			return nil
		}
		due := min(total, uint64(max(now-p.order.Begin, 0).Seconds()*p.order.Rate)+1)
		if due <= p.sent {
			if err := p.member.Flush(ctx); err != nil {
				return err
			}
			pause(max(p.order.due(p.sent)-now, slice))
			continue
		}
		for range min(due-p.sent, burst) {
			if err := p.publish(ctx, p.order.due(p.sent)); err != nil {
				return err
			}
		}
	}
	return nil
}

// closed publishes as far ahead of the slowest receiver as the window allows.
func (p *publisher) closed(ctx context.Context) error {
	for !p.ended(ctx) {
		now := p.clock.Now()
		if now >= p.order.Begin+p.order.Duration {
			return nil
		}
		room := p.room(ctx)
		for range min(room, burst) {
			if err := p.publish(ctx, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// room waits until the window has room and returns for how many messages.
func (p *publisher) room(ctx context.Context) uint64 {
	stalled, before := p.clock.Now(), uint64(0)
	for flushed := false; ; {
		slowest := p.progress.slowest(p.order.Last)
		ahead := p.sent - min(p.sent, max(slowest, p.forgiven))
		if ahead < p.order.Window {
			return p.order.Window - ahead
		}
		if !flushed {
			flushed = true
			if p.member.Flush(ctx) != nil {
				return 0
			}
		}
		now := p.clock.Now()
		switch {
		case slowest > before:
			stalled, before = now, slowest
		case now-stalled > forgiveAfter:
			p.forgiven = p.sent
		}
		if p.ended(ctx) || now >= p.order.Begin+p.order.Duration {
			return 0
		}
		doze(slice / 4)
	}
}

func (p *publisher) publish(ctx context.Context, due time.Duration) error {
	head{trial: p.order.Number, number: p.sent, due: due}.put(p.payload)
	if err := p.member.Publish(ctx, p.payload); err != nil {
		return err
	}
	p.sent++
	return nil
}

// pause sleeps, exactly when it is not for long.
func pause(d time.Duration) {
	switch {
	case d <= 0:
	case d < 2*time.Millisecond:
		doze(d)
	default:
		time.Sleep(d - time.Millisecond)
		doze(time.Millisecond)
	}
}
