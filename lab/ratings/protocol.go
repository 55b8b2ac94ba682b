package ratings

import (
	"fmt"

	"spinglass/bimodal"
	"spinglass/gravity"
	"spinglass/lab/gravitational"
	"spinglass/protocol"
	"spinglass/sim"
)

// Protocol is what the members of a group run.
type Protocol struct {
	Name  string
	build func(b sim.Boot, epoch uint64, rating float64) (member, error)
	// attribute is what tells others of a rating.
	attribute func(rating float64) protocol.Attribute
	// copies returns how many messages of the topic a message of the protocol hands on, which have one packet each.
	copies func(m protocol.Message) int
}

// member is a machine of any protocol.
type member interface {
	protocol.Machine
	publish(now protocol.Time, payload []byte, out *protocol.Output) error
}

var protocols = []*Protocol{
	{"gravitational", newGravitational, gravitationalRating, gravitationalCopies},
	{"uniform", func(b sim.Boot, epoch uint64, _ float64) (member, error) { return newGravitational(b, epoch, 1) }, func(float64) protocol.Attribute { return gravitationalRating(1) }, gravitationalCopies},
	{"gravity", newBimodal, bimodalInterest, bimodalCopies},
	{"bimodal", func(b sim.Boot, epoch uint64, _ float64) (member, error) { return newBimodal(b, epoch, 1) }, func(float64) protocol.Attribute { return bimodalInterest(1) }, bimodalCopies},
}

type gravitationalMember struct{ *gravitational.Machine }

func newGravitational(b sim.Boot, _ uint64, rating float64) (member, error) {
	c := gravitational.DefaultConfig()
	c.Self, c.Rand, c.Rating = b.ID, b.Rand, rating
	m, err := gravitational.New(c)
	return gravitationalMember{m}, err
}

func (m gravitationalMember) publish(now protocol.Time, payload []byte, _ *protocol.Output) error {
	if !m.Publish(now, payload) {
		return fmt.Errorf("a member has no room for more than %d messages", gravitational.EventsMax)
	}
	return nil
}

func gravitationalRating(rating float64) protocol.Attribute {
	return protocol.Attribute{Name: gravitational.RatingAttribute, Value: gravitational.AppendRating(nil, rating)}
}

func gravitationalCopies(m protocol.Message) int { return len(m.(*gravitational.Message).Items) }

const topic = "ratings"

// shippingRating is a rating as the shipping protocol has it.
func shippingRating(rating float64) gravity.Rating {
	r, err := gravity.NewRating(rating)
	if err != nil {
		panic(err) // all ratings here are valid
	}
	return r
}

func bimodalInterest(rating float64) protocol.Attribute {
	interest := gravity.AppendInterest(nil, []bimodal.TopicID{bimodal.TopicOf(topic)}, []gravity.Rating{shippingRating(rating)})
	return protocol.Attribute{Name: bimodal.InterestAttribute, Value: interest}
}

type bimodalMember struct {
	*bimodal.Machine
	rating gravity.Rating
}

func newBimodal(b sim.Boot, epoch uint64, rating float64) (member, error) {
	c := bimodal.DefaultConfig()
	c.Self, c.Zone, c.Epoch, c.Rand, c.Rate, c.Flow = b.ID, zone, epoch, b.Rand, 0, bimodal.Flow{}
	m, err := bimodal.New(c)
	return bimodalMember{m, shippingRating(rating)}, err
}

// Start implements protocol.Machine.
func (m bimodalMember) Start(now protocol.Time, out *protocol.Output) {
	m.Machine.Start(now, out)
	if err := m.SubscribeWith(now, topic, bimodal.SubscribeOptions{Rating: m.rating}, out); err != nil {
		panic(err) // the only topic
	}
}

func (m bimodalMember) publish(now protocol.Time, payload []byte, out *protocol.Output) error {
	return m.Publish(now, topic, payload, out)
}

func bimodalCopies(m protocol.Message) int {
	switch m.(type) {
	case *bimodal.Packet, *bimodal.Relay, *bimodal.Repair:
		return 1
	}
	return 0
}
