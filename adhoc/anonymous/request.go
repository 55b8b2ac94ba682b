package anonymous

import (
	"spinglass/adhoc"
	"spinglass/protocol"
	"spinglass/wire"
)

// Request names what a member of a group misses.
type Request struct {
	TTL       int // hops that it may still walk, 1 or more
	Hops      int // that it came
	Group     adhoc.Group
	Initiator protocol.NodeID
	Sequence  uint32            // of routes to the initiator, see adhoc.Hint
	All       bool              // it names all sources that the initiator knows: others are new to it
	Entries   []Entry           // ascending by source; at most EntriesMax
	Keys      []protocol.NodeID // of which the initiator wants the certificates, ascending; at most KeysMax

	lent    bool
	numbers []uint64 // memory of a decoder
	arrival protocol.NodeID
	refused []protocol.NodeID // next hops that did not take it
}

// Entry is what a Request says of one source.
type Entry struct {
	Source   Source
	Expected uint64   // the first number of which the initiator knows nothing; 1 or more
	Lost     []uint64 // ascending, below Expected
}

// Kind implements protocol.Message.
func (q *Request) Kind() protocol.Kind { return wire.KindGossipRequest }

// Lent implements protocol.Message.
func (q *Request) Lent() bool { return q.lent }

// Size implements protocol.Message.
func (q *Request) Size() int {
	size := 3 + 8 + 8 + wire.UvarintSize(uint64(q.Sequence)) + wire.UvarintSize(uint64(len(q.Entries)))
	for i := range q.Entries {
		e := &q.Entries[i]
		size += e.Source.size() + wire.UvarintSize(e.Expected) + wire.UvarintSize(uint64(len(e.Lost)))
		above := e.Expected
		for j := len(e.Lost) - 1; j >= 0; j-- {
			size += wire.UvarintSize(above - e.Lost[j])
			above = e.Lost[j]
		}
	}
	return size + 1 + 8*len(q.Keys)
}

// Append implements protocol.Message. Lost numbers are told from the greatest down, each by its distance from the one above it.
func (q *Request) Append(b []byte) []byte {
	var flags byte
	if q.All {
		flags = 1
	}
	b = append(b, flags, byte(q.TTL), byte(q.Hops))
	b = wire.AppendFixed64(wire.AppendFixed64(b, uint64(q.Group)), uint64(q.Initiator))
	b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(q.Sequence)), uint64(len(q.Entries)))
	for i := range q.Entries {
		e := &q.Entries[i]
		b = wire.AppendUvarint(e.Source.append(b), e.Expected)
		b = wire.AppendUvarint(b, uint64(len(e.Lost)))
		above := e.Expected
		for j := len(e.Lost) - 1; j >= 0; j-- {
			b = wire.AppendUvarint(b, above-e.Lost[j])
			above = e.Lost[j]
		}
	}
	b = append(b, byte(len(q.Keys)))
	for _, key := range q.Keys {
		b = wire.AppendFixed64(b, uint64(key))
	}
	return b
}

const entrySizeMin = 8 + 1 + 1 + 1

func (q *Request) decode(b []byte) error {
	r := wire.NewReader(b)
	flags, entries, numbers, keys := r.Byte(), q.Entries[:0], q.numbers[:0], q.Keys[:0]
	*q = Request{TTL: int(r.Byte()), Hops: int(r.Byte()), Group: adhoc.Group(r.Fixed64()), Initiator: protocol.NodeID(r.Fixed64()), All: flags == 1, lent: true}
	q.Sequence = r.Uint32()
	if flags > 1 || q.TTL == 0 || q.Group == 0 || q.Initiator == 0 {
		r.Fail(wire.ErrRange)
	}
	for range r.Count(EntriesMax, entrySizeMin) {
		e := Entry{Source: readSource(&r), Expected: r.UvarintMax(numberMax)}
		if e.Expected == 0 || len(entries) > 0 && !entries[len(entries)-1].Source.before(e.Source) {
			r.Fail(wire.ErrRange)
		}
		numbers = readLost(&r, &e, numbers)
		entries = append(entries, e)
	}
	for range r.Count(KeysMax, 8) {
		key := protocol.NodeID(r.Fixed64())
		if key == 0 || len(keys) > 0 && keys[len(keys)-1] >= key {
			r.Fail(wire.ErrRange)
		}
		keys = append(keys, key)
	}
	q.Entries, q.numbers, q.Keys = entries, numbers, keys
	return r.Done()
}

// readLost reads the numbers of an entry into memory.
func readLost(r *wire.Reader, e *Entry, numbers []uint64) []uint64 {
	count := r.Count(NumbersMax-min(len(numbers), NumbersMax), 1)
	begin := len(numbers)
	numbers = append(numbers, make([]uint64, count)...)
	e.Lost = numbers[begin:]
	above := e.Expected
	for j := count - 1; j >= 0; j-- {
		step := r.UvarintMax(numberMax)
		if step == 0 || step >= above {
			r.Fail(wire.ErrRange)
			break
		}
		above -= step
		e.Lost[j] = above
	}
	return numbers
}

// onward returns a copy that is not lent and walks one hop on.
func (q *Request) onward() *Request {
	next := *q
	next.TTL, next.Hops, next.lent, next.numbers, next.refused = q.TTL-1, q.Hops+1, false, nil, nil
	next.Entries = make([]Entry, len(q.Entries))
	for i, e := range q.Entries {
		e.Lost = append([]uint64(nil), e.Lost...)
		next.Entries[i] = e
	}
	next.Keys = append([]protocol.NodeID(nil), q.Keys...)
	return &next
}

// appendRequest appends the payload of a unicast that carries a cached request.
func appendRequest(b []byte, q *Request) []byte { return q.Append(append(b, payloadRequest)) }

func decodeRequest(b []byte) (*Request, error) {
	if len(b) == 0 || b[0] != payloadRequest {
		return nil, wire.ErrKind
	}
	q := new(Request)
	return q, q.decode(b[1:])
}

// Decoder turns bodies into requests, and those of other kinds into what Under makes of them.
type Decoder struct {
	Under   protocol.Decoder // of the routing
	request Request
}

// Decode implements protocol.Decoder.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	if kind != wire.KindGossipRequest {
		return d.Under.Decode(kind, body)
	}
	if err := d.request.decode(body); err != nil {
		return nil, err
	}
	return &d.request, nil
}
