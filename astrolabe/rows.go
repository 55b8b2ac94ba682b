package astrolabe

import (
	"errors"
	"slices"
	"strings"
	"time"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// ErrZoneNotHeld says that a zone is not on the own path, so that its table is not here.
var ErrZoneNotHeld = errors.New("this member does not hold the table of that zone; it holds those on the way from the root to its own zone")

// RowStatus is a row of a table as applications see it. It is immutable.
type RowStatus struct {
	Zone       string             // whose table it is in
	Name       string             // path of the child zone, or name of the host
	Host       bool               // it is of a host, and not of a zone
	Owner      protocol.NodeID    // who made it: the host, or a representative of the zone; this member for zones on its own path
	Addresses  []protocol.Address // of the owner
	Attributes []protocol.Attribute
	Age        time.Duration // since the oldest host in it was heard of, in steps where it is of a zone
	RowsIn     int           // of the zone's own table; 1 for a host
	Expected   int           // rows that should have gone into it; 1 for a host
	Suspect    bool          // the heartbeat has not advanced for T_fail
}

// Zones returns the zones whose tables this member holds, from the root down.
func (m *Machine) Zones() []string {
	zones := make([]string, len(m.levels))
	for i, l := range m.levels {
		zones[i] = l.zone
	}
	return zones
}

// Rows returns the rows of a zone's table, by name: one for each child zone and one for each host that stands directly in it. Error: ErrZoneNotHeld.
func (m *Machine) Rows(zone string) ([]RowStatus, error) {
	i := slices.IndexFunc(m.levels, func(l *level) bool { return l.zone == zone })
	if i < 0 {
		return nil, ErrZoneNotHeld
	}
	l := m.levels[i]
	var rows []RowStatus
	last := i == len(m.levels)-1
	for c := range l.children {
		if feed := c.feed(); feed != nil && c.zone() != l.own {
			rows = append(rows, m.statusOf(l, feed.Row(), m.awake.Sub(feed.Advanced())))
		}
	}
	if last {
		rows = append(rows, m.hosts(l)...)
	} else {
		rows = append(rows, m.statusOf(l, m.ownRow(l), 0))
	}
	slices.SortFunc(rows, func(a, b RowStatus) int { return strings.Compare(a.Name, b.Name) })
	return rows, nil
}

// statusOf returns a zone's row that has been silent for some time.
func (m *Machine) statusOf(l *level, row *table.Row, silence time.Duration) RowStatus {
	return RowStatus{
		Zone: l.zone, Name: row.Name, Owner: row.Owner, Addresses: row.Addresses, Attributes: row.Attributes,
		Age:    shownAge(silence + time.Duration(count(row, AttributeAge))*time.Second),
		RowsIn: count(row, AttributeRowsIn), Expected: count(row, AttributeRowsExpected), Suspect: silence >= m.failTimeout(l.table.Len()),
	}
}

// hosts returns the rows of the hosts of the own zone.
func (m *Machine) hosts(l *level) []RowStatus {
	var rows []RowStatus
	for i := range m.config.Hosts.Len() {
		h := m.config.Hosts.Host(i)
		if h.State == membership.StateLeft {
			continue
		}
		rows = append(rows, RowStatus{
			Zone: l.zone, Name: h.Row.Name, Host: true, Owner: h.Row.Owner, Addresses: h.Row.Addresses, Attributes: h.Row.Attributes, Age: h.Silence, RowsIn: 1, Expected: 1,
			Suspect: h.State == membership.StateSuspect,
		})
	}
	return rows
}
