package markov

import (
	"testing"

	"spinglass/bimodal"
)

// The rounds of a plan are enough by the chain, from a lone holder on, and not many more than enough.
func TestPlansAgreeWithTheChain(t *testing.T) {
	for _, members := range []int{8, 50, 128, 400} {
		for _, miss := range []float64{1e-2, 1e-4, 1e-6, 1e-9} {
			for _, loss := range []float64{0, 0.05, 0.2} {
				k, err := bimodal.Plan(bimodal.Target{Probability: 1 - miss, Members: members, Loss: loss})
				if err != nil {
					t.Fatal(err)
				}
				c, err := New(Gossip{Members: members, Fanout: k.Fanout, Loss: loss, Transition: Independent})
				if err != nil {
					t.Fatal(err)
				}
				missed := func(rounds int) float64 { return c.After(c.Holders(1), rounds).Missing() / float64(members) }
				if got := missed(k.Life); got > miss/2 {
					t.Errorf("%d members, loss %v, planned to miss %v: %+v misses %v", members, loss, miss/2, k, got)
				}
				if got := missed(k.Life - 6); got < miss/2 && k.Life > 8 {
					t.Errorf("%d members, loss %v, planned to miss %v: %+v, of which 6 rounds less miss %v", members, loss, miss/2, k, got)
				}
			}
		}
	}
}
