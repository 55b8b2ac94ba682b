package live

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"

	"spinglass/identity"
	"spinglass/protocol"
)

// links are the sessions of a secured node and how it gets them. But for handshakes, which is shared, they belong to the loop.
type links struct {
	handshakes
	capacity int // peers with a session
	logger   *slog.Logger
	lifetime context.Context

	peers    map[protocol.NodeID]*peerLink
	attempts *recent[destination, *attempt]
	found    *recent[netip.AddrPort, protocol.NodeID] // who was met at addresses without knowing its NodeID before
	refusals *recent[string, struct{}]                // that were logged
	logged   bucket                                   // of refusals
	dialing  int                                      // handshakes under way that the node began
	groups   *groupKeys
	proven   proven
	calls    *recent[protocol.NodeID, protocol.Time] // when members were last called, of a gateway
	callers  *recent[protocol.NodeID, bucket]        // gateways that have called this node
	next     protocol.Time                           // when to look at all of it again

	opening sync.Mutex // held by who opens datagrams of sessions: the reader of the socket, or one of a connection to a gateway or a client
}

// peerLink is what there is with one peer.
type peerLink struct {
	current *session   // sent by
	others  []*session // only received by, oldest first
	used    protocol.Time
	noticed protocol.Time // when a notice last began a handshake
}

// attempt is how the node tries to get a session.
type attempt struct {
	waiting  []protocol.Message
	underWay bool
	failures int
	next     protocol.Time // no attempt before
}

// newLinks returns the links of a node, nil when it has no Security.
func newLinks(n *Node) (*links, error) {
	c := &n.config
	if c.Security == nil {
		return nil, nil
	}
	k := &links{
		handshakes: handshakes{self: c.ID, security: c.Security, limits: defaultLimits().within(filesMax()), now: n.now, count: &n.count},
		capacity:   c.Sessions, logger: c.Logger, lifetime: n.lifetime, next: protocol.Never,
		peers: map[protocol.NodeID]*peerLink{}, attempts: newRecent[destination, *attempt](attemptsMax),
		groups: newGroupKeys(), found: newRecent[netip.AddrPort, protocol.NodeID](linksFoundMax), refusals: newRecent[string, struct{}](refusalsMax),
		calls: newRecent[protocol.NodeID, protocol.Time](attemptsMax), callers: newRecent[protocol.NodeID, bucket](attemptsMax),
	}
	if c.Security.limits != nil {
		k.limits = *c.Security.limits
	}
	k.table = newSessions(k.capacity*k.limits.sessionsPerPeer + k.limits.inbound + k.limits.outbound)
	var err error
	k.tlsConfigurations, err = c.Security.configurations(c.Gateway)
	return k, err
}

// sessionWith returns the session to send to a peer by, nil when there is none.
func (k *links) sessionWith(now protocol.Time, id protocol.NodeID) *session {
	p := k.peers[id]
	if p == nil || now.Sub(p.current.began) >= k.limits.sessionLife {
		return nil
	}
	p.used = now
	return p.current
}

// sessionAt returns the session with whoever is at an address.
func (k *links) sessionAt(now protocol.Time, route netip.AddrPort) *session {
	if id := k.found.get(route); id != nil {
		return k.sessionWith(now, *id)
	}
	return nil
}

// await keeps a message until there is a session with its destination, and sees to it that there will be one.
func (n *Node) await(now protocol.Time, to destination, m protocol.Message) {
	k := n.links
	a := k.attemptAt(to)
	switch {
	case !a.underWay && now < a.next:
		n.drop(to.id, ReasonLinkDown, 1)
		return
	case len(a.waiting) >= k.limits.waiting:
		n.drop(to.id, ReasonLinkWaiting, 1)
		return
	}
	a.waiting = append(a.waiting, m)
	n.attempt(now, to, a)
}

// attemptAt returns the attempts at a destination. The memory of those used longest ago makes room.
func (k *links) attemptAt(to destination) *attempt {
	if a := k.attempts.get(to); a != nil {
		return *a
	}
	if k.attempts.len() >= k.attempts.limit {
		if oldest := k.attempts.ring.previous.value; len(oldest.waiting) > 0 {
			k.count.drops.add(ReasonLinkWaiting, uint64(len(oldest.waiting)))
		}
	}
	a := &attempt{}
	k.attempts.put(to, a)
	return a
}

