package sim

import "spinglass/protocol"

// InputKind tells the inputs of a machine apart, and what else a Step tells of.
type InputKind uint8

// The kinds of inputs.
const (
	InputStart InputKind = iota + 1
	InputReceive
	InputNotify
	InputTimeout
	InputCommand
	InputCorrupt // a datagram that the checksum refused; the machine does not see it
	InputCrash   // the host went down; the machine does not see it
)

var inputNames = [...]string{"none", "start", "receive", "notify", "timeout", "command", "corrupt", "crash"}

// String returns the name of the kind.
func (k InputKind) String() string { return inputNames[k] }

// input is an input on its way to its host or in the host's inbox.
type input struct {
	message  protocol.Message
	aside    *aside
	from, to uint32 // indexes of hosts
	next     uint32 // in the inbox or the free list
	size     int32  // bytes of the datagram
	kind     InputKind
	corrupt  bool
}

// aside holds what few inputs have.
type aside struct {
	event       protocol.Event
	command     func(protocol.Time, protocol.Machine, *protocol.Output)
	sent        *emission // wire mode: the datagram
	piece       *piece    // of a stream
	work        bool      // the event completes work of this incarnation of the host
	incarnation uint32
	done        func() // called when the event arrives, before it is put into the inbox
}

// slot stores an input and returns where.
func (w *World) slot(in input) uint32 {
	w.pending++
	ref := w.free
	if ref == 0 {
		w.inputs = append(w.inputs, in)
		return uint32(len(w.inputs) - 1)
	}
	w.free = w.inputs[ref].next
	w.inputs[ref] = in
	return ref
}

func (w *World) release(ref uint32) {
	w.pending--
	w.inputs[ref] = input{next: w.free}
	w.free = ref
}

// arrive puts an input that has reached its host into the inbox and lets the host go on, if it is free.
func (w *World) arrive(ref uint32) {
	in := &w.inputs[ref]
	h := w.hosts[in.to]
	if in.kind == InputReceive {
		if !w.admit(h, in) {
			w.release(ref)
			return
		}
	} else if a := in.aside; h.machine == nil || a.incarnation != h.incarnation {
		w.stats.WorkLost++
		w.release(ref)
		return
	} else {
		if a.work {
			h.extra.work--
		}
		if a.done != nil {
			a.done()
		}
	}
	w.enqueue(h, ref)
	if h.free <= w.now {
		w.serve(h)
		return
	}
	w.schedule(h)
}

// admit reports whether a datagram finds its host up, reachable and with room in the inbox.
func (w *World) admit(h *host, in *input) bool {
	switch {
	case h.machine == nil:
		w.stats.Down++
		return false
	case len(w.barriers) > 0 && w.severed(in.from, in.to):
		w.stats.Cut++
		return false
	case int(h.packets) >= h.cost.InboxPackets || int(h.bytes)+int(in.size) > h.cost.InboxBytes:
		w.stats.InboxFull++
		h.stats.InboxFull++
		return false
	}
	h.packets++
	h.bytes += in.size
	return true
}

func (w *World) enqueue(h *host, ref uint32) {
	if h.head == 0 {
		h.head = ref
	} else {
		w.inputs[h.tail].next = ref
	}
	h.tail = ref
	w.inputs[ref].next = 0
	h.held++
}

// dequeue takes the first input out of the inbox.
func (w *World) dequeue(h *host) input {
	ref := h.head
	in := w.inputs[ref]
	h.head = in.next
	h.held--
	if in.kind == InputReceive {
		h.packets--
		h.bytes -= in.size
	}
	w.release(ref)
	return in
}
