package manet

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
)

// What is published, and when.
const (
	Interval = 200 * time.Millisecond
	warmup   = 120 * time.Second // before the first packet, for the group to form and the nodes to mix
	rest     = 40 * time.Second  // after the last one, for repair
	joining  = 10 * time.Second  // within which members join, each at its time
)

// Config describes a run.
type Config struct {
	Protocol *Protocol
	Nodes    int
	Range    float64 // metres
	SpeedMin float64 // metres per second
	SpeedMax float64
	Side     float64 // of the square in which they move, metres
	Pause    int     // the longest, in seconds
	History  int     // messages that members keep for gossip; 0: as many as their protocol has it
	Size     int     // bytes of a payload
	Seconds  int     // for which is published
	Seed     uint64
	Animate  *Animation // is filled, where it is not nil
}

// Members returns how many nodes are members: a third, the source included.
func (c *Config) Members() int { return c.Nodes / 3 }

// packets returns how many are sent.
func (c *Config) packets() int { return int(time.Duration(c.Seconds)*time.Second/Interval) + 1 }

// run is a run.
type run struct {
	config    Config
	world     *sim.World
	members   []*member // the source first
	published int
	reachable int // of pairs of a packet and a member
	counts    [classes]uint64
	before    sim.RadioStats // when the first packet is sent,
	after     sim.RadioStats // and an interval after the last one
	measured  bool
	seen      []bool // of a search
}

func idOf(i int) protocol.NodeID { return protocol.NodeID(i + 1) }

// Run measures one run. It tells what it is at, and ends with the error of the context.
func Run(ctx context.Context, c Config, tell func(string)) (Result, error) {
	r := newRun(c)
	end := protocol.Time(warmup).Add(time.Duration(c.Seconds)*time.Second + rest)
	for r.world.Now() < end {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		r.world.Run(min(end, r.world.Now().Add(10*time.Second)))
		tell(fmt.Sprintf("%v of %v", r.world.Now(), end))
	}
	return r.result(), nil
}

func newRun(c Config) *run {
	pause := time.Duration(c.Pause) * time.Second
	r := &run{config: c, seen: make([]bool, c.Nodes)}
	r.world = sim.New(sim.Config{Seed: c.Seed, Network: sim.Network{Radio: &sim.Radio{
		Mobility: sim.RandomWaypoint{Width: c.Side, Height: c.Side, SpeedMin: c.SpeedMin, SpeedMax: c.SpeedMax, PauseMax: pause},
		Range:    c.Range,
	}}})
	r.world.Observe(r.observe)
	for i := range c.Nodes {
		r.world.Add(sim.HostConfig{ID: idOf(i), Build: func(b sim.Boot) protocol.Machine { return c.Protocol.build(&c, b) }})
	}
	for i := range c.Members() {
		r.members = append(r.members, newMember(c.packets()))
		at := protocol.Time(joining) * protocol.Time(i) / protocol.Time(c.Members())
		r.world.At(at, func() {
			r.world.Command(idOf(i), func(now protocol.Time, m protocol.Machine, out *protocol.Output) { m.(Node).Join(now, group, out) })
		})
	}
	r.world.At(protocol.Time(warmup), func() {
		r.before = r.world.Stats().Radio
		r.world.Trace(r.count)
		r.publish()
	})
	r.world.At(protocol.Time(warmup).Add(time.Duration(c.packets())*Interval), func() { r.after, r.measured = r.world.Stats().Radio, true })
	if c.Animate != nil {
		c.Animate.record(r)
	}
	return r
}

// publish has the source send the next packet, and the others after it.
func (r *run) publish() {
	payload := make([]byte, r.config.Size)
	binary.BigEndian.PutUint64(payload, uint64(r.published))
	binary.BigEndian.PutUint64(payload[8:], uint64(r.world.Now()))
	r.reachable += r.reach()
	r.published++
	r.world.Command(idOf(0), func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		m.(Node).Multicast(now, group, payload, out)
	})
	if r.published < r.config.packets() {
		r.world.At(r.world.Now().Add(Interval), r.publish)
	}
}

// reach counts the members to which there is a path from the source.
func (r *run) reach() (found int) {
	clear(r.seen)
	r.seen[0] = true
	for border := []int{0}; len(border) > 0; border = border[1:] {
		for i := range r.seen {
			if !r.seen[i] && r.world.Reaches(idOf(border[0]), idOf(i)) {
				r.seen[i] = true
				border = append(border, i)
				if i < len(r.members) {
					found++
				}
			}
		}
	}
	return found
}

// count counts the messages that a step sends.
func (r *run) count(s *sim.Step) {
	if r.measured {
		return
	}
	for i := range s.Effects {
		switch e := &s.Effects[i]; e.Kind {
		case protocol.EffectSend, protocol.EffectBroadcast:
			r.counts[classOf(e.Message)]++
		}
	}
}

func (r *run) observe(now protocol.Time, id protocol.NodeID, e protocol.Event) {
	if r.config.Animate != nil {
		r.config.Animate.observe(now, id, e)
	}
	payload, ok := r.config.Protocol.delivered(e)
	if i := int(id) - 1; ok && i > 0 && i < len(r.members) {
		r.members[i].deliver(now, int(binary.BigEndian.Uint64(payload)), protocol.Time(binary.BigEndian.Uint64(payload[8:])))
	}
}
