package sim

import (
	"slices"
	"time"
)

// transmission is a frame on the air, or an acknowledgement that is due.
type transmission struct {
	frame       frame // of an acknowledgement just the number and the receiver
	from        uint32
	acknowledge bool
	hearers     []uint32 // stations that sense it; the memory is used again
}

// arrival is a transmission that a station senses.
type arrival struct {
	ref    uint32 // of the transmission
	square float64
	faint  bool // out of range: it interferes and is not understood
	lost   loss
}

// loss says why a frame within range is not understood.
type loss uint8

const (
	lossNone loss = iota
	lossCollided
	lossDeaf
)

// transmissionSlot stores a transmission and returns where.
func (m *medium) transmissionSlot(t transmission) uint32 {
	if n := len(m.spare); n > 0 {
		ref := m.spare[n-1]
		m.spare = m.spare[:n-1]
		t.hearers = m.sent[ref].hearers[:0]
		m.sent[ref] = t
		return ref
	}
	m.sent = append(m.sent, t)
	return uint32(len(m.sent) - 1)
}

// beginAir puts a frame on the air.
func (w *World) beginAir(s *station, ref uint32, bytes int, air time.Duration) {
	m := w.medium
	w.stats.Radio.Bytes += uint64(bytes)
	w.stats.Radio.AirTime += air
	s.transmitting = true
	s.sense(w.now)
	for i := range s.arrivals {
		if a := &s.arrivals[i]; a.lost == lossNone {
			a.lost = lossDeaf
		}
	}
	t := &m.sent[ref]
	at := s.path.At(w.now)
	for index, other := range m.stations {
		if other == s {
			continue
		}
		if square := at.square(other.path.At(w.now)); square <= m.sense2 {
			t.hearers = append(t.hearers, uint32(index))
			other.sense(w.now)
			m.arrive(other, arrival{ref: ref, square: square, faint: square > m.range2})
		}
	}
	w.queue.push(entry{at: w.now.Add(air), ref: ref, kind: entryAirEnd})
}

// arrive adds a transmission to those that a station senses, and finds out which of them it can still understand. Who has begun to take in a frame does not turn to a later one,
// and each frame is lost if another begins that is not farther away than its sender by the factor of capture.
func (m *medium) arrive(s *station, a arrival) {
	if s.transmitting {
		a.lost = lossDeaf
	}
	for i := range s.arrivals {
		o := &s.arrivals[i]
		if !o.faint && o.lost == lossNone || o.square < m.capture2*a.square {
			a.interfere()
		}
		if a.square < m.capture2*o.square {
			o.interfere()
		}
	}
	s.arrivals = append(s.arrivals, a)
}

func (a *arrival) interfere() {
	if a.lost == lossNone {
		a.lost = lossCollided
	}
}

// endAir takes a transmission off the air, and has those receive it that have understood it.
func (w *World) endAir(ref uint32) {
	m := w.medium
	t := m.sent[ref]
	reached := false
	for _, index := range t.hearers {
		s := m.stations[index]
		i := slices.IndexFunc(s.arrivals, func(a arrival) bool { return a.ref == ref })
		a := s.arrivals[i]
		s.arrivals[i] = s.arrivals[len(s.arrivals)-1]
		s.arrivals = s.arrivals[:len(s.arrivals)-1]
		near := !a.faint && s.host.machine != nil && (len(w.barriers) == 0 || !w.severed(t.from, index))
		reached = reached || near && index == t.frame.to
		s.damaged = !near || a.lost != lossNone
		switch {
		case !s.damaged:
			w.understood(s, &t)
		case near && !t.acknowledge && (t.frame.broadcast || t.frame.to == index):
			w.countLoss(a.lost)
		}
		w.quiet(s)
	}
	s := m.stations[t.from]
	s.transmitting, s.damaged = false, false
	if !t.acknowledge {
		if !t.frame.broadcast && !reached {
			w.stats.Radio.Away++
		}
		w.transmitted(s, &t.frame)
	}
	w.quiet(s)
	m.sent[ref].frame = frame{}
	m.spare = append(m.spare, ref)
}

func (w *World) countLoss(l loss) {
	if l == lossDeaf {
		w.stats.Radio.Deaf++
	} else {
		w.stats.Radio.Collided++
	}
}

// understood gives a frame to a station that has received it.
func (w *World) understood(s *station, t *transmission) {
	switch {
	case t.acknowledge:
		if t.frame.to == s.host.index {
			w.acknowledged(s, t.frame.number)
		}
	case t.frame.broadcast:
		w.hand(s, t)
	case t.frame.to == s.host.index:
		ref := w.medium.transmissionSlot(transmission{frame: frame{number: t.frame.number, to: t.from}, from: s.host.index, acknowledge: true})
		w.queue.push(entry{at: w.now.Add(RadioSIFS), ref: ref, kind: entryAcknowledge})
		if s.heard[t.from] == t.frame.number {
			w.stats.Radio.Repeated++
			return
		}
		s.heard[t.from] = t.frame.number
		w.hand(s, t)
	default:
		s.reserved = max(s.reserved, w.now.Add(RadioSIFS+w.medium.acktime))
	}
}

// hand puts a received datagram into the inbox of its host.
func (w *World) hand(s *station, t *transmission) {
	w.stats.Radio.Copies++
	in := input{kind: InputReceive, message: t.frame.message, from: t.from, to: s.host.index, size: int32(t.frame.size)}
	if t.frame.sent != nil {
		in.aside = &aside{sent: t.frame.sent}
	}
	w.fly(in, w.now)
}

// acknowledge sends an acknowledgement, whatever is on the air.
func (w *World) acknowledge(ref uint32) {
	t := &w.medium.sent[ref]
	s := w.medium.stations[t.from]
	if s.host.machine == nil || s.transmitting {
		w.medium.spare = append(w.medium.spare, ref)
		return
	}
	w.stats.Radio.Acknowledgements++
	w.beginAir(s, ref, RadioAcknowledgment, w.medium.acktime)
}

// radioEvent lets happen what an entry of the radio is about.
func (w *World) radioEvent(e entry) {
	switch e.kind {
	case entryAttempt:
		if s := w.medium.stations[e.ref]; s.attempt == w.now {
			w.attempt(s)
		}
	case entryAckTimeout:
		if s := w.medium.stations[e.ref]; s.timeout == w.now {
			w.unacknowledged(s)
		}
	case entryAcknowledge:
		w.acknowledge(e.ref)
	case entryAirEnd:
		w.endAir(e.ref)
	}
}

// underway counts the datagrams that wait at radios, or for them.
func (m *medium) underway() (n uint64) {
	for _, s := range m.stations {
		n += uint64(len(s.queue))
	}
	return n + m.waiting
}
