package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/protocol"
)

// Faults says what strikes a world at random. Each kind of fault has draws of its own, so that one more kind does not move the others.
// The durations named by kind are the mean times between two faults of the kind in the whole world, exponentially distributed; 0 for never.
type Faults struct {
	Pause     time.Duration // a host stops for a while
	Crash     time.Duration // a host crashes and restarts after a while
	Partition time.Duration // a random group is cut off for a while, in one direction or in both
	Clog      time.Duration // a random group's traffic to the others is held back for a while

	Deafen time.Duration // a segment stops forwarding to groups for a while, to all or some of its hosts

	Longest   time.Duration // of one fault; each lasts between a hundredth of it and all of it, evenly by logarithm
	DiskKept  float64       // probability that a host has its disk after a crash
	DownMax   int           // hosts that are down at once; 0 for a third of all
	Untouched []protocol.NodeID
}

// The kinds of faults, as they enter the draws.
const (
	faultPause uint64 = iota
	faultCrash
	faultPartition
	faultClog
	faultDeafen
)

// storm is what Strike has under way.
type storm struct {
	world  *World
	faults Faults
	until  protocol.Time
	down   []*host
}

// Strike lets faults strike from now until the given time. Heal ends what is left of them then.
func (w *World) Strike(f Faults, until protocol.Time) {
	s := &storm{world: w, faults: f, until: until}
	w.storms = append(w.storms, s)
	round := uint64(len(w.storms))
	for _, kind := range []struct {
		number uint64
		mean   time.Duration
		strike func(*rand.Rand)
	}{
		{faultPause, f.Pause, s.pause}, {faultCrash, f.Crash, s.crash},
		{faultPartition, f.Partition, s.partition}, {faultClog, f.Clog, s.clog},
		{faultDeafen, f.Deafen, s.deafen},
	} {
		if kind.mean > 0 {
			r := rand.New(rand.NewPCG(combine(w.config.Seed, purposeFault, kind.number, round, 0), kind.number))
			s.next(kind.mean, kind.strike, r)
		}
	}
}

// next has the next fault of a kind strike in its time.
func (s *storm) next(mean time.Duration, strike func(*rand.Rand), r *rand.Rand) {
	at := s.world.now.Add(Exponential{Min: 1, Mean: mean}.Draw(r))
	if at >= s.until {
		return
	}
	s.world.At(at, func() {
		if at < s.until {
			strike(r)
			s.next(mean, strike, r)
		}
	})
}

// duration draws how long a fault lasts: its logarithm is uniform over two decades.
func (s *storm) duration(r *rand.Rand) time.Duration {
	return bounded(float64(s.faults.Longest) * math.Pow(100, -r.Float64()))
}

// victim draws a host that may be touched; false when the draw fell on one that may not.
func (s *storm) victim(r *rand.Rand) (*host, bool) {
	h := s.world.hosts[r.IntN(len(s.world.hosts))]
	return h, h.machine != nil && !slices.Contains(s.faults.Untouched, h.place.ID)
}

func (s *storm) pause(r *rand.Rand) {
	h, ok := s.victim(r)
	if d := s.duration(r); ok {
		s.world.pause(h, d)
	}
}

func (s *storm) crash(r *rand.Rand) {
	most := s.faults.DownMax
	if most == 0 {
		most = len(s.world.hosts) / 3
	}
	h, ok := s.victim(r)
	d, kept := s.duration(r), r.Float64() < s.faults.DiskKept
	if !ok || len(s.down) >= most {
		return
	}
	s.world.Crash(h.place.ID)
	if !kept && h.extra != nil {
		h.extra.disk = Disk{}
	}
	s.down = append(s.down, h)
	s.world.At(s.world.now.Add(d), func() { s.revive(h) })
}

// revive restarts a host, unless Heal or the script has done so before.
func (s *storm) revive(h *host) {
	if i := slices.Index(s.down, h); i >= 0 {
		s.down = slices.Delete(s.down, i, i+1)
		if h.machine == nil {
			s.world.Restart(h.place.ID, true)
		}
	}
}

// groups draws a group of hosts and returns it with all others.
func (s *storm) groups(r *rand.Rand) (group, others []protocol.NodeID) {
	share := r.Float64()
	for _, h := range s.world.hosts {
		inside := r.Float64() < share
		switch {
		case slices.Contains(s.faults.Untouched, h.place.ID):
		case inside:
			group = append(group, h.place.ID)
		default:
			others = append(others, h.place.ID)
		}
	}
	return group, others
}

func (s *storm) partition(r *rand.Rand) {
	group, others := s.groups(r)
	d, twoWay := s.duration(r), r.IntN(2) == 0
	p := s.world.Cut(group, others, twoWay)
	s.world.At(s.world.now.Add(d), p.Heal)
}

func (s *storm) clog(r *rand.Rand) {
	group, others := s.groups(r)
	s.world.Clog(group, others, s.duration(r))
}

// Heal ends all partitions, clogs, deafness and sleep, whoever began them, and all that Strike began: hosts that it crashed restart, no further
// fault strikes. Pauses run their time, and the links stay as they are.
func (w *World) Heal() {
	w.barriers = nil
	for _, s := range w.storms {
		s.until = w.now
		for len(s.down) > 0 {
			s.revive(s.down[0])
		}
	}
	for _, h := range w.hosts {
		if h.extra != nil && h.extra.sleep.fraction > 0 {
			w.Sleep(h.place.ID, 0, h.extra.sleep.slot)
		}
		if h.extra != nil {
			h.extra.deaf = 0
		}
	}
}
