package measure

import (
	"sync/atomic"
	"unsafe"
)

// progress is what members and the driver of a group share while a trial runs: how far each receiver is, and which trial is to end early.
type progress struct{ cells []cell }

// cell has a cache line of its own, so that receivers do not slow each other down.
type cell struct {
	value atomic.Uint64
	_     [cellBytes - 8]byte
}

const cellBytes = 64

func newProgress(members int) *progress { return &progress{cells: make([]cell, members)} }

// progressOver lays cells over memory that processes share, which must be aligned to eight bytes.
func progressOver(memory []byte) *progress {
	return &progress{cells: unsafe.Slice((*cell)(unsafe.Pointer(unsafe.SliceData(memory))), len(memory)/cellBytes)}
}

// got is how many messages of the present trial a receiver has got or knows for lost. It lags a little behind at high rates.
func (p *progress) got(index int) *atomic.Uint64 { return &p.cells[index].value }

// stopped is the number of the last trial that is to end.
func (p *progress) stopped() *atomic.Uint64 { return &p.cells[0].value }

// slowest returns how far the slowest of the receivers up to member last is.
func (p *progress) slowest(last int) uint64 {
	slowest := p.got(1).Load()
	for i := 2; i <= last; i++ {
		slowest = min(slowest, p.got(i).Load())
	}
	return slowest
}
