package adhoc

import "spinglass/protocol"

// SeenMax bounds how many messages a node remembers to have seen.
const SeenMax = 4096

// SeenKey is a broadcast: its origin, the origin's number of it, and what it is about where numbers of several things are apart.
type SeenKey struct {
	Origin protocol.NodeID
	About  Group
	Number uint32
}

// Seen remembers which messages have been seen, by keys, at most SeenMax, the oldest of which are forgotten first. The zero value is ready for use.
type Seen[K comparable] struct {
	keys  map[K]bool
	order []K // a ring once it is full
	next  int
}

// Add notes a message and reports whether it is new.
func (s *Seen[K]) Add(key K) bool {
	if s.keys[key] {
		return false
	}
	if s.keys == nil {
		s.keys = make(map[K]bool)
	}
	if len(s.order) < SeenMax {
		s.order = append(s.order, key)
	} else {
		delete(s.keys, s.order[s.next])
		s.order[s.next] = key
		s.next = (s.next + 1) % SeenMax
	}
	s.keys[key] = true
	return true
}
