package measure

import (
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkRecorder is what each delivery of a measurement costs beside the system that is measured.
func BenchmarkRecorder(b *testing.B) {
	r := newRecorder(NewClock(), new(atomic.Uint64))
	r.expect(order{Number: 1, Rate: 1e6, Duration: time.Minute, Sample: sampleCoarse})
	payload := make([]byte, 100)
	b.ReportAllocs()
	for number := uint64(0); b.Loop(); number++ {
		head{trial: 1, number: number, due: time.Duration(number) * time.Microsecond}.put(payload)
		r.Message(payload)
	}
}

func TestRecorderCountsOnlyItsTrial(t *testing.T) {
	progress := new(atomic.Uint64)
	r := newRecorder(NewClock(), progress)
	message := func(trial, number uint64) {
		payload := make([]byte, SizeMin)
		head{trial: trial, number: number, due: r.clock.Now()}.put(payload)
		r.Message(payload)
	}
	message(0, 0) // before any trial
	message(1, 0)
	r.expect(order{Number: 2, Rate: 100, Duration: time.Second, Sample: 1})
	message(1, 1)
	message(2, 0)
	message(2, 2)
	r.Message(make([]byte, SizeMin-1))
	r.Lost(1)
	if r.count() != 3 || progress.Load() != 3 {
		t.Errorf("%d messages came or were lost, %d of them told; want 3", r.count(), progress.Load())
	}
	report := r.end()
	if report.Delivered != 2 || report.Told != 1 || report.Gaps != 1 || report.Latency.total != 2 {
		t.Errorf("reported %d delivered, %d told in %d gaps, %d latencies", report.Delivered, report.Told, report.Gaps, report.Latency.total)
	}
	message(2, 3)
	if late := r.end(); late.Delivered != 0 {
		t.Error("a message counted after the end of its trial")
	}
}

func TestRecordingAMessageAllocatesNothing(t *testing.T) {
	r := newRecorder(NewClock(), new(atomic.Uint64))
	r.expect(order{Number: 1, Rate: 1000, Duration: time.Second, Sample: 1})
	payload, number := make([]byte, SizeMin), uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		head{trial: 1, number: number, due: r.clock.Now()}.put(payload)
		r.Message(payload)
		number++
	}); n != 0 {
		t.Errorf("%v allocations per message", n)
	}
}
