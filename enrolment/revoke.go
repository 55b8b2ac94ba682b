package enrolment

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spinglass/identity"
)

// serialDigits is how many hexadecimal digits a serial is written with.
const serialDigits = 16

// Revoke takes back what target says: the certificates of a name or a client (for ever, by their keys), of a public key (for ever), or the one of a serial of 16 hexadecimal
// digits. It returns what the new list says of it. The error is ErrNotKnown for a name or serial that the register does not hold.
func (a *Authority) Revoke(ctx context.Context, target string) (entries []identity.Revocation, list *identity.RevocationList, err error) {
	err = a.do(ctx, func(st *state) (change, error) {
		if entries, err = revocations(target, st.Register()); err != nil {
			return change{}, err
		}
		list, err = st.Revoke(st.now, entries...)
		return change{list: true}, err
	})
	if err != nil {
		return nil, nil, err
	}
	return entries, list, nil
}

func revocations(target string, register *identity.Register) (entries []identity.Revocation, err error) {
	issued := register.All()
	switch serial, malformed := strconv.ParseUint(target, 16, 64); {
	case strings.HasPrefix(target, "/"):
		entries = keysOf(issued, target)
	case malformed == nil && len(target) == serialDigits:
		if slices.ContainsFunc(issued, func(i identity.Issued) bool { return i.Serial == serial }) {
			entries = append(entries, identity.Revocation{Serial: serial})
		}
	case slices.ContainsFunc(issued, func(i identity.Issued) bool { return i.Kind == identity.KindClient && i.Name == target }):
		entries = keysOf(issued, target)
	default:
		key, err := identity.ParsePublicKey(target)
		if err != nil {
			return nil, fmt.Errorf("%q is neither a name, nor a serial of %d hexadecimal digits, nor a key: %w", target, serialDigits, err)
		}
		return []identity.Revocation{{Key: key, Before: identity.InstantMax}}, nil
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%q %w", target, ErrNotKnown)
	}
	return entries, nil
}

// keysOf revokes the keys that a name was given to.
func keysOf(issued []identity.Issued, name string) (entries []identity.Revocation) {
	for i := range issued {
		entry := identity.Revocation{Key: issued[i].Key, Before: identity.InstantMax}
		if issued[i].Name == name && issued[i].Kind != identity.KindFunction && !slices.Contains(entries, entry) {
			entries = append(entries, entry)
		}
	}
	return entries
}
