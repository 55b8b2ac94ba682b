package stream

// WindowMax bounds the packets of a window.
const WindowMax = 1 << 16

// Window is the packets of a stream at a member, which are numbered from 1. It keeps the latest ones, as many as it has slots.
type Window struct {
	slots []slot
	next  uint64 // those below have arrived, or were given up
	end   uint64 // the highest number heard of
	lost  uint64
	begun bool

	packets, bytes int // kept
}

type slot struct {
	number  uint64
	payload []byte
}

// NewWindow returns a window of so many slots, 1 to WindowMax. A late one begins with the first number that it hears of, others with 1.
func NewWindow(slots int, late bool) *Window {
	return &Window{slots: make([]slot, slots), next: 1, begun: !late}
}

// Next returns the lowest number that is still to come: what is below has arrived or was given up.
func (w *Window) Next() uint64 { return w.next }

// End returns the highest number heard of.
func (w *Window) End() uint64 { return w.end }

// Begun reports whether it is known where the stream begins.
func (w *Window) Begun() bool { return w.begun }

// Held returns how many packets are kept, and the bytes of their payload. A packet is kept until another one takes its slot.
func (w *Window) Held() (packets, bytes int) { return w.packets, w.bytes }

// Lost returns how many packets were given up.
func (w *Window) Lost() uint64 { return w.lost }

// floor returns the lowest number for which there is a slot.
func (w *Window) floor() uint64 {
	if size := uint64(len(w.slots)); w.end > size {
		return w.end - size + 1
	}
	return 1
}

// Hear takes note that the stream goes up to a number, and returns the numbers that are missing because of that: first to last, none if last is below first. arrived says that
// the packet of that number itself is there.
func (w *Window) Hear(number uint64, arrived bool) (first, last uint64) {
	if !w.begun {
		w.begun, w.next, w.end = true, number, number-1
		if !arrived {
			w.next, w.end = number+1, number
		}
	}
	if number <= w.end {
		return 1, 0
	}
	first, last = w.end+1, number
	if arrived {
		last--
	}
	before := w.end
	w.end = number
	if floor := w.floor(); floor > w.next {
		w.giveUp(before, floor)
	}
	return max(first, w.next), last
}

// giveUp moves the window on to a number. Of those up to before some have arrived, of others none.
func (w *Window) giveUp(before, floor uint64) {
	for ; w.next < min(floor, before+1); w.next++ {
		if w.slots[w.next%uint64(len(w.slots))].number != w.next {
			w.lost++
		}
	}
	w.lost += floor - w.next
	w.next = floor
	w.settle()
}

// settle moves next to the first number that has not arrived.
func (w *Window) settle() {
	for w.next <= w.end && w.slots[w.next%uint64(len(w.slots))].number == w.next {
		w.next++
	}
}

// Put takes a packet in, whose number was heard of, and reports whether it is new. The payload is not copied.
func (w *Window) Put(number uint64, payload []byte) bool {
	if !w.Missing(number) {
		return false
	}
	s := &w.slots[number%uint64(len(w.slots))]
	if s.number == 0 {
		w.packets++
	}
	w.bytes += len(payload) - len(s.payload)
	*s = slot{number, payload}
	w.settle()
	return true
}

// Missing reports whether a packet that was heard of is not here and was not given up.
func (w *Window) Missing(number uint64) bool {
	return number >= w.next && number <= w.end && w.slots[number%uint64(len(w.slots))].number != number
}

// Get returns a packet that is still kept.
func (w *Window) Get(number uint64) ([]byte, bool) {
	if s := &w.slots[number%uint64(len(w.slots))]; number > 0 && s.number == number {
		return s.payload, true
	}
	return nil, false
}
