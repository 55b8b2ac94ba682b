package anonymous

// history is the latest messages that a member has, first in, first out.
type history struct {
	limit   int
	ring    []*Message
	next    int // of the ring, once it is full: the oldest
	index   map[place]*Message
	evicted uint64
}

// place is where a message stands.
type place struct {
	source Source
	number uint64
}

func newHistory(limit int) history { return history{limit: limit, index: make(map[place]*Message)} }

// add keeps a message that is not in it, and lets the oldest one go if there is no room.
func (h *history) add(m *Message) {
	at := place{m.Source, m.Number}
	if h.index[at] != nil {
		return
	}
	h.index[at] = m
	if len(h.ring) < h.limit {
		h.ring = append(h.ring, m)
		return
	}
	oldest := h.ring[h.next]
	delete(h.index, place{oldest.Source, oldest.Number})
	h.ring[h.next] = m
	h.next = (h.next + 1) % h.limit
	h.evicted++
}

// find returns the message at a place, nil when it is not held.
func (h *history) find(s Source, number uint64) *Message { return h.index[place{s, number}] }

// oldest calls yield for each message, the oldest first, until it returns false.
func (h *history) oldest(yield func(*Message) bool) {
	for i := range h.ring {
		if !yield(h.ring[(h.next+i)%len(h.ring)]) {
			return
		}
	}
}
