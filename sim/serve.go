package sim

import (
	"fmt"
	"time"
)

// batchMax is how many inputs a host takes before its timers get their turn.
const batchMax = 64

// callsMax is how often a host may call Timeout at one instant: a machine whose deadline stays in the past breaks its contract.
const callsMax = 100000

// schedule makes sure that the host wakes when it next has something to do.
func (w *World) schedule(h *host) {
	if h.machine == nil {
		return
	}
	at := h.deadline
	if h.held > 0 {
		at = h.free
	}
	at = max(at, h.free, w.now)
	if at < h.wake {
		h.wake = at
		w.queue.push(entry{at: at, ref: h.index, kind: entryWake})
	}
}

// serve lets a host work for as long as it is free: a batch of what it holds, then its timers if they are due, and so on.
func (w *World) serve(h *host) {
	for h.machine != nil && h.free <= w.now {
		switch {
		case h.batch > 0:
			h.batch--
			w.take(h)
		case h.deadline <= w.now && (h.owed || h.held == 0):
			h.owed = false
			w.timeout(h)
		case h.held > 0:
			h.batch, h.owed = min(h.held, batchMax), true
		default:
			h.owed = false
			w.schedule(h)
			return
		}
	}
	w.schedule(h)
}

func (w *World) timeout(h *host) {
	if w.caller != h.index || w.step.Now != w.now || w.step.Input != InputTimeout {
		w.caller, w.calls = h.index, 0
	}
	if w.calls++; w.calls > callsMax {
		panic("sim: the deadline of a machine stays in the past after Timeout")
	}
	w.busy(h, h.cost.Input)
	w.step = Step{Input: InputTimeout}
	h.machine.Timeout(w.now, &w.output)
	w.finish(h)
}

// busy keeps core 0 of a host for a time from now on.
func (w *World) busy(h *host, cost time.Duration) {
	h.free = max(h.free, w.now).Add(cost)
	h.stats.Busy += cost
}

// take gives the first input of the inbox to the machine.
func (w *World) take(h *host) {
	in := w.dequeue(h)
	switch in.kind {
	case InputReceive:
		w.receive(h, &in)
		return
	case InputStart:
		w.busy(h, h.cost.Input)
		w.step = Step{Input: InputStart}
		h.machine.Start(w.now, &w.output)
	case InputNotify:
		if in.aside.piece != nil {
			if !w.readPiece(h, in.aside.piece) {
				return
			}
			break
		}
		w.busy(h, h.cost.Input)
		w.step = Step{Input: InputNotify, Event: in.aside.event}
		h.machine.Notify(w.now, in.aside.event, &w.output)
	case InputCommand:
		w.busy(h, h.cost.Input)
		w.step = Step{Input: InputCommand}
		in.aside.command(w.now, h.machine, &w.output)
	}
	w.finish(h)
}

func (w *World) receive(h *host, in *input) {
	w.busy(h, h.cost.receive(int(in.size)))
	from := w.hosts[in.from].place.ID
	if in.corrupt {
		w.refuse(h, in)
		w.step = Step{Input: InputCorrupt, From: from, Size: int(in.size)}
		w.finish(h)
		return
	}
	w.stats.Received++
	h.stats.Received++
	h.stats.ReceivedBytes += uint64(in.size)
	w.step = Step{Input: InputReceive, From: from, Message: in.message, Size: int(in.size)}
	if w.config.Wire {
		w.receiveWire(h, in, from)
	} else {
		h.machine.Receive(w.now, from, in.message, &w.output)
	}
	w.finish(h)
}

// finish carries out what the machine asked for.
func (w *World) finish(h *host) {
	w.stats.Inputs++
	w.step.Effects = w.output.Effects
	w.record(h, &w.step)
	if h.cost.Effort != nil {
		w.busy(h, h.cost.Effort(&w.step))
	}
	incarnation := h.incarnation
	for i := 0; i < len(w.output.Effects) && h.incarnation == incarnation; i++ {
		w.effect(h, &w.output.Effects[i])
	}
	w.output.Reset()
	if h.incarnation == incarnation { // nobody who watches crashed the host
		h.deadline = h.machine.Deadline()
		if w.config.Spurious {
			w.disturb(h)
		}
	}
}

// disturb calls Timeout before the deadline, where "an early or spurious Timeout does nothing".
func (w *World) disturb(h *host) {
	if h.deadline <= w.now {
		return
	}
	h.machine.Timeout(w.now, &w.output)
	if len(w.output.Effects) > 0 || h.machine.Deadline() != h.deadline {
		panic(fmt.Sprintf("sim: a %T did something at a Timeout before its deadline", h.machine))
	}
}
