package adhoc

import (
	"slices"

	"spinglass/protocol"
)

// LaterMax bounds how many broadcasts wait for their time at one node.
const LaterMax = 128

// Later holds broadcasts back for a short while. Neighbours that hear the same broadcast and hand it on at once would drown each other's; so each draws a time of its own. The zero value is
// ready for use.
type Later struct {
	waiting []later // ascending by time, equal ones as they were added
}

type later struct {
	at      protocol.Time
	message protocol.Message
}

// Add keeps a message, which is not lent, until at. It reports false when too many wait.
func (l *Later) Add(at protocol.Time, m protocol.Message) bool {
	if len(l.waiting) >= LaterMax {
		return false
	}
	i := len(l.waiting)
	for i > 0 && l.waiting[i-1].at > at {
		i--
	}
	l.waiting = slices.Insert(l.waiting, i, later{at, m})
	return true
}

// Next returns when the first message is due, protocol.Never when none waits.
func (l *Later) Next() protocol.Time {
	if len(l.waiting) == 0 {
		return protocol.Never
	}
	return l.waiting[0].at
}

// Broadcast sends what is due and reports whether there was anything.
func (l *Later) Broadcast(now protocol.Time, out *protocol.Output) bool {
	due := 0
	for due < len(l.waiting) && l.waiting[due].at <= now {
		out.Broadcast(l.waiting[due].message)
		due++
	}
	l.waiting = slices.Delete(l.waiting, 0, due)
	return due > 0
}
