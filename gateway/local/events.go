package local

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode"

	"spinglass"
)

// Event is something that an agent told about its peers or itself. A stream of events ends with one of type [EventEnd].
type Event struct {
	Type string    `json:"type"` // the name of the event's type, such as peer_up for [spinglass.PeerUp]
	Time time.Time `json:"time"` // when the agent wrote it
	Text string    `json:"text"` // for people
	Peer *Peer     `json:"peer,omitempty"`

	Attempts     int     `json:"attempts,omitempty"` // of join_failing
	RetrySeconds float64 `json:"retry_s,omitempty"`  // of join_failing
	Peers        int     `json:"peers,omitempty"`    // of healed
	LateSeconds  float64 `json:"late_s,omitempty"`   // of self_suspect; none when it is well again
	Count        uint64  `json:"count,omitempty"`    // of overflow and overload
}

// EventEnd is the type of the last event of a stream. Its text says why the stream ends.
const EventEnd = "end"

// events streams what the node tells of its peers and of itself.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	s.stream(w, r, func(ctx context.Context) { serveBatches(ctx, w, linesType, s.copyEvents) })
}

// copyEvents appends events until they end, and then why.
func (s *Server) copyEvents(ctx context.Context, b *batch) {
	var reason error
	for e, err := range s.node.Events(ctx) {
		if err != nil {
			reason = err
			break
		}
		if !b.appendEvent(describe(e)) {
			return
		}
	}
	end := Event{Type: EventEnd}
	if reason = told(ctx, reason); reason != nil {
		end.Text = reason.Error()
	}
	b.appendEvent(end)
}

func (b *batch) appendEvent(e Event) bool {
	e.Time = time.Now()
	return b.appendLine(&e)
}

// describe returns what the agent tells of an event.
func describe(e spinglass.Event) Event {
	told := Event{Type: eventType(e), Text: e.String()}
	switch e := e.(type) {
	case spinglass.PeerUp:
		told.Peer = peerAnswer(&e.Peer)
	case spinglass.PeerChanged:
		told.Peer = peerAnswer(&e.Peer)
	case spinglass.PeerUnreachable:
		told.Peer = peerAnswer(&e.Peer)
	case spinglass.PeerReachable:
		told.Peer = peerAnswer(&e.Peer)
	case spinglass.PeerSuspect:
		told.Peer = peerAnswer(&e.Peer)
	case spinglass.PeerAlive:
		told.Peer = peerAnswer(&e.Peer)
	case spinglass.PeerDown:
		told.Peer = peerAnswer(&e.Peer)
	case spinglass.PeerLeft:
		told.Peer = peerAnswer(&e.Peer)
	case spinglass.JoinFailing:
		told.Attempts, told.RetrySeconds = e.Attempts, e.Retry.Seconds()
	case spinglass.Healed:
		told.Peers = e.Peers
	case spinglass.SelfSuspect:
		told.LateSeconds = e.Late.Seconds()
	case spinglass.Overload:
		told.Count = e.Dropped
	case spinglass.Overflow:
		told.Count = e.Count
	}
	return told
}

// eventType makes peer_up of the type PeerUp.
func eventType(e spinglass.Event) string {
	var name strings.Builder
	for i, r := range reflect.TypeOf(e).Name() {
		if unicode.IsUpper(r) && i > 0 {
			name.WriteByte('_')
		}
		name.WriteRune(unicode.ToLower(r))
	}
	return name.String()
}
