package enrolment

import (
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
