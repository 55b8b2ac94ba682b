package spinglass

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"spinglass/bimodal"
	"spinglass/identity"
	"spinglass/live"
	"spinglass/membership"
	"spinglass/protocol"
)

// Event is something that happened to the fleet as this node sees it, or to the node itself: one of the types of this file.
type Event interface {
	// String describes the event in a line.
	String() string
	event()
}

// Events about other members.
type (
	// PeerUp tells of a member that is new, or back after it was down or had left.
	PeerUp struct{ Peer Peer }
	// PeerChanged tells that a member has restarted or changed its addresses or attributes.
	PeerChanged struct{ Peer Peer }
	// PeerUnreachable tells that a member does not answer this node. It may still answer others.
	PeerUnreachable struct{ Peer Peer }
	// PeerReachable ends PeerUnreachable.
	PeerReachable struct{ Peer Peer }
	// PeerSuspect tells that a member's heartbeat has stood still for T_fail.
	PeerSuspect struct{ Peer Peer }
	// PeerAlive ends PeerSuspect.
	PeerAlive struct{ Peer Peer }
	// PeerDown tells that somebody is no longer a member: its heartbeat has stood still for twice T_fail, or Expelled says why.
	PeerDown struct{ Peer Peer }
	// PeerLeft tells that a member has left of its own will.
	PeerLeft struct{ Peer Peer }
)

// Events about the node itself.
type (
	// Joined tells that this node has met another member for the first time, or is the first of a fleet.
	Joined struct{}
	// JoinFailing tells that none of the join addresses has answered yet. The node tries again after Retry.
	JoinFailing struct {
		Attempts int
		Retry    time.Duration
	}
	// Healed tells that members which were down are back: a partition has ended.
	Healed struct{ Peers int }
	// SelfSuspect tells that this node finds itself late by Late, so that it trusts its own observations less; 0 when it is well again.
	SelfSuspect struct{ Late time.Duration }
	// Overload tells that this node could not keep up with its network: since the last Overload, at least a second ago, Dropped
	// datagrams found a queue full. Repair brings most of them back; the node is short of processor time.
	Overload struct {
		Queue   string // receive_queue_full or send_buffer_full, as in the metric spinglass_dropped_total
		Dropped uint64
	}
	// RevocationsChanged tells that a revocation list holds from now on. It is to be kept for [Identity.Revocations] of the next start.
	RevocationsChanged struct{ List *identity.RevocationList }
	// CertificateInGrace tells that the node's certificate has expired at NotAfter, and holds until Until by grace only.
	CertificateInGrace struct{ NotAfter, Until identity.Instant }
	// CertificateRefused tells that the node's certificate holds no longer, so that others do not take it for a member.
	CertificateRefused struct{ Err error }
	// CertificateGood tells that the node's certificate holds again.
	CertificateGood struct{ NotAfter identity.Instant }
	// Expelled tells why a member does not count as one any longer although it is heard. PeerDown follows, unless the member had left.
	Expelled struct {
		Peer   Peer
		Reason string // a short constant text, such as row_revoked
	}
	// Quarantined tells of a proof that a member contradicts itself, or has signed a false summary of its zone: what its key signs no longer counts, here and at whoever hears of the proof.
	Quarantined struct {
		ID    protocol.NodeID
		Name  string
		Proof *identity.Equivocation // that it contradicts itself; nil for a false summary
		False []byte                 // proof of a false summary, see package astrolabe; nil otherwise
	}
	// Corruption tells that a member has handed on a packet of another that its author has not made. It was not delivered; nothing is asked of that member for a
	// while. One of these may stand for several packets.
	Corruption struct {
		ID           protocol.NodeID // who handed it on
		Name, Author string
		Packet       uint64 // its number in the author's stream
	}
	// AuthoritySilent tells that an authority of the fleet, which was heard before, is no longer: it is away, or this node is cut off from its news.
	AuthoritySilent struct {
		Issuer  identity.PublicKey
		Since   identity.Instant // when it was heard
		Missing uint64           // number of the revocation list that it names and that did not come; 0 when nothing is heard
	}
	// Overflow tells that Count events were dropped because the application read them too slowly.
	Overflow struct{ Count uint64 }
)

