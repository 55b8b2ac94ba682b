package measure

import (
	"sync"
	"sync/atomic"
	"time"
)

// Recorder notes what one receiver gets. A system calls Message for each message, Lost where it knows that messages are missing, both from
// any goroutine.
type Recorder struct {
	clock    Clock
	progress *atomic.Uint64

	mu       sync.Mutex
	order    order // of the present trial; the zero order before the first
	seen     seen
	next     uint64 // above the highest number so far
	unbinned uint64 // delivered since the clock was last looked at
	report   Report
}

// Report is what a receiver got in a trial.
type Report struct {
	Delivered  uint64    `json:"delivered"` // different messages
	Told       uint64    `json:"told"`      // missing messages that the system told of
	Gaps       uint64    `json:"gaps"`      // that they were told in
	Repeated   uint64    `json:"repeated"`
	Disordered uint64    `json:"disordered"` // that came after one with a higher number
	Latency    Histogram `json:"latency"`    // of the sampled messages that were due after the warm-up
	Bins       []Bin     `json:"bins"`       // the time since the beginning, in parts of 50 ms
}

// Bin is what a receiver got in a part of a trial.
type Bin struct {
	Delivered uint64        `json:"n"`
	Sampled   uint64        `json:"s"`
	Delay     time.Duration `json:"d"` // of all sampled messages together
}

func newRecorder(clock Clock, progress *atomic.Uint64) *Recorder {
	return &Recorder{clock: clock, progress: progress}
}

// expect begins a trial, whose beginning the first messages tell. Messages of others do not count from now on.
func (r *Recorder) expect(o order) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order, r.seen, r.next, r.unbinned = o, seen{}, 0, 0
	r.report = Report{Bins: make([]Bin, o.bins())}
	r.progress.Store(0)
}

// bins is how many bins a trial has; the last one takes what comes later, too.
func (o *order) bins() int { return int(o.Duration/binDuration) + 2 }

// Message notes a message. The payload may be reused afterwards.
func (r *Recorder) Message(payload []byte) {
	if len(payload) < SizeMin {
		return
	}
	h := headOf(payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.trial != r.order.Number || r.order.Number == 0 {
		return
	}
	switch {
	case h.number == r.next: // most of them
		r.seen.add(h.number)
		r.next++
	case !r.seen.add(h.number):
		r.report.Repeated++
		return
	case h.number < r.next:
		r.report.Disordered++
	default:
		r.next = h.number + 1
	}
	r.report.Delivered++
	r.unbinned++
	if h.number%r.order.Sample == 0 {
		r.look(h)
	}
}

// look takes a closer look at a message: when it came.
func (r *Recorder) look(h head) {
	now := r.clock.Now()
	delay := now - h.due
	if r.order.Begin == 0 {
		r.order.Begin = h.due - r.order.after(h.number)
	}
	bin := &r.report.Bins[min(max(int((now-r.order.Begin)/binDuration), 0), len(r.report.Bins)-1)]
	bin.Delivered += r.unbinned
	bin.Sampled++
	bin.Delay += delay
	r.unbinned = 0
	if h.due >= r.order.Begin+r.order.WarmUp {
		r.report.Latency.record(delay)
	}
	r.progress.Store(r.report.Delivered + r.report.Told)
}

// Lost notes that the system told of n missing messages.
func (r *Recorder) Lost(n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Told += n
	r.report.Gaps++
	r.progress.Store(r.report.Delivered + r.report.Told)
}

// count returns how many messages have come or are known for lost.
func (r *Recorder) count() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.report.Delivered + r.report.Told
}

// end ends the trial and returns what was noted.
func (r *Recorder) end() *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.report
	if r.unbinned > 0 {
		report.Bins[len(report.Bins)-1].Delivered += r.unbinned
	}
	r.order, r.report, r.unbinned = order{}, Report{}, 0
	return &report
}
