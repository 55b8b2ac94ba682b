package bimodal

import (
	"spinglass/gravity"
	"spinglass/protocol"
	"spinglass/wire"
)

// assembliesMax bounds the memory of messages that are being put together, all streams together, in bytes. The last piece that fits
// may take it beyond that by what a slice grows.
const assembliesMax = 16 << 20

// Bounds of the memory that is taken for a cut message on its own word, when its first piece is there: so many times that piece, so
// many bytes, and one part in reserveShare of what assembliesMax leaves.
const (
	reserveShare = 64
	reserveMax   = 64 << 10
)

// reassembly is how far the messages of a stream are accounted for, delivered or told as lost.
type reassembly struct {
	counted  uint64         // messages accounted for
	fresh    bool           // nothing was delivered yet, and the first packet says where counting begins
	seeking  bool           // the first packet is looked for among those before heard; implies fresh
	bounded  bool           // a packet from before the subscription is known, behind which what is missing counts
	heard    uint64         // of a stream that is sought in: the first number that was heard of,
	before   uint64         // messages published before the subscription, as far as is known of a stream that was sought in
	skipping bool           // inside a cut message that is accounted for already
	partial  []byte         // what there is of a cut message
	whole    int            // bytes of that message; 0 when there is none
	height   gravity.Height // the highest of its packets
	reason   GapReason
	spared   uint64 // packets passed over since messages were accounted for last: not wanted,
	failed   uint64 // and given up
}

// deliverNext delivers the next packet, which must be held.
func (m *Machine) deliverNext(s *stream, out *protocol.Output) {
	m.goOn(s)
	p := s.at(s.next).packet
	s.next++
	s.waiting--
	if !s.topic.subscribed {
		s.order = reassembly{counted: p.total()} // a subscription begins behind it
		return
	}
	m.deliver(s, p, out)
}

// deliver delivers a packet, the next one in order.
func (m *Machine) deliver(s *stream, p *Packet, out *protocol.Output) {
	o := &s.order
	if r := s.topic.rating; r != gravity.All && !r.Wants(s.height(p.Seq)) || p.Seq < s.back.until && s.back.rating.Wants(s.height(p.Seq)) {
		m.passOver(s) // not wanted, or dealt with before the stream went back
		return
	}
	if o.before > 0 && s.sealed(p) > s.topic.since {
		o.before = 0 // what follows is all wanted
	}
	at := p.Messages
	switch continues := p.continues(); {
	case continues && o.whole == 0:
		// The message under way began in a packet that is lost, or before this node joined. Either way it is past.
		at++
		o.skipping = true
	case !continues && len(p.Body) > 0:
		m.abandonAssembly(s)
		o.skipping = false
	}
	if o.fresh {
		// A manifest alone does not tell whether it stands between the pieces of a message.
		o.counted, o.fresh, o.seeking, o.spared, o.failed = at, len(p.Body) == 0, false, 0, 0
	}
	if at < o.counted {
		m.stats.PacketsContrary++
		out.Drop(s.id.Author, ReasonInconsistent)
	}
	m.lose(s, at, GapReassembly, out)
	if len(p.Body) > 0 {
		m.deliverRecords(s, p, out)
	}
}

// deliverRecords delivers what p completes. Runs of whole messages go out together, as one part of the body.
func (m *Machine) deliverRecords(s *stream, p *Packet, out *protocol.Output) {
	if p.whole {
		m.deliverRun(s, p.Seq, p.Body, int(p.Count), out)
		return
	}
	begin, run := 0, 0 // of the run of whole messages
	for rest := p.Body; len(rest) > 0; {
		record, behind, err := wire.NextRecord(rest, wire.MessageMax)
		if err != nil {
			panic("bimodal: a packet was checked when it came and is malformed now")
		}
		here, end := len(p.Body)-len(rest), len(p.Body)-len(behind)
		rest = behind
		if record.Kind == wire.RecordWhole {
			if run == 0 {
				begin = here
			}
			run++
			if len(rest) == 0 {
				m.deliverRun(s, p.Seq, p.Body[begin:end:end], run, out)
			}
			continue
		}
		if run > 0 {
			m.deliverRun(s, p.Seq, p.Body[begin:here:here], run, out)
			run = 0
		}
		m.deliverPiece(s, p.Seq, record, out)
	}
}

func (m *Machine) deliverRun(s *stream, seq uint64, records []byte, count int, out *protocol.Output) {
	for unwanted := s.unwanted(); count > 0 && s.order.counted < unwanted; count-- {
		_, records = wire.NextMessage(records)
		s.order.counted++
	}
	if count == 0 {
		return
	}
	d := m.newDelivery(s, count)
	d.records, d.Height = records, s.height(seq)
	out.Emit(d)
}

