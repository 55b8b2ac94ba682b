package afc

import (
	"fmt"
	"slices"
	"strings"
)

// Warning is something that a program may say and that its author hardly means.
type Warning struct {
	Offset  int // bytes of the text before the place
	Message string
}

// SystemAttributes are what every row of a zone has without a program: they are never missing above the hosts.
var SystemAttributes = []string{"contacts", "depth", "id", "issued", "nmembers", "rep", "servers"}

// Warnings returns what whoever installs the program should be told, in the order of the text:
//
//   - AVG without a weight, which counts a zone of one member as much as one of a thousand;
//   - an output that reads only attributes that are no outputs: above the zones of the hosts there are only outputs, so that it is NULL;
//   - what is NULL whatever the rows hold: an aggregate that skips all of its arguments, an output, a WHERE that is never true.
func (p *Program) Warnings() []Warning {
	w := warner{statement: p.statement}
	for i := range p.statement.outputs {
		o := &p.statement.outputs[i]
		o.expression.walk(func(n *node) bool {
			if n.kind == nodeAggregate {
				w.aggregate(n)
			}
			return true
		})
		w.climbs(o)
		if o.expression.kinds() == noKind {
			w.add(o.at, "output %s is always NULL", quoteName(o.name))
		}
	}
	if where := p.statement.where; where != nil && where.kinds()&boolKind == 0 {
		w.add(where.at, "WHERE is never true: it is NULL for every row")
	}
	slices.SortStableFunc(w.warnings, func(a, b Warning) int { return a.Offset - b.Offset })
	return w.warnings
}

// warner gathers the warnings about a statement.
type warner struct {
	statement *statement
	warnings  []Warning
}

func (w *warner) add(at int, format string, arguments ...any) {
	w.warnings = append(w.warnings, Warning{Offset: at, Message: oneLine(fmt.Sprintf(format, arguments...))})
}

func (w *warner) aggregate(n *node) {
	if len(n.children) == 0 {
		return
	}
	var argument strings.Builder
	n.children[0].format(&argument, precedenceOr)
	switch {
	case n.children[0].kinds()&n.aggregate.argumentKinds() == noKind:
		w.add(n.at, "%s skips every value of %s", aggregateTexts[n.aggregate], argument.String())
	case n.aggregate == aggregateAverage && len(n.children) == 1:
		w.add(n.at, "AVG without a weight counts every row alike, a zone of one member as much as one of many: write AVG(%s, nmembers)", argument.String())
	}
}

// climbs warns of an output that reads attributes, none of which is an output or a system attribute.
func (w *warner) climbs(o *output) {
	read, climbing := "", false
	o.expression.walk(func(n *node) bool {
		if n.kind == nodeAttribute {
			read = n.name
			climbing = climbing || slices.Contains(SystemAttributes, n.name) ||
				slices.ContainsFunc(w.statement.outputs, func(o output) bool { return o.name == n.name })
		}
		return true
	})
	if read != "" && !climbing {
		w.add(o.at, "output %s reads only what is no output, such as %s: it is NULL above the zones of the hosts, unless another program puts that out",
			quoteName(o.name), quoteName(read))
	}
}
