package protocol

// Constants of shares.
const (
	shareKept   = 2  // one part in so many of a Share is kept for sources that have had little
	shareSaved  = 8  // an equal part that is not used is saved for so many periods,
	shareSpared = 2  // but beyond one part no more than one in so many of what is kept;
	shareOwed   = 64 // and what was had beyond the part counts for so many periods
)

// Share bounds what a node does for others in a period, and divides it among the sources that ask for it. Half of it goes to who comes first. The other half is
// for sources that have had no more than an equal part of it lately, of as many as ask in this period or did in the one before; what a source does not use of its
// part it saves for a while, so that it may ask for several things at once. So one source that asks for much leaves something for the others, and
// one that is alone gets half. It costs a few comparisons, and no memory but the Portion of each source. The unit is the caller's: messages, bytes, packets.
type Share struct {
	Limit  int // of a period, for all sources together
	Source int // for one source; 0 for no limit of its own

	period  uint64
	spent   int
	sources int // that have asked in this period
	before  int // and in the one before
}

// Portion is what one source has had of a Share. The zero Portion has had nothing.
type Portion struct {
	period uint64 // plus 1
	spent  int    // in that period
	debt   int    // what it has had beyond an equal part; negative: what it has saved
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
		s.Spend(p, n)
	}
	return grant
}

// Ask reports whether a source may have n. Who asks for 1, and accounts by Spend for what that came to, lets one answer pass whatever its size.
func (s *Share) Ask(p *Portion, n int) Grant {
	if p.period != s.period+1 {
		s.enter(p)
	}
	switch spent := s.spent + n; {
	case s.Source > 0 && p.spent+n > s.Source:
		return SourceLimit
	case spent <= s.Limit-s.Limit/shareKept:
		return Granted
	case spent > s.Limit || p.debt+n > 0:
		return ContendedLimit
	}
	return Granted
}

// Spend accounts for n that a source was given after Ask has granted something. It may be more than is left.
func (s *Share) Spend(p *Portion, n int) {
	s.spent += n
	p.spent += n
	p.debt += n
}

// Left returns how much of the period's limit is left, 0 at least.
func (s *Share) Left() int { return max(0, s.Limit-s.spent) }

// enter brings a portion into the present period. Who is new has saved nothing.
func (s *Share) enter(p *Portion) {
	s.sources++
	kept := s.Limit / shareKept
	part := max(1, kept/max(s.sources, s.before))
	periods := 1
	if p.period > 0 {
		periods = int(min(s.period+1-p.period, shareSaved+shareOwed))
	}
	saved := max(part, min(shareSaved*part, kept/shareSpared))
	p.debt = max(min(p.debt, shareOwed*part)-periods*part, -saved)
	p.period, p.spent = s.period+1, 0
}
