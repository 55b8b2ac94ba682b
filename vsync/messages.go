package vsync

import (
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// entriesMax bounds what one Check tells.
const entriesMax = 40

// Check tells which views a member has of groups that the receiver may be in as well.
type Check struct {
	envelope
	Answer  bool // to a Check: what the sender has of the groups in that
	Entries []CheckEntry
}

// CheckEntry is what a member has of a group.
type CheckEntry struct {
	header             // the zero view: it is in none
	Incarnation uint64 // of the sender; 0 when it has not joined the group
	Primary     bool   // it can reach a majority, as far as it knows
}

// Kind implements protocol.Message.
func (*Check) Kind() protocol.Kind { return wire.KindGroupCheck }

func (m *Check) append(b []byte) []byte {
	b = wire.AppendUvarint(appendBool(b, m.Answer), uint64(len(m.Entries)))
	for i := range m.Entries {
		e := &m.Entries[i]
		b = appendBool(wire.AppendUvarint(e.header.append(b), e.Incarnation), e.Primary)
	}
	return b
}

func (m *Check) read(r *wire.Reader) {
	m.Answer = readBool(r)
	for range r.Count(entriesMax, 8+4) {
		var e CheckEntry
		e.header.read(r)
		e.Incarnation, e.Primary = r.Uvarint(), readBool(r)
		m.Entries = append(m.Entries, e)
	}
}

// Stability is what a member knows of a round of stability.
type Stability struct {
	envelope
	header
	Answer      bool // to a Stability that told less
	Round       uint64
	Failed      ranks
	Represented ranks    // members whose numbers are in it
	Slowest     uint64   // rank of the member among them that has least
	Least       uint64   // the sum of its numbers
	Stable      []uint64 // by rank: up to where all members have its messages,
	Min         []uint64 // the least that any member represented has of them,
	Max         []uint64 // and the most
	Term        uint64   // with total order: the term that all of them keep to; 0 when it is not the same
	Kept        uint64   // up to which of its holder's messages
}

// Kind implements protocol.Message.
func (*Stability) Kind() protocol.Kind { return wire.KindGroupStability }

func (m *Stability) append(b []byte) []byte {
	b = wire.AppendUvarint(appendBool(m.header.append(b), m.Answer), m.Round)
	b = m.Represented.append(m.Failed.append(b))
	b = appendNumbers(wire.AppendUvarint(wire.AppendUvarint(b, m.Slowest), m.Least), m.Stable)
	b = appendDifferences(appendDifferences(b, m.Min, m.Stable), m.Max, m.Min)
	return wire.AppendUvarint(wire.AppendUvarint(b, m.Term), m.Kept)
}

func (m *Stability) read(r *wire.Reader) {
	m.header.read(r)
	m.Answer, m.Round = readBool(r), r.Uvarint()
	m.Failed, m.Represented = readRanks(r), readRanks(r)
	m.Slowest, m.Least = r.UvarintMax(MembersMax-1), r.Uvarint()
	m.Stable = readNumbers(r)
	m.Min = readDifferences(r, m.Stable)
	m.Max = readDifferences(r, m.Min)
	m.Term, m.Kept = r.Uvarint(), r.Uvarint()
}

// Flush begins a change of the view, or begins it again.
type Flush struct {
	envelope
	header
	Ballot Ballot
	Failed ranks
}

// Kind implements protocol.Message.
func (*Flush) Kind() protocol.Kind { return wire.KindGroupFlush }

func (m *Flush) append(b []byte) []byte { return m.Failed.append(m.Ballot.append(m.header.append(b))) }

func (m *Flush) read(r *wire.Reader) {
	m.header.read(r)
	m.Ballot, m.Failed = readBallot(r), readRanks(r)
}

// FlushAnswer answers a Flush: the sender has stopped sending, and agrees to nothing of earlier ballots any longer.
type FlushAnswer struct {
	envelope
	header
	Ballot   Ballot
	Have     []uint64  // by rank: up to where it has all messages
	Accepted Ballot    // of the latest proposal that it agreed to
	Decision *Decision // that proposal; nil for none
}

// Kind implements protocol.Message.
func (*FlushAnswer) Kind() protocol.Kind { return wire.KindGroupFlushed }

func (m *FlushAnswer) append(b []byte) []byte {
	b = m.Accepted.append(appendNumbers(m.Ballot.append(m.header.append(b)), m.Have))
	if m.Decision != nil {
		b = m.Decision.append(b)
	}
	return b
}

func (m *FlushAnswer) read(r *wire.Reader) {
	m.header.read(r)
	m.Ballot, m.Have, m.Accepted = readBallot(r), readNumbers(r), readBallot(r)
	if m.Accepted.Round > 0 {
		m.Decision = readDecision(r)
	}
}

// Proposal is what a change of the view is to come to.
type Proposal struct {
	envelope
	header
	Ballot   Ballot
	Failed   ranks
	Decision *Decision
	Holders  []uint64 // by rank: who has all up to the cut
}

// Kind implements protocol.Message.
func (*Proposal) Kind() protocol.Kind { return wire.KindGroupProposal }

func (m *Proposal) append(b []byte) []byte {
	b = m.Decision.append(m.Failed.append(m.Ballot.append(m.header.append(b))))
	return appendNumbers(b, m.Holders)
}

func (m *Proposal) read(r *wire.Reader) {
	m.header.read(r)
	m.Ballot, m.Failed, m.Decision, m.Holders = readBallot(r), readRanks(r), readDecision(r), readNumbers(r)
}

// Agreed answers a Proposal: the sender has all up to the cut.
type Agreed struct {
	envelope
	header
	Ballot Ballot
}

// Kind implements protocol.Message.
func (*Agreed) Kind() protocol.Kind { return wire.KindGroupAgreed }

func (m *Agreed) append(b []byte) []byte { return m.Ballot.append(m.header.append(b)) }

func (m *Agreed) read(r *wire.Reader) {
	m.header.read(r)
	m.Ballot = readBallot(r)
}

// Decided tells what a change of the view has come to. The header is of the view before.
type Decided struct {
	envelope
	header
	Decision *Decision
	Order    Order // of the group
	State    bool  // its members have a state
}

// Kind implements protocol.Message.
func (*Decided) Kind() protocol.Kind { return wire.KindGroupView }

func (m *Decided) append(b []byte) []byte {
	return appendBool(append(m.Decision.append(m.header.append(b)), byte(m.Order)), m.State)
}

func (m *Decided) read(r *wire.Reader) {
	m.header.read(r)
	m.Decision, m.Order, m.State = readDecision(r), readOrder(r), readBool(r)
}

// kept returns a message that may be kept.
func (m *Decided) kept() *Decided {
	if !m.lent {
		return m
	}
	c := *m
	c.envelope = envelope{encoded: slices.Clone(m.encoded)}
	return &c
}

func readOrder(r *wire.Reader) Order {
	o := Order(r.Byte())
	if o >= orders {
		r.Fail(wire.ErrRange)
		return 0
	}
	return o
}

// Failed tells whom the sender takes for failed, and up to which round it has promised to keep to nothing earlier.
type Failed struct {
	envelope
	header
	Failed   ranks
	Promised uint64
}

// Kind implements protocol.Message.
func (*Failed) Kind() protocol.Kind { return wire.KindGroupFailed }

func (m *Failed) append(b []byte) []byte {
	return wire.AppendUvarint(m.Failed.append(m.header.append(b)), m.Promised)
}

func (m *Failed) read(r *wire.Reader) {
	m.header.read(r)
	m.Failed, m.Promised = readRanks(r), r.Uvarint()
}

// Leave tells that the sender wants to be out of the view; and a node that calls for the group, that its attempt is over.
type Leave struct {
	envelope
	header
	Incarnation uint64 // of who is to be out
}

// Kind implements protocol.Message.
func (*Leave) Kind() protocol.Kind { return wire.KindGroupLeave }

func (m *Leave) append(b []byte) []byte { return wire.AppendUvarint(m.header.append(b), m.Incarnation) }

func (m *Leave) read(r *wire.Reader) {
	m.header.read(r)
	m.Incarnation = r.Uvarint()
}

// Pull asks for the messages of a member from a number on, of that one from an offset on.
type Pull struct {
	envelope
	header
	Rank   uint64
	Seq    uint64
	Last   uint64
	Offset uint64
}

// Kind implements protocol.Message.
func (*Pull) Kind() protocol.Kind { return wire.KindGroupPull }

func (m *Pull) append(b []byte) []byte {
	b = wire.AppendUvarint(wire.AppendUvarint(m.header.append(b), m.Rank), m.Seq)
	return wire.AppendUvarint(wire.AppendUvarint(b, m.Last), m.Offset)
}

func (m *Pull) read(r *wire.Reader) {
	m.header.read(r)
	m.Rank, m.Seq, m.Last, m.Offset = r.UvarintMax(MembersMax-1), r.Uvarint(), r.Uvarint(), r.UvarintMax(bodyMax)
}

// Pieces answers a Pull: whole messages, numbered from Seq on, or a part of one.
type Pieces struct {
	envelope
	header
	Rank   uint64
	Seq    uint64
	Last   bool   // of those that answer the Pull
	Offset uint64 // of a part
	Whole  uint64 // size of the message that it is of; 0: the bodies are whole
	Bodies [][]byte
}

// bodiesMax bounds the messages of one Pieces.
const bodiesMax = 256

// Kind implements protocol.Message.
func (*Pieces) Kind() protocol.Kind { return wire.KindGroupPieces }

func (m *Pieces) append(b []byte) []byte {
	b = appendBool(wire.AppendUvarint(wire.AppendUvarint(m.header.append(b), m.Rank), m.Seq), m.Last)
	b = wire.AppendUvarint(wire.AppendUvarint(b, m.Offset), m.Whole)
	b = wire.AppendUvarint(b, uint64(len(m.Bodies)))
	for _, body := range m.Bodies {
		b = wire.AppendBytes(b, body)
	}
	return b
}

func (m *Pieces) read(r *wire.Reader) {
	m.header.read(r)
	m.Rank, m.Seq, m.Last = r.UvarintMax(MembersMax-1), r.Uvarint(), readBool(r)
	m.Offset, m.Whole = r.UvarintMax(bodyMax), r.UvarintMax(bodyMax)
	for range r.Count(bodiesMax, 1) {
		m.Bodies = append(m.Bodies, r.Bytes(wire.DatagramMax))
	}
}

// Seal tells that a new term of ordering is to begin: the receiver keeps to nothing more of earlier ones, and tells how far it has.
type Seal struct {
	envelope
	header
	Term uint64
}

// Kind implements protocol.Message.
func (*Seal) Kind() protocol.Kind { return wire.KindGroupSeal }

func (m *Seal) append(b []byte) []byte { return wire.AppendUvarint(m.header.append(b), m.Term) }

func (m *Seal) read(r *wire.Reader) {
	m.header.read(r)
	m.Term = r.Uvarint()
}

// Sealed answers a Seal.
type Sealed struct {
	envelope
	header
	Term    uint64 // that was sealed for
	Current uint64 // the latest that the sender has begun to keep to
	Limit   uint64 // up to which number of its holder's messages it has
}

// Kind implements protocol.Message.
func (*Sealed) Kind() protocol.Kind { return wire.KindGroupSealed }

func (m *Sealed) append(b []byte) []byte {
	b = wire.AppendUvarint(m.header.append(b), m.Term)
	return wire.AppendUvarint(wire.AppendUvarint(b, m.Current), m.Limit)
}

func (m *Sealed) read(r *wire.Reader) {
	m.header.read(r)
	m.Term, m.Current, m.Limit = r.Uvarint(), r.Uvarint(), r.Uvarint()
}

// Recover begins a recovery: it asks, as Flush does, but without regard to who is taken for failed. Its answer is a FlushAnswer, or another Recover that refuses.
type Recover struct {
	envelope
	header
	Ballot  Ballot
	Refused bool // an answer: the sender does not know that no majority can be reached
}

// Kind implements protocol.Message.
func (*Recover) Kind() protocol.Kind { return wire.KindGroupRecover }

func (m *Recover) append(b []byte) []byte {
	return appendBool(m.Ballot.append(m.header.append(b)), m.Refused)
}

func (m *Recover) read(r *wire.Reader) {
	m.header.read(r)
	m.Ballot, m.Refused = readBallot(r), readBool(r)
}

// Part is a part of another message of this package that does not fit into a datagram.
type Part struct {
	envelope
	Number uint64 // the same for all parts of a message of this sender
	Inner  protocol.Kind
	Index  uint64
	Count  uint64
	Bytes  []byte
}

// partsMax bounds the parts of a message.
const partsMax = 64

// Kind implements protocol.Message.
func (*Part) Kind() protocol.Kind { return wire.KindGroupPart }

func (m *Part) append(b []byte) []byte {
	b = append(wire.AppendUvarint(b, m.Number), byte(m.Inner))
	return append(wire.AppendUvarint(wire.AppendUvarint(b, m.Index), m.Count), m.Bytes...)
}

func (m *Part) read(r *wire.Reader) {
	m.Number, m.Inner = r.Uvarint(), protocol.Kind(r.Byte())
	m.Index, m.Count, m.Bytes = r.UvarintMax(partsMax-1), r.UvarintMax(partsMax), r.Rest()
	if m.Index >= m.Count || m.Inner < wire.KindGroupFirst || m.Inner > wire.KindGroupLast || m.Inner == wire.KindGroupPart || len(m.Bytes) == 0 {
		r.Fail(wire.ErrRange)
	}
}

// Decoder decodes the messages of this package. What it returns is lent.
type Decoder struct{}

// Decode implements protocol.Decoder.
func (*Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	m := newMessage(kind)
	if m == nil {
		return nil, wire.ErrKind
	}
	r := wire.NewReader(body)
	m.read(&r)
	if err := r.Done(); err != nil {
		return nil, err
	}
	*m.sealed() = envelope{encoded: body, lent: true}
	return m, nil
}

func newMessage(kind protocol.Kind) message {
	switch kind {
	case wire.KindGroupCheck:
		return new(Check)
	case wire.KindGroupStability:
		return new(Stability)
	case wire.KindGroupFlush:
		return new(Flush)
	case wire.KindGroupFlushed:
		return new(FlushAnswer)
	case wire.KindGroupProposal:
		return new(Proposal)
	case wire.KindGroupAgreed:
		return new(Agreed)
	case wire.KindGroupView:
		return new(Decided)
	case wire.KindGroupFailed:
		return new(Failed)
	case wire.KindGroupLeave:
		return new(Leave)
	case wire.KindGroupPull:
		return new(Pull)
	case wire.KindGroupPieces:
		return new(Pieces)
	case wire.KindGroupSeal:
		return new(Seal)
	case wire.KindGroupSealed:
		return new(Sealed)
	case wire.KindGroupPart:
		return new(Part)
	case wire.KindGroupRecover:
		return new(Recover)
	}
	return nil
}
