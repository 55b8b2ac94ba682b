package live

import "spinglass/protocol"

// bucket bounds how often something happens. The zero bucket is full.
type bucket struct {
	spent float64 // tokens
	at    protocol.Time
}

// take takes a token, if there is one. There are burst of them at most, and rate come back each second.
func (b *bucket) take(now protocol.Time, rate, burst float64) bool {
	b.spent = max(0, b.spent-rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.spent+1 > burst {
		return false
	}
	b.spent++
	return true
}
