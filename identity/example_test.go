package identity_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/identity"
)

// A machine joins a fleet by a token, and others verify who it is until its key is revoked. Real programs take entropy from crypto/rand.Reader and instants from
// their clock.
func Example() {
	const day = 24 * time.Hour
	entropy := rand.NewChaCha8([32]byte{})
	now := identity.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

	// The first agent makes the root, and a token that a person copies to the machine.
	authority, _ := identity.NewAuthority(entropy, "/", now, 3650*day)
	tokens := &identity.Tokens{}
	token, _ := tokens.New(entropy, authority.Anchor(), 1, now.Add(time.Hour), "10.0.0.5:7400")
	text := token.Text()

	// The machine draws a key, and makes a request of the token, which does not hold its secret.
	copied, _ := identity.ParseToken(text)
	key, _ := identity.GenerateKey(entropy)
	request, _ := identity.NewJoinRequest(key, "/eu/web-1", 0x5eed, copied)

	// The first agent looks at the token and issues a certificate.
	terms := identity.Terms{Entropy: entropy, Now: now, Lifetime: identity.MemberLifeDefault}
	chain, err := authority.Admit(terms, request, tokens, identity.MemberGrants())
	if err != nil {
		fmt.Println(err)
		return
	}

	// Anybody who knows the anchor verifies the chain.
	policy := identity.Policy{Anchor: copied.Anchor, Now: now.Add(20 * day), Grace: identity.GraceDefault}
	member, err := policy.Verify(chain)
	fmt.Println(member.Name, member.NodeID, member.NotAfter, err)
	fmt.Println("publish:", member.Grants.Allows(identity.VerbPublish, "orders"), "install:", member.Grants.Allows(identity.VerbInstall, "/eu"))

	// Its key is stolen.
	list, _ := authority.Revoke(now.Add(20*day), identity.Revocation{Key: key.Public(), Before: identity.InstantMax})
	policy.Revocations = &identity.Revocations{}
	_, _, _ = policy.Revocations.Merge(list)
	_, err = policy.Verify(chain)
	fmt.Println("revoked:", errors.Is(err, identity.ErrRevoked))

	// Output:
	// /eu/web-1 0000000000005eed 2026-01-31T00:00:00Z <nil>
	// publish: true install: false
	// revoked: true
}
