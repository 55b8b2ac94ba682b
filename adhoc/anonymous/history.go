package anonymous

// history is the latest messages that a member has, first in, first out, within a number of messages and of bytes.
type history struct {
	limit      int
	bytesLimit int
	queue      []*Message // from head on, the oldest first
	head       int
	index      map[place]*Message
	bytes      int    // of the encodings of what is held
	evicted    uint64 // for want of room,
	crowded    uint64 // of which for that of bytes
}

// place is where a message stands.
type place struct {
	source Source
	number uint64
}

func newHistory(limit, bytesLimit int) history {
	return history{limit: limit, bytesLimit: bytesLimit, index: make(map[place]*Message)}
}

// add keeps a message that is not in it, and lets the oldest ones go if there is no room. The latest one stays whatever its size.
func (h *history) add(m *Message) {
	at := place{m.Source, m.Number}
	if h.index[at] != nil {
		return
	}
	h.index[at] = m
	h.queue = append(h.queue, m)
	h.bytes += m.size()
	for h.len() > h.limit {
		h.evict()
	}
	for h.bytes > h.bytesLimit && h.len() > 1 {
		h.crowded++
		h.evict()
	}
}

// evict lets the oldest message go.
func (h *history) evict() {
	oldest := h.queue[h.head]
	delete(h.index, place{oldest.Source, oldest.Number})
	h.bytes -= oldest.size()
	h.queue[h.head] = nil
	h.evicted++
	if h.head++; h.head > len(h.queue)/2 {
		h.queue = append(h.queue[:0], h.queue[h.head:]...)
		clear(h.queue[len(h.queue) : len(h.queue)+h.head])
		h.head = 0
	}
}

func (h *history) len() int { return len(h.queue) - h.head }

// find returns the message at a place, nil when it is not held.
func (h *history) find(s Source, number uint64) *Message { return h.index[place{s, number}] }

// oldest calls yield for each message, the oldest first, until it returns false.
func (h *history) oldest(yield func(*Message) bool) {
	for _, m := range h.queue[h.head:] {
		if !yield(m) {
			return
		}
	}
}
