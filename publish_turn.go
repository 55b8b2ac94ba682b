package spinglass

import "slices"

// turn is a message whose publisher waits for room in the queue of a topic. Turns are taken in the order in which they were asked for, so that
// goroutines (and clients of the agent) that publish to one topic share its rate: nobody that comes later, however quick, passes who waits. Each
// waiting goroutine has one, which bounds their number.
type turn struct {
	payload []byte // of the publisher, who does not touch it meanwhile
	taken   chan struct{}
}

// ask takes a turn for a message; t.mu is held.
func (t *outgoing) ask(payload []byte) *turn {
	w := &turn{payload: payload, taken: make(chan struct{})}
	t.turns = append(t.turns, w)
	return w
}

// giveTurns takes over the messages of those who wait, in order, as far as there is room; t.mu is held.
func (t *outgoing) giveTurns() {
	given := 0
	for _, w := range t.turns {
		if !t.waiting.takes(len(w.payload)) {
			break
		}
		t.accept(w.payload)
		close(w.taken)
		given++
	}
	t.turns = slices.Delete(t.turns, 0, given)
}

// giveUp ends the waiting for a turn. It reports whether the message was taken over before.
func (t *outgoing) giveUp(w *turn) (taken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.turns, w)
	if i < 0 {
		return true
	}
	t.turns = slices.Delete(t.turns, i, i+1)
	t.giveTurns() // a smaller one behind may fit
	return false
}