// attempt begins a handshake if it may, and reports whether it did. If it may not yet, tick does for what waits.
func (n *Node) attempt(now protocol.Time, to destination, a *attempt) bool {
	k := n.links
	k.wake(now)
	if a.underWay || now < a.next || k.dialing >= k.limits.outbound {
		return false
	}
	route := to.route
	if to.id != 0 {
		var ok bool
		if k.table.expected(to.id) {
			return false // it is about to be there
		}
		n.wantGateways(to.id)
		if route, ok = n.book.routeToDial(now, to.id, a.failures, n.reaches); !ok {
			n.fail(now, a)
			return false
		}
	}
	if !n.reaches(route) { // a connection might be had, but no datagrams could be sent
		n.sendFailed(route, errFamily, max(1, len(a.waiting)))
		a.waiting = nil
		n.fail(now, a)
		return false
	}
	a.underWay = true
	k.dialing++
	n.running.Go(func() {
		l := k.dialLink(k.lifetime, to, route)
		n.work.finish(completion{kind: completionLink, link: &l})
	})
	return true
}

// reaches reports whether datagrams can be sent to a route.
func (n *Node) reaches(route netip.AddrPort) bool {
	if isRelayed(route) {
		return n.relays != nil && n.relays.reaches(route)
	}
	return n.link.reaches(route)
}

// fail drops what waits, and sets back the next attempt.
func (n *Node) fail(now protocol.Time, a *attempt) {
	if len(a.waiting) > 0 {
		n.drop(0, ReasonLinkDown, uint64(len(a.waiting)))
		a.waiting = nil
	}
	pause := min(n.links.limits.backoff<<min(a.failures, 16), backoffMax)
	a.failures++
	a.next = now.Add(pause/2 + rand.N(pause))
}

// linked takes in the outcome of a handshake.
func (n *Node) linked(l *linked) {
	k, now := n.links, n.now()
	begun := l.to != destination{}
	if begun {
		k.dialing--
		if a := k.attempts.get(l.to); a != nil {
			(*a).underWay = false
			if l.session == nil {
				n.fail(now, *a)
				k.warn(l, *a)
			}
		}
	}
	if l.peer != 0 {
		k.table.done(l.peer)
	}
	if l.session == nil {
		k.failed(l)
		return
	}
	n.use(now, l.session)
	peer := destination{id: l.session.peer}
	if begun {
		n.book.heard(l.session.peer, l.route)
		if l.to.id == 0 {
			k.found.put(l.route, l.session.peer)
		}
		n.release(now, l.to)
	}
	if l.to != peer {
		n.release(now, peer)
	}
}

// release sends what has waited for a session.
func (n *Node) release(now protocol.Time, to destination) {
	held := n.links.attempts.get(to)
	if held == nil {
		return
	}
	a := *held
	waiting := a.waiting
	a.waiting, a.failures, a.next = nil, 0, now
	if !a.underWay {
		n.links.attempts.delete(to)
	}
	for _, m := range waiting {
		if to.id != 0 {
			n.single[0] = to.id
			n.send(now, n.single[:], m)
		} else {
			n.sendRoute(now, to.route, m)
		}
	}
}

// install makes a session the one that its peer is sent by. The one before stays to receive by, since the other end may use it still.
func (k *links) install(now protocol.Time, s *session) {
	p := k.peers[s.peer]
	if p == nil {
		if len(k.peers) >= k.capacity {
			k.evict()
		}
		p = &peerLink{}
		k.peers[s.peer] = p
		k.count.sessions.Store(uint64(len(k.peers)))
	}
	if p.current != nil {
		p.others = append(p.others, p.current)
	}
	if excess := len(p.others) - (k.limits.sessionsPerPeer - 1); excess > 0 {
		k.freeAll(p.others[:excess])
		p.others = append(p.others[:0], p.others[excess:]...)
	}
	// The spread keeps both ends from replacing sessions at the same time again and again.
	s.rekeyAt = now.Add(k.limits.rekeyAge*9/10 + rand.N(k.limits.rekeyAge/5+1))
	p.current, p.used = s, now
	k.wake(now)
}

// evict ends the sessions with the peer that was least recently talked to.
func (k *links) evict() {
	var oldest *peerLink
	for _, p := range k.peers {
		if oldest == nil || p.active() < oldest.active() {
			oldest = p
		}
	}
	k.count.sessionsEvicted.Add(1)
	k.remove(oldest)
}

// active returns when something was last sent or received.
func (p *peerLink) active() protocol.Time {
	last := max(p.used, protocol.Time(p.current.heard.Load()))
	for _, s := range p.others {
		last = max(last, protocol.Time(s.heard.Load()))
	}
	return last
}

// remove ends all sessions with a peer.
func (k *links) remove(p *peerLink) {
	k.freeAll(p.others)
	k.table.free(p.current.index)
	k.groups.ended = k.groups.ended || k.groups.given[p.current.peer]
	delete(k.groups.given, p.current.peer)
	k.changeOpeners(p.current.peer, nil)
	delete(k.peers, p.current.peer)
	k.count.sessions.Store(uint64(len(k.peers)))
}

