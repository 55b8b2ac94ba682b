package astrolabe

import (
	"fmt"
	"strconv"
	"strings"

	"spinglass/protocol"
	"spinglass/table"
)

// contactAddressesMax is how many addresses of a contact are told.
const contactAddressesMax = 2

// Contact is a member that gossips for a zone.
type Contact struct {
	ID        protocol.NodeID
	Addresses []protocol.Address
}

// String returns the form in which contacts stand in rows: the NodeID in 16 hexadecimal digits, an @, and the addresses, divided by commas.
func (c Contact) String() string {
	addresses := make([]string, len(c.Addresses))
	for i, a := range c.Addresses {
		addresses[i] = string(a)
	}
	return fmt.Sprintf("%016x@%s", uint64(c.ID), strings.Join(addresses, ","))
}

// ParseContact reads what Contact.String returns.
func ParseContact(s string) (Contact, bool) { return parseContact(s) }

// parseContact is the opposite of Contact.String.
func parseContact(s string) (Contact, bool) {
	id, addresses, ok := strings.Cut(s, "@")
	number, err := strconv.ParseUint(id, 16, 64)
	if !ok || err != nil || len(id) != 16 || number == 0 {
		return Contact{}, false
	}
	c := Contact{ID: protocol.NodeID(number)}
	for address := range strings.SplitSeq(addresses, ",") {
		if address == "" {
			continue
		}
		if len(c.Addresses) == contactAddressesMax || len(address) > protocol.AddressMax {
			return Contact{}, false
		}
		c.Addresses = append(c.Addresses, protocol.Address(address))
	}
	return c, true
}

// contactOf returns a host as a contact.
func contactOf(row *table.Row) Contact {
	return Contact{ID: row.Owner, Addresses: row.Addresses[:min(len(row.Addresses), contactAddressesMax)]}
}

// contactsOf returns the contacts that a row names.
func contactsOf(row *table.Row) (contacts []Contact) {
	list, _ := attribute(row, AttributeContacts).List()
	for _, v := range list[:min(len(list), RepresentativesMax)] {
		if text, ok := v.Text(); ok {
			if c, ok := parseContact(text); ok {
				contacts = append(contacts, c)
			}
		}
	}
	return contacts
}
