package zones

import (
	"fmt"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// places returns how many members are in which zone.
func (f *fleet) places() map[string]int {
	places := map[string]int{}
	for i := range f.names {
		if f.world.Up(id(i)) {
			places[protocol.Zone(f.node(i).members.Self().Name)]++
		}
	}
	return places
}

// leave has a member leave.
func (f *fleet) leave(i int) {
	f.world.Command(id(i), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		n := m.(*node)
		n.tables.Leave(now, out)
		n.members.Leave(now, out)
	})
	f.world.At(f.world.Now().Add(2*time.Second), func() { f.world.Crash(id(i)) })
}

// While zones split and merge, nothing of a topic is lost: members sign and publish all the time, others come until the root splits, and go until all are together again. Subscribers
// that are there from the beginning to the end get every message, and nobody gets one twice.
func TestTopicsOverSplitAndMerge(t *testing.T) {
	const (
		early, all = 5, 18
		each       = 100 * time.Millisecond // between messages
	)
	for _, loss := range []float64{0, 0.02} {
		for seed := range uint64(4) {
			f := newFleetAt(t, 20+seed, loss, func(i int) time.Duration {
				if i < early {
					return time.Second + time.Duration(i)*50*time.Millisecond
				}
				return 20*time.Second + time.Duration(i)*300*time.Millisecond
			}, all, "")
			f.limit = 16
			f.pass(10 * time.Second)
			f.subscribe(0, 1, 2, 3)
			f.pass(5 * time.Second)
			published := 0
			publish := func(d time.Duration) {
				for end := f.world.Now().Add(d); f.world.Now() < end; f.pass(each) {
					published++
					f.do(published%early, func(now protocol.Time, m *bimodal.Machine, out *protocol.Output) error {
						return m.Publish(now, topic, make([]byte, 100), out)
					})
				}
			}
			publish(100 * time.Second)
			split := f.places()
			if split["/"] > 0 || len(split) < 3 {
				t.Fatalf("seed %d: %v", seed, split)
			}
			for i := early; i < all; i++ {
				f.leave(i)
				publish(time.Second)
			}
			publish(150 * time.Second)
			if together := f.places(); together["/"] != early {
				t.Errorf("seed %d: the last ones are in %v", seed, together)
			}
			f.pass(5 * time.Second)
			f.check(fmt.Sprintf("seed %d, loss %v, split into %d zones", seed, loss, len(split)), published, 0, 1, 2, 3)
		}
	}
}
