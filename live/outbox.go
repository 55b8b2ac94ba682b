package live

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"spinglass/protocol"
	"spinglass/seal"
	"spinglass/wire"
)

// Limits of what is sent in one piece.
const (
	parcelSize       = 65000            // bytes; the kernel takes little more in one send
	sealedParcelSize = parcelSize + 400 // after sealing; so four of wire.DatagramLoopback fit in either form
	parcelSegments   = 64               // the kernel cuts a send into no more
	laneCount        = 16               // destination sets that datagrams are gathered for at the same time
	paddingStep      = 64               // bytes; sizes that grow are rounded up to a multiple
	paddingShare     = 8                // a datagram is made up to the size of a segment when less than 1/paddingShare of it is missing
)

// parcel is a buffer of datagrams for the same destinations. All but the last are of the same size.
type parcel struct {
	buffer  []byte
	open    int // where the datagram being filled starts
	count   int // finished datagrams
	segment int // bytes of the first finished datagram, which all others but the last have
	targets []target
}

// target is where a parcel goes, and by which session.
type target struct {
	to      netip.AddrPort
	session *session     // nil: unsealed, or to a group
	group   *groupSealer // of a group, when sealed
}

func (p *parcel) reset() {
	p.buffer, p.open, p.count, p.segment, p.targets = p.buffer[:0], 0, 0, 0, p.targets[:0]
}

// takes reports whether a further datagram of up to size bytes can be begun.
func (o *outbox) takes(p *parcel, size int) bool {
	sealed := len(p.buffer) + size + (p.count+1)*o.overhead
	return len(p.buffer)+size <= parcelSize && sealed <= sealedParcelSize && p.count < parcelSegments
}

// lane gathers what goes to one set of destinations within a turn.
type lane struct {
	parcel  *parcel
	ids     []protocol.NodeID // the peers it is for, or
	address protocol.Address  // the address
	missing int               // peers without a known address
	waits   []destination     // those without a session
}

// outbox encodes messages into parcels and hands these to the writer. The loop owns it, the writer gives parcels back.
type outbox struct {
	node         protocol.NodeID
	datagramSize int         // before sealing
	overhead     int         // what sealing adds to a datagram
	pad          func() bool // whether the kernel takes segments, so that equal sizes pay
	count        *counters
	lanes        []lane // oldest first
	full         chan *parcel
	free         chan *parcel
	made, limit  int // parcels

	unsent  atomic.Int32  // parcels that the writer has
	awaited atomic.Bool   // the loop is to be told when it has none
	drained chan struct{} // holds a token then
}

func newOutbox(c *Config, count *counters, pad func() bool) *outbox {
	limit := c.SendQueue / parcelSize
	overhead := 0
	if c.Security != nil {
		overhead = seal.TagSize
	}
	return &outbox{
		node: c.ID, datagramSize: c.DatagramSize, overhead: overhead, pad: pad, count: count, lanes: make([]lane, 0, laneCount),
		full: make(chan *parcel, limit), free: make(chan *parcel, limit), limit: limit,
		drained: make(chan struct{}, 1),
	}
}

// find returns the lane for peers or an address, nil when there is none.
func (o *outbox) find(ids []protocol.NodeID, address protocol.Address) *lane {
	for i := range o.lanes {
		if l := &o.lanes[i]; l.address == address && slices.Equal(l.ids, ids) {
			return l
		}
	}
	return nil
}

// begin makes a lane. The caller adds its targets.
func (o *outbox) begin(ids []protocol.NodeID, address protocol.Address) *lane {
	if len(o.lanes) == laneCount {
		o.close(&o.lanes[0])
		o.retire(0)
	}
	o.lanes = o.lanes[:len(o.lanes)+1]
	l := &o.lanes[len(o.lanes)-1]
	l.parcel, l.address, l.missing, l.waits = o.parcel(), address, 0, l.waits[:0]
	l.ids = append(l.ids[:0], ids...)
	return l
}

// retire takes lane i out and keeps its memory for the next.
func (o *outbox) retire(i int) {
	last := len(o.lanes) - 1
	retired := o.lanes[i]
	copy(o.lanes[i:], o.lanes[i+1:])
	o.lanes[last] = lane{ids: retired.ids, waits: retired.waits}
	o.lanes = o.lanes[:last]
}

// fits reports whether a message fits into a datagram at all.
func fits(m protocol.Message) bool {
	return wire.HeaderSize+wire.FrameSize(m.Size()) <= wire.DatagramMax
}

