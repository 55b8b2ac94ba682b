package markov

import (
	"fmt"
	"math"
)

// Limits of chains.
const (
	MembersMax = 4096
	FanoutMax  = 16
)

// Transition is the law by which one round changes the number of holders.
type Transition uint8

// The transitions.
const (
	Independent Transition = iota // each holder tells each other member on its own
	FixedFanout                   // each holder draws fanout members, with replacement
)

// Gossip describes a group and its network.
type Gossip struct {
	Members    int        // 2 to MembersMax
	Fanout     int        // digests that a member sends a round: 1 to FanoutMax, and less than Members
	Loss       float64    // probability with which each of digest, request and data is lost: 0 to 1
	Transition Transition // law of a round
}

// Contact returns the probability that digest, request and data all arrive.
func (g Gossip) Contact() float64 { return math.Pow(1-g.Loss, 3) }

func (g Gossip) validate() error {
	switch {
	case g.Members < 2 || g.Members > MembersMax:
		return fmt.Errorf("markov: %d members, outside 2 to %d", g.Members, MembersMax)
	case g.Fanout < 1 || g.Fanout > FanoutMax || g.Fanout >= g.Members:
		return fmt.Errorf("markov: fanout of %d, outside 1 to %d and the members less one", g.Fanout, FanoutMax)
	case !(g.Loss >= 0 && g.Loss <= 1):
		return fmt.Errorf("markov: loss of %v, outside 0 to 1", g.Loss)
	case g.Transition > FixedFanout:
		return fmt.Errorf("markov: transition %d is not known", g.Transition)
	}
	return nil
}

// Chain is the Markov chain of one Gossip.
type Chain struct {
	gossip Gossip
	rows   [][]float64 // rows[k][j] is the probability that k holders become k+j
}

// New makes the chain. The error says which part of gossip is out of range.
func New(gossip Gossip) (*Chain, error) {
	if err := gossip.validate(); err != nil {
		return nil, err
	}
	c := &Chain{gossip: gossip, rows: make([][]float64, gossip.Members+1)}
	for k := range c.rows {
		if gossip.Transition == Independent {
			c.rows[k] = gossip.independent(k)
		} else {
			c.rows[k] = gossip.fixedFanout(k)
		}
	}
	return c, nil
}

// independent returns the law of the number of members that k holders tell, when each is told with one probability on its own.
func (g Gossip) independent(k int) []float64 {
	each := g.Contact() * float64(g.Fanout) / float64(g.Members-1)
	return binomial(g.Members-k, 1-math.Pow(1-each, float64(k)))
}

// fixedFanout returns the law of the number of members that k holders tell, each by fanout throws into the others, of which
// some miss.
func (g Gossip) fixedFanout(k int) []float64 {
	lacking := g.Members - k
	told := make([]float64, lacking+1)
	told[0] = 1
	for range k * g.Fanout {
		for j := lacking; j > 0; j-- {
			hit := func(told int) float64 { return g.Contact() * float64(lacking-told) / float64(g.Members-1) }
			told[j] = told[j]*(1-hit(j)) + told[j-1]*hit(j-1)
		}
		told[0] *= 1 - g.Contact()*float64(lacking)/float64(g.Members-1)
	}
	return told
}

// binomial returns the law of the number of successes in n trials, each of probability p.
func binomial(n int, p float64) []float64 {
	law := make([]float64, n+1)
	switch {
	case p <= 0:
		law[0] = 1
		return law
	case p >= 1:
		law[n] = 1
		return law
	}
	all, _ := math.Lgamma(float64(n) + 1)
	for j := range law {
		chosen, _ := math.Lgamma(float64(j) + 1)
		others, _ := math.Lgamma(float64(n-j) + 1)
		law[j] = math.Exp(all - chosen - others + float64(j)*math.Log(p) + float64(n-j)*math.Log1p(-p))
	}
	return law
}
