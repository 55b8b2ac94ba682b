package protocol

// shareKept is the part of a Share that is kept for sources that have had little: one in so many.
const shareKept = 4

// Share bounds what a node does for others in a period, and divides it among the sources that ask for it. Up to three quarters go to who comes first. The last
// quarter is for sources that have had no more than an equal part of it so far, of as many as ask in this period or did in the one before. So one that asks for
// much leaves something for the others, and one that is alone is hardly held up. It costs a few comparisons, and no memory but the Portion of each source. The
// unit is the caller's: messages, bytes, packets.
type Share struct {
	Limit  int // of a period, for all sources together
	Source int // for one source; 0 for no limit of its own
	Least  int // what an equal part of the last quarter is at least; 0 counts as 1

	period  uint64
	spent   int
	sources int // that have asked in this period
	before  int // and in the one before
}

// Portion is what one source has had of a Share. The zero Portion has had nothing.
type Portion struct {
	period uint64 // plus 1
	spent  int
}

// Grant says whether a source gets what it asks for.
type Grant uint8

// The answers of a Share.
const (
	Granted        Grant = iota
	SourceLimit          // refused: this source has had what one may have
	ContendedLimit       // refused: little is left in this period, and this source has had its part
)

// Begin begins a new period.
func (s *Share) Begin() {
	s.period++
	s.spent, s.sources, s.before = 0, 0, s.sources
}

// Take takes n of the share for the source whose portion p is, if it may have so much.
func (s *Share) Take(p *Portion, n int) Grant {
	grant := s.Ask(p, n)
	if grant == Granted {
		s.spent += n
		p.spent += n
	}
	return grant
}

// Ask reports whether a source may have n. Who asks for 1, and accounts by Spend for what that came to, lets one answer pass whatever its size.
func (s *Share) Ask(p *Portion, n int) Grant {
	if p.period != s.period+1 {
		*p = Portion{period: s.period + 1}
		s.sources++
	}
	had, spent := p.spent+n, s.spent+n
	switch {
	case s.Source > 0 && had > s.Source:
		return SourceLimit
	case spent <= s.Limit-s.Limit/shareKept:
		return Granted
	case spent > s.Limit || had > s.part():
		return ContendedLimit
	}
	return Granted
}

// Spend accounts for n that a source was given after Ask has granted something. It may be more than is left.
func (s *Share) Spend(p *Portion, n int) {
	s.spent += n
	p.spent += n
}

// Left returns how much of the period's limit is left, 0 at least.
func (s *Share) Left() int { return max(0, s.Limit-s.spent) }

// part returns an equal part of the last quarter.
func (s *Share) part() int {
	return max(s.Least, 1, s.Limit/shareKept/max(s.sources, s.before, 1))
}
