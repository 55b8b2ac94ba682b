package compare

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"spinglass/bimodal"
	"spinglass/lab/fec"
	"spinglass/lab/rmtp"
	"spinglass/lab/srm"
	"spinglass/lab/traditional"
	"spinglass/protocol"
	"spinglass/wire"
)

// Class says what a message is for.
type Class uint8

// The classes.
const (
	Data    Class = iota // a packet on its first way, and parity that goes unasked
	Repair               // a packet, or parity, sent because somebody lacks it
	Request              // asks for what its sender lacks
	Poll                 // asks what the receiver has, because the sender lacks something: gossip only
	Control              // all else: session messages, acknowledgements, digests, flushes

	classes = iota
)

// member is a machine of any protocol.
type member interface {
	protocol.Machine
	// publish sends a packet, or reports that there is no room for it now.
	publish(now protocol.Time, payload []byte, out *protocol.Output) (room bool)
	// held returns the packets that it holds at present, for whatever reason, and what they take.
	held() (packets, bytes int)
}

// boot is what a machine is made from.
type boot struct {
	group  *Group
	index  int
	id     protocol.NodeID
	sender protocol.NodeID
	rand   *rand.Rand
	late   bool
}

// Protocol is what members run.
type Protocol struct {
	Name    string
	build   func(b boot) (member, error)
	data    protocol.Kind // of packets on their first way
	class   func(k protocol.Kind) Class
	decoder func() protocol.Decoder
	number  func(protocol.Message) uint64 // of the packet that a request or repair is for; nil where one may be for several

	Multicast  bool // it is made for networks that have it, and sends most of what it sends to all
	MembersMax int
	Scopes     bool // it can ask those near by first
}

// Class returns what messages of a kind are for.
func (p *Protocol) Class(k protocol.Kind) Class { return p.class(k) }

// Protocols are those that can be compared.
var Protocols = []*Protocol{
	{"bimodal", newBimodal, wire.KindData, classOfBimodal, func() protocol.Decoder { return new(bimodal.Decoder) }, nil, false, MembersMax, false},
	{"srm", newSRM(false), srm.KindData, classOfSRM, func() protocol.Decoder { return new(srm.Decoder) }, numberOfSRM, true, MembersMax, true},
	{"srm-adaptive", newSRM(true), srm.KindData, classOfSRM, func() protocol.Decoder { return new(srm.Decoder) }, numberOfSRM, true, MembersMax, true},
	{"rmtp", newRMTP, rmtp.KindData, classOfRMTP, func() protocol.Decoder { return new(rmtp.Decoder) }, nil, true, MembersMax, false},
	{"fec", newFEC, fec.KindData, classOfFEC, func() protocol.Decoder { return new(fec.Decoder) }, nil, true, MembersMax, false},
	{"traditional", newTraditional, traditional.KindData, classOfTraditional, func() protocol.Decoder { return new(traditional.Decoder) }, nil, false, traditional.MembersMax, false},
}

