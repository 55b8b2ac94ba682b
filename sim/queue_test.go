package sim

import (
	"math/rand/v2"
	"slices"
	"testing"

	"spinglass/protocol"
)

// oracle is a queue that is sorted after every push.
type oracle []entry

func (o *oracle) push(e entry) {
	i := len(*o)
	for i > 0 && (*o)[i-1].at > e.at {
		i--
	}
	*o = slices.Insert(*o, i, e)
}

func (o *oracle) pop(until protocol.Time) (entry, bool) {
	if len(*o) == 0 || (*o)[0].at > until {
		return entry{}, false
	}
	e := (*o)[0]
	*o = (*o)[1:]
	return e, true
}

func TestQueueAgainstOracle(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var q queue
		var o oracle
		now, spread := protocol.Time(0), int64(1)<<(1+r.IntN(50))
		for i := range uint32(600) {
			if r.IntN(5) < 3 {
				e := entry{at: now + protocol.Time(r.Int64N(spread)), ref: i}
				if r.IntN(4) == 0 {
					e.at = now + protocol.Time(r.Int64N(3))
				}
				q.push(e)
				o.push(e)
				continue
			}
			until := now + protocol.Time(r.Int64N(spread))
			got, gotOK := q.pop(until)
			want, wantOK := o.pop(until)
			if got != want || gotOK != wantOK || q.Len() != len(o) {
				t.Fatalf("seed %d: pop(%d) = %+v %v, want %+v %v", seed, until, got, gotOK, want, wantOK)
			}
			if now = until; gotOK {
				now = got.at
			}
		}
	}
}

func TestQueuePushInThePastPanics(t *testing.T) {
	var q queue
	q.push(entry{at: 1000})
	q.pop(1000)
	mustPanic(t, "in the past", func() { q.push(entry{at: 999}) })
}

func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{1e3, 1e5} {
		b.Run(map[bool]string{true: "pending=1e3", false: "pending=1e5"}[n == 1e3], func(b *testing.B) {
			var q queue
			r := rand.New(rand.NewPCG(1, 2))
			for i := range n {
				q.push(entry{at: protocol.Time(r.Int64N(1e9)), ref: uint32(i)})
			}
			for range b.N {
				e, _ := q.pop(protocol.Never)
				e.at += protocol.Time(r.Int64N(1e9))
				q.push(e)
			}
		})
	}
}
