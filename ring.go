package spinglass

// ring is a queue in a circular buffer that grows as needed; its owner bounds it.
type ring[T any] struct {
	slots  []T
	head   int
	length int
}

func (r *ring[T]) push(e T) {
	r.grow()
	r.slots[(r.head+r.length)&(len(r.slots)-1)] = e
	r.length++
}

func (r *ring[T]) pop() (e T, ok bool) {
	if r.length == 0 {
		return e, false
	}
	var none T
	e, r.slots[r.head] = r.slots[r.head], none
	r.head = (r.head + 1) & (len(r.slots) - 1)
	r.length--
	return e, true
}

func (r *ring[T]) grow() {
	if r.length < len(r.slots) {
		return
	}
	slots := make([]T, max(64, 2*len(r.slots)))
	for i := range r.length {
		slots[i] = r.slots[(r.head+i)&(len(r.slots)-1)]
	}
	r.slots, r.head = slots, 0
}
