package identity

import (
	"bytes"
	"fmt"
	"slices"
)

// RevocationListsMax is how many issuers a node knows the lists of, at most: 256 lists of up to 16 KiB.
const RevocationListsMax = 256

// Revocations are the latest lists of all issuers that a node knows of. The zero value is empty. Merging is commutative, associative and idempotent in
// what lists say; which of several valid signatures of one list is kept may differ.
type Revocations struct {
	lists []heldList // by issuer
}

// heldList is the latest list of an issuer, and whether a proof was given that another list has its number: one is enough, and each takes signature checks.
type heldList struct {
	*RevocationList
	proven bool
}

func (r *Revocations) find(issuer PublicKey) (int, bool) {
	return slices.BinarySearchFunc(r.lists, issuer, func(l heldList, k PublicKey) int { return bytes.Compare(l.Issuer[:], k[:]) })
}

// List returns the latest list of the issuer, or nil. A nil Revocations has none.
func (r *Revocations) List(issuer PublicKey) *RevocationList {
	if r == nil {
		return nil
	}
	if i, found := r.find(issuer); found {
		return r.lists[i].RevocationList
	}
	return nil
}

// Lists returns the latest lists in ascending order of issuers.
func (r *Revocations) Lists() []*RevocationList {
	lists := make([]*RevocationList, 0, len(r.lists))
	for _, held := range r.lists {
		lists = append(lists, held.RevocationList)
	}
	return lists
}

// News reports whether Merge would do anything with the list, were its signature good: whether it is greater than the one held, or the first to contradict it.
func (r *Revocations) News(list *RevocationList) bool {
	i, found := r.find(list.Issuer)
	if !found {
		return true
	}
	held := r.lists[i]
	order := list.Compare(held.RevocationList)
	return order > 0 || order < 0 && list.Number == held.Number && !held.proven
}

// Merge takes in a list, if it is newer than the one held of its issuer, and reports whether it did. Of two lists of one number it keeps the one of the
// greater encoding, and returns the proof that their issuer contradicts itself, if it is the first or the list is adopted. It verifies what is news, and nothing else. The caller sees to it that the
// issuer is an authority that matters, since places are few. The error is one of RevocationList.Verify, or ErrTooLarge when there is no place.
func (r *Revocations) Merge(list *RevocationList) (changed bool, proof *Equivocation, err error) {
	if !r.News(list) {
		return false, nil, nil
	}
	if err := list.Verify(); err != nil {
		return false, nil, err
	}
	return r.MergeVerified(list)
}

// MergeVerified is Merge of a list whose signature was found good before.
func (r *Revocations) MergeVerified(list *RevocationList) (changed bool, proof *Equivocation, err error) {
	if !r.News(list) {
		return false, nil, nil
	}
	i, found := r.find(list.Issuer)
	if !found {
		if len(r.lists) >= RevocationListsMax {
			return false, nil, fmt.Errorf("revocation lists of %d issuers are held, the limit: %w", RevocationListsMax, ErrTooLarge)
		}
		r.lists = slices.Insert(r.lists, i, heldList{RevocationList: list})
		return true, nil, nil
	}
	held := &r.lists[i]
	if list.Number == held.Number {
		if proof, err = NewVerifiedEquivocation(list.statement(), held.statement()); err != nil {
			return false, nil, err
		}
	}
	held.proven = proof != nil
	if changed = list.Compare(held.RevocationList) > 0; changed {
		held.RevocationList = list
	}
	return changed, proof, nil
}

// Forget drops the list of an issuer whose own certificates have expired, so that its place is free.
func (r *Revocations) Forget(issuer PublicKey) {
	if i, found := r.find(issuer); found {
		r.lists = slices.Delete(r.lists, i, i+1)
	}
}

// check reports whether a zone above it in the chain revoked the certificate at position i.
func (r *Revocations) check(chain Chain, i int) error {
	for _, above := range chain[:i] {
		if above.Kind != KindZone {
			continue
		}
		list := r.List(above.Key)
		if list == nil {
			continue
		}
		for _, entry := range list.Entries {
			if entry.matches(above.Key, chain[i]) {
				return &RevokedError{Issuer: list.Issuer.Fingerprint(), Number: list.Number, Revocation: entry}
			}
		}
	}
	return nil
}
