package astrolabe

import (
	"strings"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// Resolve answers a question for a table or a row by what this member holds: what is asked for, or the row of the zone or the host through which the way goes on, or that there is none.
func (m *Machine) Resolve(now protocol.Time, subject Subject, path string) *TableAnswer {
	switch subject {
	case SubjectTable:
		if a := m.tableOf(now, path); a != nil {
			return a
		}
	case SubjectRow:
		if a := m.tableOf(now, parent(path)); a != nil && path != Root {
			if a.only(path); len(a.Rows) > 0 {
				return a
			}
		}
	}
	return m.wayTo(now, path)
}

// only takes out all rows but those of a name, of which there may be several for a while.
func (a *TableAnswer) only(name string) {
	kept := a.Rows[:0]
	for i := range a.Rows {
		if a.Rows[i].Row.Name == name {
			kept = append(kept, a.Rows[i])
		}
	}
	a.Rows = kept
}

// tableOf returns a table that this member holds: that of a zone on the own path, that of the hosts of its zone, or that of its own rows; nil for any other.
func (m *Machine) tableOf(now protocol.Time, path string) *TableAnswer {
	last := len(m.levels) - 1
	if path == m.config.Name {
		return m.tableOfOwn(now)
	}
	if path == join(m.zone, hosts) {
		return &TableAnswer{Form: FormFound, Zone: path, Expected: m.levels[last].child.summary.RowsExpected, Rows: m.answeredHosts()}
	}
	for i, l := range m.levels {
		if l.zone != path {
			continue
		}
		a := &TableAnswer{Form: FormFound, Zone: path, Expected: m.zoneSummary(i).RowsExpected}
		for c := range l.children {
			if i == last && c.zone() == l.own {
				continue // the hosts themselves follow
			}
			if r, ok := m.answered(now, l, c); ok {
				a.Rows = append(a.Rows, r)
			}
		}
		if i == last {
			a.Rows = append(a.Rows, m.answeredHosts()...)
		} else if m.notary == nil && l.childOf(l.own) == nil {
			a.Rows = append(a.Rows, AnsweredRow{Row: m.unsigned(l)})
		}
		return a
	}
	return nil
}

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

// unsigned returns the row of the own child zone where nobody has made one that others see.
func (m *Machine) unsigned(l *level) *table.Row {
	own, row := m.config.Hosts.Own(), m.ownRow(l)
	row.Epoch, row.Sequence = own.Epoch, 1
	return row
}

// answeredHosts returns the rows of the hosts of the own zone.
func (m *Machine) answeredHosts() (rows []AnsweredRow) {
	for i := range m.config.Hosts.Len() {
		h := m.config.Hosts.Host(i)
		if h.State == membership.StateLeft || protocol.Zone(h.Row.Name) != m.zone || h.Row.Owner == m.config.Self && m.config.Hosts.Own() == nil {
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
	case below(path, m.config.Name):
		none.Zone = m.config.Name
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
		for _, r := range m.answeredHosts() {
			if r.Row.Name == zone && r.Row.Owner != m.config.Self && (further || r.Row.Name == path) {
				return &TableAnswer{Form: FormOnWay, Zone: l.zone, Rows: []AnsweredRow{r}}
			}
		}
	}
	return none
}
