package spinglass

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"spinglass/membership"
	"spinglass/protocol"
)

// A disk that is full for long does not fill the log.
func TestTheBootCounterIsComplainedOfOnceAMinute(t *testing.T) {
	var log bytes.Buffer
	n := &Node{log: slog.New(slog.NewTextHandler(&log, nil))}
	for second := range 150 {
		n.warn(protocol.Time(0).Add(time.Duration(second)*time.Second), membership.EpochNotStored{Err: errors.New("no space"), Retry: time.Second})
	}
	if lines := bytes.Count(log.Bytes(), []byte("\n")); lines != 3 {
		t.Errorf("%d lines in two and a half minutes, want 3", lines)
	}
}
