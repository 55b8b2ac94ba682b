package astrolabe

import (
	"errors"
	"slices"

	"spinglass/protocol"
)

// Bounds of putting functions together.
const (
	assembliesMax    = 8  // functions that are being put together
	assemblyRounds   = 8  // rounds after which one that is not complete makes room
	functionsSent    = 32 // functions that are sent in a round,
	functionsOfPeer  = 4  // of them to one peer
	assembliesOfPeer = 2  // of those that are being put together, from one sender
)

// assembly is functions of which pieces have come.
type assembly struct {
	under []assembled
	sent  budget // functions that the present round may still send
}

// assembled is one of them.
type assembled struct {
	id       functionID
	from     protocol.NodeID
	encoding []byte
	there    [partsMax]bool
	missing  int
	since    uint64 // round
}

// functionsOf returns the functions that members of all zones down to a depth have, in ascending order.
func (m *Machine) functionsOf(tables int) (all []uint64) {
	for _, h := range m.functions.all {
		if m.scopeOf(h.Function) < tables {
			all = append(all, uint64(h.id))
		}
	}
	slices.Sort(all)
	return all[:min(len(all), functionsMax)]
}

// functions sends what a member lacks of the functions that both should have, and asks for what it has.
func (a *answer) functions(theirs []uint64, tables int) {
	m := a.m
	for _, h := range m.functions.all {
		if _, has := slices.BinarySearch(theirs, uint64(h.id)); !has && m.scopeOf(h.Function) < tables {
			m.sendFunction(a.to, h, a.out)
		}
	}
	for _, id := range theirs {
		if !m.functions.known(functionID(id)) && a.room(8) {
			a.delta.WantFunctions = append(a.delta.WantFunctions, id)
		}
	}
}

// sendFunction sends a function in pieces, if the round has room for it. Who is not known gets none where no link has proven that it is at its address.
func (m *Machine) sendFunction(to protocol.NodeID, h *held, out *protocol.Output) {
	if m.stranger(to) || !m.answers.has(to) || !m.functions.parts.sent.take(to, 1) {
		m.stats.AnswersRefused++
		return
	}
	for number, rest := 0, h.encoding; len(rest) > 0; number++ {
		n := min(partSize, len(rest))
		m.stats.PartsSent++
		part := &FunctionPart{Zone: m.zone, ID: uint64(h.id), Whole: len(h.encoding), Number: number, Bytes: rest[:n:n]}
		m.stats.BytesSent += uint64(part.Size())
		m.answers.spend(to, part.Size())
		out.Send(to, part)
		rest = rest[n:]
	}
}

// receivePart takes a piece of a function, and the function when it is complete.
func (m *Machine) receivePart(now protocol.Time, from protocol.NodeID, p *FunctionPart, out *protocol.Output) {
	m.stats.PartsReceived++
	if m.functions.known(functionID(p.ID)) {
		return
	}
	s := &m.functions.parts
	i := s.find(functionID(p.ID), from, p.Whole, m.stats.Rounds)
	if i < 0 {
		m.stats.PartsDropped++
		out.Drop(from, ReasonPart)
		return
	}
	a := &s.under[i]
	if !a.there[p.Number] {
		copy(a.encoding[p.Number*partSize:], p.Bytes)
		a.there[p.Number] = true
		a.missing--
	}
	if a.missing > 0 {
		return
	}
	err := m.takeFunction(now, a)
	if errors.Is(err, errBusy) {
		return // it is looked at when a piece comes again
	}
	s.under = slices.Delete(s.under, i, i+1)
	if err != nil {
		m.stats.FunctionsRefused++
		out.Drop(from, ReasonFunction)
	}
}

// find returns where the pieces of a function from a sender are put together, -1 where there is no room for it. Those that were not completed make room.
func (s *assembly) find(id functionID, from protocol.NodeID, size int, round uint64) int {
	s.under = slices.DeleteFunc(s.under, func(a assembled) bool { return round-a.since > assemblyRounds })
	ofPeer := 0
	for i := range s.under {
		a := &s.under[i]
		if a.from != from {
			continue
		}
		if ofPeer++; a.id == id && len(a.encoding) == size {
			return i
		}
	}
	if ofPeer >= assembliesOfPeer || len(s.under) >= assembliesMax {
		return -1
	}
	s.under = append(s.under, assembled{id: id, from: from, encoding: make([]byte, size), missing: (size + partSize - 1) / partSize, since: round})
	return len(s.under) - 1
}

// errBusy says that a function is not looked at in this round.
var errBusy = errors.New("astrolabe: no more functions are looked at in this round")

// takeFunction puts a function that has come in force, or remembers that it is bad.
func (m *Machine) takeFunction(now protocol.Time, a *assembled) error {
	s := &m.functions
	if identify(a.encoding) != a.id {
		return ErrProgram // its name says something else: the name stays good
	}
	f, err := DecodeFunction(a.encoding)
	if err != nil {
		s.refuse(a.id)
		return err
	}
	if !s.checks.take(a.from, 1) {
		return errBusy
	}
	h, err := m.inspect(now, f, 1) // where the tables have more rows than its steps allow, it is not evaluated
	if err == nil {
		err = m.hold(h)
	}
	if err != nil {
		s.refuse(a.id)
	}
	return err
}
