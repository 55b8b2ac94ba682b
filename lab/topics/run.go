package topics

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// Limits of a Config.
const (
	MembersMax = 2000
	TopicsMax  = 100_000
	// DeliveriesMax is how many messages a second all members together may be sent.
	DeliveriesMax = 400_000
	// PeersMax is how many views of others all members together may have.
	PeersMax = 4_000_000
)

// Protocol is how members get what they want.
type Protocol string

// The protocols.
const (
	Gravity Protocol = "gravity" // one mesh, subscriptions with ratings
	Plain   Protocol = "plain"   // one mesh, subscriptions: members are sent all of what they subscribe to
	Meshes  Protocol = "meshes"  // a mesh for each topic, of its author and its subscribers, who are sent all of it
	Uniform Protocol = "uniform" // one mesh in which everything is sent to all members, who pass over what they do not want
)

// Protocols are all protocols.
var Protocols = []Protocol{Gravity, Plain, Meshes, Uniform}

// Names returns the names of all protocols.
func Names() (names []string) {
	for _, p := range Protocols {
		names = append(names, string(p))
	}
	return names
}

// Config is one run.
type Config struct {
	Protocol Protocol
	Members  int           // 2 to MembersMax
	Topics   int           // Wanted to TopicsMax
	Wanted   int           // topics that a member subscribes to: 1 to 64
	Rate     int           // messages a second of each topic: 1 to 1000
	Size     int           // bytes of a message: 1 to 1000
	Loss     float64       // part of the datagrams that are lost: 0 to 0.5
	Warmup   time.Duration // before it is measured
	Duration time.Duration // for which it is
	Seed     uint64
}

// DefaultConfig returns the configuration of the experiment for a number of members and topics.
func DefaultConfig(members, topics int) Config {
	return Config{Protocol: Gravity, Members: members, Topics: topics, Wanted: 8, Rate: 20, Size: 500, Loss: 0.01, Warmup: 2 * time.Second, Duration: 20 * time.Second, Seed: 1}
}

// Check returns what is wrong with a configuration: a field that is out of range, or a world that is too large.
func (c *Config) Check() error {
	if !slices.Contains(Protocols, c.Protocol) {
		return fmt.Errorf("topics: Config.Protocol is %q, none of %s", c.Protocol, strings.Join(Names(), ", "))
	}
	for _, field := range []struct {
		name               string
		value, least, most int
	}{
		{"Members", c.Members, MembersMin, MembersMax}, {"Wanted", c.Wanted, 1, 64}, {"Topics", c.Topics, c.Wanted, TopicsMax}, {"Rate", c.Rate, 1, 1000}, {"Size", c.Size, 1, 1000},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("topics: Config.%s is %d, outside %d to %d", field.name, field.value, field.least, field.most)
		}
	}
	if !(c.Loss >= 0 && c.Loss <= 0.5) || c.Warmup < time.Second || c.Duration < time.Second {
		return errors.New("topics: Config.Loss is outside 0 to 0.5, or Config.Warmup or Config.Duration below a second")
	}
	return c.Fits()
}

// Fits returns what is too large of a world whose fields are within their ranges.
func (c *Config) Fits() error {
	sent, peers := c.Members*c.Wanted, c.Members*c.Members
	switch c.Protocol {
	case Uniform:
		sent = c.Members * c.Topics
	case Meshes: // of Members * Wanted / Topics members and an author each, on average
		peers = c.Members * c.Wanted * (c.Members*c.Wanted/c.Topics + 2)
	}
	if sent > DeliveriesMax/c.Rate {
		return fmt.Errorf("topics: members of protocol %s are sent %d messages a second together, more than %d", c.Protocol, sent*c.Rate, DeliveriesMax)
	}
	if peers > PeersMax {
		return fmt.Errorf("topics: members of protocol %s know %d others together, more than %d", c.Protocol, peers, PeersMax)
	}
	return nil
}

// Run measures a mesh. Errors: those of Check.
func Run(c Config) (Result, error) {
	if err := c.Check(); err != nil {
		return Result{}, err
	}
	m := newMesh(c)
	end, received := protocol.Time(c.Warmup+c.Duration), make([]uint64, len(m.agents))
	m.publish(end)
	m.world.Run(protocol.Time(c.Warmup))
	for i := range m.agents {
		received[i] = m.received(i)
	}
	m.observe()
	m.world.Run(end)
	bytes, seconds := make([]float64, c.Members), c.Duration.Seconds()
	for i := range m.agents {
		bytes[m.agents[i].member] += float64(m.received(i)-received[i]) / seconds
	}
	return m.result(bytes, seconds), m.err
}

func (m *mesh) received(agent int) uint64 {
	return m.world.HostStats(protocol.NodeID(agent + 1)).ReceivedBytes
}

// observe counts what members are delivered from now on.
func (m *mesh) observe() {
	m.world.Observe(func(_ protocol.Time, id protocol.NodeID, e protocol.Event) {
		if d, ok := e.(*bimodal.Delivery); ok {
			member := m.agents[id-1].member
			if m.delivered += float64(d.Count); d.Author != id {
				m.got[member] += float64(d.Count)
			}
		}
	})
}

// result makes the result of bytes a second by member.
func (m *mesh) result(bytes []float64, seconds float64) (r Result) {
	n := float64(m.config.Members)
	for i := range bytes {
		r.Bytes += bytes[i] / n
		r.Wanted += m.interest[i] / n
		m.got[i] /= seconds
	}
	r.Delivered = m.delivered / seconds / m.due
	r.line = fit(m.interest, bytes)
	r.Even = fit(m.got, bytes).Residual
	return r
}
