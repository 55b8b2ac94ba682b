package sim

import (
	"fmt"
	"strings"

	"spinglass/protocol"
)

// difference runs two trials, whose traces differ, again and describes the first step in which they do.
func difference(a, b *Trial) string {
	var hashes []uint64
	a.watch(func(w *World, _ *Step) { hashes = append(hashes, w.Hash()) })
	first, inB := -1, "nothing more"
	i := 0
	b.watch(func(w *World, s *Step) {
		if first < 0 && (i >= len(hashes) || w.Hash() != hashes[i]) {
			first, inB = i, s.String()
		}
		i++
	})
	if first < 0 {
		if i == len(hashes) {
			return "a third and a fourth run do not"
		}
		first = i
	}
	inA := "nothing more"
	i = 0
	a.watch(func(_ *World, s *Step) {
		if i == first {
			inA = s.String()
		}
		i++
	})
	return fmt.Sprintf("step %d is\n  %s\nin one, and in the other\n  %s", first, inA, inB)
}

// watch runs the trial and shows every step to f.
func (t *Trial) watch(f func(*World, *Step)) {
	watched := *t
	watched.Build = func(w *World) {
		w.Trace(func(s *Step) { f(w, s) })
		t.Build(w)
	}
	_, _ = watched.Run() // judged before; this run is about its trace
}

// String returns the step on one line: when, who, what came in, what came of it.
func (s *Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v host %v/%d %v", s.Now, s.Host, s.Incarnation, s.Input)
	switch s.Input {
	case InputReceive:
		fmt.Fprintf(&b, " from %v %s", s.From, describe(s.Message))
	case InputCorrupt:
		fmt.Fprintf(&b, " from %v %d bytes", s.From, s.Size)
	case InputNotify:
		fmt.Fprintf(&b, " %T%+v", s.Event, s.Event)
	}
	for i := range s.Effects {
		b.WriteString("; ")
		describeEffect(&b, &s.Effects[i])
	}
	return b.String()
}

func describe(m protocol.Message) string {
	return fmt.Sprintf("%T (kind %d, %d bytes)", m, m.Kind(), m.Size())
}

func describeEffect(b *strings.Builder, e *protocol.Effect) {
	switch e.Kind {
	case protocol.EffectSend:
		fmt.Fprintf(b, "send to %v %s", e.To, describe(e.Message))
	case protocol.EffectSendAddress:
		fmt.Fprintf(b, "send to %q %s", e.Address, describe(e.Message))
	case protocol.EffectSpread:
		fmt.Fprintf(b, "spread to %v %s", e.Targets, describe(e.Message))
	case protocol.EffectMulticast:
		fmt.Fprintf(b, "multicast to group %x and to %v %s", uint64(e.Group), e.Targets, describe(e.Message))
	case protocol.EffectJoinGroup:
		fmt.Fprintf(b, "join group %x", uint64(e.Group))
	case protocol.EffectLeaveGroup:
		fmt.Fprintf(b, "leave group %x", uint64(e.Group))
	case protocol.EffectBroadcast:
		fmt.Fprintf(b, "broadcast %s", describe(e.Message))
	case protocol.EffectEmit:
		fmt.Fprintf(b, "emit %T%+v", e.Event, e.Event)
	case protocol.EffectDrop:
		fmt.Fprintf(b, "drop from %v: %s", e.To, e.Reason)
	case protocol.EffectWork:
		fmt.Fprintf(b, "do %T", e.Work)
	}
}
