package astrolabe

import (
	"math"
	"slices"

	"spinglass/table"
	"spinglass/wire"
)

// addressesRoom is how many bytes of a zone's row are kept for the addresses of who makes it. What a row has room for besides follows from the summary, so that all who have the same one
// say the same, and whoever judges a row can tell what there was no room for.
const addressesRoom = 160

// fitAttributes gives a row of so many bytes at most its attributes. Where there is no room for all it goes without the last outputs of functions, then without second addresses of contacts, then
// without the last contacts. Of its addresses those stay that there is room for, the first one in any case. It returns how many outputs were left out.
func fitAttributes(row *table.Row, s Summary, limit int, signed bool) (dropped uint64) {
	room := max(addressesRoom, fitAddresses(row))
	s.Contacts = slices.Clone(s.Contacts)
	for !fits(row, s, limit-room, signed) {
		if last := len(s.Outputs) - 1; last >= 0 {
			s.Outputs = s.Outputs[:last]
			dropped++
			continue
		}
		if last := len(s.Contacts) - 1; !shorten(s.Contacts) {
			if last <= 0 {
				break // no other will see it
			}
			s.Contacts = s.Contacts[:last]
		}
	}
	row.Attributes = s.attributes()
	return dropped
}

// fitAddresses leaves a row the addresses that there is room for, and returns how much the first one takes.
func fitAddresses(row *table.Row) (first int) {
	size := 0
	for i, address := range row.Addresses {
		if size += wire.BytesSize(len(address)); i == 0 {
			first = size
		} else if size > addressesRoom {
			row.Addresses = row.Addresses[:i]
			return first
		}
	}
	return first
}

// shorten takes away the second address of a contact. It reports false when none has any.
func shorten(contacts []Contact) bool {
	for i := len(contacts) - 1; i >= 0; i-- {
		if c := &contacts[i]; len(c.Addresses) > 1 {
			c.Addresses = c.Addresses[:1]
			return true
		}
	}
	return false
}

// fits reports whether a row without addresses is within a limit, with the largest numbers and all that proves it.
func fits(row *table.Row, s Summary, limit int, signed bool) bool {
	s.Age, s.RowsExpected = math.MaxInt64, math.MaxInt32
	longest := table.Row{Name: row.Name, Epoch: table.EpochMax, Sequence: sequenceMax, Attributes: s.attributes()}
	if signed {
		placeholder(&longest)
	}
	return longest.Size() <= limit
}
