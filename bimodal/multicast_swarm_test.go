package bimodal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/sim"
)

// groupTrial is a trial of members on one segment, with the faults and links given, in which authors publish enough for multicast to pay.
func groupTrial(seed uint64, members, authors int, link *sim.Link, faults sim.Faults, safety time.Duration, fleetOf func(*fleet)) sim.Trial {
	var f *fleet
	faulty := *link
	return sim.Trial{
		Config: sim.Config{
			Seed: seed, Decoder: func() protocol.Decoder { return new(bimodal.Decoder) }, Content: true,
			Network: sim.Network{Topology: sim.Flat{Link: link}}, Cost: sim.CommodityCost(),
		},
		Build: func(w *sim.World) {
			*link = faulty
			f = newFleetOn(w, "lan", members, authors, nil)
			fleetOf(f)
			r := rand.New(rand.NewPCG(seed, 1))
			for author := range authors {
				for at := time.Millisecond; at < safety+2*time.Second; at += time.Duration(r.ExpFloat64() * float64(5*time.Millisecond)) {
					w.At(protocol.Time(at), func() { f.publish(author, 20+r.IntN(2000)) })
				}
			}
		},
		Faults: faults, Safety: safety,
		Heal: func(*sim.World) {
			*link = sim.Link{Latency: sim.Constant(time.Millisecond)}
		},
		Converged: func(*sim.World) error { return f.settled() }, Converge: time.Minute,
	}
}

// bimodal-multicast.md: "IP multicast where a probe has shown that it works". Whatever strikes besides, multicast that stops and comes back for
// some or all changes nothing in what is delivered or told as lost, and equal seeds give equal traces with wire mode on and off.
func TestSwarmMulticast(t *testing.T) {
	seeds := 5
	if testing.Short() {
		seeds = 2
	}
	var multicast, fallbacks uint64
	sim.Swarm(t, seeds, func(seed uint64) error {
		r := rand.New(rand.NewPCG(seed, 96))
		link := &sim.Link{Latency: sim.Exponential{Min: time.Millisecond, Mean: 3 * time.Millisecond}, Loss: r.Float64() * 0.1, Duplicate: r.Float64() * 0.1}
		faults := sim.Faults{Pause: 2 * time.Second, Partition: 8 * time.Second, Deafen: time.Second, Longest: 2 * time.Second}
		var f *fleet
		trial := groupTrial(seed, 3+r.IntN(8), 1+r.IntN(3), link, faults, 6*time.Second, func(built *fleet) { f = built })
		err := errors.Join(trial.Repeat(), f.err)
		for member := range f.authors {
			s := f.world.Machine(protocol.NodeID(member + 1)).(*bimodal.Machine).Stats()
			multicast, fallbacks = multicast+s.PacketsMulticast, fallbacks+s.MulticastFallbacks
		}
		return err
	})
	if multicast == 0 || fallbacks == 0 {
		t.Errorf("%d packets went by multicast, %d times it was given up: the trials do not test it", multicast, fallbacks)
	}
}

// Multicast that stops and comes back again and again, for some or all, costs not a single message.
func TestMulticastFailuresLoseNothing(t *testing.T) {
	seeds := 5
	if testing.Short() {
		seeds = 2
	}
	sim.Swarm(t, seeds, func(seed uint64) error {
		link := &sim.Link{Latency: sim.Uniform{Min: time.Millisecond, Max: 5 * time.Millisecond}, Loss: 0.01}
		faults := sim.Faults{Deafen: time.Second, Longest: 2 * time.Second}
		var f *fleet
		trial := groupTrial(seed, 3+int(seed)*5, 1, link, faults, 6*time.Second, func(built *fleet) { f = built })
		if _, err := trial.Run(); err != nil || f.err != nil {
			return errors.Join(err, f.err)
		}
		if lost := f.lost(0, f.members); lost > 0 {
			return fmt.Errorf("%d messages told as lost", lost)
		}
		return nil
	})
}

// The same where members have ratings that change, so that bands of heights have groups of their own, which members join and leave: streams are delivered in order, once and unharmed, and at rating 1 what was delivered and what was told as
// lost add up.
func TestSwarmBands(t *testing.T) {
	var banded, fallbacks uint64
	sim.Swarm(t, 4, func(seed uint64) error {
		r := rand.New(rand.NewPCG(seed, 97))
		link := &sim.Link{Latency: sim.Exponential{Min: time.Millisecond, Mean: 3 * time.Millisecond}, Loss: r.Float64() * 0.1, Duplicate: r.Float64() * 0.1}
		ratings := make([]gravity.Rating, 4+r.IntN(8))
		for i := range ratings {
			if ratings[i] = gravity.All; i%3 > 0 {
				ratings[i] = rate(1 - r.Float64())
			}
		}
		var f *fleet
		trial := groupTrial(seed, len(ratings), 1+r.IntN(2), link, sim.Faults{Pause: 2 * time.Second, Partition: 8 * time.Second, Deafen: time.Second, Longest: 2 * time.Second}, 6*time.Second, func(built *fleet) { f = built })
		trial.Build = func(w *sim.World) {
			f = newRatedFleet(w, "lan", ratings, 1+int(seed%2), nil)
			changes := rand.New(rand.NewPCG(seed, 98))
			for author := range f.authors {
				f.command(author, func(_ protocol.Time, m *bimodal.Machine, _ *protocol.Output) error {
					return m.Configure(0, topicName, bimodal.TopicOptions{Spread: bimodal.SpreadMulticast})
				})
				for at := time.Millisecond; at < 8*time.Second; at += time.Duration(changes.ExpFloat64() * float64(5*time.Millisecond)) {
					w.At(protocol.Time(at), func() { f.publish(author, 20+changes.IntN(2000)) })
				}
			}
			for at := time.Second; at < 6*time.Second; at += time.Second {
				w.At(protocol.Time(at), func() { f.rerate(changes) })
			}
		}
		trial.Heal = func(*sim.World) {
			*link = sim.Link{Latency: sim.Constant(time.Millisecond)}
			for member := range f.members {
				f.introduce(member)
			}
		}
		trial.Converged = func(*sim.World) error { return f.settledAtAll() }
		_, err := trial.Run()
		for member := range f.authors {
			s := f.world.Machine(protocol.NodeID(member + 1)).(*bimodal.Machine).Stats()
			banded, fallbacks = banded+s.PacketsBanded, fallbacks+s.MulticastFallbacks
		}
		return errors.Join(err, f.err)
	})
	if banded == 0 || fallbacks == 0 {
		t.Errorf("%d packets went to groups of bands, %d times one was given up: the trials do not test it", banded, fallbacks)
	}
}
