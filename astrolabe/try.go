package astrolabe

import (
	"spinglass/astrolabe/afc"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
)

// Trial is what a program would make of a zone's rows.
type Trial struct {
	Outputs  []protocol.Attribute // that are not NULL, sorted by name
	Null     []string             // outputs that are
	Rows     int                  // that the program read
	Cost     int                  // steps at most, for as many rows as a table here may have
	Warnings []afc.Warning
}

// Try evaluates a program over the rows of a zone's table without installing it. Errors: ErrZoneNotHeld, ErrOutputs, and those of package afc.
func (m *Machine) Try(zone, program string) (*Trial, error) {
	depth := m.depthOf(zone)
	if depth < 0 {
		return nil, ErrZoneNotHeld
	}
	f := Function{Name: "trial", Scope: zone, Program: program, Steps: identity.FunctionStepsMax}
	p, err := f.compile(m.rowsMax())
	if err != nil || p == nil {
		return nil, err
	}
	var forms readable
	forms.read(m.rowsOf(depth))
	values, err := afc.NewEvaluator(p).Evaluate(forms.rows, afc.Seed(zone, 0), nil)
	if err != nil {
		return nil, err
	}
	trial := &Trial{Rows: len(forms.rows), Cost: p.Cost(p.Limits().Rows), Warnings: p.Warnings()}
	for i, name := range p.Outputs() {
		if values[i].Kind() == table.KindNone {
			trial.Null = append(trial.Null, name)
		}
	}
	trial.Outputs = m.keep(nil, &held{Function: &f, program: p}, values)
	return trial, nil
}

// depthOf returns the depth of a zone of the own path, -1 for any other.
func (m *Machine) depthOf(zone string) int { return m.scopeOf(&Function{Scope: zone}) }

// rowsOf returns the rows that a zone of the own path is summarised of.
func (m *Machine) rowsOf(depth int) []input {
	l := m.levels[depth]
	if depth == len(m.levels)-1 && !l.others() {
		return m.hostInputs()
	}
	return m.zoneInputs(l)
}
