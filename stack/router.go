package stack

import (
	"spinglass/protocol"
)

// ReasonUnknownKind counts messages of a kind that no machine of the node owns.
const ReasonUnknownKind protocol.Reason = "unknown_kind"

// depthMax bounds how far an event of one machine may lead to events of others. Machines that answer each other without end break
// the contract.
const depthMax = 64

// Numbers of work are made unique on a node by the index of the machine in their upper bits. The highest bit stays free for
// streams that a peer opened.
const (
	workShift  = 48
	workNumber = 1<<workShift - 1
)

// Router makes one machine out of several: messages go to the machine that owns their kind, an event goes to every machine but the
// one that emitted it, and the completion of work goes to the machine that asked for it. Machines are called in the order in which
// they were added.
type Router struct {
	machines []protocol.Machine
	owner    []uint8 // by kind, up to the largest one that anybody owns: index of the machine + 1
	depth    int
}

// Add appends a machine that receives messages of the given kinds.
func (r *Router) Add(m protocol.Machine, kinds ...protocol.Kind) {
	r.machines = append(r.machines, m)
	for _, kind := range kinds {
		if missing := int(kind) + 1 - len(r.owner); missing > 0 {
			r.owner = append(r.owner, make([]uint8, missing)...)
		}
		if r.owner[kind] != 0 {
			panic("stack: two machines own one kind of message")
		}
		r.owner[kind] = uint8(len(r.machines))
	}
}

// Start starts every machine, and only then routes what they said, since Start is the first input of each.
func (r *Router) Start(now protocol.Time, out *protocol.Output) {
	marks := []int{len(out.Effects)}
	for _, m := range r.machines {
		m.Start(now, out)
		marks = append(marks, len(out.Effects))
	}
	for i := range r.machines {
		r.route(now, i, marks[i], marks[i+1], out)
	}
}

// Receive implements protocol.Machine.
func (r *Router) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	kind := int(m.Kind())
	if kind >= len(r.owner) || r.owner[kind] == 0 {
		out.Drop(from, ReasonUnknownKind)
		return
	}
	i := int(r.owner[kind]) - 1
	mark := len(out.Effects)
	r.machines[i].Receive(now, from, m, out)
	r.route(now, i, mark, len(out.Effects), out)
}

// Notify implements protocol.Machine.
func (r *Router) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	if i, own := completion(e); i >= 0 && i < len(r.machines) {
		r.notify(now, i, own, out)
		return
	}
	for i := range r.machines {
		r.notify(now, i, e, out)
	}
}

// Timeout implements protocol.Machine.
func (r *Router) Timeout(now protocol.Time, out *protocol.Output) {
	for i, m := range r.machines {
		if m.Deadline() <= now {
			mark := len(out.Effects)
			m.Timeout(now, out)
			r.route(now, i, mark, len(out.Effects), out)
		}
	}
}

// Deadline implements protocol.Machine.
func (r *Router) Deadline() protocol.Time {
	next := protocol.Never
	for _, m := range r.machines {
		next = min(next, m.Deadline())
	}
	return next
}

func (r *Router) notify(now protocol.Time, i int, e protocol.Event, out *protocol.Output) {
	mark := len(out.Effects)
	r.machines[i].Notify(now, e, out)
	r.route(now, i, mark, len(out.Effects), out)
}

// route hands the events among the effects [from, to), all of them machine i's, to the other machines. What those emit in turn is
// appended behind and routed by the nested calls.
func (r *Router) route(now protocol.Time, i, from, to int, out *protocol.Output) {
	r.depth++
	if r.depth > depthMax {
		panic("stack: machines answer each other's events without end")
	}
	for n := from; n < to; n++ {
		switch effect := &out.Effects[n]; effect.Kind {
		case protocol.EffectWork:
			claim(effect.Work, i)
		case protocol.EffectEmit:
			e := effect.Event
			for j := range r.machines {
				if j != i {
					r.notify(now, j, e, out)
				}
			}
		}
	}
	r.depth--
}
