package protocol

// Deadlines is a heap of timers with keys: at most one deadline per key. Setting a key again moves its timer, which is how
// machines cancel and postpone without telling their driver. Equal times come out in the order in which they were set.
// The zero value is ready for use.
type Deadlines[K comparable] struct {
	heap  []deadline[K]
	index map[K]int // position in heap; nil as long as there are few
	set   uint64    // how many were set so far, for the order of equal times
}

type deadline[K comparable] struct {
	at    Time
	order uint64
	key   K
}

// deadlinesFew is how many keys are found by looking at all of them: a machine that has no more of them needs no map.
const deadlinesFew = 16

// Len returns the number of keys with a deadline.
func (d *Deadlines[K]) Len() int { return len(d.heap) }

// Next returns the earliest deadline, Never when there is none.
func (d *Deadlines[K]) Next() Time {
	if len(d.heap) == 0 {
		return Never
	}
	return d.heap[0].at
}

// At returns the deadline of key, Never when it has none.
func (d *Deadlines[K]) At(key K) Time {
	if i, ok := d.find(key); ok {
		return d.heap[i].at
	}
	return Never
}

// find returns the position of key in the heap.
func (d *Deadlines[K]) find(key K) (int, bool) {
	if d.index != nil {
		i, ok := d.index[key]
		return i, ok
	}
	for i := range d.heap {
		if d.heap[i].key == key {
			return i, true
		}
	}
	return 0, false
}

// place notes where the key of an entry of the heap is.
func (d *Deadlines[K]) place(i int) {
	if d.index != nil {
		d.index[d.heap[i].key] = i
	}
}

// Set gives key the deadline at, in place of any other it had. Never cancels it.
func (d *Deadlines[K]) Set(key K, at Time) {
	if at == Never {
		d.Cancel(key)
		return
	}
	d.set++
	entry := deadline[K]{at: at, order: d.set, key: key}
	if i, ok := d.find(key); ok {
		d.heap[i] = entry
		d.fix(i)
		return
	}
	d.heap = append(d.heap, entry)
	d.place(len(d.heap) - 1)
	if d.index == nil && len(d.heap) > deadlinesFew {
		d.index = make(map[K]int)
		for i := range d.heap {
			d.place(i)
		}
	}
	d.up(len(d.heap) - 1)
}

// Cancel takes away the deadline of key, if it has one.
func (d *Deadlines[K]) Cancel(key K) {
	i, ok := d.find(key)
	if !ok {
		return
	}
	last := len(d.heap) - 1
	delete(d.index, key)
	if i != last {
		d.heap[i] = d.heap[last]
		d.place(i)
	}
	d.heap[last] = deadline[K]{}
	d.heap = d.heap[:last]
	if i != last {
		d.fix(i)
	}
}

// Due takes out and returns the key of the earliest deadline that is not after now.
func (d *Deadlines[K]) Due(now Time) (K, bool) {
	if len(d.heap) == 0 || d.heap[0].at > now {
		var none K
		return none, false
	}
	key := d.heap[0].key
	d.Cancel(key)
	return key, true
}

func (d *Deadlines[K]) less(i, j int) bool {
	a, b := &d.heap[i], &d.heap[j]
	return a.at < b.at || a.at == b.at && a.order < b.order
}

func (d *Deadlines[K]) swap(i, j int) {
	d.heap[i], d.heap[j] = d.heap[j], d.heap[i]
	d.place(i)
	d.place(j)
}

func (d *Deadlines[K]) fix(i int) {
	if !d.down(i) {
		d.up(i)
	}
}

func (d *Deadlines[K]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !d.less(i, parent) {
			return
		}
		d.swap(i, parent)
		i = parent
	}
}

// down reports whether the entry moved.
func (d *Deadlines[K]) down(i int) bool {
	start := i
	for {
		child := 2*i + 1
		if child >= len(d.heap) {
			break
		}
		if right := child + 1; right < len(d.heap) && d.less(right, child) {
			child = right
		}
		if !d.less(child, i) {
			break
		}
		d.swap(i, child)
		i = child
	}
	return i > start
}
