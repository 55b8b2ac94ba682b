package enrolment

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// rig is a renewer in virtual time, and an authority that renews when it is told to.
type rig struct {
	*Renewer
	authority *Authority
	store     *Store
	answering bool
	asked     []time.Time
	log       bytes.Buffer
}

// newRig makes a renewer that asks an issuer which never answers, then one that answers while answering is set. All of it belongs to the bubble that calls it.
func newRig(t *testing.T, jitter float64) *rig {
	t.Helper()
	r := &rig{answering: true}
	r.authority = (&Store{Dir: t.TempDir()}).Authority()
	must[*identity.Bundle](t)(r.authority.Init(t.Context(), "/", RootLifeDefault))
	r.store = &Store{Dir: t.TempDir()}
	member := enrol(t, r.authority, r.store, "/lab/a2", 2)
	down := func(context.Context, *identity.Bundle) (*identity.Bundle, error) {
		return nil, noAnswer("a:1", errors.New("down"))
	}
	issuer := func(ctx context.Context, bundle *identity.Bundle) (*identity.Bundle, error) {
		r.asked = append(r.asked, time.Now())
		if !r.answering {
			return nil, noAnswer("b:2", errors.New("down"))
		}
		return r.authority.Renew(ctx, bundle.Chain)
	}
	r.Renewer = NewRenewer(RenewerConfig{
		Bundle: member.Bundle, Issuers: []Renewal{down, issuer}, Jitter: func() float64 { return jitter },
		Keep: func(ctx context.Context, bundle *identity.Bundle) error {
			_, err := r.store.Install(ctx, bundle, 2)
			return err
		},
		Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
	})
	return r
}

// run runs the renewer for d.
func (r *rig) run(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	r.Run(ctx)
}

func TestRenewalAtHalfLife(t *testing.T) {
	for jitter, want := range map[float64]time.Duration{0: 45 * identity.MemberLifeDefault / 100, 0.5: identity.MemberLifeDefault / 2, 1: 55 * identity.MemberLifeDefault / 100} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, jitter)
			started := time.Now()
			r.run(t, want-time.Second)
			if len(r.asked) != 0 {
				t.Fatalf("jitter %v: asked too early, after %v", jitter, r.asked[0].Sub(started))
			}
			r.run(t, 2*time.Second)
			if renewed, failed := r.Counts(); len(r.asked) != 1 || renewed != 1 || failed != 0 {
				t.Errorf("jitter %v: asked %d times, %d renewed, %d failed", jitter, len(r.asked), renewed, failed)
			}
			// What is used is what is kept.
			member := must[*Member](t)(r.store.Member())
			if got := r.Bundle().Chain.Leaf().Serial; got != member.Verified.Serial {
				t.Errorf("serial %x is used, %x is kept", got, member.Verified.Serial)
			}
			// And so on: a year needs 24 half lives and a bit.
			r.run(t, 365*day)
			if renewed, _ := r.Counts(); renewed < 22 || renewed > 28 {
				t.Errorf("renewed %d times within a year", renewed)
			}
		})
	}
}

// TestRenewalBeforeItIsDue asks at once: for a certificate that is good, and for one that is revoked.
func TestRenewalBeforeItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0.5)
		before := r.Bundle()
		if err := r.Renew(t.Context()); err != nil || r.Bundle() == before {
			t.Error(err)
		}
		if _, _, err := r.authority.Revoke(t.Context(), "/lab/a2"); err != nil {
			t.Fatal(err)
		}
		if err := r.Renew(t.Context()); !errors.Is(err, identity.ErrRevoked) {
			t.Error(err)
		}
		if renewed, failed := r.Counts(); renewed != 1 || failed != 1 {
			t.Errorf("%d renewed, %d failed", renewed, failed)
		}
	})
}

