package views

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"spinglass/protocol"
)

// Result is what a run found of a kind of change. Times are nil where there were none.
type Result struct {
	Experiment string  `json:"experiment"`
	Protocol   string  `json:"protocol"`
	Order      string  `json:"order"`
	Members    int     `json:"members"`
	Loss       float64 `json:"loss"`
	Perturb    float64 `json:"perturb"` // part of the time that one member is asleep
	Seed       uint64  `json:"seed"`
	Change     Kind    `json:"change"`
	Changes    int     `json:"changes"`    // of this kind that were done
	Unfinished int     `json:"unfinished"` // that were not done after two minutes
	Skipped    int     `json:"skipped"`    // for which there was nobody but who casts and who sleeps; what would have followed on them was not made either
	// From the crash, or the command, until the first member suspects who crashed, or is blocked; the mean over changes.
	Found *float64 `json:"found_ms"`
	// From then until all members that are well have installed a view as it should be: the mean, and the most of any change.
	ChangeMean *float64 `json:"change_ms"`
	ChangeMax  *float64 `json:"change_max_ms"`
	// From the first proposal of a view until then, likewise.
	Flush    *float64 `json:"flush_ms"`
	FlushMax *float64 `json:"flush_max_ms"`
	// For how long a change holds back casts, at a member in the mean, and at the one where it does longest.
	Held    *float64 `json:"held_ms"`
	HeldMax *float64 `json:"held_max_ms"`
	// HeldFraction is the part of their time that members cannot cast, while changes of this kind come as often as is told.
	HeldFraction float64 `json:"held_fraction"`
	PerMinute    float64 `json:"changes_per_minute"`
	// WaitFraction is the part of the time in which a cast that is wanted waits, because the view changes, or because the group takes no more for other reasons, as before it is known that a member has crashed.
	WaitFraction float64 `json:"wait_fraction"`
	// From when a cast is wanted until it is delivered, at each member that is well.
	CastMedian float64 `json:"cast_p50_ms"`
	CastP99    float64 `json:"cast_p99_ms"`
	CastMax    float64 `json:"cast_max_ms"`
}

// found is what was found of a kind of change.
type found struct {
	time            time.Duration
	unfinished      int
	skipped         int
	found, flush    []float64 // milliseconds, of each change
	change          []float64
	heldSum         time.Duration // over members
	heldMax         time.Duration // of a member, in one interval
	memberIntervals int           // members, over intervals
	memberTime      time.Duration
	waited          time.Duration
	latencies       []float64 // milliseconds
}

// installed takes in that a member has installed a view.
func (r *run) installed(id protocol.NodeID, view []protocol.NodeID) {
	h := &r.members[id]
	if !h.present {
		return
	}
	h.held, h.blocked = r.heldBy(h), protocol.Never
	h.view = view
	r.look()
}

// blocked takes in that a member cannot cast.
func (r *run) blocked(now protocol.Time, id protocol.NodeID) {
	h := &r.members[id]
	if h.present && h.view != nil && h.blocked == protocol.Never {
		h.blocked = now
		if c := r.change; c != nil && c.kind != KindCrash && c.kind != KindCoordinator {
			c.found = min(c.found, now)
		}
	}
}

// out takes in that a member is in no view. One that should be cannot cast until it is again.
func (r *run) out(now protocol.Time, id protocol.NodeID) {
	r.blocked(now, id)
	r.members[id].view = nil
}

func (r *run) suspected(now protocol.Time, subject protocol.NodeID) {
	if c := r.change; c != nil && c.subject == subject && (c.kind == KindCrash || c.kind == KindCoordinator) {
		c.found = min(c.found, now)
	}
}

// delivered takes in that a cast was delivered.
func (r *run) delivered(now protocol.Time, id protocol.NodeID, payload []byte) {
	if n := binary.BigEndian.Uint64(payload); id != r.sleeper && r.members[id].present {
		f := &r.found[r.phases[n]]
		f.latencies = append(f.latencies, milliseconds(now.Sub(r.wanted[n])))
	}
}

// heldBy returns for how long casts of a member were held back so far.
func (r *run) heldBy(h *host) time.Duration {
	if h.blocked == protocol.Never {
		return h.held
	}
	return h.held + r.world.Now().Sub(h.blocked)
}

// waitedBy returns for how long casts that were wanted have waited so far.
func (r *run) waitedBy() time.Duration {
	if r.waiting == protocol.Never {
		return r.waited
	}
	return r.waited + r.world.Now().Sub(r.waiting)
}

