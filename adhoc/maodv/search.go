package maodv

import (
	"slices"

	"spinglass/adhoc"
	"spinglass/adhoc/aodv"
	"spinglass/protocol"
)

// purpose is why a node looks for a tree.
type purpose uint8

const (
	purposeJoin   purpose = iota + 1 // it is on none
	purposeRepair                    // it has lost its upstream edge
	purposeMerge                     // it leads one, and there is another one
)

// search is a request for a branch of a tree, over rings that grow.
type search struct {
	purpose purpose
	leader  protocol.NodeID // purposeMerge: whose tree it has to be
	id      uint32          // of the latest request
	ttl     int             // of the next one
	retries int             // of the whole network
	best    *offer
}

// offer is a branch of a tree that was offered to a node.
type offer struct {
	origin   protocol.NodeID // to whom
	id       uint32          // of its request
	via      protocol.NodeID
	leader   protocol.NodeID
	sequence uint32
	hops     int // to the tree
	total    int // to the leader
	until    protocol.Time
}

// better reports whether a is to be taken rather than b: the freshest, then the nearest one.
func (a *offer) better(b *offer) bool {
	if a.leader == b.leader && a.sequence != b.sequence {
		return aodv.Newer(a.sequence, b.sequence)
	}
	if a.hops != b.hops {
		return a.hops < b.hops
	}
	return a.total < b.total
}

// begin begins to look for a tree.
func (m *Machine) begin(now protocol.Time, g *group, why purpose, out *protocol.Output) {
	s := &search{purpose: why, ttl: aodv.TTLStart}
	if why == purposeRepair {
		s.ttl = min(g.hops+aodv.TTLIncrement, aodv.NetDiameter)
	}
	g.search = s
	m.request(now, g, out)
}

// request sends the next request of a search, or postpones it if there were too many.
func (m *Machine) request(now protocol.Time, g *group, out *protocol.Output) {
	key, s := timer{timerSearch, g.id}, g.search
	if ok, at := m.rate.Take(now, 1, aodv.RequestRateLimit); !ok {
		m.stats.RequestsPostponed++
		m.timers.Set(key, at)
		return
	}
	m.ids++
	s.id, s.best = m.ids, nil
	q := &JoinRequest{TTL: s.ttl, ID: s.id, Group: g.id, Origin: m.config.Self, OriginSequence: m.routes.Freshness(), Leader: s.leader}
	if s.purpose == purposeRepair {
		q.Repair, q.LeaderHops, q.Leader = true, g.hops, g.leader
		q.Known, q.Sequence = g.known, g.sequence
	}
	m.stats.RequestsSent++
	out.Broadcast(q)
	m.routes.Broadcasted(now)
	wait := aodv.RingTraversalTime(s.ttl)
	if s.ttl >= aodv.NetDiameter {
		wait = aodv.NetTraversalTime
		s.retries++
	} else {
		s.ttl = aodv.NextTTL(s.ttl)
	}
	m.timers.Set(key, now.Add(wait))
}

func (m *Machine) endSearch(g *group) {
	g.search = nil
	m.timers.Cancel(timer{timerSearch, g.id})
}

// endRing takes the best offer, or looks farther, or gives up.
func (m *Machine) endRing(now protocol.Time, g *group, out *protocol.Output) {
	s := g.search
	switch {
	case s == nil:
	case s.best != nil:
		m.accept(now, g, s, out)
	case s.retries <= RequestRetries:
		m.request(now, g, out)
	default:
		m.stats.SearchesFailed++
		m.endSearch(g)
		if s.purpose != purposeMerge {
			m.part(now, g, 0, out)
		}
	}
}

// accept activates the branch that was offered best.
func (m *Machine) accept(now protocol.Time, g *group, s *search, out *protocol.Output) {
	best := s.best
	switch s.purpose {
	case purposeJoin:
		m.stats.Joins++
	case purposeRepair:
		m.stats.Repairs++
	case purposeMerge:
		m.stats.Merges++
		m.stats.LeadershipsEnded++
		m.timers.Cancel(timer{timerLead, g.id})
	}
	m.endSearch(g)
	m.follow(now, g, best, out)
}

// follow makes an offered branch this node's way upstream.
func (m *Machine) follow(now protocol.Time, g *group, o *offer, out *protocol.Output) {
	if old := g.upstream(); old != nil && old.node != o.via {
		m.prune(g, old.node, out)
	}
	if !m.connect(now, g, o.via, true) {
		return
	}
	g.leader, g.sequence, g.known, g.hops, g.attached, g.heard = o.leader, o.sequence, true, o.total, true, now
	m.timers.Cancel(timer{timerPrune, g.id})
	m.stats.ActivationsSent++
	out.Send(o.via, &Activation{Action: ActionJoin, Group: g.id, Origin: o.origin, ID: o.id})
}

