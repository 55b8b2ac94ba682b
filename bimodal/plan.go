package bimodal

import (
	"fmt"
	"math"
)

// Ranges of a Target.
const (
	probabilityMin = 0.5
	probabilityMax = 1 - 1e-12
	planMembersMax = 1 << 30
	planLossMax    = 0.9
)

// Constants of plans.
const (
	planLoss  = 0.05 // that topics with a target probability are planned for
	planSlack = 1    // rounds that an epidemic takes longer than its mean growth
	planLife  = 40   // rounds beyond which a plan takes a higher fanout instead
)

// Target is how reliable a topic is to be, and where.
type Target struct {
	Probability float64 // that a member which stays up gets a message: 0.5 to 1-1e-12
	Members     int     // who want the topic: 1 to 2^30
	Loss        float64 // probability that a datagram is lost: 0 to 0.9
}

// Plan returns the knobs that a target takes. The probability of missing a message is halved between two causes.
//
// That gossip has not told a member within the packet's life: a digest, request and repair all arrive with probability
// q = (1-Loss)^3, so that the number of holders grows by 1+Fanout*q a round at first, from the author alone if the whole spread
// is lost, and of the members that still miss the packet at the end each round leaves e^(-Fanout*q). A round in which the author
// tells nobody is as probable; the logarithm of the number of ways to divide the lost rounds between the two comes on top (Demers
// et al. 1987: log n + ln n + O(1) rounds). And that no copy is left: e^-Bufferers, for bufferers that decide each on its own
// (Ozkasap et al. 1999). The shipping rules do better in both: missing packets are polled for, and there are exactly as many
// bufferers as there should be.
//
// The fanout is the least for which the life is at most 40 rounds. The error says which field is out of its range.
func Plan(t Target) (Knobs, error) {
	switch {
	case !(t.Probability >= probabilityMin && t.Probability <= probabilityMax):
		return Knobs{}, fmt.Errorf("bimodal: Target.Probability is %v, outside %v to %v", t.Probability, probabilityMin, probabilityMax)
	case t.Members < 1 || t.Members > planMembersMax:
		return Knobs{}, fmt.Errorf("bimodal: Target.Members is %d, outside 1 to %d", t.Members, planMembersMax)
	case !(t.Loss >= 0 && t.Loss <= planLossMax):
		return Knobs{}, fmt.Errorf("bimodal: Target.Loss is %v, outside 0 to %v", t.Loss, planLossMax)
	}
	return t.plan(), nil
}

func (t Target) plan() Knobs {
	decay := math.Log(2 / (1 - t.Probability))
	k := Knobs{Bufferers: min(int(math.Ceil(decay)), bufferersMax)}
	for k.Fanout = 1; ; k.Fanout++ {
		told := float64(k.Fanout) * math.Pow(1-t.Loss, 3)
		rounds := math.Log(float64(t.Members))/math.Log1p(told) + (decay+math.Log1p(decay))/told
		k.Life = min(int(math.Ceil(rounds))+planSlack, lifeMax)
		if k.Life <= planLife || k.Fanout == fanoutMax {
			return k
		}
	}
}
