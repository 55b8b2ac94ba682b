package upgrade_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"spinglass/wire"
)

// fleet is agents that all publish and subscribe to one topic.
type fleet struct {
	t           *testing.T
	agents      []*agent
	publishers  map[*agent]*publisher
	subscribers map[*agent]*subscriber
	before      uint64 // the format that the earlier build speaks
	runs        int
	lines       int // received, by all subscribers together
}

func newFleet(t *testing.T, before uint64, names ...string) *fleet {
	f := &fleet{t: t, before: before, agents: newAgents(t, names...), publishers: map[*agent]*publisher{}, subscribers: map[*agent]*subscriber{}}
	t.Cleanup(f.logs)
	return f
}

// up starts agents of a build, at once, and what uses them. They are there when they get what all others publish, and all others get what they publish.
func (f *fleet) up(binary string, agents ...*agent) {
	for _, a := range agents {
		a.start(binary)
		f.subscribers[a] = a.subscribe()
	}
	for _, a := range agents {
		f.known(a)
		f.runs++
		f.publishers[a] = a.publish(f.runs)
	}
	for _, a := range agents {
		for _, other := range f.agents {
			if p := f.publishers[other]; p != nil {
				f.flows(p, f.subscribers[a])
				f.flows(f.publishers[a], f.subscribers[other])
			}
		}
	}
}

// known waits until an agent and all others of its zone know each other, and the agent counts all that are up and knows that their zones want the topic: what it publishes before that, other zones may miss, and are told so.
func (f *fleet) known(a *agent) {
	eventually(f.t, a.name+" is known to all of its zone", func() bool {
		for _, other := range f.agents {
			if f.subscribers[other] != nil && other.zone() == a.zone() && (other.peers()[a.name].State != "up" || a.peers()[other.name].State != "up") {
				return false
			}
		}
		return true
	})
	eventually(f.t, a.name+" counts all", func() bool { return a.counted() == len(f.subscribers) })
	eventually(f.t, a.name+" knows that all zones want the topic", a.knowsInterest)
}

// flows waits until a subscriber receives what a publisher publishes now.
func (f *fleet) flows(p *publisher, s *subscriber) {
	f.t.Helper()
	now := int(p.written.Load())
	eventually(f.t, "what "+p.from+" publishes reaches "+s.agent.name, func() bool { _, last := s.got(p.run); return last > now })
}

// down ends what uses agents, and the agents, at once.
func (f *fleet) down(agents ...*agent) {
	for _, a := range agents {
		f.finish(f.publishers[a])
		delete(f.publishers, a)
	}
	var stopping sync.WaitGroup
	for _, a := range agents {
		stopping.Go(a.stop)
	}
	stopping.Wait()
	for _, a := range agents {
		f.subscribers[a].end()
		delete(f.subscribers, a)
	}
}

// finish ends a publisher, and waits until all have its last line. That they have all lines from the first that came on is what their account finds.
func (f *fleet) finish(p *publisher) {
	f.t.Helper()
	lines := p.end()
	for _, a := range f.agents {
		s := f.subscribers[a]
		eventually(f.t, "the last line of "+p.from+" reaches "+a.name, func() bool { _, last := s.got(p.run); return last == lines })
		first, _ := s.got(p.run)
		f.lines += lines + 1 - first
	}
}

// replace stops agents and starts another build on their data directories, while all others go on.
func (f *fleet) replace(binary string, agents ...*agent) {
	f.t.Helper()
	before := map[*agent]int64{}
	f.down(agents...)
	for other, p := range f.publishers {
		before[other] = p.written.Load()
	}
	begin := time.Now()
	f.up(binary, agents...)
	for _, a := range agents {
		for other, written := range before {
			first, _ := f.subscribers[a].got(f.publishers[other].run)
			f.t.Logf("%s was away for %v, and misses %d lines of %s", a.name, time.Since(begin).Round(time.Millisecond), first-1-int(written), other.name)
		}
	}
}

// formats checks which format each agent of this tree's build sees each agent speak.
func (f *fleet) formats(latest string, want map[string]uint64) {
	f.t.Helper()
	for _, a := range f.agents {
		for name, format := range want {
			if a.binary != latest && f.before < wire.FormatBeacons {
				format = f.before // it does not know that rows tell it
			}
			if zoneOf(name) != a.zone() {
				continue // it lists the members of its own zone
			}
			eventually(f.t, a.name+" sees the format of "+name, func() bool { return a.peers()[name].Format == format })
		}
	}
}

// ignorant checks that no agent has been sent anything that it does not know.
func (f *fleet) ignorant() {
	f.t.Helper()
	for _, a := range f.agents {
		if unknown := a.metric(`spinglass_dropped_total{reason="frame_kind_unknown"}`); unknown != 0 {
			f.t.Errorf("%s has been sent %v messages of kinds that it does not know", a.name, unknown)
		}
	}
}

// "A rolling upgrade from format version N-1 is tested with a build that speaks only N-1." Here it is format 1. Three agents of that build are replaced one by one by the build of this tree while all of them
// publish and subscribe. Members that stay up lose nothing, one that is replaced only what is published while it is away. In the end one goes back to the build before.
func TestRollingUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program twice: left out with -short")
	}
	dir := t.TempDir()
	before, latest := build(t, dir, "before", "-tags", "spinglass_format1"), build(t, dir, "latest")
	f := newFleet(t, 1, "/lab/a1", "/lab/a2", "/lab/a3")
	formats := map[string]uint64{}
	for _, a := range f.agents {
		f.up(before, a)
		formats[a.name] = 1
	}
	f.formats(latest, formats)
	first, authority, last := f.agents[1], f.agents[0], f.agents[2]
	for _, a := range []*agent{first, authority, last} {
		f.replace(latest, a)
		formats[a.name] = wire.FormatLatest
		f.formats(latest, formats)
		if a == authority {
			f.beacon(authority, first)
		}
		f.ignorant()
	}
	f.replace(before, first)
	formats[first.name] = 1
	f.formats(latest, formats)
	f.ignorant()
	f.settle()
}

// beacon waits for a beacon, which came with format 2. An authority sends one when it starts, or when it meets others then; the next one would come half a minute later.
func (f *fleet) beacon(from, to *agent) {
	f.t.Helper()
	begin := time.Now()
	eventually(f.t, "a beacon of "+from.name+" reaches "+to.name, func() bool { return to.metric("spinglass_beacons_taken_total") > 0 })
	if took := time.Since(begin); took > 10*time.Second {
		f.t.Errorf("a beacon of %s has reached %s after %v", from.name, to.name, took)
	}
}

// settle ends all publishers, and checks what was received.
func (f *fleet) settle() {
	for _, a := range f.agents {
		f.finish(f.publishers[a])
		delete(f.publishers, a)
	}
	for _, a := range f.agents {
		a.stop()
		f.subscribers[a].end()
		if log := a.log(); strings.Contains(log, "refusing to talk") || strings.Contains(log, "does not talk to this node") {
			f.t.Errorf("%s refused a peer, or was refused", a.name)
		}
	}
	f.t.Logf("%d runs of pub were received to their end, by all subscribers each, %d lines in all", f.runs, f.lines)
}

// logs shows what the agents have logged, if the test has failed.
func (f *fleet) logs() {
	if f.t.Failed() {
		for _, a := range f.agents {
			f.t.Logf("%s:\n%s", a.name, a.log())
		}
	}
}
