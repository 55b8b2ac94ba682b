package enrolment

import (
	"cmp"
	"context"
	"slices"

	"spinglass/identity"
)

// States of what an authority issued.
const (
	StateValid   = "valid"
	StateGrace   = "grace" // expired, and still taken for good with a warning
	StateExpired = "expired"
	StateRevoked = "revoked"
	StateUsedUp  = "used up" // tokens
)

// ListedCertificate is a certificate that an authority remembers.
type ListedCertificate struct {
	identity.Issued
	State string
}

// ListedToken is a join token that an authority remembers.
type ListedToken struct {
	identity.TokenState
	State string
}

// Listing is what an authority has out.
type Listing struct {
	Bundle       *identity.Bundle // its own
	Expired      bool             // it can issue no longer
	Certificates []ListedCertificate
	Tokens       []ListedToken
	Revocations  *identity.RevocationList
}

// List returns what the authority has out, certificates in order of names and then of time, and tokens of their ids.
func (a *Authority) List(ctx context.Context) (*Listing, error) {
	listing := &Listing{}
	err := a.do(ctx, func(st *state) (change, error) {
		listing.Bundle = &identity.Bundle{Anchor: st.Anchor(), Chain: st.Chain()}
		listing.Expired = st.now > st.Chain().NotAfter()
		listing.Revocations = st.RevocationList()
		for _, issued := range st.Register().All() {
			listing.Certificates = append(listing.Certificates, ListedCertificate{issued, certificateState(&issued, st.Revoked(&issued), st.now)})
		}
		slices.SortStableFunc(listing.Certificates, func(a, b ListedCertificate) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.NotBefore, b.NotBefore))
		})
		for _, token := range st.tokens.States() {
			listing.Tokens = append(listing.Tokens, ListedToken{token, tokenState(token, st.now)})
		}
		return change{}, nil
	})
	return listing, err
}

func certificateState(issued *identity.Issued, revoked bool, now identity.Instant) string {
	switch late := now.Sub(issued.NotAfter); {
	case revoked:
		return StateRevoked
	case late <= 0:
		return StateValid
	case issued.Kind == identity.KindMember && late <= identity.GraceDefault:
		return StateGrace
	}
	return StateExpired
}

func tokenState(token identity.TokenState, now identity.Instant) string {
	switch {
	case now > token.Expiry:
		return StateExpired
	case token.Uses >= token.Limit:
		return StateUsedUp
	}
	return StateValid
}
