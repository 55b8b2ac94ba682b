package spinglass

import (
	"bufio"
	"errors"

	"spinglass/protocol"
	"spinglass/vsync"
)

// snapshotPiece is how much of a state is handed to the protocol at a time, in bytes.
const snapshotPiece = 64 << 10

// errSnapshotDropped ends the writing of a state that is not wanted any longer.
var errSnapshotDropped = errors.New("spinglass: the state is not wanted any longer")

// snapshotWriter writes a state of a group for one member.
type snapshotWriter struct {
	group   *Group
	number  uint64
	more    chan struct{} // holds a token when more can be written
	dropped chan struct{}
}

func (w *snapshotWriter) goOn() {
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (w *snapshotWriter) drop() {
	select {
	case <-w.dropped:
	default:
		close(w.dropped)
	}
}

// snapshot does something with the writer of a number, on the loop.
func (g *Group) snapshot(number uint64, f func(*snapshotWriter)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w := g.snapshots[number]; w != nil {
		f(w)
	}
}

// give gives the state as of now. It is written by a goroutine of its own.
func (g *Group) give(number uint64) {
	state, err := g.replica.Snapshot()
	if err != nil {
		g.node.log.Error("no state can be given to a member of a group", "group", g.name, "error", err)
		g.endSnapshot(number, false)
		return
	}
	w := &snapshotWriter{group: g, number: number, more: make(chan struct{}, 1), dropped: make(chan struct{})}
	g.mu.Lock()
	if g.ended != nil {
		g.mu.Unlock()
		return
	}
	g.snapshots[number] = w
	g.mu.Unlock()
	g.node.posting.Go(func() {
		buffer := bufio.NewWriterSize(w, snapshotPiece)
		_, err := state.WriteTo(buffer)
		if err == nil {
			err = buffer.Flush()
		}
		if err != nil && !errors.Is(err, errSnapshotDropped) && !errors.Is(err, ErrClosed) {
			g.node.log.Error("a state cannot be given to a member of a group", "group", g.name, "error", err)
		}
		g.mu.Lock()
		delete(g.snapshots, number)
		g.mu.Unlock()
		g.endSnapshot(number, err == nil)
	})
}

// endSnapshot tells that all of a state was written, or that there is none.
func (g *Group) endSnapshot(number uint64, whole bool) {
	_ = g.node.live.Do(func(now protocol.Time, out *protocol.Output) { // it fails when the node is closed
		_ = g.node.stack.SnapshotEnd(now, number, whole, out) // it may not be wanted any longer
	})
}

// Write implements io.Writer. It waits while the receiver does not keep up.
func (w *snapshotWriter) Write(p []byte) (written int, err error) {
	for written < len(p) {
		piece := p[written:min(len(p), written+snapshotPiece)]
		var failed error
		if err := w.group.node.call(w.group.node.lifetime, func(now protocol.Time, out *protocol.Output) {
			failed = w.group.node.stack.Snapshot(now, w.number, piece, out)
		}); err != nil {
			return written, ErrClosed
		}
		switch {
		case failed == nil:
			written += len(piece)
		case !errors.Is(failed, vsync.ErrFull):
			return written, errSnapshotDropped
		default:
			if err := w.wait(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// wait waits until more can be written.
func (w *snapshotWriter) wait() error {
	select {
	case <-w.more:
		return nil
	case <-w.dropped:
		return errSnapshotDropped
	case <-w.group.node.closing:
		return ErrClosed
	}
}
