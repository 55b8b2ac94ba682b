package plan

import (
	"math"
	"math/bits"
	"time"

	"spinglass/bimodal"
	"spinglass/wire"
)

// Rules that are constants of package bimodal.
const (
	regionalBytes = 32 << 10 // a round, that go to a whole zone: half of the least budget for repairs
	idleRounds    = 10
	authorDigests = 4                         // a round, that the author of a busy stream gets besides
	busyPackets   = 24.0 / 15                 // a round, of a busy stream
	packetCost    = 136                       // bytes that a packet takes in the buffer besides its body
	slotCost      = 24                        // and its number
	slotsLeast    = 16                        // of a stream
	blockCost     = 384                       // of 16 packets in the long phase
	blockLength   = 16                        // packets
	bodyMost      = wire.DatagramDefault - 83 // bytes of a packet's records
	streamAge     = 600 * time.Second         // that messages are taken to tell of
)

// traffic is what members send besides packets on their first way, expected in a second of all members together.
type traffic struct {
	gapPolls, requests, repairs float64
	ticks                       []ticks
	outbreakPolls               float64
	missing                     float64 // packets that a member lacks at a time, all members together
}

// ticks are members that find the same missing when their rounds begin.
type ticks struct {
	members     float64
	recent, old float64 // packets that a member finds missing when a round begins
}

// account adds what repair costs where so many members of a place lack a message, expected.
func (m *model) account(p *place, c *course, lacking float64) {
	rate, zones, t := m.setting.Rate, float64(p.count), &m.traffic
	all := rate * lacking * zones
	t.gapPolls += all * sum(c.gaps, 0, len(c.gaps))
	t.requests += all * c.asked
	t.repairs += all * c.asked * (1 - m.setting.Loss)
	for _, pushed := range c.pushed {
		t.repairs += all * pushed / (1 - m.setting.Loss)
	}
	t.missing += all * c.missing
	each := rate * m.round * lacking / float64(p.members)
	t.ticks = append(t.ticks, ticks{members: float64(p.members) * zones, recent: each * sum(c.once, 0, len(c.once)), old: each * sum(c.several, 0, len(c.several))})
}

// accountOutbreak adds what a message costs that does not get into a zone, which happens with a probability.
func (m *model) accountOutbreak(p *place, s *spreading, probability float64) {
	rate, zones, t := m.setting.Rate, float64(p.count), &m.traffic
	each := rate * m.round * probability * s.polls / float64(p.members) // a round
	t.outbreakPolls += pollsAgain * (1 - math.Exp(-each/pollsAgain)) / m.round * float64(p.members) * zones
	t.requests += rate * probability * zones * s.each * float64(p.members) / (1 - m.setting.Loss)
	t.repairs += rate * probability * zones * s.copies / (1 - m.setting.Loss)
	for _, got := range s.got {
		t.missing += rate * probability * zones * (1 - got) * float64(p.members) * s.step
	}
}

// polls returns how many polls all members send in a second.
func (m *model) polls() float64 {
	polls := m.traffic.gapPolls + m.traffic.outbreakPolls
	for _, t := range m.traffic.ticks {
		old := -math.Expm1(-t.old)
		polls += t.members / m.round * (pollsAgain*old + (1-old)*-math.Expm1(-t.recent))
	}
	return polls
}

// stream is the stream of a setting.
func (m *model) stream() bimodal.StreamID {
	return bimodal.StreamID{Author: 1, Epoch: 1, Topic: bimodal.TopicOf(topic)}
}

func datagram(size int) float64 { return float64(wire.HeaderSize + wire.FrameSize(size)) }

// sequence is the number that a packet is taken to have.
func (m *model) sequence() uint64 { return 1 + uint64(streamAge.Seconds()*m.setting.Rate) }

func (m *model) message() *bimodal.Packet {
	return &bimodal.Packet{
		Stream: m.stream(), Seq: m.sequence(), Age: uint64(streamAge / time.Millisecond), Messages: m.sequence(), Count: 1,
		Body: make([]byte, wire.RecordSize(m.setting.Size)),
	}
}

// packet returns the bytes of a datagram with a packet.
func (m *model) packet() int { return int(datagram(m.message().Size())) }

// window returns how many packets of the stream there are in the short phase of a member.
func (m *model) window(members int) float64 {
	rounds := m.parameters.short()
	if members <= m.parameters.Bufferers {
		rounds = m.parameters.Life
	}
	return m.round / m.pause * (float64(rounds) + 0.5)
}

