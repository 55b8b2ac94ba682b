package drum

import (
	"math/rand/v2"
	"slices"
)

// RoundsMax is after how many rounds a run ends, whoever has the message.
const RoundsMax = 10_000

// Config describes runs of the model.
type Config struct {
	Members  int // 2 or more; the first is the author of the message
	Push     int // members that each member pushes to in a round, and pushes that each takes up
	Pull     int // members that each sends a pull request to in a round; requests, and replies, that each takes up
	Victims  int // members, the author first, that fakes are sent to
	Fakes    int // a round to each victim, as many of them pushes as pull requests where there are both
	Droppers int // members, the last, that hand nothing on
}

// Result is in how many rounds all members but the droppers have the message, over all runs.
type Result struct {
	Mean float64
	P99  int
}

// Run does runs of a model.
func Run(c Config, runs int, seed uint64) Result {
	rounds, sum := make([]int, runs), 0
	for i := range rounds {
		m := &model{Config: c, random: rand.New(rand.NewPCG(seed, uint64(i)))}
		rounds[i] = m.run()
		sum += rounds[i]
	}
	slices.Sort(rounds)
	return Result{Mean: float64(sum) / float64(runs), P99: rounds[(runs*99+99)/100-1]}
}

// model is one run.
type model struct {
	Config
	random *rand.Rand
	holds  []bool
}

func (m *model) run() int {
	m.holds = make([]bool, m.Members)
	m.holds[0] = true
	for round := 1; round < RoundsMax; round++ {
		m.round()
		if !slices.Contains(m.holds[:m.Members-m.Droppers], false) {
			return round
		}
	}
	return RoundsMax
}

// round is one round. What arrives is said by the number of its sender.
func (m *model) round() {
	pushes, requests, replies := make([][]int, m.Members), make([][]int, m.Members), make([][]int, m.Members)
	for i := range m.Members {
		for _, to := range m.draw(i, m.Push) {
			pushes[to] = append(pushes[to], i)
		}
		for _, to := range m.draw(i, m.Pull) {
			requests[to] = append(requests[to], i)
		}
	}
	next := slices.Clone(m.holds)
	for i := range m.Members {
		for _, from := range m.take(pushes[i], m.fakes(i, m.Push, m.Pull), m.Push) {
			next[i] = next[i] || m.gives(from)
		}
		for _, from := range m.take(requests[i], m.fakes(i, m.Pull, m.Push), m.Pull) {
			replies[from] = append(replies[from], i)
		}
	}
	for i := range m.Members {
		for _, from := range m.take(replies[i], 0, m.Pull) {
			next[i] = next[i] || m.gives(from)
		}
	}
	m.holds = next
}

func (m *model) gives(i int) bool { return m.holds[i] && i < m.Members-m.Droppers }

// fakes returns how many fakes of one kind come to a member, of two kinds of which it takes up so many.
func (m *model) fakes(i, kind, other int) int {
	switch {
	case i >= m.Victims || kind == 0:
		return 0
	case other == 0:
		return m.Fakes
	}
	return m.Fakes / 2
}

// draw returns n random members besides i.
func (m *model) draw(i, n int) []int {
	drawn := make([]int, 0, n)
	for len(drawn) < n {
		if k := m.random.IntN(m.Members); k != i && !slices.Contains(drawn, k) {
			drawn = append(drawn, k)
		}
	}
	return drawn
}

// take returns which of those that came are among the quota that is taken up.
func (m *model) take(came []int, fakes, quota int) []int {
	if len(came)+fakes <= quota {
		return came
	}
	m.random.Shuffle(len(came), func(a, b int) { came[a], came[b] = came[b], came[a] })
	taken := 0
	for left := len(came) + fakes; quota > 0; left, quota = left-1, quota-1 {
		if m.random.IntN(left) < len(came)-taken {
			taken++
		}
	}
	return came[:taken]
}
