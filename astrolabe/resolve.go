package astrolabe

import (
	"slices"
	"strings"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// Resolve answers a question for a table or a row by what this member holds: what is asked for, or the row of the zone or the host through which the way goes on, or that there is none.
func (m *Machine) Resolve(now protocol.Time, subject Subject, path string) *TableAnswer {
	switch subject {
	case SubjectTable:
		if a := m.tableOf(now, path, ""); a != nil {
			return a
		}
	case SubjectRow:
		if a := m.tableOf(now, parent(path), path); a != nil && len(a.Rows) > 0 {
			return a
		}
	}
	return m.wayTo(now, path)
}

// ExpectedRows returns how many rows the table of a zone on the own path should have, those that went within the last while among them; 0 for any other zone.
func (m *Machine) ExpectedRows(zone string) int {
	if i := m.depthOf(zone); i >= 0 {
		return m.zoneSummary(i).RowsExpected
	}
	return 0
}

// tableOf returns a table that this member holds: that of a zone on the own path, that of the hosts of its zone, or that of its own rows; nil for any other. Of its rows it has those of a
// name, of which there may be several for a while; all where the name is empty.
func (m *Machine) tableOf(now protocol.Time, path, name string) *TableAnswer {
	last := len(m.levels) - 1
	if path == m.name {
		return m.tableOfOwn(now, name)
	}
	if path == join(m.zone, hosts) {
		return &TableAnswer{Form: FormFound, Zone: path, Expected: m.levels[last].child.summary.RowsExpected, Rows: m.answeredHosts(name)}
	}
	for i, l := range m.levels {
		if l.zone != path {
			continue
		}
		a := &TableAnswer{Form: FormFound, Zone: path, Expected: m.zoneSummary(i).RowsExpected}
		for c := range l.children {
			if i == last && c.zone() == l.own || !named(name, c.zone()) {
				continue // of the own zone the hosts themselves follow
			}
			if r, ok := m.answered(now, l, c); ok {
				a.Rows = append(a.Rows, r)
			}
		}
		if i == last {
			a.Rows = append(a.Rows, m.answeredHosts(name)...)
		} else if named(name, l.own) && !slices.ContainsFunc(a.Rows, func(r AnsweredRow) bool { return r.Row.Name == l.own }) {
			if r := m.ownAnswer(now, l); r != nil {
				a.Rows = append(a.Rows, AnsweredRow{Row: r, Chain: m.certificates(now, m.config.Self)})
			}
		}
		return a
	}
	return nil
}

// named reports whether a row of a name is wanted.
func named(wanted, name string) bool { return wanted == "" || wanted == name }

// zoneSummary returns the summary of the zone of a table.
func (m *Machine) zoneSummary(depth int) *Summary {
	if depth == 0 {
		return &m.root.summary
	}
	return &m.levels[depth-1].child.summary
}

// answered returns the row of a child zone, as it came from a representative: what this member computes itself of the own one nobody has signed.
func (m *Machine) answered(now protocol.Time, l *level, c child) (AnsweredRow, bool) {
	feed := c.feed()
	if feed == nil || feed.Row().Left {
		return AnsweredRow{}, false
	}
	silence := m.awake.Sub(feed.Advanced())
	return AnsweredRow{Row: feed.Row(), Silence: silence, Suspect: silence >= m.failTimeout(l.table.Len()), Chain: m.certificates(now, feed.Owner())}, true
}

// certificates returns the chain of a member where answers are to carry it.
func (m *Machine) certificates(now protocol.Time, id protocol.NodeID) []byte {
	if m.config.Chains == nil {
		return nil
	}
	return m.config.Chains.Certificates(now, id)
}

// ownAnswer returns the row of the own child zone for who asks where nobody has made one: a zone that is the only one of its table is represented to nobody. It is what this member would make as a
// representative, signed for its answers only, and again when it says something else; nil while this member cannot speak for its zone.
func (m *Machine) ownAnswer(now protocol.Time, l *level) *table.Row {
	own := m.config.Hosts.Own()
	if own == nil || m.silent(now) {
		return nil
	}
	row := &table.Row{Owner: m.config.Self, Name: l.own, Addresses: own.Addresses}
	fitAttributes(row, l.child.summary, m.config.RowLimit, m.notary != nil)
	if l.issued != nil && l.issued.answer != nil && l.issued.answer.Epoch == own.Epoch && sameContent(l.issued.answer, row) {
		return l.issued.answer
	}
	m.number(l, row)
	if m.notary != nil {
		m.notary.signOnly(row)
	}
	l.issued.answer = row
	return row
}

// answeredHosts returns the rows of the hosts of the own zone, those of a name or all.
func (m *Machine) answeredHosts(name string) (rows []AnsweredRow) {
	for i := range m.config.Hosts.Len() {
		h := m.config.Hosts.Host(i)
		if !named(name, h.Row.Name) || h.State == membership.StateLeft || protocol.Zone(h.Row.Name) != m.zone || h.Row.Owner == m.config.Self && m.config.Hosts.Own() == nil {
			continue
		}
		rows = append(rows, AnsweredRow{Row: h.Row, Host: true, Silence: h.Silence, Suspect: h.State == membership.StateSuspect})
	}
	return rows
}

// wayTo returns the row of who knows more of a path than this member does: that of the child zone, in the deepest table held, in which the path is, or of the host that it begins with.
func (m *Machine) wayTo(now protocol.Time, path string) *TableAnswer {
	i := len(m.levels) - 1
	for i > 0 && !below(path, m.levels[i].zone) {
		i--
	}
	l := m.levels[i]
	none := &TableAnswer{Form: FormNone, Zone: l.zone}
	switch {
	case path == Root:
		return none
	case below(path, m.name):
		none.Zone = m.name
		return none
	}
	next := l.zone + "/"
	if l.zone == Root {
		next = Root
	}
	rest := path[len(next):]
	component, _, further := strings.Cut(rest, "/")
	next += component
	for _, zone := range []string{next, join(l.zone, hosts)} {
		if c := l.childOf(zone); c != nil && zone != l.own {
			if r, ok := m.answered(now, l, c); ok {
				return &TableAnswer{Form: FormOnWay, Zone: l.zone, Rows: []AnsweredRow{r}}
			}
		}
		if i < len(m.levels)-1 {
			continue
		}
		for _, r := range m.answeredHosts(zone) {
			if r.Row.Owner != m.config.Self && (further || r.Row.Name == path) {
				return &TableAnswer{Form: FormOnWay, Zone: l.zone, Rows: []AnsweredRow{r}}
			}
		}
	}
	return none
}
