package astrolabe

// publishedMembers is for how many agents the published figures are.
const publishedMembers = 390_625

// publishedBranching are the branching factors of the published figures.
var publishedBranching = []int{5, 25, 125}

// published sets what is published for a branching factor and a number of representatives (TOCS 21(2), 2003, section 8): rounds until all agents are reached, and the most
// messages of an agent in a round, which is of one representative.
func (r *Result) published() {
	r.PublishedMembers = publishedMembers
	switch [2]int{r.Branching, r.Representatives} {
	case [2]int{5, 1}:
		r.PublishedRounds, r.PublishedMost = new(32.0), new(56.0)
	case [2]int{25, 1}:
		r.PublishedRounds, r.PublishedMost = new(29.0), new(32.0)
	case [2]int{125, 1}:
		r.PublishedRounds, r.PublishedMost = new(26.0), new(21.0)
	case [2]int{25, 3}:
		r.PublishedRounds = new(24.0)
	}
}
