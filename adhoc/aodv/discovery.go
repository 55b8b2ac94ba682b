package aodv

import (
	"slices"

	"spinglass/adhoc"
	"spinglass/protocol"
)

// discovery is a destination that is looked for, and what waits for the route.
type discovery struct {
	destination protocol.NodeID
	ttl         int
	retries     int // of the whole network
	waiting     []*Packet
}

// discovery returns the search for a destination, nil when there is none.
func (m *Machine) discovery(id protocol.NodeID) *discovery {
	for _, d := range m.discoveries {
		if d.destination == id {
			return d
		}
	}
	return nil
}

// await keeps a packet until there is a route for it.
func (m *Machine) await(now protocol.Time, p *Packet, out *protocol.Output) {
	d := m.discovery(p.Destination)
	begin := d == nil
	if begin {
		if len(m.discoveries) >= DiscoveriesMax {
			m.overflow(p, out)
			return
		}
		d = &discovery{destination: p.Destination, ttl: TTLStart}
		if r := m.table.find(p.Destination); r != nil && r.hops > 0 {
			d.ttl = min(r.hops+TTLIncrement, NetDiameter)
		}
		m.discoveries = append(m.discoveries, d)
		m.stats.Discoveries++
	}
	if len(d.waiting) >= BufferMax {
		m.overflow(d.waiting[0], out)
		d.waiting = slices.Delete(d.waiting, 0, 1)
	}
	d.waiting = append(d.waiting, p)
	if begin {
		m.request(now, d, out)
	}
}

func (m *Machine) overflow(p *Packet, out *protocol.Output) {
	m.stats.PacketsOverflowed++
	out.Emit(adhoc.Undeliverable{To: p.Destination, Payload: p.Payload})
}

// request sends the request of a search, or postpones it if there were too many.
func (m *Machine) request(now protocol.Time, d *discovery, out *protocol.Output) {
	key := timer{kind: timerDiscovery, node: d.destination}
	ok, at := m.requests.Take(now, 1, RequestRateLimit)
	if !ok {
		m.stats.RequestsPostponed++
		m.timers.Set(key, at)
		return
	}
	m.sequence++
	m.ids++
	q := &Request{TTL: d.ttl, ID: m.ids, Destination: d.destination, Unknown: true, Origin: m.config.Self, OriginSequence: m.sequence}
	if r := m.table.find(d.destination); r != nil && r.known {
		q.DestinationSequence, q.Unknown = r.sequence, false
	}
	m.stats.RequestsSent++
	out.Broadcast(q)
	m.Broadcasted(now)
	wait := RingTraversalTime(d.ttl)
	if d.ttl >= NetDiameter {
		wait = NetTraversalTime << d.retries
		d.retries++
	} else {
		d.ttl = NextTTL(d.ttl)
	}
	m.timers.Set(key, now.Add(wait))
}

// tryAgain goes on with a search that brought nothing so far, or ends it.
func (m *Machine) tryAgain(now protocol.Time, id protocol.NodeID, out *protocol.Output) {
	d := m.discovery(id)
	switch {
	case d == nil:
	case m.active(id) != nil:
		m.found(now, id, out)
	case d.retries > RequestRetries:
		m.stats.DiscoveriesFailed++
		m.endDiscovery(d)
		for _, p := range d.waiting {
			m.stats.PacketsUndelivered++
			out.Emit(adhoc.Undeliverable{To: id, Payload: p.Payload})
		}
	default:
		m.request(now, d, out)
	}
}

// found sends what waits for a route that there is now.
func (m *Machine) found(now protocol.Time, id protocol.NodeID, out *protocol.Output) {
	d, r := m.discovery(id), m.active(id)
	if d == nil || r == nil {
		return
	}
	m.endDiscovery(d)
	for _, p := range d.waiting {
		m.dispatch(now, p, r, out)
	}
}

func (m *Machine) endDiscovery(d *discovery) {
	m.timers.Cancel(timer{kind: timerDiscovery, node: d.destination})
	i := slices.Index(m.discoveries, d)
	m.discoveries = slices.Delete(m.discoveries, i, i+1)
}
