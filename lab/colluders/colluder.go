package colluders

import (
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/wire"
)

// Behaviour is a set of things that a colluder does with what it should hand on. What it publishes itself it sends as it should.
type Behaviour uint8

// What colluders do.
const (
	Drop    Behaviour = 1 << iota // hand on nothing, orders neither
	Slow                          // hand on everything too late, by Delay
	Corrupt                       // change every packet in one of many ways
	Replay                        // send a packet of earlier along with every one
	Lie                           // tell in digests of packets that never were, with and without a manifest
)

// Delay is how late a slow colluder hands on: longer than others wait for it, and than the short phase of a packet.
const Delay = 1500 * time.Millisecond

// colluder is a member that does not do as it should.
type colluder struct {
	member
	behaviour Behaviour
	random    *rand.Rand
	before    []bimodal.Packet // some that it has handed on, to send again in other places
	late      []lateEffect     // what is to be sent, the earliest first
	seen      Result           // the part of it that counts what colluders do
}

// lateEffect is an effect that waits.
type lateEffect struct {
	due    protocol.Time
	effect protocol.Effect
}

// newColluder makes a member a colluder, which does what is next in turn.
func newColluder(m member, random *rand.Rand) *colluder {
	x := &colluder{member: m, random: random}
	if all := m.group.config.Behaviours; len(all) > 0 {
		x.behaviour = all[len(m.group.colluders)%len(all)]
	}
	return x
}

// count adds what the colluder has done.
func (x *colluder) count(r *Result) {
	r.Withheld += x.seen.Withheld
	r.Delayed += x.seen.Delayed
	r.Changed += x.seen.Changed
	r.Replayed += x.seen.Replayed
	r.Lies += x.seen.Lies
}

// Start implements protocol.Machine.
func (x *colluder) Start(now protocol.Time, out *protocol.Output) {
	x.collude(now, out, func() { x.member.Start(now, out) })
}

// Receive implements protocol.Machine.
func (x *colluder) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	x.collude(now, out, func() { x.member.Receive(now, from, m, out) })
}

// Notify implements protocol.Machine.
func (x *colluder) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	x.collude(now, out, func() { x.member.Notify(now, e, out) })
}

// Timeout implements protocol.Machine.
func (x *colluder) Timeout(now protocol.Time, out *protocol.Output) {
	x.collude(now, out, func() { x.member.Timeout(now, out) })
	for len(x.late) > 0 && x.late[0].due <= now {
		out.Effects = append(out.Effects, x.late[0].effect)
		x.late = x.late[1:]
	}
}

// Deadline implements protocol.Machine.
func (x *colluder) Deadline() protocol.Time {
	if len(x.late) > 0 {
		return min(x.late[0].due, x.member.Deadline())
	}
	return x.member.Deadline()
}

// collude looks at what its machine wants to send because of an input.
func (x *colluder) collude(now protocol.Time, out *protocol.Output, input func()) {
	mark := len(out.Effects)
	input()
	wanted := slices.Clone(out.Effects[mark:])
	clear(out.Effects[mark:])
	out.Effects = out.Effects[:mark]
	for _, e := range wanted {
		copies := uint64(max(1, len(e.Targets)))
		d, digest := e.Message.(*bimodal.Digest)
		switch {
		case e.Message == nil:
		case digest && x.does(Lie):
			e.Message = x.lie(d)
			x.seen.Lies += uint64(len(d.Entries))
		case !x.ofOthers(e.Message):
		case x.does(Drop):
			x.seen.Withheld += copies
			continue
		case x.does(Slow):
			x.seen.Delayed += copies
			x.late = append(x.late, lateEffect{now.Add(Delay), e})
			continue
		default:
			e = x.spoil(e, copies, out)
		}
		out.Effects = append(out.Effects, e)
	}
}

// spoil returns what is sent instead of an effect that hands something on, and adds what is sent along with it.
func (x *colluder) spoil(e protocol.Effect, copies uint64, out *protocol.Output) protocol.Effect {
	if p := packetOf(e.Message); p != nil {
		x.remember(p)
		if x.does(Replay) {
			again := e
			old := x.before[x.random.IntN(len(x.before))]
			again.Message = &bimodal.Repair{Packet: &old}
			out.Effects = append(out.Effects, again)
			x.seen.Replayed += copies
		}
	}
	if x.does(Corrupt) {
		if e.Message = x.change(e.Message); x.group.changed[e.Message] == x.id {
			x.seen.Changed += copies
		}
	}
	return e
}

func (x *colluder) does(b Behaviour) bool { return x.behaviour&b != 0 }

// lie returns a digest that tells of more of the streams of others than there is.
func (x *colluder) lie(d *bimodal.Digest) *bimodal.Digest {
	c := *d
	c.Entries = slices.Clone(d.Entries)
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Author == x.id {
			continue
		}
		more := 1 + x.random.Uint64N(100)
		e.High, e.Messages = e.High+more, e.Messages+more
		if e.Manifest = 0; x.random.IntN(2) == 0 {
			e.Manifest = e.High
		}
	}
	return &c
}

