package sim

import (
	"reflect"

	"spinglass/protocol"
)

// Step is one input of one host with what came of it. A Step with InputCrash tells of a crash and has no effects.
type Step struct {
	Now         protocol.Time
	Host        protocol.NodeID
	Incarnation int
	Input       InputKind
	From        protocol.NodeID  // InputReceive and InputCorrupt
	Message     protocol.Message // InputReceive: as it was sent
	Size        int              // InputReceive and InputCorrupt: bytes of the datagram
	Event       protocol.Event   // InputNotify
	Effects     []protocol.Effect
}

// Traced is implemented by events whose content should count for the trace hash. Of other events, apart from those of package
// protocol, it covers the type only.
type Traced interface {
	// AppendTrace appends what tells the event from others of its type.
	AppendTrace(b []byte) []byte
}

// trace accumulates the trace hash.
type trace struct {
	hash   uint64
	buffer []byte
	types  map[reflect.Type]uint64
}

func newTrace() trace { return trace{types: make(map[reflect.Type]uint64)} }

func (t *trace) add(v uint64) {
	h := (t.hash ^ v) * golden
	t.hash = h ^ h>>29
}

func (t *trace) addBytes(b []byte) {
	t.add(uint64(len(b)))
	for ; len(b) >= 8; b = b[8:] {
		t.add(uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
	}
	var last uint64
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	t.add(last)
}

func (t *trace) addString(s string) {
	t.buffer = append(t.buffer[:0], s...)
	t.addBytes(t.buffer)
}

// record adds a step to the trace hash and shows it to whoever watches.
func (w *World) record(h *host, s *Step) {
	s.Now, s.Host, s.Incarnation = w.now, h.place.ID, int(h.incarnation)
	if s.Input == InputCrash {
		s.Incarnation--
	}
	t := &w.trace
	t.add(uint64(s.Now))
	t.add(uint64(h.index)<<8 | uint64(s.Input))
	switch s.Input {
	case InputReceive, InputCorrupt:
		t.add(uint64(s.From))
		t.add(uint64(s.Size))
	case InputNotify:
		w.traceEvent(s.Event)
	}
	for i := range s.Effects {
		w.traceEffect(&s.Effects[i])
	}
	for _, f := range w.steppers {
		f(s)
	}
}

func (w *World) traceEffect(e *protocol.Effect) {
	t := &w.trace
	t.add(uint64(e.Kind)<<56 ^ uint64(e.To))
	switch e.Kind {
	case protocol.EffectSend:
		w.traceMessage(e.Message)
	case protocol.EffectSendAddress:
		t.addString(string(e.Address))
		w.traceMessage(e.Message)
	case protocol.EffectSpread:
		t.add(uint64(len(e.Targets)))
		for _, to := range e.Targets {
			t.add(uint64(to))
		}
		w.traceMessage(e.Message)
	case protocol.EffectEmit:
		w.traceEvent(e.Event)
	case protocol.EffectDrop:
		t.addString(string(e.Reason))
	case protocol.EffectMulticast:
		t.add(uint64(e.Group))
		t.add(uint64(len(e.Targets)))
		for _, to := range e.Targets {
			t.add(uint64(to))
		}
		w.traceMessage(e.Message)
	case protocol.EffectJoinGroup, protocol.EffectLeaveGroup:
		t.add(uint64(e.Group))
	case protocol.EffectBroadcast:
		w.traceMessage(e.Message)
	case protocol.EffectWork:
		w.traceWork(e.Work)
	}
}

func (w *World) traceMessage(m protocol.Message) {
	w.trace.add(uint64(m.Kind())<<32 | uint64(m.Size()))
	if w.config.Content {
		w.trace.buffer = m.Append(w.trace.buffer[:0])
		w.trace.addBytes(w.trace.buffer)
	}
}

// traceType adds the name of the type of an event or of work.
func (w *World) traceType(v any) {
	typ := reflect.TypeOf(v)
	name, known := w.trace.types[typ]
	if !known {
		other := newTrace()
		other.addString(typ.String())
		name = other.hash
		w.trace.types[typ] = name
	}
	w.trace.add(name)
}

func (w *World) traceWork(work protocol.Work) {
	t := &w.trace
	w.traceType(work)
	switch v := work.(type) {
	case *protocol.Persist:
		t.add(v.Number)
		t.addString(v.Key)
		t.addBytes(v.Value)
	case *protocol.Sign:
		t.add(v.Number)
		t.addBytes(v.Message)
	case *protocol.Verify:
		t.add(v.Number)
		for i := range v.Checks {
			t.addBytes(v.Checks[i].Signature)
		}
	case *protocol.StreamOpen:
		t.add(v.Number)
		t.add(uint64(v.To))
	case *protocol.StreamWrite:
		t.add(v.Number)
		t.addBytes(v.Data)
	case *protocol.StreamClose:
		t.add(v.Number)
	case *protocol.StreamHold:
		t.add(v.Number)
		if v.Hold {
			t.add(1)
		}
	}
}

func (w *World) traceEvent(e protocol.Event) {
	t := &w.trace
	w.traceType(e)
	switch v := e.(type) {
	case protocol.PeerUp:
		t.add(uint64(v.Peer.ID))
	case protocol.PeerChanged:
		t.add(uint64(v.Peer.ID))
	case protocol.PeerUnreachable:
		t.add(uint64(v.Peer.ID))
	case protocol.PeerReachable:
		t.add(uint64(v.Peer.ID))
	case protocol.PeerSuspect:
		t.add(uint64(v.Peer.ID))
	case protocol.PeerAlive:
		t.add(uint64(v.Peer.ID))
	case protocol.PeerDown:
		t.add(uint64(v.Peer.ID))
	case protocol.PeerLeft:
		t.add(uint64(v.Peer.ID))
	case protocol.PeerDropped:
		t.add(uint64(v.Peer.ID))
	case protocol.Persisted:
		t.add(v.Number)
	case protocol.Signed:
		t.addBytes(v.Signature)
	case protocol.Verified:
		t.add(v.Number)
		if v.Valid {
			t.add(1)
		}
	case protocol.WallClock:
		t.add(uint64(v.Seconds))
	case protocol.MulticastOffered:
		t.add(uint64(v.Groups))
	case protocol.LinkBroken:
		t.add(uint64(v.To))
		w.traceMessage(v.Message)
	case protocol.StreamOpened:
		t.add(v.Number)
	case protocol.StreamRead:
		t.add(v.Number)
		t.addBytes(v.Data)
	case protocol.StreamClosed:
		t.add(v.Number)
	case Traced:
		t.buffer = v.AppendTrace(t.buffer[:0])
		t.addBytes(t.buffer)
	}
}