// settled reports whether all members that are well are in a view of all of them, with the subject in it or not.
func (r *run) settled(subject protocol.NodeID, in bool) bool {
	well := func(id protocol.NodeID) bool { return r.members[id].present && id != r.sleeper }
	first := r.members[r.hosts[slices.IndexFunc(r.hosts, well)]].view
	for _, id := range r.hosts {
		if !well(id) {
			continue
		}
		if !slices.Contains(first, id) || !slices.Equal(r.members[id].view, first) || r.members[id].blocked != protocol.Never {
			return false
		}
	}
	return subject == 0 || slices.Contains(first, subject) == in
}

// look ends the change that is under way if all is as it should be.
func (r *run) look() {
	c := r.change
	if c == nil {
		return
	}
	in := r.members[c.subject].present
	if !r.settled(c.subject, in) || c.found == protocol.Never || c.propose == protocol.Never {
		return
	}
	now, f := r.world.Now(), &r.found[c.kind]
	f.found = append(f.found, milliseconds(c.found.Sub(c.began)))
	f.change = append(f.change, milliseconds(now.Sub(c.found)))
	f.flush = append(f.flush, milliseconds(now.Sub(c.propose)))
	r.change = nil
}

// account adds an interval of a kind.
func (r *run) account(kind Kind, long time.Duration) {
	f := &r.found[kind]
	f.time, f.waited = f.time+long, f.waited+r.waitedBy()-r.before
	for _, id := range r.hosts {
		if h := &r.members[id]; h.present && id != r.sleeper {
			held := r.heldBy(h) - h.before
			f.heldSum, f.heldMax = f.heldSum+held, max(f.heldMax, held)
			f.memberIntervals++
			f.memberTime += long
		}
	}
}

// results returns a result for each kind of change that there was, or should have been, and one for all.
func (r *run) results() (results []Result) {
	all := &r.found[KindAll]
	for kind := KindNone; kind < KindAll; kind++ {
		f := &r.found[kind]
		if f.time == 0 && f.skipped == 0 {
			continue
		}
		results = append(results, r.result(kind))
		if kind == KindNone {
			continue
		}
		all.time, all.memberTime, all.unfinished, all.skipped = all.time+f.time, all.memberTime+f.memberTime, all.unfinished+f.unfinished, all.skipped+f.skipped
		all.heldSum, all.heldMax, all.memberIntervals = all.heldSum+f.heldSum, max(all.heldMax, f.heldMax), all.memberIntervals+f.memberIntervals
		all.found, all.change, all.flush = append(all.found, f.found...), append(all.change, f.change...), append(all.flush, f.flush...)
		all.waited += f.waited
		all.latencies = append(all.latencies, f.latencies...)
	}
	if all.time > 0 || all.skipped > 0 {
		results = append(results, r.result(KindAll))
	}
	return results
}

// result returns what was found of a kind.
func (r *run) result(kind Kind) Result {
	c, f := &r.config, &r.found[kind]
	out := Result{
		Experiment: "views", Protocol: c.Protocol, Order: c.Order.String(), Members: c.Members, Loss: c.Loss, Perturb: c.Perturb, Seed: c.Seed, Change: kind, Changes: len(f.change), Unfinished: f.unfinished, Skipped: f.skipped,
		HeldFraction: fraction(f.heldSum, f.memberTime), WaitFraction: fraction(f.waited, f.time),
	}
	if f.time > 0 {
		out.PerMinute = thousandths(float64(len(f.change)) / f.time.Minutes())
	}
	out.Found, _ = summary(f.found)
	out.ChangeMean, out.ChangeMax = summary(f.change)
	out.Flush, out.FlushMax = summary(f.flush)
	if len(f.change) > 0 {
		held, most := thousandths(milliseconds(f.heldSum)/float64(f.memberIntervals)), milliseconds(f.heldMax)
		out.Held, out.HeldMax = &held, &most
	}
	slices.Sort(f.latencies)
	if n := len(f.latencies); n > 0 {
		out.CastMedian, out.CastP99, out.CastMax = f.latencies[n/2], f.latencies[n*99/100], f.latencies[n-1]
	}
	return out
}

// summary returns the mean and the most of values, nil of none.
func summary(values []float64) (mean, most *float64) {
	if len(values) == 0 {
		return nil, nil
	}
	sum, top := 0.0, slices.Max(values)
	for _, v := range values {
		sum += v
	}
	sum = thousandths(sum / float64(len(values)))
	return &sum, &top
}

func milliseconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }

// fraction leaves out the digits of a part of a time that mean nothing; 0 of no time.
func fraction(part, of time.Duration) float64 {
	if of == 0 {
		return 0
	}
	return math.Round(part.Seconds()/of.Seconds()*1e7) / 1e7
}

// thousandths leaves out the digits that mean nothing.
func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }
