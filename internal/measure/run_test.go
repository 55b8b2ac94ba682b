package measure

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func run(t *testing.T, m *memory, trial Trial) *Outcome {
	t.Helper()
	behave := m.behave
	m.behave = nil
	g := startMemory(t, m)
	m.behave = behave
	return runIn(t, g, trial)
}

// runIn runs a trial, and skips the test if the machine was so busy that the trial ended by its limits of time: no less than behindMax after its beginning.
func runIn(t *testing.T, g *Group, trial Trial) *Outcome {
	t.Helper()
	outcome, err := g.Run(t.Context(), trial)
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Published < outcome.Offered() && outcome.Lasted > behindMax {
		t.Skipf("skipped: the machine was so busy that %d of %d messages were published in %v", outcome.Published, outcome.Offered(), outcome.Lasted)
	}
	return outcome
}

func TestOpenLoopOffersItsRate(t *testing.T) {
	outcome := run(t, &memory{}, Trial{Rate: 5000, Duration: 200 * time.Millisecond})
	if outcome.Published != 1000 || outcome.Offered() != 1000 || outcome.Deliveries() != 3000 || outcome.Missing() != 0 {
		t.Errorf("%d of %d published, %d deliveries, %d missing", outcome.Published, outcome.Offered(), outcome.Deliveries(), outcome.Missing())
	}
	if outcome.Lasted < 190*time.Millisecond {
		t.Errorf("1000 messages at 5000 per second were published within %v", outcome.Lasted)
	}
	if err := outcome.Sustained(); err != nil && !strings.Contains(err.Error(), "delay") {
		t.Error(err) // a delay can grow by chance on a busy machine
	}
}

func TestClosedLoopStaysWithinItsWindow(t *testing.T) {
	var held [][]byte // what a slow network has not delivered yet
	most := 0
	m := &memory{}
	m.behave = func(_ uint64, deliver func([]byte), payload []byte) {
		held = append(held, slices.Clone(payload))
		most = max(most, len(held))
		if len(held) == 20 {
			for _, payload := range held {
				deliver(payload)
			}
			held = held[:0]
		}
	}
	// A window of 19 stops with 19 messages held and, since nothing arrives, forgives them after a while: so goes on, but no faster.
	outcome := run(t, m, Trial{Window: 19, Duration: 600 * time.Millisecond})
	if outcome.Published > 100 {
		t.Errorf("%d messages were published, though no receiver got any before the window was full", outcome.Published)
	}
}

func TestLossAndDisorderAreSeen(t *testing.T) {
	lossy := &memory{behave: func(number uint64, deliver func([]byte), payload []byte) {
		if number%10 != 9 {
			deliver(payload)
		}
	}}
	outcome := run(t, lossy, Trial{Rate: 1000, Duration: 100 * time.Millisecond})
	if outcome.Published != 100 || outcome.Missing() != 30 {
		t.Errorf("of %d messages to 3 receivers %d are missing, want 30", outcome.Published, outcome.Missing())
	}
	if err := outcome.Sustained(); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a trial with losses: %v", err)
	}
	var kept []byte
	swapping := &memory{behave: func(_ uint64, deliver func([]byte), payload []byte) {
		if kept == nil {
			kept = slices.Clone(payload)
			return
		}
		deliver(payload)
		deliver(kept)
		deliver(kept)
		kept = nil
	}}
	outcome = run(t, swapping, Trial{Rate: 1000, Duration: 100 * time.Millisecond})
	report := outcome.Reports[0]
	if report.Delivered != 100 || report.Disordered != 50 || report.Repeated != 50 {
		t.Errorf("%d delivered, %d out of order, %d repeated; want 100, 50, 50", report.Delivered, report.Disordered, report.Repeated)
	}
	if err := outcome.Sustained(); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("a trial out of order: %v", err)
	}
}

func TestPerturbedReceiversDoNotCount(t *testing.T) {
	m := &memory{}
	g := startMemory(t, m)
	m.receivers = m.receivers[:len(m.receivers)-1] // one gets nothing; receivers start in any order
	outcome := runIn(t, g, Trial{Rate: 1000, Duration: 100 * time.Millisecond, Perturbed: 1, Sleep: 1})
	if missing := outcome.Missing() + missing(outcome.perturbed(), outcome.Published); missing != 100 || len(outcome.healthy()) != 2 {
		t.Errorf("%d missing in all, %d healthy receivers; want 100 and 2", missing, len(outcome.healthy()))
	}
}

func TestGrowingDelay(t *testing.T) {
	bins := func(delays ...time.Duration) (r Report) {
		for _, d := range delays {
			r.Bins = append(r.Bins, Bin{Sampled: 2, Delay: 2 * d * time.Millisecond})
		}
		return r
	}
	for _, c := range []struct {
		report  Report
		growing bool
	}{
		{bins(1, 1, 1, 1, 1, 1, 1, 1), false},
		{bins(1, 1, 5, 6, 9, 9, 12, 13), false}, // by less than 10 ms
		{bins(1, 10, 20, 30, 40, 50, 60, 70), true},
		{bins(300, 300, 300, 300, 300, 300, 300, 300), true}, // it is too long
		{bins(90, 1, 1, 1, 1, 1, 90, 1), true},
	} {
		if err := c.report.growing(8 * binDuration); (err != nil) != c.growing {
			t.Errorf("%+v: %v", c.report.Bins, err)
		}
	}
}

func TestWorstAndMean(t *testing.T) {
	full := Report{Bins: make([]Bin, 42)}
	for i := range full.Bins {
		full.Bins[i].Delivered = 50
	}
	dip := Report{Bins: slices.Clone(full.Bins)}
	dip.Bins[20].Delivered, dip.Bins[29].Delivered = 0, 0 // within 500 ms of each other
	dip.Bins[1].Delivered, dip.Bins[41].Delivered = 0, 0  // in the warm-up, and after the end
	o := Outcome{Trial: Trial{Rate: 1000, Duration: 2 * time.Second, WarmUp: 100 * time.Millisecond}, Reports: []*Report{&full, &dip}}
	if got := o.Worst(); got != 800 {
		t.Errorf("the worst is %v per second, want 800", got)
	}
	if got, want := o.PerSecond(), (2*38*50-100)/1.9/2; got != want {
		t.Errorf("the mean is %v per second, want %v", got, want)
	}
}