// Find returns the protocol that is called so.
func Find(name string) (*Protocol, error) {
	var names []string
	for _, p := range Protocols {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
}

const topic = "stream"

type bimodalMember struct {
	*bimodal.Machine
	spread bimodal.Spread
}

func newBimodal(b boot) (member, error) {
	c := bimodal.DefaultConfig()
	c.Self, c.Epoch, c.Rand, c.Rate, c.Flow = b.id, 1, b.rand, 0, bimodal.Flow{}
	spread := bimodal.SpreadAuto
	if !b.group.config.Unicast {
		// One transmission to all: the network copies it. Trees of relays are for networks that do not.
		spread = bimodal.SpreadDirect
	}
	if b.group.config.View == ViewZones {
		c.Zone = b.group.zone(b.index)
	}
	m, err := bimodal.New(c)
	return bimodalMember{m, spread}, err
}

// Start implements protocol.Machine.
func (m bimodalMember) Start(now protocol.Time, out *protocol.Output) {
	m.Machine.Start(now, out)
	if err := m.Subscribe(now, topic, out); err != nil {
		panic(err) // the only topic
	}
	if err := m.Configure(now, topic, bimodal.TopicOptions{Spread: m.spread}); err != nil {
		panic(err)
	}
}

func (m bimodalMember) held() (packets, bytes int) {
	s := m.Stats()
	return s.BufferedPackets, s.BufferedBytes
}

func (m bimodalMember) publish(now protocol.Time, payload []byte, out *protocol.Output) bool {
	return m.Publish(now, topic, payload, out) == nil
}

func classOfBimodal(k protocol.Kind) Class {
	switch k {
	case wire.KindData, wire.KindRelay, wire.KindShared:
		return Data
	case wire.KindRepair:
		return Repair
	case wire.KindRequest:
		return Request
	case wire.KindPoll:
		return Poll
	}
	return Control
}

type srmMember struct{ *srm.Machine }

func newSRM(adaptive bool) func(boot) (member, error) {
	return func(b boot) (member, error) {
		c := srm.DefaultConfig()
		c.Self, c.Rand, c.Late, c.Adaptive, c.Scope = b.id, b.rand, b.late, adaptive, b.group.config.Scope
		m, err := srm.New(c)
		return srmMember{m}, err
	}
}

func (m srmMember) publish(now protocol.Time, payload []byte, out *protocol.Output) bool {
	m.Publish(now, payload, out)
	return true
}

func (m srmMember) held() (packets, bytes int) { return m.Held() }

func classOfSRM(k protocol.Kind) Class {
	switch k {
	case srm.KindData:
		return Data
	case srm.KindRepair:
		return Repair
	case srm.KindRequest:
		return Request
	}
	return Control
}

func numberOfSRM(m protocol.Message) uint64 { return m.(*srm.Message).Number }

type rmtpMember struct{ *rmtp.Machine }

func newRMTP(b boot) (member, error) {
	c := rmtp.DefaultConfig()
	c.Self, c.Sender, c.Rand, c.Late = b.id, b.sender, b.rand, b.late
	if b.index != 0 {
		c.Parent = idOf(b.group.config.Layout.Processor(b.index))
	}
	m, err := rmtp.New(c)
	return rmtpMember{m}, err
}

func (m rmtpMember) publish(now protocol.Time, payload []byte, out *protocol.Output) bool {
	return m.Publish(now, payload, out) == nil
}

func (m rmtpMember) held() (packets, bytes int) { return m.Held() }

func classOfRMTP(k protocol.Kind) Class {
	switch k {
	case rmtp.KindData:
		return Data
	case rmtp.KindRepair:
		return Repair
	}
	return Control
}

type fecMember struct{ *fec.Machine }

func newFEC(b boot) (member, error) {
	c := fec.DefaultConfig()
	c.Self, c.Sender, c.Rand, c.Late, c.GRTT = b.id, b.sender, b.rand, b.late, b.group.config.Layout.RoundTripMax()
	m, err := fec.New(c)
	return fecMember{m}, err
}

func (m fecMember) publish(now protocol.Time, payload []byte, out *protocol.Output) bool {
	m.Publish(now, payload, out)
	return true
}

func (m fecMember) held() (packets, bytes int) { return m.Held() }

func classOfFEC(k protocol.Kind) Class {
	switch k {
	case fec.KindData, fec.KindParity:
		return Data
	case fec.KindRepair:
		return Repair
	case fec.KindNak:
		return Request
	}
	return Control
}

type traditionalMember struct{ *traditional.Machine }

// newTraditional makes a member of virtual synchrony in FIFO order. Those that are there from the beginning are the first view.
func newTraditional(b boot) (member, error) {
	c := traditional.DefaultConfig()
	c.Self = b.id
	for i := range b.group.config.Members {
		c.Members = append(c.Members, idOf(i))
		if b.group.join(i) == 0 {
			c.First++
		}
	}
	if b.group.config.Unstopped {
		c.Window, c.Buffer = 0, unstoppedBuffer
	}
	m, err := traditional.New(c)
	return traditionalMember{m}, err
}

func (m traditionalMember) publish(now protocol.Time, payload []byte, out *protocol.Output) bool {
	return m.Send(now, payload, out) == nil
}

func (m traditionalMember) held() (packets, bytes int) { return m.Held() }

func classOfTraditional(k protocol.Kind) Class {
	switch k {
	case traditional.KindData:
		return Data
	case traditional.KindRepair:
		return Repair
	case traditional.KindNak:
		return Request
	}
	return Control
}
