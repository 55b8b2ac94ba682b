package enrolment

import (
	"bytes"
	"log/slog"
	"testing"
	"time"
)

// TestLinesAboutRefusalsAreBounded has a hundred refusals a second for a minute.
func TestLinesAboutRefusalsAreBounded(t *testing.T) {
	const seconds, perSecond = 60, 100
	var l refusalLog
	now, lines, told := time.Unix(1000, 0), 0, 0
	for range seconds * perSecond {
		if before, ok := l.take(now); ok {
			lines++
			told += before + 1
		}
		now = now.Add(time.Second / perSecond)
	}
	if least, most := RefusalLogBurst+(seconds-1)*RefusalLogRate, RefusalLogBurst+seconds*RefusalLogRate; lines < least || lines > most {
		t.Errorf("%d lines, want %d to %d", lines, least, most)
	}
	if told+l.before != seconds*perSecond {
		t.Errorf("%d refusals are told, and %d wait to be, of %d", told, l.before, seconds*perSecond)
	}
	now = now.Add(time.Hour)
	for i := range RefusalLogBurst + 1 {
		if _, ok := l.take(now); ok != (i < RefusalLogBurst) {
			t.Errorf("line %d after an hour of quiet: %t", i, ok)
		}
	}
}

// TestRefusalsAreCountedAndLogged has more refusals at once than there are lines.
func TestRefusalsAreCountedAndLogged(t *testing.T) {
	const refusals = RefusalLogBurst + 30
	o := newOffice(t)
	_, conn := pipe(t, o.member().Key)
	var log bytes.Buffer
	issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: o.clock.now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range refusals {
		issuer.count(ErrProof, conn)
	}
	if lines := bytes.Count(log.Bytes(), []byte("was refused")); lines != RefusalLogBurst || issuer.Stats().Refused != refusals {
		t.Errorf("%d lines for %d refusals, of which %d are counted", lines, refusals, issuer.Stats().Refused)
	}
}