// ofOthers reports whether a message hands on something of another member's.
func (x *colluder) ofOthers(m protocol.Message) bool {
	switch m := m.(type) {
	case *bimodal.Order:
		return m.Owner != x.id
	default:
		p := packetOf(m)
		return p != nil && p.Stream.Author != x.id
	}
}

// packetOf returns the packet that a message carries, nil when it carries none.
func packetOf(m protocol.Message) *bimodal.Packet {
	switch m := m.(type) {
	case *bimodal.Packet:
		return m
	case *bimodal.Repair:
		return m.Packet
	case *bimodal.Relay:
		return m.Packet
	}
	return nil
}

// change returns a message with another packet in it.
func (x *colluder) change(m protocol.Message) protocol.Message {
	p := packetOf(m)
	if p == nil {
		return m
	}
	c := x.forge(p)
	var changed protocol.Message
	switch m := m.(type) {
	case *bimodal.Repair:
		changed = &bimodal.Repair{Packet: c}
	case *bimodal.Relay:
		changed = &bimodal.Relay{Number: m.Number, Owner: m.Owner, Depth: m.Depth, Packet: c}
	default:
		changed = c
	}
	x.group.changed[changed] = x.id
	return changed
}

// forge returns a packet that is not what its author has made, and that a decoder takes.
func (x *colluder) forge(p *bimodal.Packet) *bimodal.Packet {
	c := &bimodal.Packet{Stream: p.Stream, Seq: p.Seq, Age: p.Age, Messages: p.Messages, Count: p.Count, Body: slices.Clone(p.Body)}
	if p.Manifest != nil {
		c.Manifest = &bimodal.Manifest{Hashes: slices.Clone(p.Manifest.Hashes), Signature: p.Manifest.Signature}
	}
	ways := []func(*bimodal.Packet){
		func(c *bimodal.Packet) { c.Age++ },
		func(c *bimodal.Packet) { c.Seq += 1 + x.random.Uint64N(3) },
		func(c *bimodal.Packet) { c.Messages++ },
		func(c *bimodal.Packet) {
			c.Body, c.Count = wire.AppendRecord(c.Body, wire.Record{Data: []byte("nobody has published this")}), c.Count+1
		},
		x.elsewhere,
	}
	if len(c.Body) > 0 {
		flip := func(c *bimodal.Packet) { c.Body[len(c.Body)-1] ^= 1 << x.random.IntN(8) }
		ways = append(ways, flip, flip, flip)
	}
	if c.Manifest == nil {
		ways = append(ways, func(c *bimodal.Packet) { c.Manifest = &bimodal.Manifest{} })
	} else {
		ways = append(ways,
			func(c *bimodal.Packet) { c.Manifest.Signature[x.random.IntN(64)] ^= 1 },
			func(c *bimodal.Packet) {
				if c.Manifest = nil; len(c.Body) == 0 {
					c.Body, c.Count = wire.AppendRecord(nil, wire.Record{Data: []byte("nor this")}), 1
				}
			})
		if n := len(c.Manifest.Hashes); n > 0 {
			ways = append(ways,
				func(c *bimodal.Packet) { c.Manifest.Hashes[x.random.IntN(n)] ^= 1 },
				func(c *bimodal.Packet) { c.Manifest.Hashes = c.Manifest.Hashes[sha256.Size:] })
		}
	}
	ways[x.random.IntN(len(ways))](c)
	if completed, _, _, err := wire.CheckBody(c.Body, wire.MessageMax); err != nil || uint64(completed) != c.Count {
		*c = bimodal.Packet{Stream: p.Stream, Seq: p.Seq, Age: p.Age + 1, Messages: p.Messages, Count: p.Count, Body: p.Body, Manifest: p.Manifest} // it would not be decoded
	}
	return c
}

// remembered is how many packets a colluder keeps to send again.
const remembered = 16

func (x *colluder) remember(p *bimodal.Packet) {
	if x.before = append(x.before, *p); len(x.before) > remembered {
		x.before = x.before[1:]
	}
}

// elsewhere puts what an author has published earlier in the place of what it has published now.
func (x *colluder) elsewhere(c *bimodal.Packet) {
	earlier := x.before[x.random.IntN(len(x.before))]
	if earlier.Stream == c.Stream && earlier.Seq == c.Seq {
		c.Age++
		return
	}
	stream, seq := c.Stream, c.Seq
	*c = bimodal.Packet{Stream: stream, Seq: seq, Age: earlier.Age, Messages: earlier.Messages, Count: earlier.Count, Body: slices.Clone(earlier.Body)}
	if len(c.Body) == 0 {
		c.Body, c.Count = wire.AppendRecord(nil, wire.Record{Data: []byte("nor that")}), 1
	}
}
