package main

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass"
	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/protocol"
)

const day = 24 * time.Hour

// enrolledAgo makes an authority, and a member of it in a data directory of its own, as they were some time ago.
func enrolledAgo(t *testing.T, ago time.Duration) (authority, member *enrolment.Store) {
	t.Helper()
	then := func() time.Time { return time.Now().Add(-ago) }
	authority, member = &enrolment.Store{Dir: t.TempDir(), Now: then}, &enrolment.Store{Dir: t.TempDir(), Now: then}
	if _, err := authority.Authority().Init(t.Context(), "/", enrolment.RootLifeDefault); err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]*enrolment.Store{"/lab/a1": authority, "/lab/a2": member} {
		id, err := spinglass.DataDirNodeID(store.Dir)
		if err != nil {
			t.Fatal(err)
		}
		key, err := store.Key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		request, err := identity.NewOfflineRequest(key, name, id, identity.Fingerprint{})
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := authority.Authority().Issue(t.Context(), request, identity.MemberGrants())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Install(t.Context(), bundle, id); err != nil {
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
