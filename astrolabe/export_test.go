package astrolabe

import (
	"spinglass/identity"
	"spinglass/table"
)

// StatementOf is the statement that a zone's row is.
func StatementOf(row *table.Row) identity.Statement { return statementOf(row) }

// HostsInAllRows adds up what all rows of a zone's table say, those of different representatives of one child zone among them.
func (m *Machine) HostsInAllRows(zone string) (hosts int) {
	for _, l := range m.levels {
		for i := 0; l.zone == zone && i < l.table.Len(); i++ {
			hosts += count(l.table.At(i).Row(), AttributeHosts)
		}
	}
	return hosts
}

// Bounds of contacts.
const (
	AddressContactsMax = addressContactsMax
	AddressRounds      = addressRounds
	ContactedMax       = contactedMax
)

// Issued returns the sequence of the last row that this member made of a zone.
func (m *Machine) Issued(zone string) uint64 {
	for _, l := range m.levels {
		if l.own == zone && l.issued != nil {
			return l.issued.sequence
		}
	}
	return 0
}

// Represents reports whether this member has a row of a zone now.
func (m *Machine) Represents(zone string) bool {
	for _, l := range m.levels {
		if l.own == zone {
			e := l.issued.current()
			return e != nil && !e.Row().Left
		}
	}
	return false
}
