package directory

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/topic"
)

// world is members that hear each other by a multicast of which messages take 20 ms, and go to those who had subscribed for the time of propagation.
type world struct {
	t         *testing.T
	now       protocol.Time
	propagate time.Duration // until others know of a subscription
	members   []*member
	pending   []delivery // in the order in which they were sent, which is that in which they arrive
	sent      map[string]int
}

type delivery struct {
	at      protocol.Time
	to      *member
	author  protocol.NodeID
	topic   string
	payload []byte
}

type member struct {
	*Directory
	world      *world
	id         protocol.NodeID
	dead       bool
	subscribed map[string]protocol.Time
	found      map[string]bool
	bytes      int // of what came
	heard      int
	blocked    bool
	full       bool
	forbidden  string // topic to which this member may not publish
}

var errBlocked = errors.New("blocked")

func newWorld(t *testing.T, size int) *world {
	w := &world{t: t, sent: map[string]int{}}
	for range size {
		w.add()
	}
	return w
}

func (w *world) add() *member {
	id := protocol.NodeID(len(w.members) + 1)
	m := &member{world: w, id: id, subscribed: map[string]protocol.Time{}, found: map[string]bool{}}
	m.Directory = New(Config{Self: id, Rand: rand.New(rand.NewPCG(uint64(id), 1)), Host: m})
	w.members = append(w.members, m)
	return m
}

func (m *member) Publish(now protocol.Time, name string, payload []byte, _ *protocol.Output) error {
	if m.blocked {
		return errBlocked
	}
	m.world.sent[name]++
	for _, other := range m.world.members {
		if since, ok := other.subscribed[name]; ok && now.Sub(since) >= m.world.propagate {
			m.world.pending = append(m.world.pending, delivery{now.Add(20 * time.Millisecond), other, m.id, name, slices.Clone(payload)})
		}
	}
	return nil
}

func (m *member) Subscribe(now protocol.Time, name string, _ *protocol.Output) error {
	if m.full {
		return errBlocked
	}
	if _, ok := m.subscribed[name]; ok {
		m.world.t.Errorf("%s is subscribed to twice", name)
	}
	m.subscribed[name] = now
	return nil
}

func (m *member) Unsubscribe(_ protocol.Time, name string, _ *protocol.Output) error {
	if _, ok := m.subscribed[name]; !ok {
		m.world.t.Errorf("%s is not subscribed to", name)
	}
	delete(m.subscribed, name)
	return nil
}

func (m *member) MayPublish(author protocol.NodeID, name string) bool {
	return m.world.members[author-1].forbidden != name
}

func (m *member) Found(_ protocol.Time, name string, _ *protocol.Output) {
	if m.found[name] {
		m.world.t.Errorf("member %d finds %s twice", m.id, name)
	}
	m.found[name] = true
}

func (m *member) Lost(_ protocol.Time, name string, _ *protocol.Output) { delete(m.found, name) }

// publish publishes a message of 100 bytes.
func (m *member) publish(name string) {
	m.Begin(m.world.now, name, nil)
	m.Published(m.world.now, name, 1, 100)
}

// want wants a pattern, and takes what is known.
func (m *member) want(text string) topic.Pattern {
	p, err := topic.Parse(text)
	if err == nil {
		err = m.Want(m.world.now, p, nil)
	}
	if err != nil {
		m.world.t.Fatal(err)
	}
	for _, known := range m.Topics(p) {
		m.found[known.Name] = true
	}
	return p
}

// kill has a member fall silent.
func (m *member) kill() { m.dead, m.subscribed = true, map[string]protocol.Time{} }

// run has time pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for {
		next := end
		if len(w.pending) > 0 {
			next = min(next, w.pending[0].at)
		}
		for _, m := range w.members {
			if !m.dead {
				next = min(next, m.Deadline())
			}
		}
		w.now = max(w.now, next)
		for len(w.pending) > 0 && w.pending[0].at <= w.now {
			p := w.pending[0]
			w.pending = w.pending[1:]
			if _, ok := p.to.subscribed[p.topic]; ok {
				p.to.heard++
				p.to.bytes += len(p.payload)
				p.to.Deliver(w.now, p.author, p.topic, p.payload, nil)
			}
		}
		for _, m := range w.members {
			if !m.dead && m.Deadline() <= w.now {
				m.Timeout(w.now, nil)
			}
		}
		if next >= end {
			return
		}
	}
}

// names returns what a member knows of the topics that match a pattern.
func (m *member) names(p topic.Pattern) (names []string) {
	for _, t := range m.Topics(p) {
		names = append(names, t.Name)
	}
	return names
}

func (w *world) expect(m *member, p topic.Pattern, want ...string) {
	w.t.Helper()
	if got := m.names(p); !slices.Equal(got, want) {
		w.t.Errorf("after %v member %d knows of %s: %v, want %v", w.now, m.id, p, got, want)
	}
	for _, name := range want {
		if !m.found[name] {
			w.t.Errorf("member %d was not told of %s", m.id, name)
		}
	}
}
