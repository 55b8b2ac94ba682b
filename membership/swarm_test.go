package membership

import (
	"fmt"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/sim"
)

// eventOrder checks the sixth point of the package's contract: the order of the events about each peer.
type eventOrder struct {
	known map[[3]uint64]*peerLife
	err   error
}

type peerLife struct{ up, suspect, unreachable bool }

// Observe implements sim.Checker.
func (c *eventOrder) Observe(s *sim.Step) {
	for i := range s.Effects {
		if s.Effects[i].Kind == protocol.EffectEmit {
			c.event(s, s.Effects[i].Event)
		}
	}
}

func (c *eventOrder) event(s *sim.Step, e protocol.Event) {
	check := func(peer *protocol.Peer, allowed func(l *peerLife) bool, then func(l *peerLife)) {
		key := [3]uint64{uint64(s.Host), uint64(s.Incarnation), uint64(peer.ID)}
		if c.known[key] == nil {
			c.known[key] = new(peerLife)
		}
		if l := c.known[key]; !allowed(l) && c.err == nil {
			c.err = fmt.Errorf("at %v host %v told %T of %v while %+v", s.Now, s.Host, e, peer.ID, *l)
		} else {
			then(l)
		}
	}
	up := func(l *peerLife) bool { return l.up }
	switch e := e.(type) {
	case protocol.PeerUp:
		check(e.Peer, func(l *peerLife) bool { return !l.up }, func(l *peerLife) { *l = peerLife{up: true} })
	case protocol.PeerChanged:
		check(e.Peer, up, func(*peerLife) {})
	case protocol.PeerSuspect:
		check(e.Peer, func(l *peerLife) bool { return l.up && !l.suspect }, func(l *peerLife) { l.suspect = true })
	case protocol.PeerAlive:
		check(e.Peer, func(l *peerLife) bool { return l.up && l.suspect }, func(l *peerLife) { l.suspect = false })
	case protocol.PeerUnreachable:
		check(e.Peer, func(l *peerLife) bool { return l.up && !l.unreachable }, func(l *peerLife) { l.unreachable = true })
	case protocol.PeerReachable:
		check(e.Peer, func(l *peerLife) bool { return l.up && l.unreachable }, func(l *peerLife) { l.unreachable = false })
	case protocol.PeerDown:
		check(e.Peer, func(l *peerLife) bool { return l.up && l.suspect }, func(l *peerLife) { *l = peerLife{} })
	case protocol.PeerLeft:
		check(e.Peer, up, func(l *peerLife) { *l = peerLife{} })
	}
}

// Finish implements sim.Checker.
func (c *eventOrder) Finish() error { return c.err }

// Whatever strikes, the fleet is whole again some time after it ends, the events keep their order, and a run is the same twice
// and with real encoding.
func TestSwarm(t *testing.T) {
	seeds := 10
	if full() {
		seeds = 200
	}
	sim.Swarm(t, seeds, func(seed uint64) error {
		r := sim.Draw(seed)
		n := 2 + r.IntN(24)
		network, safety := sim.DrawNetwork(r), 2*time.Minute
		var f *fleet
		signed, faults := seed%2 == 0, sim.DrawFaults(r, safety)
		if signed {
			faults.DiskKept = 1 // who keeps the key and loses the boot counter contradicts itself
		}
		trial := sim.Trial{
			Config: sim.Config{Seed: seed, Network: network, Cost: sim.CommodityCost(), Content: true, Ed25519: seed%4 == 0,
				Decoder: func() protocol.Decoder { return new(Decoder) }},
			Faults: faults,
			Safety: safety,
			Build: func(w *sim.World) {
				f = &fleet{world: w}
				if signed {
					f.authorities = newAuthorities(w)
				}
				w.Check(&eventOrder{known: make(map[[3]uint64]*peerLife)})
				f.add(n)
			},
			Converged: func(*sim.World) error { return f.complete(nil) },
			Converge:  5 * time.Minute,
		}
		return trial.Repeat()
	})
}

// The checker of events finds what it is there for.
func TestEventOrderBites(t *testing.T) {
	peer := &protocol.Peer{ID: 2}
	for _, events := range [][]protocol.Event{
		{protocol.PeerChanged{Peer: peer}},
		{protocol.PeerUp{Peer: peer}, protocol.PeerUp{Peer: peer}},
		{protocol.PeerUp{Peer: peer}, protocol.PeerDown{Peer: peer}},
		{protocol.PeerUp{Peer: peer}, protocol.PeerAlive{Peer: peer}},
		{protocol.PeerUp{Peer: peer}, protocol.PeerReachable{Peer: peer}},
		{protocol.PeerUp{Peer: peer}, protocol.PeerLeft{Peer: peer}, protocol.PeerSuspect{Peer: peer}},
	} {
		c := &eventOrder{known: make(map[[3]uint64]*peerLife)}
		for _, e := range events {
			c.Observe(&sim.Step{Host: 1, Effects: []protocol.Effect{{Kind: protocol.EffectEmit, Event: e}}})
		}
		if c.Finish() == nil {
			t.Errorf("%T passed", events)
		}
	}
}