func (k *links) freeAll(sessions []*session) {
	for _, s := range sessions {
		k.table.free(s.index)
	}
}

// failed counts and logs a handshake that failed. Each refusal is logged once, until others have made it forgotten.
func (k *links) failed(l *linked) {
	if !l.refused {
		k.count.handshakesFailed.Add(1)
		k.logger.Debug("handshake failed", "address", k.relays.describe(l.route), "error", l.err)
		return
	}
	k.count.handshakesRefused.Add(1)
	if errors.Is(l.err, errFormats) {
		k.count.handshakesFormat.Add(1)
	}
	key := l.subject + refusalKey(l.err)
	if k.refusals.get(key) != nil || !k.logged.take(k.now(), logRate, logBurst) {
		return
	}
	k.refusals.put(key, struct{}{})
	if l.subject == "" {
		k.logger.Warn("a peer does not talk to this node; further refusals are only counted", "address", k.relays.describe(l.route), "error", l.err)
		return
	}
	k.logger.Warn("refusing to talk to a peer; further refusals are only counted", "peer", l.subject, "error", l.err)
}

// refusalKey tells refusals apart: by what they say, but for how long ago or ahead something is.
func refusalKey(err error) string {
	if expired := (*identity.ExpiredError)(nil); errors.As(err, &expired) {
		return identity.ErrExpired.Error() + expired.Since.String()
	}
	if early := (*identity.NotYetValidError)(nil); errors.As(err, &early) {
		return identity.ErrNotYetValid.Error() + early.From.String()
	}
	return err.Error()
}

// warn logs once that a destination cannot be reached, when that is no longer likely to be because it is about to start.
func (k *links) warn(l *linked, a *attempt) {
	if a.failures != failuresWarned || l.refused || errors.Is(l.err, errSelf) || !k.logged.take(k.now(), logRate, logBurst) {
		return
	}
	k.logger.Warn("no handshake with a peer; does its TCP port, or the gateway, let this node in?", "address", k.relays.describe(l.route), "error", l.err)
}

// wake makes tick look at the links when a period has passed.
func (k *links) wake(now protocol.Time) {
	k.next = min(k.next, now.Add(k.limits.period))
}

// tickLinks replaces what is old, ends what is too old or no longer allowed, and begins what had to wait.
func (n *Node) tickLinks(now protocol.Time) {
	k := n.links
	if k == nil || now < k.next {
		return
	}
	k.next = protocol.Never
	if len(k.peers) > 0 {
		k.wake(now)
		policy := k.security.Policy()
		for id, p := range k.peers {
			n.tickPeer(now, policy, id, p)
		}
	}
	n.tickGroups(now)
	for to, e := range k.attempts.index {
		if len(e.value.waiting) > 0 {
			n.attempt(now, to, e.value)
		}
	}
}

func (n *Node) tickPeer(now protocol.Time, policy identity.Policy, id protocol.NodeID, p *peerLink) {
	k, s := n.links, p.current
	// The other end, for which a session began a little later, may send by it a little longer.
	life := k.limits.sessionLife + k.limits.sessionLinger
	for len(p.others) > 0 && now.Sub(p.others[0].began) >= life {
		k.table.free(p.others[0].index)
		p.others = append(p.others[:0], p.others[1:]...)
	}
	p.others = slices.DeleteFunc(p.others, func(other *session) bool {
		_, err := policy.VerifyAgain(other.chain)
		if err != nil { // of a key that the peer no longer has, as a rule
			k.table.free(other.index)
			k.count.sessionsRevoked.Add(1)
			k.groups.revoked = k.groups.revoked || k.groups.given[id]
		}
		return err != nil
	})
	if _, err := policy.VerifyAgain(s.chain); err != nil {
		k.groups.revoked = k.groups.revoked || k.groups.given[id]
		k.remove(p)
		k.count.sessionsRevoked.Add(1)
		k.logger.Warn("no longer talking to a peer", "peer", id.String()+" ("+s.name+")", "error", err)
		return
	}
	age := now.Sub(s.began)
	if age >= life {
		k.remove(p)
		k.count.sessionsExpired.Add(1)
		return
	}
	idle := now.Sub(max(p.active(), k.groupHeard(id))) >= k.limits.rekeyAge
	if !idle {
		n.wantGateways(id)
	}
	if now >= s.rekeyAt && !idle || s.sealed.Load() >= k.limits.rekeyPackets {
		if n.attempt(now, destination{id: id}, k.attemptAt(destination{id: id})) {
			k.count.rekeys.Add(1)
		}
	}
}

// deadline returns when the links want to be looked at.
func (k *links) deadline() protocol.Time {
	if k == nil {
		return protocol.Never
	}
	return k.next
}
