package astrolabe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"spinglass/astrolabe/afc"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// OwnRowsMax is how many rows a host keeps beside the one that its zone has of it.
const OwnRowsMax = 32

// Errors of own rows.
var (
	ErrOwnRowName = errors.New("the name of a row of a host is 1 to 64 letters, digits, '-', '_' and '.', and not just \".\"")
	ErrOwnRows    = errors.New("this host keeps as many rows as it may")
)

// ownRowNameMax bounds the name of an own row, in bytes.
const ownRowNameMax = 64

// ownRows are the rows of a host beside that in its zone's table: a table of its own, one level further down, which nobody else holds.
type ownRows struct {
	all       []*ownRow // by name
	sequence  uint64    // the last one that was used
	changed   bool      // since what functions make of them was computed
	functions uint64    // the set of functions that it was computed by
	outputs   []protocol.Attribute
	claimed   []string // attributes of the zone's row of this host that the application has set, by name
}

// rename has rows made anew that are named by where the host stands.
func (o *ownRows) rename() {
	for _, r := range o.all {
		r.row = nil
	}
}

type ownRow struct {
	name       string // one component
	attributes []protocol.Attribute
	row        *table.Row // signed where rows are, nil until somebody wants it
}

// SetOwnRow sets attributes of a row of this host, and takes away those whose value is nil; a row without any is gone. The row is read by asking this host for its table. The attributes that
// functions make of these rows stand in the host's row. Errors: ErrOwnRowName, ErrOwnRows, *table.RowTooLargeError.
func (m *Machine) SetOwnRow(name string, changes []protocol.Attribute) error {
	if protocol.CheckName("/"+name) != nil || parent("/"+name) != Root || name == hosts || len(name) > ownRowNameMax {
		return fmt.Errorf("%w: %.80q", ErrOwnRowName, name)
	}
	o := &m.own
	i, known := slices.BinarySearchFunc(o.all, name, func(r *ownRow, name string) int { return cmp.Compare(r.name, name) })
	draft := &table.Row{Owner: m.config.Self, Epoch: 1, Sequence: 1, Name: join(protocol.LongestName(m.name), name)}
	if known {
		draft.Attributes = o.all[i].attributes
	}
	for _, a := range changes {
		draft = draft.WithAttribute(a)
	}
	if err := m.checkOwn(draft); err != nil {
		return err
	}
	switch {
	case !known && len(draft.Attributes) == 0:
		return nil
	case !known && len(o.all) >= OwnRowsMax:
		return ErrOwnRows
	case !known:
		o.all = slices.Insert(o.all, i, &ownRow{name: name, attributes: draft.Attributes})
	case len(draft.Attributes) == 0:
		o.all = slices.Delete(o.all, i, i+1)
	default:
		o.all[i] = &ownRow{name: name, attributes: draft.Attributes}
	}
	o.changed = true
	return nil
}

// checkOwn reports why a row cannot be one of this host, with the largest numbers and all that proves it.
func (m *Machine) checkOwn(row *table.Row) error {
	longest := *row
	longest.Epoch, longest.Sequence = table.EpochMax, sequenceMax
	if m.notary != nil {
		placeholder(&longest)
	}
	return longest.Check(m.config.RowLimit)
}

// tableOfOwn returns the table of the own rows, those of a name or all, nil while this member takes no part.
func (m *Machine) tableOfOwn(now protocol.Time, name string) *TableAnswer {
	host := m.config.Hosts.Own()
	if host == nil {
		return nil
	}
	a := &TableAnswer{Form: FormFound, Zone: m.name, Expected: len(m.own.all)}
	for _, r := range m.own.all {
		if !named(name, join(m.name, r.name)) {
			continue
		}
		if r.row == nil || r.row.Epoch != host.Epoch {
			m.own.sequence++
			r.row = &table.Row{Owner: m.config.Self, Epoch: host.Epoch, Sequence: m.own.sequence, Name: join(m.name, r.name), Attributes: r.attributes}
			if m.notary != nil {
				m.notary.signOnly(r.row)
			}
		}
		a.Rows = append(a.Rows, AnsweredRow{Row: r.row, Own: true, Chain: m.certificates(now, m.config.Self)})
	}
	return a
}

// Claim says that the application sets an attribute of the host's row, or does so no longer: functions do not make it of the own rows then.
func (m *Machine) Claim(name string, claimed bool) {
	o := &m.own
	i, found := slices.BinarySearch(o.claimed, name)
	switch {
	case claimed == found:
		return
	case claimed:
		o.claimed = slices.Insert(o.claimed, i, name)
	default:
		o.claimed = slices.Delete(o.claimed, i, i+1)
	}
	o.outputs = slices.DeleteFunc(o.outputs, func(a protocol.Attribute) bool { return a.Name == name })
	o.changed = true
}

// MadeOfOwn reports whether an attribute of the host's row was made by a function of the own rows.
func (m *Machine) MadeOfOwn(name string) bool {
	return slices.ContainsFunc(m.own.outputs, func(a protocol.Attribute) bool { return a.Name == name })
}

// summarizeOwn has the attributes that functions make of the own rows put into the host's row, where they have changed.
func (m *Machine) summarizeOwn(out *protocol.Output) {
	o := &m.own
	if !o.changed && (o.functions == m.functions.changes || len(o.all) == 0) {
		return
	}
	o.changed, o.functions = false, m.functions.changes
	outputs := m.evaluateOwn()
	before := o.outputs
	o.outputs = outputs
	for _, a := range before {
		if !m.MadeOfOwn(a.Name) {
			out.Emit(protocol.SetAttribute{Attribute: protocol.Attribute{Name: a.Name}})
		}
	}
	for _, a := range outputs {
		if !slices.ContainsFunc(before, func(b protocol.Attribute) bool { return b.Name == a.Name && string(b.Value) == string(a.Value) }) {
			out.Emit(protocol.SetAttribute{Attribute: a})
		}
	}
}

// evaluateOwn returns what the functions that are in force in the own zone make of the own rows, but for what the application sets itself, and what members say of topics.
func (m *Machine) evaluateOwn() (outputs []protocol.Attribute) {
	if len(m.own.all) == 0 {
		return nil
	}
	rows := make([]*afc.Row, len(m.own.all))
	for i, r := range m.own.all {
		rows[i] = afc.NewRow(r.name, []afc.Attribute{{Name: AttributeID, Value: table.String(r.name)}}, r.attributes)
	}
	for _, h := range m.inForce(len(m.levels) - 1) {
		if h.program == nil {
			continue
		}
		m.stats.Evaluations++
		values, err := afc.NewEvaluator(h.program).Evaluate(rows, afc.Seed(m.config.Name, h.Version), nil)
		if err != nil {
			m.stats.EvaluationsFailed++
			continue
		}
		outputs = m.keep(outputs, h, values)
	}
	return slices.DeleteFunc(outputs, func(a protocol.Attribute) bool {
		_, claimed := slices.BinarySearch(m.own.claimed, a.Name)
		return claimed || a.Name == membership.TopicsAttribute || a.Name == membership.CarriesAttribute
	})
}
