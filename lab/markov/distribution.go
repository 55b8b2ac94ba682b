package markov

import "math"

// Distribution is the law of the number of holders: element k is the probability of k of them. Its length is the number of
// members plus one.
type Distribution []float64

// Holders returns the law of exactly k holders, 0 to Members.
func (c *Chain) Holders(k int) Distribution {
	d := make(Distribution, c.gossip.Members+1)
	d[k] = 1
	return d
}

// Spread returns the law of the holders after the author, a holder itself, sent the packet once to every other member and each
// copy was lost with the given probability.
func (c *Chain) Spread(loss float64) Distribution {
	d := make(Distribution, c.gossip.Members+1)
	copy(d[1:], binomial(c.gossip.Members-1, 1-loss))
	return d
}

// After returns the law of the holders some rounds after it was d.
func (c *Chain) After(d Distribution, rounds int) Distribution {
	for range rounds {
		next := make(Distribution, len(d))
		for k, probability := range d {
			if probability == 0 {
				continue
			}
			for j, step := range c.rows[k] {
				next[k+j] += probability * step
			}
		}
		d = next
	}
	return d
}

// RoundsToAll returns the least number of rounds, at most limit, after which all members hold the packet with at least the given
// probability, and whether there is one.
func (c *Chain) RoundsToAll(d Distribution, probability float64, limit int) (rounds int, ok bool) {
	for ; d.All() < probability; rounds++ {
		if rounds == limit {
			return rounds, false
		}
		d = c.After(d, 1)
	}
	return rounds, true
}

func (d Distribution) members() int { return len(d) - 1 }

// All returns the probability that every member holds the packet.
func (d Distribution) All() float64 { return d[d.members()] }

// AtMost returns the probability that no more than the given share of the members hold the packet: at most share*n, rounded down.
func (d Distribution) AtMost(share float64) float64 {
	sum := 0.0
	for _, p := range d[:count(share, d.members())+1] {
		sum += p
	}
	return sum
}

// Between returns the probability that the number of holders lies between the shares low and high of the members: above low*n
// and below high*n, both rounded down.
func (d Distribution) Between(low, high float64) float64 {
	from, to := count(low, d.members())+1, count(high, d.members())
	sum := 0.0
	for k := from; k < to; k++ {
		sum += d[k]
	}
	return sum
}

// Missing returns the expected number of members that do not hold the packet.
func (d Distribution) Missing() float64 {
	sum := 0.0
	for k, p := range d {
		sum += p * float64(d.members()-k)
	}
	return sum
}

// count returns share*n rounded down. Shares such as 0.9 have no exact binary form, so a hair is forgiven.
func count(share float64, n int) int { return int(math.Floor(share*float64(n) + 1e-9)) }
