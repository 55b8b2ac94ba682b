package plan

import (
	"fmt"
	"math"
	"time"

	"spinglass/bimodal"
	"spinglass/lab/markov"
	"spinglass/membership"
)

// Ranges of Parameters.
const (
	RoundMin     = 10 * time.Millisecond
	RoundMax     = 10 * time.Second
	FanoutMax    = 16
	LifeMin      = 2
	LifeMax      = 100
	BufferersMax = 64
)

// Parameters are what the members of a group are to be set to.
type Parameters struct {
	Round       time.Duration // of gossip: RoundMin to RoundMax
	Fanout      int           // digests a round: 1 to FanoutMax
	Life        int           // rounds: LifeMin to LifeMax
	Bufferers   int           // of a zone: 1 to BufferersMax
	FailTimeout time.Duration // T_fail of membership
}

// Constants of the choice.
const (
	exchange  = 4 // datagrams from a poll to the repair that it leads to
	roundUnit = 10 * time.Millisecond
	failLoss  = 0.05 // least probability that T_fail allows for, that a message or its receiver fails
)

// Choose returns the parameters for a valid setting. A message reaches all members with the target's probability if each misses it with a part of the rest; for that bimodal.Plan has
// life, fanout and bufferers. A round is as long as it takes from a poll to the repair, and the default at least. T_fail is that of membership.FailModel for a zone.
func Choose(s Setting) (Parameters, error) {
	knobs, err := bimodal.Plan(bimodal.Target{Probability: 1 - (1-s.Target)/float64(s.Members), Members: s.Members, Loss: s.Loss})
	if err != nil {
		return Parameters{}, err
	}
	p := Parameters{Round: bimodal.DefaultConfig().Round, Fanout: knobs.Fanout, Life: max(knobs.Life, LifeMin), Bufferers: knobs.Bufferers}
	if least := exchange * s.Latency[0] * 3 / 2; least > p.Round {
		p.Round = (least + roundUnit - 1) / roundUnit * roundUnit
	}
	p.FailTimeout = membership.Config{FailModel: membership.FailModel{Loss: max(failLoss, s.Loss)}}.FailTimeoutOf(min(s.Members, s.Zone))
	return p, nil
}

// Validate reports the first field that is out of its range.
func (p *Parameters) Validate() error {
	for _, err := range []error{
		within("round", p.Round, RoundMin, RoundMax),
		within("fanout", p.Fanout, 1, FanoutMax),
		within("life", p.Life, LifeMin, LifeMax),
		within("bufferers", p.Bufferers, 1, BufferersMax),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// Published returns what the published Markov chain has for a zone: the probability that some member has not got a message when its life is over, if each copy that a zone's sender makes is
// lost on its own, and nobody polls.
func Published(s Setting, p Parameters) (float64, error) {
	z := s.zones()
	first, end := z.membersOf(0)
	chain, err := markov.New(markov.Gossip{Members: max(end-first, 2), Fanout: min(p.Fanout, max(end-first, 2)-1), Loss: s.Loss})
	if err != nil {
		return 0, err
	}
	return math.Max(0, 1-chain.After(chain.Spread(s.Loss), p.Life).All()), nil
}

// Conditions returns what a setting and parameters do not meet of what the predictions assume.
func Conditions(s Setting, p Parameters) []string {
	var not []string
	m := newModel(s, p)
	perRound := s.Rate * p.Round.Seconds()
	places := m.places()
	for _, place := range places {
		around := m.surroundings(&place)
		spread := m.grid.quantile(place.first, 0.99) - m.grid.quantile(place.first, 0.01)
		if !around.overtaking() && spread.Seconds() > m.pause {
			not = append(not, fmt.Sprintf("packets overtake each other: ways differ by %v, packets follow each other after %v", spread.Round(time.Microsecond), time.Duration(m.pause*1e9).Round(time.Microsecond)))
			break
		}
	}
	if least := exchange * s.Latency[0] * 3 / 2; p.Round < least {
		not = append(not, fmt.Sprintf("a round is shorter than the %v from a poll to the repair", least))
	}
	if len(places) > 1 && perRound >= busyPackets {
		not = append(not, fmt.Sprintf("there are %.1f packets a round, and several zones: from %.1f on members tell each other how they lag", perRound, busyPackets))
	}
	missing := 0.0 // packets that a member misses in a round
	for _, place := range places {
		missing = max(missing, perRound*(1-place.reach*place.share))
	}
	if missing > pollsMost/2 {
		not = append(not, fmt.Sprintf("a member misses %.1f packets a round, more than it has polls for", missing))
	}
	return not
}