// newDelivery accounts for the next count messages as delivered.
func (m *Machine) newDelivery(s *stream, count int) *Delivery {
	d := m.arena.delivery()
	d.Author, d.Epoch, d.Topic = s.id.Author, s.id.Epoch, s.topic.name
	d.First, d.Count = s.order.counted+1, count
	s.order.counted += uint64(count)
	m.stats.MessagesDelivered += uint64(count)
	return d
}

// deliverPiece puts a cut message together.
func (m *Machine) deliverPiece(s *stream, seq uint64, record wire.Record, out *protocol.Output) {
	o := &s.order
	last := record.Kind == wire.RecordLast
	if record.Kind == wire.RecordFirst {
		o.whole, o.height = record.Total, 0
	}
	o.height = max(o.height, s.height(seq))
	if o.whole == 0 {
		o.skipping = o.skipping && !last
		return
	}
	size := len(o.partial) + len(record.Data)
	if !m.roomToAssemble(s, len(record.Data), out) {
		m.giveUpAssembly(s, last, out)
		return
	}
	if size > o.whole || last && size != o.whole {
		m.stats.PacketsContrary++
		out.Drop(s.id.Author, ReasonInconsistent)
		m.abandonAssembly(s)
		m.lose(s, o.counted+1, GapReassembly, out)
		o.skipping = !last
		return
	}
	before := cap(o.partial)
	if o.partial == nil {
		reserve := min(o.whole, reserveShare*len(record.Data), reserveMax, (assembliesMax-m.assembled)/reserveShare)
		o.partial = m.arena.reserve(max(reserve, len(record.Data)))
	}
	o.partial = append(o.partial, record.Data...)
	m.assemble(s, cap(o.partial)-before)
	if !last {
		return
	}
	if o.counted < s.unwanted() {
		o.counted++
		m.abandonAssembly(s)
		return
	}
	d := m.newDelivery(s, 1)
	d.cut, d.Height = o.partial, o.height
	m.abandonAssembly(s)
	out.Emit(d)
}

// abandonAssembly forgets the pieces of a cut message.
func (m *Machine) abandonAssembly(s *stream) {
	m.assemble(s, -cap(s.order.partial))
	s.order.partial, s.order.whole = nil, 0
}

// lose tells that the messages from those accounted for up to number at are lost, if there are any.
func (m *Machine) lose(s *stream, at uint64, reason GapReason, out *protocol.Output) {
	o := &s.order
	if o.reason != "" {
		reason, o.reason = o.reason, ""
	}
	o.counted = max(o.counted, min(at, s.unwanted()))
	first, lost := o.counted+1, o.lost(at)
	o.spared, o.failed = 0, 0
	if at < first {
		return
	}
	m.stats.MessagesSpared += at - o.counted - lost
	if o.counted = at; lost == 0 {
		return
	}
	m.stats.Gaps++
	m.stats.MessagesLost += lost
	out.Emit(&Gap{
		Author: s.id.Author, Epoch: s.id.Epoch, Topic: s.topic.name, First: first, Last: at, Count: lost, Reason: reason,
	})
}

// skip gives up the next packet.
func (m *Machine) skip(s *stream, reason GapReason) {
	if m.goOn(s); s.goneBack() {
		s.next++
		m.passOver(s)
		return
	}
	m.stats.PacketsMissed++
	s.missed++
	if !s.topic.rating.Wants(s.height(s.next)) { // it was to be carried for others
		s.next++
		m.passOver(s)
		return
	}
	s.order.failed++
	m.breakOff(s, reason)
	s.next++
}

// breakOff notes that the packets to come do not follow on those before.
func (m *Machine) breakOff(s *stream, reason GapReason) {
	m.abandonAssembly(s)
	s.order.skipping = false
	if !s.order.seeking || s.order.bounded { // else what is missing may be from before the subscription
		s.order.fresh, s.order.seeking, s.order.reason = false, false, reason
	}
}

// settle tells of what was lost at the present end of a stream, where no packet is left to show it.
func (m *Machine) settle(s *stream, out *protocol.Output) {
	if s.next == s.high+1 && s.order.seeking {
		s.order.seeking, s.order.counted = false, s.total
	}
	if s.next == s.high+1 && s.order.reason != "" && s.topic.subscribed {
		m.lose(s, s.total, s.order.reason, out)
	}
}
