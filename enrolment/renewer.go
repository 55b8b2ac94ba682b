package enrolment

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// Renewal asks one issuer, or several, for a bundle again.
type Renewal func(ctx context.Context, bundle *identity.Bundle) (*identity.Bundle, error)

// Remote returns the renewal by issuers at addresses.
func (c *Client) Remote(addresses ...protocol.Address) Renewal {
	return func(ctx context.Context, bundle *identity.Bundle) (*identity.Bundle, error) {
		return c.Renew(ctx, bundle, addresses...)
	}
}

// RenewerConfig says what a renewer renews, and by whom.
type RenewerConfig struct {
	Bundle *identity.Bundle
	// Issuers are tried in order until one renews.
	Issuers []Renewal
	// Keep makes a renewed bundle durable, before it is used.
	Keep   func(ctx context.Context, bundle *identity.Bundle) error
	Now    func() time.Time // nil: time.Now
	Jitter func() float64   // evenly from 0 to 1; nil: drawn at random
	Logger *slog.Logger     // nil discards
}

// Renewer renews a certificate at half of its life, spread as identity.RenewAt says. While no issuer renews it, it tries again after pauses that grow from
// RenewRetryMin to RenewRetryMax, with jitter, and warns once the certificate has expired: what is left then is grace.
type Renewer struct {
	config  RenewerConfig
	turn    sync.Mutex // one renewal at a time
	bundle  atomic.Pointer[identity.Bundle]
	renewed atomic.Uint64
	failed  atomic.Uint64
}

// NewRenewer returns a renewer, which does nothing until Run is called.
func NewRenewer(config RenewerConfig) *Renewer {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Jitter == nil {
		config.Jitter = rand.Float64
	}
	r := &Renewer{config: config}
	r.bundle.Store(config.Bundle)
	return r
}

// Bundle returns the latest bundle.
func (r *Renewer) Bundle() *identity.Bundle { return r.bundle.Load() }

// Counts returns how many renewals succeeded and failed.
func (r *Renewer) Counts() (renewed, failed uint64) { return r.renewed.Load(), r.failed.Load() }

func (r *Renewer) now() identity.Instant { return identity.InstantOf(timeBy(r.config.Now)) }

// Run renews until ctx ends.
func (r *Renewer) Run(ctx context.Context) {
	due := r.due()
	pause := RenewRetryMin
	for {
		// Timers know nothing of a clock that is set: it is looked at from time to time.
		for wait := due.Sub(r.now()); wait > 0; wait = due.Sub(r.now()) {
			if sleep(ctx, min(wait, RenewLookMax)) != nil {
				return
			}
		}
		if err := r.Renew(ctx); err == nil {
			pause = RenewRetryMin
			due = max(r.due(), r.now().Add(RenewRetryMin))
			continue
		} else if ctx.Err() == nil {
			r.warn(err)
		}
		if sleep(ctx, jittered(pause, r.config.Jitter())) != nil {
			return
		}
		pause = min(2*pause, RenewRetryMax)
	}
}

// due returns when the present bundle is to be renewed.
func (r *Renewer) due() identity.Instant {
	chain := r.Bundle().Chain
	return identity.RenewAt(chain.Leaf().NotBefore, chain.NotAfter(), r.config.Jitter())
}

// Renew renews at once, whether it is due or not, by trying each issuer once. The error is that of the first one that said something, else that of the last one;
// ErrNoAddress without any.
func (r *Renewer) Renew(ctx context.Context) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	err := r.renew(ctx)
	switch {
	case err == nil:
		r.renewed.Add(1)
	case ctx.Err() == nil:
		r.failed.Add(1)
	}
	return err
}

// renew is Renew, in its turn and without counting.
func (r *Renewer) renew(ctx context.Context) error {
	before := r.Bundle()
	reason := ErrNoAddress
	for _, issuer := range r.config.Issuers {
		bundle, err := issuer(ctx, before)
		if err == nil {
			err = r.config.Keep(ctx, bundle)
		}
		if err == nil {
			r.bundle.Store(bundle)
			leaf := bundle.Chain.Leaf()
			r.config.Logger.Info("the certificate was renewed", "name", leaf.Name, "expires", bundle.Chain.NotAfter().String())
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(reason, ErrNoAddress) || errors.Is(reason, ErrNoAnswer) {
			reason = err
		}
	}
	return reason
}

// warn says how urgent it is that somebody looks.
func (r *Renewer) warn(err error) {
	leaf, expired, now := r.Bundle().Chain.Leaf(), r.Bundle().Chain.NotAfter(), r.now()
	log := r.config.Logger.With("name", leaf.Name, "expires", expired.String(), "error", err)
	var grace time.Duration
	if leaf.Kind == identity.KindMember {
		grace = identity.GraceDefault
	}
	switch late := now.Sub(expired); {
	case late <= 0:
		log.Warn("the certificate could not be renewed yet; trying again")
	case late <= grace:
		log.Warn("THE CERTIFICATE HAS EXPIRED and could not be renewed: this member is in grace, and will be shut out when that ends",
			"grace_ends", expired.Add(grace).String())
	default:
		log.Error("THE CERTIFICATE HAS EXPIRED and so has its grace: this node is shut out until it is enrolled anew")
	}
}
