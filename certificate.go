package spinglass

import (
	"context"
	"errors"

	"spinglass/identity"
	"spinglass/protocol"
)

// Certificate is a certificate that a node knows, and what it thinks of it.
type Certificate struct {
	*identity.Certificate // nobody may change it
	Revoked               bool
	Own                   bool // it is in the chain of the node itself
}

// Certificates returns the certificates by which this node believes others: those of its own chain from the root's, then those of the members of its zone, with the zones above them, and those of the functions that it
// holds. Each is there once. There are none in a fleet without identities.
func (n *Node) Certificates(ctx context.Context) ([]Certificate, error) {
	var chains []identity.Chain
	err := n.call(ctx, func(at protocol.Time, _ *protocol.Output) {
		chains = n.stack.Membership.Chains()
		for _, f := range n.stack.Functions(at) {
			chains = append(chains, f.Chain)
		}
	})
	if err != nil || n.credentials.policy == nil {
		return nil, err
	}
	type name struct {
		issuer identity.PublicKey
		serial uint64
	}
	var all []Certificate
	known, policy := map[name]bool{}, n.credentials.policy()
	for number, chain := range chains {
		for i, c := range chain {
			if key := (name{c.Issuer, c.Serial}); !known[key] {
				known[key] = true
				_, failed := policy.VerifyAgain(chain[:i+1])
				all = append(all, Certificate{Certificate: c, Revoked: errors.Is(failed, identity.ErrRevoked), Own: number == 0})
			}
		}
	}
	return all, nil
}
