package live

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"
)

// acceptWarnEvery is how often it is logged that connections cannot be accepted, while that lasts.
const acceptWarnEvery = time.Minute

// acceptor takes the TCP connections of a node. What keeps it from that, such as too many open files, ends by itself as a rule: it tries again after readRetry.
type acceptor struct {
	lifetime context.Context
	listener net.Listener
	count    *counters
	logger   *slog.Logger
	warned   time.Time
}

// run takes connections until the listener is closed or the lifetime ends. take has to close each.
func (a *acceptor) run(take func(net.Conn)) {
	for {
		conn, err := a.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed) || a.lifetime.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return
		case err != nil:
			a.failed(err)
			select {
			case <-time.After(readRetry):
			case <-a.lifetime.Done():
			}
		default:
			take(conn)
		}
	}
}

func (a *acceptor) failed(err error) {
	a.count.acceptsFailed.Add(1)
	if now := time.Now(); now.Sub(a.warned) >= acceptWarnEvery {
		a.warned = now
		a.logger.Warn("connections cannot be accepted; trying again", "error", cause(err))
	}
}
