package local

import (
	"encoding/json"
	"net/http"
	"sync"
)

// batch carries bytes from the goroutine that produces them to the one that owns a connection. While the connection is busy what is
// produced piles up and goes out in one write; while it is idle it goes out at once. Beyond batchMax the producer waits.
type batch struct {
	mutex   sync.Mutex
	changed sync.Cond
	pending []byte
	spare   []byte
	closed  bool // the producer has ended
	broken  bool // the connection has ended
}

func newBatch() *batch {
	b := new(batch)
	b.changed.L = &b.mutex
	return b
}

// begin returns the buffer to append to, once there is room. It reports false when the connection has ended; otherwise commit must
// follow.
func (b *batch) begin() ([]byte, bool) {
	b.mutex.Lock()
	for len(b.pending) >= batchMax && !b.broken {
		b.changed.Wait()
	}
	if b.broken {
		b.mutex.Unlock()
		return nil, false
	}
	return b.pending, true
}

// commit hands over the buffer that begin returned, with what was appended to it.
func (b *batch) commit(pending []byte) {
	b.pending = pending
	b.mutex.Unlock()
	b.changed.Broadcast()
}

// appendLine appends a JSON object of strings and numbers as a line, and reports whether the connection still takes some.
func (b *batch) appendLine(object any) bool {
	line, err := json.Marshal(object)
	if err != nil {
		panic("local: an event of strings and numbers cannot be encoded: " + err.Error())
	}
	pending, ok := b.begin()
	if !ok {
		return false
	}
	b.commit(append(append(pending, line...), '\n'))
	return true
}

// close tells that nothing more will be produced.
func (b *batch) close() {
	b.mutex.Lock()
	b.closed = true
	b.mutex.Unlock()
	b.changed.Broadcast()
}

// take waits for bytes and returns them; they are valid until the next take. It reports false once the producer has ended and all
// was taken.
func (b *batch) take() ([]byte, bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for len(b.pending) == 0 && !b.closed {
		b.changed.Wait()
	}
	if len(b.pending) == 0 {
		return nil, false
	}
	taken := b.pending
	b.pending, b.spare = b.spare[:0], taken
	b.changed.Broadcast()
	return taken, true
}

// copyTo writes what is produced until the producer ends or the connection fails.
func (b *batch) copyTo(w http.ResponseWriter) {
	controller := http.NewResponseController(w)
	for {
		bytes, ok := b.take()
		if !ok {
			return
		}
		_, err := w.Write(bytes)
		if err == nil {
			err = controller.Flush()
		}
		if err != nil {
			b.abandon()
			return
		}
	}
}

func (b *batch) abandon() {
	b.mutex.Lock()
	b.broken = true
	b.mutex.Unlock()
	b.changed.Broadcast()
}
