package sim

import (
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// Pause stops the process of a host for a time, as SIGSTOP does: it handles nothing, its inbox fills, its timers are late. Pauses
// that overlap add up.
func (w *World) Pause(id protocol.NodeID, d time.Duration) {
	w.pause(w.must(id), d)
}

// pause makes the cores of a host busy; what they were doing is done later by as much.
func (w *World) pause(h *host, d time.Duration) {
	w.stats.Pauses++
	h.free = max(h.free, w.now).Add(d)
	if h.extra != nil {
		for i, free := range h.extra.cores {
			h.extra.cores[i] = max(free, w.now).Add(d)
		}
	}
}

// sleep is the state of a host that sleeps now and then.
type sleep struct {
	fraction float64
	slot     time.Duration
	round    uint64        // how often Sleep was called for the host
	until    protocol.Time // end of the run of slots asleep
}

// sleepRunMax bounds a run of slots that are all spent alike.
const sleepRunMax = 1 << 20

// Sleep has a host sleep (as in Pause) in each slot of time with the given probability, from now on and until Sleep is called again;
// with a fraction of 0 it stays awake. The slots of a host begin at a random phase; its draws depend on the seed and the host only.
func (w *World) Sleep(id protocol.NodeID, fraction float64, slot time.Duration) {
	if fraction < 0 || fraction > 1 || slot <= 0 {
		panic("sim: Sleep needs a fraction in [0, 1] and a slot longer than 0")
	}
	h := w.must(id)
	s := &h.more().sleep
	if s.until > w.now && h.machine != nil {
		h.free = max(w.now, h.free-(s.until-w.now))
		w.schedule(h)
	}
	*s = sleep{fraction: fraction, slot: slot, round: s.round + 1}
	if fraction == 0 {
		return
	}
	r := rand.New(rand.NewPCG(combine(w.config.Seed, purposeSleep, uint64(id), s.round, 0), uint64(id)))
	round, phase := s.round, time.Duration(r.Int64N(int64(slot)))
	asleep := r.Float64() < fraction
	w.At(w.now.Add(phase), func() { w.sleepRun(h, round, r, asleep) })
}

// sleepRun spends a run of slots asleep or awake. The length of a run of slots, each asleep with probability p by itself, is geometric.
func (w *World) sleepRun(h *host, round uint64, r *rand.Rand, asleep bool) {
	s := &h.extra.sleep
	if s.round != round {
		return
	}
	stay := s.fraction
	if !asleep {
		stay = 1 - s.fraction
	}
	slots := 1
	for slots < sleepRunMax && r.Float64() < stay {
		slots++
	}
	d := time.Duration(slots) * s.slot
	if asleep {
		s.until = w.now.Add(d)
		if h.machine != nil {
			w.pause(h, d)
		}
	}
	w.At(w.now.Add(d), func() { w.sleepRun(h, round, r, !asleep) })
}

// resumeSleep keeps a host asleep that was started within a run of slots asleep.
func (w *World) resumeSleep(h *host) {
	if h.extra != nil && h.extra.sleep.until > w.now {
		w.pause(h, h.extra.sleep.until.Sub(w.now))
	}
}
