package live

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// Perturb describes a process that is descheduled now and then: time is cut into slots, and the loop sleeps through each slot with
// probability Sleep. Reading of the socket goes on, as the kernel's would, until the queue is full.
type Perturb struct {
	Sleep float64       // share of slots slept through, 0 to 1
	Slot  time.Duration // default 100 ms
}

// SlotDefault is the length of a slot when Perturb does not say.
const SlotDefault = 100 * time.Millisecond

func (p Perturb) check() error {
	if !(p.Sleep >= 0 && p.Sleep <= 1) || p.Slot < 0 {
		return fmt.Errorf("live: perturbation %+v: Sleep is a share from 0 to 1, Slot a duration", p)
	}
	return nil
}

// perturber decides when the loop sleeps.
type perturber struct {
	Perturb
	random *rand.Rand
	slot   protocol.Time // the last slot that was decided upon
}

func newPerturber(p Perturb, id protocol.NodeID) perturber {
	if p.Slot == 0 {
		p.Slot = SlotDefault
	}
	return perturber{Perturb: p, random: rand.New(rand.NewPCG(uint64(id), uint64(p.Slot))), slot: -1}
}

// until returns until when to sleep, now when not at all.
func (p *perturber) until(now protocol.Time) protocol.Time {
	if p.Sleep == 0 {
		return now
	}
	slot := now / protocol.Time(p.Slot)
	if slot == p.slot {
		return now
	}
	p.slot = slot
	if p.random.Float64() >= p.Sleep {
		return now
	}
	return (slot + 1) * protocol.Time(p.Slot)
}

// Pause makes the loop sleep for d from its next turn on, as a process that is not scheduled: a fault for tests and demonstrations. A
// pause under way is not cut short by another; Close ends it.
func (n *Node) Pause(d time.Duration) {
	n.pause.Store(int64(d))
	n.prod()
}

// SetPerturb changes the perturbation from the next turn on.
func (n *Node) SetPerturb(p Perturb) error {
	if err := p.check(); err != nil {
		return err
	}
	n.perturb.Store(&p)
	n.prod()
	return nil
}

// prod makes an idle loop take a turn.
func (n *Node) prod() {
	select {
	case n.prodded <- struct{}{}:
	default:
	}
}

// sleeps reports whether sleep may sleep, which is for the loop alone: readers go on.
func (n *Node) sleeps() bool {
	return n.perturber.Sleep > 0 || n.pause.Load() > 0 || n.perturb.Load() != nil
}

// sleep sleeps when Pause or the perturbation say so.
func (n *Node) sleep() {
	if p := n.perturb.Swap(nil); p != nil {
		n.perturber = newPerturber(*p, n.config.ID)
	}
	now := n.now()
	until := max(n.perturber.until(now), now.Add(time.Duration(n.pause.Swap(0))))
	if until <= now {
		return
	}
	n.timer.Set(n.instant(until))
	defer n.timer.Stop()
	select {
	case <-n.timer.C():
	case <-n.closing:
	}
	n.count.pausedNanoseconds.Add(uint64(n.now().Sub(now)))
}
