package enrolment

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"spinglass/identity"
)

// revocationsFile is of the identity folder: the lists of all authorities, where an authority's own folder has its own list.
var revocationsFile = file{name: "revocations", what: "revocation lists", sizeMax: identity.RevocationListsMax * identity.ArmorSizeMax}

// listEnd is the line that ends the text of a list.
const listEnd = "-----END " + identity.BlockRevocations + "-----\n"

// KeepRevocations keeps the revocation lists that the node knows, at most identity.RevocationListsMax, in place of those that it kept before.
func (s *Store) KeepRevocations(ctx context.Context, lists []*identity.RevocationList) error {
	var text bytes.Buffer
	for _, list := range lists[:min(len(lists), identity.RevocationListsMax)] {
		text.Write(list.Text())
	}
	return s.write(ctx, revocationsFile, text.Bytes())
}

// Revocations returns the lists that KeepRevocations kept, if any, in ascending order of issuers. Each is verified, and one that is not good is an error of all:
// without them a node learns its lists from the first member that it meets.
func (s *Store) Revocations() ([]*identity.RevocationList, error) {
	lists, err := decodeFile(revocationsFile, s.identityFolder(), parseLists)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return lists, err
}

func parseLists(text []byte) ([]*identity.RevocationList, error) {
	known := &identity.Revocations{}
	for block := range bytes.SplitAfterSeq(text, []byte(listEnd)) {
		if len(block) == 0 {
			continue // behind the last
		}
		list, err := parseList(block)
		if err != nil {
			return nil, err
		}
		if _, _, err := known.MergeVerified(list); err != nil {
			return nil, err
		}
	}
	return known.Lists(), nil
}
