package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	rateMax     = 10_000_000            // messages per second
	pacerCredit = 10 * time.Millisecond // that a late pacer may catch up; an idle input earns no burst beyond it
)

// rate is a flag for a number per second: "1000" or "1000/s".
type rate struct{ perSecond float64 }

// String implements pflag.Value.
func (r *rate) String() string {
	if r.perSecond == 0 {
		return ""
	}
	return strconv.FormatFloat(r.perSecond, 'g', -1, 64) + "/s"
}

// Set implements pflag.Value.
func (r *rate) Set(text string) error {
	value, err := strconv.ParseFloat(strings.TrimSuffix(text, "/s"), 64)
	if err != nil {
		return errors.New("not a number per second, such as 1000/s")
	}
	if !(value > 0 && value <= rateMax) {
		return fmt.Errorf("not above 0 and at most %d/s", rateMax)
	}
	r.perSecond = value
	return nil
}

// Type implements pflag.Value.
func (r *rate) Type() string { return "N/s" }

// pacer spaces messages evenly.
type pacer struct {
	ctx      context.Context
	interval time.Duration // 0: no limit
	next     time.Time     // when the next message is due
}

func newPacer(ctx context.Context, perSecond float64) *pacer {
	p := &pacer{ctx: ctx}
	if perSecond > 0 {
		p.interval = time.Duration(float64(time.Second) / perSecond)
	}
	return p
}

// early reports whether the next message is not due yet.
func (p *pacer) early() bool { return p.interval > 0 && time.Now().Before(p.next) }

// wait waits until the next message is due; it reports false when the context ended before.
func (p *pacer) wait() bool {
	if p.interval > 0 {
		if !p.sleep(time.Until(p.next)) {
			return false
		}
		if oldest := time.Now().Add(-pacerCredit); p.next.Before(oldest) {
			p.next = oldest
		}
		p.next = p.next.Add(p.interval)
	}
	return p.ctx.Err() == nil
}

func (p *pacer) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}
