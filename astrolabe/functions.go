package astrolabe

import (
	"cmp"
	"fmt"
	"slices"

	"spinglass/astrolabe/afc"
	"spinglass/identity"
	"spinglass/protocol"
)

// Bounds of what is done with functions of others.
const (
	checksPerRound = 8   // functions whose signatures are verified in a round, each up to ChainMax of them
	checksOfSender = 2   // of them that one sender brought
	refusedRounds  = 600 // after which what was refused is looked at again: a clock may have been wrong
	trustRounds    = 8   // after which the certificates of those in force are looked at again
	refusedMax     = 128 // functions that are remembered as bad, so that nobody is asked for them again
)

// Trust is what the fleet's members go by.
type Trust interface {
	Policy(now protocol.Time) identity.Policy
}

// Chains has certificates of members.
type Chains interface {
	// Certificates returns the encoded chain of a member without the root's certificate, nil where it is not known or does not count.
	Certificates(now protocol.Time, id protocol.NodeID) []byte
}

// held is a function that is here.
type held struct {
	*Function
	id         functionID
	encoding   []byte
	program    *afc.Program     // nil for one that takes back
	evaluators []*afc.Evaluator // by level, nil where it was not evaluated yet; the last one is that of the root
}

// newEvaluators returns room for those of so many levels.
func newEvaluators(levels int) []*afc.Evaluator { return make([]*afc.Evaluator, levels+1) }

// functions are those whose scopes are on the own path, by name and scope; of each the latest version.
type functions struct {
	all     []*held
	refused []functionID // in the order in which they were refused
	changes uint64       // how often the set has changed
	checks  budget       // that this round may still make
	parts   assembly
	kept    functionsKept
}

// FunctionStatus is a function as applications see it.
type FunctionStatus struct {
	*Function
	Outputs []string
	InForce bool // at its own scope; if not it has expired
}

// Install takes in a function, so that it is in force at all members of its scope. Its steps have to do for as many rows as the tables here may have. Errors: those of functions, of package
// afc, and of the certificate.
func (m *Machine) Install(now protocol.Time, f *Function) error {
	h, err := m.inspect(now, f, m.rowsMax())
	if err != nil {
		return err
	}
	return m.hold(h)
}

// Functions returns the functions that are here, by name and scope.
func (m *Machine) Functions(now protocol.Time) []FunctionStatus {
	all := make([]FunctionStatus, len(m.functions.all))
	for i, h := range m.functions.all {
		all[i] = FunctionStatus{Function: h.Function, InForce: h.Expires >= m.instant(now)}
		if h.program != nil {
			all[i].Outputs = h.program.Outputs()
		}
	}
	return all
}

// instant returns what the clock shows.
func (m *Machine) instant(now protocol.Time) identity.Instant {
	if m.config.Trust != nil {
		return m.config.Trust.Policy(now).Now
	}
	return m.config.Wall + identity.Instant(now/1e9)
}

// rowsMax is how many rows a table on the own path may have.
func (m *Machine) rowsMax() int { return max(m.config.ZoneLimit, m.config.Children) }

// inspect makes sure that a function may be in force here, and is able to read so many rows. Its signatures come last.
func (m *Machine) inspect(now protocol.Time, f *Function, rows int) (*held, error) {
	if len(f.Chain) > 0 { // what counts is what the certificate says
		signed, err := SignedFunction(f.Chain, f.Program)
		if err != nil {
			return nil, err
		}
		f = signed
	}
	encoding := f.Append(nil)
	switch {
	case len(encoding) > FunctionSizeMax:
		return nil, fmt.Errorf("the function takes %d bytes, %d at most", len(encoding), FunctionSizeMax)
	case m.scopeOf(f) < 0:
		return nil, ErrScope
	case f.Expires < m.instant(now):
		return nil, ErrExpired
	case (m.config.Trust != nil) != (len(f.Chain) > 0):
		return nil, ErrUnsigned
	}
	program, err := f.compile(rows)
	if err != nil {
		return nil, err
	}
	if m.config.Trust == nil {
		if err := f.check(); err != nil {
			return nil, err
		}
	} else if verified, err := m.config.Trust.Policy(now).Verify(f.Chain); err != nil {
		return nil, err
	} else if verified.Kind != identity.KindFunction {
		return nil, ErrUnsigned
	}
	return &held{Function: f, id: identify(encoding), encoding: encoding, program: program, evaluators: newEvaluators(len(m.levels))}, nil
}

// scopeOf returns the depth of a function's scope on the own path, -1 if it is not on it.
func (m *Machine) scopeOf(f *Function) int {
	return slices.IndexFunc(m.levels, func(l *level) bool { return l.zone == f.Scope })
}

// hold puts a function in force in place of an earlier version.
func (m *Machine) hold(h *held) error {
	s := &m.functions
	i, found := slices.BinarySearchFunc(s.all, h, func(a, b *held) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Scope, b.Scope)) })
	if found {
		if old := s.all[i]; old.Version > h.Version || old.Version == h.Version && old.id >= h.id {
			return ErrVersion
		}
		s.all[i] = h
	} else {
		count := 0
		for _, other := range s.all {
			if other.Scope == h.Scope {
				count++
			}
		}
		if count >= FunctionsZoneMax {
			m.stats.FunctionsFull++
			return ErrFunctions
		}
		s.all = slices.Insert(s.all, i, h)
	}
	s.changes++
	m.stats.FunctionsTaken++
	return nil
}

// expireFunctions ends those that were not renewed, or whose certificates hold no longer.
func (m *Machine) expireFunctions(now protocol.Time) {
	s := &m.functions
	if m.stats.Rounds%refusedRounds == 0 {
		s.refused = s.refused[:0]
	}
	if len(s.all) == 0 {
		return
	}
	instant, before := m.instant(now), len(s.all)
	s.all = slices.DeleteFunc(s.all, func(h *held) bool { return h.Expires < instant })
	if m.config.Trust != nil && m.stats.Rounds%trustRounds == 0 { // what proves them may have been revoked
		policy := m.config.Trust.Policy(now)
		s.all = slices.DeleteFunc(s.all, func(h *held) bool {
			_, err := policy.VerifyAgain(h.Chain)
			return err != nil
		})
	}
	if expired := before - len(s.all); expired > 0 {
		s.changes++
		m.stats.FunctionsExpired += uint64(expired)
	}
}

// inForce returns the functions that are evaluated in a zone of the own path: of each name the one of the deepest scope.
func (m *Machine) inForce(depth int) (all []*held) {
	for _, h := range m.functions.all {
		scope := m.scopeOf(h.Function)
		if scope > depth {
			continue
		}
		if last := len(all) - 1; last >= 0 && all[last].Name == h.Name {
			if m.scopeOf(all[last].Function) < scope {
				all[last] = h
			}
			continue
		}
		all = append(all, h)
	}
	return all
}

// refuse remembers that a function is bad.
func (s *functions) refuse(id functionID) {
	if len(s.refused) == refusedMax {
		s.refused = slices.Delete(s.refused, 0, 1)
	}
	s.refused = append(s.refused, id)
}

// known reports whether a function is here, or not wanted.
func (s *functions) known(id functionID) bool {
	return slices.Contains(s.refused, id) || slices.ContainsFunc(s.all, func(h *held) bool { return h.id == id })
}

// get returns a function that is here, nil otherwise.
func (s *functions) get(id functionID) *held {
	if i := slices.IndexFunc(s.all, func(h *held) bool { return h.id == id }); i >= 0 {
		return s.all[i]
	}
	return nil
}