func (PeerUp) event()          {}
func (PeerChanged) event()     {}
func (PeerUnreachable) event() {}
func (PeerReachable) event()   {}
func (PeerSuspect) event()     {}
func (PeerAlive) event()       {}
func (PeerDown) event()        {}
func (PeerLeft) event()        {}
func (Joined) event()          {}
func (JoinFailing) event()     {}
func (Healed) event()          {}
func (SelfSuspect) event()     {}
func (Overload) event()        {}
func (Overflow) event()        {}

func (RevocationsChanged) event() {}
func (CertificateInGrace) event() {}
func (CertificateRefused) event() {}
func (CertificateGood) event()    {}
func (Expelled) event()           {}
func (Quarantined) event()        {}
func (Corruption) event()         {}
func (AuthoritySilent) event()    {}

func (e RevocationsChanged) String() string {
	return fmt.Sprintf("revocation list %d of the authority %s holds", e.List.Number, e.List.Issuer.Fingerprint())
}
func (e CertificateInGrace) String() string {
	return fmt.Sprintf("the certificate of this node has expired at %s and holds until %s by grace", e.NotAfter, e.Until)
}
func (e CertificateRefused) String() string {
	return "the certificate of this node does not hold: " + e.Err.Error()
}
func (e CertificateGood) String() string {
	return fmt.Sprintf("the certificate of this node holds again, until %s", e.NotAfter)
}
func (e Expelled) String() string { return e.Peer.Name + " does not count as a member: " + e.Reason }
func (e Quarantined) String() string {
	if e.Proof == nil {
		return e.Name + " has signed a false summary of its zone and is quarantined"
	}
	return e.Name + " contradicts itself and is quarantined"
}

func (e Corruption) String() string {
	return fmt.Sprintf("%s has handed on a packet of %s that is not what %s sent", e.Name, e.Author, e.Author)
}

func (e AuthoritySilent) String() string {
	if e.Missing > 0 {
		return fmt.Sprintf("revocation list %d of the authority %s does not come", e.Missing, e.Issuer.Fingerprint())
	}
	return fmt.Sprintf("the authority %s has not been heard since %s", e.Issuer.Fingerprint(), e.Since)
}

func (e PeerUp) String() string          { return e.Peer.Name + " is up" }
func (e PeerChanged) String() string     { return e.Peer.Name + " has changed" }
func (e PeerUnreachable) String() string { return e.Peer.Name + " does not answer this node" }
func (e PeerReachable) String() string   { return e.Peer.Name + " answers this node again" }
func (e PeerSuspect) String() string {
	return e.Peer.Name + " is suspected: its heartbeat stands still"
}
func (e PeerAlive) String() string { return e.Peer.Name + " is no longer suspected" }
func (e PeerDown) String() string  { return e.Peer.Name + " is down" }
func (e PeerLeft) String() string  { return e.Peer.Name + " has left" }
func (e Joined) String() string    { return "this node is a member" }
func (e JoinFailing) String() string {
	return fmt.Sprintf("no join address has answered %d attempts; next in %v", e.Attempts, e.Retry.Round(time.Millisecond))
}
func (e Healed) String() string {
	return fmt.Sprintf("a partition has healed: %d members are back", e.Peers)
}
func (e SelfSuspect) String() string {
	if e.Late == 0 {
		return "this node is on time again"
	}
	return fmt.Sprintf("this node runs %v late", e.Late.Round(time.Millisecond))
}
func (e Overload) String() string {
	return fmt.Sprintf("this node is overloaded: %s, %d datagrams dropped", e.Queue, e.Dropped)
}
func (e Overflow) String() string {
	return fmt.Sprintf("%d events were dropped: read too slowly", e.Count)
}