// add appends a message, which fits into a datagram, to a lane: to the datagram being filled, or to a new one.
func (o *outbox) add(l *lane, m protocol.Message) {
	size := wire.FrameSize(m.Size())
	p := l.parcel
	if p.open < len(p.buffer) {
		if len(p.buffer)-p.open+size <= o.datagramSize {
			p.buffer = wire.AppendFrame(p.buffer, m)
			return
		}
		o.finish(l, true)
		p = l.parcel
	}
	if p.count > 0 && !o.takes(p, max(o.datagramSize, wire.HeaderSize+size)) {
		o.renew(l)
		p = l.parcel
	}
	p.open = len(p.buffer)
	p.buffer = wire.AppendFrame(wire.BeginDatagram(p.buffer, o.node), m)
}

// finish ends the datagram being filled. followed tells that another one for the same destinations comes at once, so that it pays
// to keep their sizes equal.
func (o *outbox) finish(l *lane, followed bool) {
	p := l.parcel
	size := len(p.buffer) - p.open
	pads := followed && p.count > 0 && o.pad()
	if p.count > 0 && size > p.segment {
		o.split(l)
		p = l.parcel
		if pads {
			// Sizes grow; some room to grow further saves the next split.
			size = o.fill(p, min((size+paddingStep-1)/paddingStep*paddingStep, max(size, o.datagramSize)))
		}
	}
	if short := p.segment - size; pads && short > 0 && short <= p.segment/paddingShare {
		size = o.fill(p, p.segment)
	}
	if p.count == 0 {
		p.segment = size
	}
	p.count++
	p.open = len(p.buffer)
	if size < p.segment && followed {
		o.renew(l)
	}
}

// fill makes the datagram being filled up to size bytes, which it returns.
func (o *outbox) fill(p *parcel, size int) int {
	o.count.bytesPadded.Add(uint64(size - (len(p.buffer) - p.open)))
	for len(p.buffer)-p.open < size {
		p.buffer = append(p.buffer, byte(wire.KindPadding))
	}
	return size
}

// split moves the datagram being filled, which is larger than those before it, to a parcel of its own.
func (o *outbox) split(l *lane) {
	old := l.parcel
	p := o.parcel()
	p.targets = append(p.targets, old.targets...)
	p.buffer = append(p.buffer, old.buffer[old.open:]...)
	old.buffer = old.buffer[:old.open]
	l.parcel = p
	o.hand(old)
}

// renew hands the parcel of a lane over and gives the lane another for the same destinations.
func (o *outbox) renew(l *lane) {
	old := l.parcel
	p := o.parcel()
	p.targets = append(p.targets, old.targets...)
	l.parcel = p
	o.hand(old)
}

// close hands over what a lane holds.
func (o *outbox) close(l *lane) {
	if l.parcel.open < len(l.parcel.buffer) {
		o.finish(l, false)
	}
	o.hand(l.parcel)
	l.parcel = nil
}

// hand hands a parcel over to the writer. There are no more parcels than the channel holds, so that this never waits.
func (o *outbox) hand(p *parcel) {
	o.unsent.Add(1)
	o.full <- p
}

// takeBack takes a parcel back that the writer has sent.
func (o *outbox) takeBack(p *parcel) {
	o.free <- p // There is room for all parcels.
	if o.unsent.Add(-1) == 0 && o.awaited.CompareAndSwap(true, false) {
		select {
		case o.drained <- struct{}{}:
		default:
		}
	}
}

// busy reports whether the writer has parcels. If so, drained will hold a token once it has none.
func (o *outbox) busy() bool {
	if o.unsent.Load() == 0 {
		return false
	}
	o.awaited.Store(true)
	return o.unsent.Load() > 0
}

// flush hands over what all lanes hold.
func (o *outbox) flush() {
	for i := range o.lanes {
		o.close(&o.lanes[i])
		o.lanes[i].ids = o.lanes[i].ids[:0]
	}
	o.lanes = o.lanes[:0]
}

// parcel returns an empty parcel. It waits for the writer when all are in use.
func (o *outbox) parcel() *parcel {
	var p *parcel
	select {
	case p = <-o.free:
	default:
		if o.made < o.limit {
			o.made++
			return new(parcel)
		}
		o.count.writerWaits.Add(1)
		p = <-o.free
	}
	p.reset()
	return p
}
