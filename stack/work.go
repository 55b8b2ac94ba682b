package stack

import "spinglass/protocol"

// claim marks the work that machine i asks for as its own.
func claim(w protocol.Work, i int) {
	tag := uint64(i+1) << workShift
	switch w := w.(type) {
	case *protocol.Persist:
		w.Number |= tag
	case *protocol.Sign:
		w.Number |= tag
	case *protocol.Verify:
		w.Number |= tag
	case *protocol.StreamOpen:
		w.Number |= tag
	case *protocol.StreamWrite:
		w.Number |= own(w.Number, tag)
	case *protocol.StreamClose:
		w.Number |= own(w.Number, tag)
	case *protocol.StreamHold:
		w.Number |= own(w.Number, tag)
	}
}

// own leaves the number of a stream that a peer opened alone.
func own(number, tag uint64) uint64 {
	if number>>63 != 0 {
		return 0
	}
	return tag
}

// completion returns the index of the machine whose work e completes, and e with the number that this machine chose; -1 for any other event.
func completion(e protocol.Event) (int, protocol.Event) {
	number, ok := numberOf(e)
	if !ok || number>>63 != 0 || number>>workShift == 0 {
		return -1, e
	}
	i := int(number>>workShift) - 1
	number &= workNumber
	switch e := e.(type) {
	case protocol.Persisted:
		e.Number = number
		return i, e
	case protocol.Signed:
		e.Number = number
		return i, e
	case protocol.Verified:
		e.Number = number
		return i, e
	case protocol.StreamOpened:
		e.Number = number
		return i, e
	case protocol.StreamRead:
		e.Number = number
		return i, e
	case protocol.StreamWritten:
		e.Number = number
		return i, e
	case protocol.StreamClosed:
		e.Number = number
		return i, e
	}
	return -1, e
}

func numberOf(e protocol.Event) (uint64, bool) {
	switch e := e.(type) {
	case protocol.Persisted:
		return e.Number, true
	case protocol.Signed:
		return e.Number, true
	case protocol.Verified:
		return e.Number, true
	case protocol.StreamOpened:
		return e.Number, true
	case protocol.StreamRead:
		return e.Number, true
	case protocol.StreamWritten:
		return e.Number, true
	case protocol.StreamClosed:
		return e.Number, true
	}
	return 0, false
}
