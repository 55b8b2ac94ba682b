package afc

import (
	"slices"

	"spinglass/table"
)

// published is what an output was last, so that a value that takes memory is made only when it has changed.
type published struct {
	from     value
	elements []value // of from, if it is a list: the list itself is used again
	value    table.Value
}

// publish converts the result of an output. Values that are immutable and the same as before are used again.
func (p *published) publish(v *value) table.Value {
	switch v.kind {
	case table.KindList:
		if p.from.kind == table.KindList && sameElements(p.elements, v.list.elements) {
			return p.value
		}
		p.elements = slices.Clone(v.list.elements)
		p.from, p.value = value{kind: table.KindList}, v.table()
		return p.value
	case table.KindBytes, table.KindBitmap:
		if !p.from.same(v) {
			p.from, p.value = *v, v.table()
		}
		return p.value
	}
	return v.table()
}
