package live

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// exhausted is a listener for which there is no descriptor at first.
type exhausted struct {
	net.Listener
	failures int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.failures == 0 {
		return nil, net.ErrClosed
	}
	l.failures--
	if l.failures == 0 {
		conn, _ := net.Pipe()
		return conn, nil
	}
	return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
}

// Too many open files cost no more than a try every readRetry, are counted, and logged once; afterwards connections are taken as before.
func TestAcceptingWithoutDescriptors(t *testing.T) {
	const failures = 5
	var log bytes.Buffer
	var count counters
	a := acceptor{
		lifetime: context.Background(), listener: &exhausted{failures: failures + 1}, count: &count, logger: slog.New(slog.NewTextHandler(&log, nil)),
	}
	taken, begin := 0, time.Now()
	a.run(func(conn net.Conn) {
		taken++
		_ = conn.Close()
	})
	if took := time.Since(begin); taken != 1 || took < failures*readRetry {
		t.Errorf("%d connections taken after %v", taken, took)
	}
	if failed := count.acceptsFailed.Load(); failed != failures || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "error=\"too many open files\"") {
		t.Errorf("%d failures counted, logged %q", failed, log.String())
	}
}

// Strangers who connect get a share of the files that may be open, and no more than the usual limits where there are many.
func TestConnectionsLeaveFilesToOthers(t *testing.T) {
	for _, c := range []struct{ files, inbound, outbound, accepted int }{
		{0, 1, 1, 1}, {32, 4, 2, 1}, {1024, inboundMax, outboundMax, acceptedMax}, {1 << 20, inboundMax, outboundMax, acceptedMax},
	} {
		if l := defaultLimits().within(c.files); l.inbound != c.inbound || l.outbound != c.outbound || l.accepted != c.accepted {
			t.Errorf("%d files: %d, %d and %d connections", c.files, l.inbound, l.outbound, l.accepted)
		}
	}
	if filesMax() < 1 {
		t.Errorf("%d files may be open", filesMax())
	}
}