// TestRenewalWhileNoIssuerAnswers cuts the node off until its grace is nearly over.
func TestRenewalWhileNoIssuerAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0.5)
		r.answering = false
		r.run(t, identity.MemberLifeDefault-time.Hour)
		first := r.asked
		for i := 1; i < len(first); i++ {
			pause := min(RenewRetryMin<<min(i-1, 10), RenewRetryMax)
			if got := first[i].Sub(first[i-1]); got < pause/2 || got > pause {
				t.Fatalf("pause %d is %v, want %v to %v", i, got, pause/2, pause)
			}
		}
		if text := r.log.String(); !strings.Contains(text, "level=WARN") || strings.Contains(text, "HAS EXPIRED") {
			t.Errorf("%.300s", text)
		}
		r.log.Reset()
		r.run(t, 2*time.Hour+time.Minute)
		if text := r.log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "THE CERTIFICATE HAS EXPIRED") || !strings.Contains(text, "grace_ends=") {
			t.Errorf("%.300s", text)
		}
		if m := must[*Member](t)(r.store.Member()); !m.Verified.InGrace {
			t.Error("the old certificate is not used in grace")
		}
		r.answering = true
		r.run(t, RenewRetryMax)
		if renewed, _ := r.Counts(); renewed != 1 {
			t.Errorf("renewed %d times", renewed)
		}
		if m := must[*Member](t)(r.store.Member()); m.Verified.InGrace {
			t.Error("still in grace")
		}
	})
}

func TestRenewalAfterGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0.5)
		r.answering = false
		r.run(t, identity.MemberLifeDefault+identity.GraceDefault+2*time.Hour)
		r.log.Reset()
		r.answering = true
		r.run(t, 2*RenewRetryMax)
		if text := r.log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "enrolled anew") || !strings.Contains(text, "more than the grace") {
			t.Errorf("%.400s", text)
		}
	})
}

// TestRenewalThatCannotBeKept shows that a certificate which is not durable is not used.
func TestRenewalThatCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0.5)
		before := r.Bundle()
		r.config.Keep = func(context.Context, *identity.Bundle) error { return errors.New("no space left on device") }
		r.run(t, 16*day)
		if r.Bundle() != before {
			t.Error("it is used")
		}
		if !strings.Contains(r.log.String(), "no space left on device") {
			t.Errorf("%.300s", r.log.String())
		}
	})
}

// TestClockThatIsSet shows that a renewal is not missed when the clock jumps, as that of a machine which slept.
func TestClockThatIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0.5)
		var off atomic.Int64
		r.config.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
		r.authority.store.Now, r.store.Now = r.config.Now, r.config.Now
		time.AfterFunc(day, func() { off.Store(int64(15 * day)) })
		r.run(t, day+RenewLookMax+time.Minute)
		if renewed, _ := r.Counts(); renewed != 1 {
			t.Errorf("renewed %d times", renewed)
		}
	})
}

func TestRenewerWithoutIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0.5)
		r.config.Issuers = nil
		r.run(t, 16*day)
		if _, failed := r.Counts(); failed == 0 || !strings.Contains(r.log.String(), ErrNoAddress.Error()) {
			t.Errorf("%d failed, %.300s", failed, r.log.String())
		}
	})
}

// TestRemoteRenewal renews over the network, by the second of two issuers.
func TestRemoteRenewal(t *testing.T) {
	o := newOffice(t)
	c := o.client(2)
	bundle := must[*identity.Bundle](t)(c.Join(t.Context(), o.token(t, 1), "/lab/a2", 2))
	o.clock.add(17 * day) // later than any jitter puts it
	renewed := make(chan *identity.Bundle, 1)
	r := NewRenewer(RenewerConfig{
		Bundle: bundle, Issuers: []Renewal{c.Remote(protocol.Address("127.0.0.1:1")), c.Remote(o.address)}, Now: o.clock.now,
		Keep: func(_ context.Context, bundle *identity.Bundle) error { renewed <- bundle; return nil },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	if got := <-renewed; got.Chain.Leaf().NotBefore != o.clock.instant() {
		t.Errorf("%+v", got.Chain.Leaf())
	}
	cancel()
	<-done
}