// event turns an event of the protocols into one for the application, nil when it is none of its business.
func (n *Node) event(e protocol.Event) Event {
	switch e := e.(type) {
	case protocol.PeerUp:
		return PeerUp{n.peer(e.Peer, PeerStateUp)}
	case protocol.PeerChanged:
		return PeerChanged{n.peer(e.Peer, PeerStateUp)}
	case protocol.PeerUnreachable:
		return PeerUnreachable{n.peer(e.Peer, PeerStateUp)}
	case protocol.PeerReachable:
		return PeerReachable{n.peer(e.Peer, PeerStateUp)}
	case protocol.PeerSuspect:
		return PeerSuspect{n.peer(e.Peer, PeerStateSuspect)}
	case protocol.PeerAlive:
		return PeerAlive{n.peer(e.Peer, PeerStateUp)}
	case protocol.PeerDown:
		return PeerDown{n.peer(e.Peer, PeerStateDown)}
	case protocol.PeerLeft:
		return PeerLeft{n.peer(e.Peer, PeerStateLeft)}
	case protocol.Joined:
		return Joined{}
	case protocol.JoinFailing:
		return JoinFailing{Attempts: e.Attempts, Retry: e.Retry}
	case protocol.Healed:
		return Healed{Peers: e.Peers}
	case protocol.SelfSuspect:
		return SelfSuspect{Late: e.Late}
	case membership.RevocationsChanged:
		return RevocationsChanged{List: e.List}
	case membership.CertificateInGrace:
		return CertificateInGrace{NotAfter: e.NotAfter, Until: e.Until}
	case membership.CertificateRefused:
		return CertificateRefused{Err: e.Err}
	case membership.CertificateGood:
		return CertificateGood{NotAfter: e.NotAfter}
	case membership.Expelled:
		return Expelled{Peer: n.peer(e.Peer, PeerStateDown), Reason: string(e.Reason)}
	case membership.Quarantined:
		return Quarantined{ID: e.Peer, Name: protocol.ConfiguredName(e.Name), Proof: e.Proof, False: e.False}
	case *bimodal.Corruption:
		return Corruption{ID: e.Peer, Name: n.names.of(e.Peer), Author: n.names.of(e.Author), Packet: e.Seq}
	case membership.AuthoritySilent:
		return AuthoritySilent{Issuer: e.Issuer, Since: e.Since, Missing: e.Missing}
	case live.Overload:
		return Overload{Queue: string(e.Queue), Dropped: e.Dropped}
	}
	return nil
}

// Bounds of event queues.
const (
	eventQueueMax    = 4096 // events that wait for one reader
	eventWatchersMax = 256  // loops over Events of one node
)

// watcher is the queue of one loop over Events.
type watcher struct {
	mu      sync.Mutex
	events  []Event
	dropped uint64
	closed  bool
	wake    chan struct{}
}

func (w *watcher) push(e Event) {
	w.mu.Lock()
	if len(w.events) < eventQueueMax {
		w.events = append(w.events, e)
	} else {
		w.dropped++
	}
	w.mu.Unlock()
	w.signal()
}

func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) end() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
}

// take returns all events that wait, and whether there will be more.
func (w *watcher) take() (events []Event, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	events, w.events = w.events, nil
	if w.dropped > 0 {
		events = append(events, Overflow{Count: w.dropped})
		w.dropped = 0
	}
	return events, w.closed
}

// Events returns an iterator over what happens from the start of the loop on. It ends after ErrClosed when the node was closed, and after
// the context's error when ctx ended. A loop that reads too slowly gets an [Overflow]. Every loop sees every event.
func (n *Node) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		w := &watcher{wake: make(chan struct{}, 1)}
		if err := n.watch(w); err != nil {
			yield(nil, err)
			return
		}
		defer n.unwatch(w)
		for {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			events, closed := w.take()
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if closed {
				yield(nil, ErrClosed)
				return
			}
			select {
			case <-w.wake:
			case <-ctx.Done():
			}
		}
	}
}
