package membership

import (
	"spinglass/table"
	"spinglass/wire"
)

// namedFormat returns what the own row says of a format.
func namedFormat(format uint64) uint64 {
	if format < table.FormatNamed {
		return 0
	}
	return format
}

// formatOf returns the latest format that the owner of a row speaks, as far as this member can tell: one of an earlier format does not know the field.
func (m *Machine) formatOf(row *table.Row) uint64 {
	if m.config.Format < table.FormatNamed {
		return wire.FormatOldest
	}
	return max(wire.FormatOldest, row.Format)
}

// speaks reports whether the owner of a row and this member both know what came with a format.
func (m *Machine) speaks(e *entry, format uint64) bool {
	return format <= m.config.Format && format <= m.formatOf(e.Row())
}
