package stack_test

import (
	"errors"
	"testing"
	"time"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/wire"
)

// format returns the format that a host speaks.
func (f *fleet) format(id protocol.NodeID, incarnation int) uint64 {
	if f.upgraded && id%2 == 1 && incarnation == 0 {
		return 1
	}
	return wire.FormatLatest
}

// announce has host 2 tell of the authority every few seconds, if members have identities.
func (f *fleet) announce(until protocol.Time) {
	const host, every = 2, 3 * time.Second
	if f.authority != nil && f.world.Up(host) {
		f.world.Command(host, func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
			b, err := f.authority.Beacon(start.Add(time.Duration(now)))
			if err == nil {
				err = m.(subscribed).Beacon(now, b, out)
			}
			if err != nil && !errors.Is(err, membership.ErrNotRunning) && !errors.Is(err, membership.ErrVerifyQueue) {
				panic(err)
			}
		})
	}
	if next := f.world.Now().Add(every); next < until {
		f.world.At(next, func() { f.announce(until) })
	}
}

// Fleets that are upgraded under all faults do all that others do, and no member is sent what it does not know.
func TestSwarmOfTwoFormats(t *testing.T) { swarm(t, 6, true) }
