package membership

import (
	"fmt"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
)

// A row that changes all the time is a rumour now and then; which topics a member wants all hear at once, also when its row has changed just before. The control is another
// attribute, which exchanges bring.
func TestInterestIsNewsAtOnce(t *testing.T) {
	for _, name := range []string{TopicsAttribute, "load"} {
		f := newFleet(40, sim.Config{Seed: 3, Network: lan(0)}, nil)
		f.form(t, 20*time.Second)
		f.world.Run(f.world.Now().Add(5 * time.Second))
		var took time.Duration
		for n := range 5 {
			value := fmt.Sprintf("%08d", n)
			f.world.Command(f.ids[7], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
				if err := m.(*Machine).SetAttribute(now, protocol.Attribute{Name: name, Value: []byte(value)}, out); err != nil {
					t.Error(err)
				}
			})
			start := f.world.Now()
			for known := 0; known < 39 && f.world.Now() < start.Add(200*time.Millisecond); {
				f.world.Run(f.world.Now().Add(5 * time.Millisecond))
				known = 0
				for i := range f.ids {
					if e := f.machine(i).table.Get(f.ids[7]); i != 7 && e != nil {
						if v, _ := e.Row().Attribute(name); string(v) == value {
							known++
						}
					}
				}
			}
			took = max(took, f.world.Now().Sub(start))
		}
		if slow := took >= 200*time.Millisecond; slow != (name == "load") {
			t.Errorf("%s is known to all after %v", name, took)
		}
	}
}
