package live

// recent is a map of bounded size that forgets the entry used longest ago. It is not safe for concurrent use.
type recent[K comparable, V any] struct {
	limit int
	index map[K]*recentEntry[K, V]
	ring  recentEntry[K, V] // ring.next was used last, ring.previous longest ago
}

type recentEntry[K comparable, V any] struct {
	previous, next *recentEntry[K, V]
	key            K
	value          V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	r := &recent[K, V]{limit: limit, index: make(map[K]*recentEntry[K, V])}
	r.ring.previous, r.ring.next = &r.ring, &r.ring
	return r
}

func (r *recent[K, V]) len() int { return len(r.index) }

// get returns the value of key for reading and changing, nil when there is none, and counts as a use.
func (r *recent[K, V]) get(key K) *V {
	e := r.index[key]
	if e == nil {
		return nil
	}
	if r.ring.next != e {
		e.unlink()
		r.link(e)
	}
	return &e.value
}

// put gives key a value and reports whether another entry had to be forgotten for it.
func (r *recent[K, V]) put(key K, value V) (evicted bool) {
	if v := r.get(key); v != nil {
		*v = value
		return false
	}
	var e *recentEntry[K, V]
	if len(r.index) >= r.limit {
		// The oldest entry is used again, so that a full map allocates nothing.
		e = r.ring.previous
		e.unlink()
		delete(r.index, e.key)
		evicted = true
	} else {
		e = new(recentEntry[K, V])
	}
	e.key, e.value = key, value
	r.index[key] = e
	r.link(e)
	return evicted
}

func (r *recent[K, V]) delete(key K) {
	if e := r.index[key]; e != nil {
		e.unlink()
		delete(r.index, key)
	}
}

func (r *recent[K, V]) link(e *recentEntry[K, V]) {
	e.previous, e.next = &r.ring, r.ring.next
	e.previous.next, e.next.previous = e, e
}

func (e *recentEntry[K, V]) unlink() {
	e.previous.next, e.next.previous = e.next, e.previous
}
