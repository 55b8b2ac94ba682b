package afc

import (
	"cmp"
	"slices"

	"spinglass/protocol"
	"spinglass/table"
)

// Attribute is a named value that is not encoded.
type Attribute struct {
	Name  string
	Value table.Value
}

// Row is what evaluations see of a row of a child table. It is immutable: a row that has changed is another Row. Evaluators know by the
// pointer what they have read already, so that a caller keeps a Row for as long as the row stays as it is.
type Row struct {
	id     string
	hash   uint64   // of id, for RANDOM
	names  []string // sorted
	values []value
}

// NewRow makes a Row of encoded attributes, as table.Row and protocol.Peer have them, and of system attributes, which the caller
// knows itself. A system attribute hides an ordinary one of its name; of several of one name the first counts. Attributes whose
// values are malformed or hold nothing are left out, which makes them NULL. The identifier says which row it is, and decides about the order of rows and about RANDOM.
func NewRow(id string, system []Attribute, attributes []protocol.Attribute) *Row {
	all := make([]Attribute, 0, len(system)+len(attributes))
	all = append(all, system...)
	for i := range attributes {
		if v, err := table.DecodeValue(attributes[i].Value); err == nil {
			all = append(all, Attribute{Name: attributes[i].Name, Value: v})
		}
	}
	slices.SortStableFunc(all, func(a, b Attribute) int { return cmp.Compare(a.Name, b.Name) })
	all = slices.CompactFunc(all, func(a, b Attribute) bool { return a.Name == b.Name })
	r := &Row{id: id, hash: mix(hashString(id)), names: make([]string, len(all)), values: make([]value, len(all))}
	for i := range all {
		r.names[i], r.values[i] = all[i].Name, valueOf(&all[i].Value)
	}
	return r
}

// ID returns the identifier of the row.
func (r *Row) ID() string { return r.id }

// bind copies the inputs, which are sorted, into the columns.
func (r *Row) bind(inputs []string, columns [][]value, row int) {
	at := 0
	for column, name := range inputs {
		for at < len(r.names) && r.names[at] < name {
			at++
		}
		columns[column][row] = value{}
		if at < len(r.names) && r.names[at] == name {
			columns[column][row] = r.values[at]
		}
	}
}