// digest returns the bytes of a datagram with a digest.
func (m *model) digest(members int) float64 {
	high := m.sequence()
	e := bimodal.DigestEntry{Author: 1, Epoch: 1, Age: uint64(streamAge / time.Millisecond), High: high, Messages: high, Floor: high + 1 - min(high, uint64(math.Ceil(m.window(members))))}
	e.Ranges = []bimodal.Range{{First: e.Floor, Last: high}}
	d := bimodal.Digest{Round: uint32(streamAge / m.parameters.Round), Topics: []bimodal.TopicID{m.stream().Topic}, Entries: []bimodal.DigestEntry{e}}
	holes := min(m.traffic.missing/float64(m.setting.Members), m.window(members)/2)
	return datagram(d.Size()) + 2*holes // a hole makes a range more
}

// gossiping returns in which part of the rounds a member sends digests.
func (m *model) gossiping(p *place) float64 {
	rounds := m.pause / m.round // from packet to packet
	active := min(1, float64(m.parameters.short()+1)/rounds)
	if active < 1 {
		kept := min(1, float64(m.parameters.Bufferers+1)/float64(p.members))
		active += (1 - active) * kept * min(1, float64(m.parameters.Life)/rounds)
	}
	return active + (1-active)/idleRounds
}

// bytes returns how many bytes a member sends and receives in a second, on average.
func (m *model) bytes(places []place) float64 {
	loss, rate, z := m.setting.Loss, m.setting.Rate, m.setting.zones()
	packet := m.message()
	direct := datagram(packet.Size())
	relay := bimodal.Relay{Number: 1 << 33, Owner: 1, Packet: packet} // of its author's order
	foreign := bimodal.Relay{Number: 1 << 33, Owner: 2, Packet: packet}
	enter := bimodal.Relay{Depth: 1, Packet: packet}
	sent := 0.0
	for i := range places {
		p := &places[i]
		size := direct
		switch {
		case p.tree.members <= directMost && (z.leaves == 1 || !p.own):
		case p.own:
			size = datagram(relay.Size())
		default:
			size = datagram(foreign.Size())
		}
		copies, entering := m.copies(p)
		sent += rate * float64(p.count) * p.reach * (copies*size + entering*datagram(enter.Size()))
		digests := float64(p.members*p.count) * m.gossiping(p) * float64(m.parameters.Fanout) / m.round
		if p.own && m.round/m.pause >= busyPackets {
			view := p.members - 1 + representatives*(z.leaves-1)
			digests += float64(p.members-1) * authorDigests / float64(max(view, authorDigests)) / m.round
		}
		sent += digests * m.digest(p.members)
	}
	polls := m.polls()
	poll := bimodal.Poll{Entries: []bimodal.PollEntry{{Stream: m.stream()}}}
	asked := bimodal.Range{First: m.sequence(), Last: m.sequence()}
	request := bimodal.Request{Round: uint32(streamAge / m.parameters.Round), Entries: []bimodal.RequestEntry{{Stream: m.stream(), Ranges: []bimodal.Range{asked}}}}
	sent += polls * datagram(poll.Size())
	sent += polls * (1 - loss) * m.digest(places[0].members)
	sent += m.traffic.requests * datagram(request.Size())
	sent += m.traffic.repairs * direct
	if z.leaves > 1 {
		// A contact tells each parent from which packets come, once in ten rounds at most.
		sent += float64(z.leaves-1) * min(rate, representatives*stripes/(10*m.round)) * datagram(0)
	}
	return sent * (2 - loss) / float64(m.setting.Members)
}

// copies returns how many copies of a packet members of a place send to each other, and to other zones, if who sends in it has the packet.
func (m *model) copies(p *place) (within, entering float64) {
	for at, depth := range p.tree.depths {
		if at == 0 {
			continue
		}
		copies := math.Pow(1-m.setting.Loss, float64(depth-1))
		if at <= p.tree.members {
			within += copies
		} else {
			entering += copies
		}
	}
	return within, entering
}

// memory returns how many bytes of its buffer a member has in use, on average.
func (m *model) memory(places []place) float64 {
	body, total := wire.RecordSize(m.setting.Size), 0.0
	if body >= bodyMost/2 {
		body = bodyMost // a packet that is full keeps the memory that it was filled in
	}
	cost := float64(packetCost + body)
	for i := range places {
		p := &places[i]
		window := m.window(p.members)
		slots := max(slotsLeast, 1<<bits.Len(uint(math.Ceil(window))))
		bytes := window*cost + slotCost*float64(slots)
		if rounds := m.parameters.Life - m.parameters.short(); p.members > m.parameters.Bufferers && rounds > 0 {
			packets := m.round / m.pause * float64(rounds)
			keepers := float64(m.parameters.Bufferers) / float64(p.members)
			if p.own {
				keepers += (1 - keepers) / float64(p.members)
			}
			bytes += keepers * (packets*cost + (packets/blockLength+1)*blockCost)
		}
		total += bytes * float64(p.members*p.count)
	}
	return total / float64(m.setting.Members)
}
