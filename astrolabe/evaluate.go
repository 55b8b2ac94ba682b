package astrolabe

import (
	"cmp"
	"slices"
	"strings"

	"spinglass/astrolabe/afc"
	"spinglass/protocol"
	"spinglass/table"
)

// AttributeID is what programs call the last component of a row's name by. It stands in no row.
const AttributeID = "id"

// systemNames are the attributes that functions do not make.
var systemNames = []string{
	AttributeHosts, AttributeDepth, AttributeContacts, AttributeRowsIn, AttributeRowsExpected, AttributeAge, AttributeInterest, AttributeInputs, AttributeID,
}

func systemAttribute(name string) bool { return slices.Contains(systemNames, name) }

// readable are the rows of a table in the form that programs read, by identifier. A row that has not changed is in the same form as before.
type readable struct {
	rows []*afc.Row
	of   map[*table.Row]*afc.Row
}

// read brings it up to date.
func (r *readable) read(inputs []input) {
	of := make(map[*table.Row]*afc.Row, len(inputs))
	r.rows = r.rows[:0]
	for i := range inputs {
		row := inputs[i].row
		form := r.of[row]
		if form == nil {
			form = afc.NewRow(identifier(&inputs[i]), systemOf(&inputs[i]), row.Attributes)
		}
		of[row] = form
		r.rows = append(r.rows, form)
	}
	r.of = of
	slices.SortFunc(r.rows, func(a, b *afc.Row) int { return cmp.Compare(a.ID(), b.ID()) })
}

// identifier returns by what programs tell rows apart. Two hosts may have one name for a while.
func identifier(in *input) string {
	if in.host {
		return in.row.Name + "#" + in.row.Owner.String()
	}
	return in.row.Name
}

// systemOf returns what programs find in a row beside its own attributes: a host counts as a zone of one.
func systemOf(in *input) []afc.Attribute {
	all := []afc.Attribute{{Name: AttributeID, Value: table.String(in.row.Name[strings.LastIndexByte(in.row.Name, '/')+1:])}}
	if in.host {
		all = append(all, afc.Attribute{Name: AttributeHosts, Value: table.Int(1)}, afc.Attribute{Name: AttributeDepth, Value: table.Int(0)},
			afc.Attribute{Name: AttributeContacts, Value: table.List(table.String(contactOf(in.row).String()))})
	}
	return all
}

// evaluate returns what the functions that are in force in a zone make of its rows, sorted by name.
func (m *Machine) evaluate(z *summed, inputs []input) (outputs []protocol.Attribute) {
	all := m.inForce(min(z.depth, len(m.levels)-1))
	if len(all) == 0 {
		z.forms = nil
		return nil
	}
	if z.forms == nil {
		z.forms = new(readable)
	}
	z.forms.read(inputs)
	var values []table.Value
	for _, h := range all {
		if h.program == nil {
			continue
		}
		if h.evaluators[z.depth] == nil {
			h.evaluators[z.depth] = afc.NewEvaluator(h.program)
		}
		m.stats.Evaluations++
		var err error
		if values, err = h.evaluators[z.depth].Evaluate(z.forms.rows, afc.Seed(z.zone, h.Version), values[:0]); err != nil {
			m.stats.EvaluationsFailed++ // more rows than its steps allow
			continue
		}
		outputs = m.keep(outputs, h, values)
	}
	return outputs
}

// keep adds what a function has made, as far as there is room and no other made it.
func (m *Machine) keep(outputs []protocol.Attribute, h *held, values []table.Value) []protocol.Attribute {
	outputs, dropped := keepOutputs(outputs, h.program, h.Size, values)
	m.stats.OutputsDropped += dropped
	return outputs
}

// keepOutputs adds what a program has made of its outputs, and returns how many it left out: those that another one has made, and those beyond so many bytes, if that is not 0.
func keepOutputs(outputs []protocol.Attribute, p *afc.Program, limit uint64, values []table.Value) (kept []protocol.Attribute, dropped uint64) {
	size := uint64(0)
	for i, name := range p.Outputs() {
		if values[i].Kind() == table.KindNone {
			continue
		}
		b, err := values[i].Encode()
		size += uint64(len(name) + len(b))
		at, taken := slices.BinarySearchFunc(outputs, name, func(a protocol.Attribute, name string) int { return cmp.Compare(a.Name, name) })
		if err != nil || taken || limit > 0 && size > limit {
			dropped++
			continue
		}
		outputs = slices.Insert(outputs, at, protocol.Attribute{Name: name, Value: b})
	}
	return outputs, dropped
}
