package main

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass"
	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/internal/enroltest"
	"spinglass/protocol"
)

const day = 24 * time.Hour

// enrolledAgo makes an authority, and a member of it in a data directory of its own, as they were some time ago.
func enrolledAgo(t *testing.T, ago time.Duration) (authority, member *enrolment.Store) {
	t.Helper()
	then := func() time.Time { return time.Now().Add(-ago) }
	authority, member = &enrolment.Store{Dir: t.TempDir(), Now: then}, &enrolment.Store{Dir: t.TempDir(), Now: then}
	for name, store := range map[string]*enrolment.Store{"/lab/a1": authority, "/lab/a2": member} {
		if err := enroltest.EnrolAt(t.Context(), then, authority.Dir, store.Dir, name); err != nil {
			t.Fatal(err)
		}
	}
	return authority, member
}

func TestFirstAgentIssuesToItselfAnew(t *testing.T) {
	authority, _ := enrolledAgo(t, 60*day)
	s := agentSettings{name: "/lab/a1", named: true, first: true}
	e, err := s.enrol(t.Context(), slog.New(slog.DiscardHandler), authority.Dir)
	if err != nil || e.member == nil || e.member.Verified.InGrace || e.member.Verified.Name != "/lab/a1" {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestExpiredMemberMakesNoFleet shows that an agent which cannot be a member any longer does not begin a fleet of its own.
func TestExpiredMemberMakesNoFleet(t *testing.T) {
	_, member := enrolledAgo(t, 60*day)
	s := agentSettings{name: "/lab/a2", named: true, first: true}
	if _, err := s.enrol(t.Context(), slog.New(slog.DiscardHandler), member.Dir); !errors.Is(err, identity.ErrExpired) {
		t.Error(err)
	}
	if has, err := member.HasAuthority(); has || err != nil {
		t.Error(has, err)
	}
}

func TestGraceIsWarnedOf(t *testing.T) {
	_, member := enrolledAgo(t, 31*day)
	if err := member.KeepIssuers(t.Context(), []protocol.Address{"10.0.0.1:7400", "10.0.0.2:7400"}); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := agentSettings{name: "/host"}
	e, err := s.enrol(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), member.Dir)
	if err != nil || !strings.Contains(log.String(), "THE CERTIFICATE HAS EXPIRED") {
		t.Errorf("%v, %q", err, log.String())
	}
	// The name is the one that it was enrolled under, and it joins where it can be renewed.
	if s.name != "/lab/a2" || !slices.Equal(s.join, []string{"10.0.0.1:7400", "10.0.0.2:7400"}) || len(e.renewals(e.member.Key)) != 1 {
		t.Errorf("%q joins %q, %d renewals", s.name, s.join, len(e.renewals(e.member.Key)))
	}
}

// TestClockADayOff starts an agent whose certificate is of tomorrow.
func TestClockADayOff(t *testing.T) {
	_, member := enrolledAgo(t, -day)
	s := agentSettings{name: "/lab/a2", named: true}
	_, err := s.enrol(t.Context(), slog.New(slog.DiscardHandler), member.Dir)
	if !errors.Is(err, identity.ErrNotYetValid) || !strings.Contains(oneLine(err), "the clock of this host (now ") {
		t.Error(err)
	}
}

// knower is a node that knows revocation lists. It has the events of a loop, and calls between before each of them and before the end.
type knower struct {
	lists   []*identity.RevocationList
	events  int
	between func(i int)
}

func (k *knower) Revocations() []*identity.RevocationList { return k.lists }

func (k *knower) Events(context.Context) iter.Seq2[spinglass.Event, error] {
	return func(yield func(spinglass.Event, error) bool) {
		for i := range k.events {
			k.between(i)
			if !yield(spinglass.Overflow{}, nil) {
				return
			}
		}
		k.between(k.events)
		yield(nil, context.Canceled)
	}
}

// TestRevocationsThatCannotBeKept finds a folder where the file is to be, until the agent ends: it is warned of once, and the lists are kept at the end.
func TestRevocationsThatCannotBeKept(t *testing.T) {
	authority, member := enrolledAgo(t, 0)
	_, list, err := authority.Authority().Revoke(t.Context(), "/lab/a1")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(member.Dir, "identity", "revocations")
	node := &knower{lists: []*identity.RevocationList{list}, events: 5, between: func(i int) {
		switch i {
		case 0:
			err = os.Mkdir(path, 0o700)
		case 5:
			err = os.Remove(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}}
	var log bytes.Buffer
	e := &enrolled{store: member, log: slog.New(slog.NewTextHandler(&log, nil))}
	e.keepRevocations(t.Context(), node)
	if warned := strings.Count(log.String(), "cannot be kept"); warned != 1 {
		t.Errorf("%d warnings: %s", warned, log.String())
	}
	kept, err := member.Revocations()
	if err != nil || len(kept) != 1 || kept[0].Number != list.Number {
		t.Errorf("%d lists, %v", len(kept), err)
	}
}

func TestJoinsAreAnsweredWhereThereIsAnAuthority(t *testing.T) {
	authority, member := enrolledAgo(t, 0)
	for store, want := range map[*enrolment.Store][]string{authority: {enrolment.Protocol}, member: nil} {
		s := agentSettings{}
		e, err := s.enrol(t.Context(), slog.New(slog.DiscardHandler), store.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Collect(maps.Keys(e.equip(1).Accept)); !slices.Equal(got, want) {
			t.Errorf("%q are answered, want %q", got, want)
		}
	}
}