// receiveRequest answers who looks for the tree, or hands the request on.
func (m *Machine) receiveRequest(now protocol.Time, from protocol.NodeID, q *JoinRequest, out *protocol.Output) {
	if q.Origin == m.config.Self {
		out.Drop(from, ReasonSelf)
		return
	}
	if !m.requests.Add(adhoc.SeenKey{Origin: q.Origin, About: q.Group, Number: q.ID}) {
		out.Drop(from, ReasonSeen)
		return
	}
	if m.routes.Reverse(now, q.Origin, q.OriginSequence, from, q.Hops+1) {
		m.stats.RoutesFromRequests++
	}
	if g := m.known(q.Group); g != nil && g.onTree() {
		if m.mayAnswer(g, q) {
			m.stats.RepliesSent++
			out.Send(from, &JoinReply{ID: q.ID, Group: q.Group, Origin: q.Origin, Node: m.config.Self, Member: g.member, Leader: g.leader, Sequence: g.sequence, LeaderHops: g.hops})
			return
		}
		// What is farther from the leader on the same tree may be downstream of who asks: a way through it would be a loop.
		if q.Repair && q.Leader == g.leader {
			out.Drop(from, ReasonFarther)
			return
		}
	}
	if q.TTL <= 1 || q.Hops >= aodv.NetDiameter {
		out.Drop(from, ReasonTTL)
		return
	}
	next := *q
	next.TTL, next.Hops, next.lent = q.TTL-1, q.Hops+1, false
	if m.handOn(now, &next) {
		m.stats.RequestsForwarded++
	}
}

// mayAnswer reports whether this node may offer a branch to who asks.
func (m *Machine) mayAnswer(g *group, q *JoinRequest) bool {
	switch {
	case !g.answers(m.config.Self):
		return false
	case q.Leader != 0 && q.Leader != g.leader:
		return false
	case q.Known && aodv.Newer(q.Sequence, g.sequence):
		return false
	case q.Repair && g.hops > q.LeaderHops:
		return false
	}
	up := g.upstream()
	return up == nil || up.node != q.Origin
}

// receiveReply keeps an offer: for this node's search, or for whose it is.
func (m *Machine) receiveReply(now protocol.Time, from protocol.NodeID, p *JoinReply, out *protocol.Output) {
	g := m.group(p.Group)
	if g == nil {
		out.Drop(from, ReasonGroup)
		return
	}
	if p.Hops >= aodv.NetDiameter || p.LeaderHops >= aodv.NetDiameter {
		out.Drop(from, ReasonTTL)
		return
	}
	if p.Member {
		out.Emit(adhoc.MemberSeen{Group: p.Group, Node: p.Node, Hops: p.Hops + 1})
	}
	o := &offer{origin: p.Origin, id: p.ID, via: from, leader: p.Leader, sequence: p.Sequence, hops: p.Hops + 1, total: p.Hops + 1 + p.LeaderHops, until: now.Add(OfferLife)}
	if p.Origin != m.config.Self {
		m.passOffer(now, g, o, p, out)
		return
	}
	s := g.search
	switch {
	case s == nil || s.id != p.ID || s.leader != 0 && s.leader != p.Leader:
		out.Drop(from, ReasonLate)
	case s.best == nil:
		s.best = o
		m.timers.Set(timer{timerSearch, g.id}, min(m.timers.At(timer{timerSearch, g.id}), now.Add(OfferWait)))
	case o.better(s.best):
		s.best = o
	}
}

// passOffer hands an offer on towards who asked, if it is the first or a better one.
func (m *Machine) passOffer(now protocol.Time, g *group, o *offer, p *JoinReply, out *protocol.Output) {
	next, _, ok := m.routes.NextHop(p.Origin)
	if !ok {
		out.Drop(o.via, ReasonReverse)
		return
	}
	g.offers = slices.DeleteFunc(g.offers, func(o offer) bool { return o.until < now })
	i := slices.IndexFunc(g.offers, func(b offer) bool { return b.origin == o.origin && b.id == o.id })
	switch {
	case i >= 0 && !o.better(&g.offers[i]):
		out.Drop(o.via, ReasonSeen)
		return
	case i >= 0:
		g.offers[i] = *o
	case len(g.offers) >= OffersMax:
		m.stats.OffersRefused++
		out.Drop(o.via, ReasonBusy)
		return
	default:
		g.offers = append(g.offers, *o)
	}
	reply := *p
	reply.Hops, reply.lent = p.Hops+1, false
	m.stats.RepliesForwarded++
	out.Send(next, &reply)
}
