package astrolabe

import (
	"errors"
	"math"
	"time"

	"spinglass/astrolabe"
	"spinglass/protocol"
	"spinglass/table"
)

// flooded is what all agents have in their rows in a flood, and what the summaries say of it.
const flooded = "flooded"

// sum carries the flood from the hosts' rows into those of all zones.
var sum = &astrolabe.Function{Name: flooded, Scope: astrolabe.Root, Version: 1, Expires: math.MaxInt32, Program: "SELECT SUM(flooded) AS flooded"}

// flood has all agents, from the time on when they are up, change their rows as often as they are to.
func (r *run) flood() {
	interval := int64(astrolabe.RoundDefault) / int64(r.config.Updates)
	for i := range r.fleet.IDs {
		at := protocol.Time(roundsToStart*astrolabe.RoundDefault + time.Duration(r.random.Int64N(interval)))
		r.fleet.World.At(at, func() {
			r.install(i)
			r.again(i, interval)
		})
	}
}

// again changes the row of an agent now and after each interval.
func (r *run) again(i int, interval int64) {
	value, err := table.Int(r.random.Int64N(math.MaxInt32)).Encode()
	if err != nil {
		panic(err) // an integer is within all limits
	}
	r.set(i, protocol.Attribute{Name: flooded, Value: value})
	r.fleet.World.At(r.fleet.World.Now().Add(time.Duration(interval)), func() { r.again(i, interval) })
}

func (r *run) install(i int) {
	r.fleet.World.Command(r.fleet.IDs[i], func(now protocol.Time, m protocol.Machine, _ *protocol.Output) {
		if err := m.(*Node).Tables.Install(now, sum); err != nil && !errors.Is(err, astrolabe.ErrVersion) { // another agent may have brought it already
			panic(err) // it is within all limits
		}
	})
}
