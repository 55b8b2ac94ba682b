package astrolabe

import (
	"slices"

	"spinglass/protocol"
)

// Where others may be found, rows of others say. So that nobody can have members of a fleet send to an address of its choice, each sends little to any of these.
const (
	addressContactsMax = 8  // contacts to one address
	addressRounds      = 30 // in so many rounds,
	contactedMax       = 64 // and to so many addresses
)

// contacted are the addresses from rows that were contacted of late.
type contacted struct {
	since uint64 // round from which they are counted
	all   []contactedAddress
}

type contactedAddress struct {
	address protocol.Address
	times   int
}

// mayContact reports whether an address that a row names may be contacted once more, and counts it. The own join addresses are not counted: who started this member has named them.
func (m *Machine) mayContact(address protocol.Address) bool {
	if slices.Contains(m.seeds.addresses, address) {
		return true
	}
	c := &m.seeds.contacted
	if m.stats.Rounds-c.since >= addressRounds {
		c.since, c.all = m.stats.Rounds, c.all[:0]
	}
	i := slices.IndexFunc(c.all, func(known contactedAddress) bool { return known.address == address })
	switch {
	case i < 0 && len(c.all) >= contactedMax, i >= 0 && c.all[i].times >= addressContactsMax:
		m.stats.ContactsRefused++
		return false
	case i < 0:
		c.all = append(c.all, contactedAddress{address, 1})
	default:
		c.all[i].times++
	}
	return true
}

// contactable returns those of the addresses of a row that may be contacted once more.
func (m *Machine) contactable(addresses []protocol.Address) (allowed []protocol.Address) {
	for _, address := range addresses[:min(len(addresses), contactAddressesMax)] {
		if m.mayContact(address) {
			allowed = append(allowed, address)
		}
	}
	return allowed
}
