package protocol_test

import (
	"testing"

	"pgregory.net/rapid"

	"spinglass/protocol"
)

// taken returns how much of n a source gets, one by one.
func taken(s *protocol.Share, p *protocol.Portion, n int) (got int) {
	for range n {
		if s.Take(p, 1) == protocol.Granted {
			got++
		}
	}
	return got
}

// One source that asks for all it can get leaves half, and others that ask for little get that, also several times in a row; where sources are not told apart,
// which is the control, nothing is left.
func TestShareLeavesSomethingForOthers(t *testing.T) {
	s := protocol.Share{Limit: 400}
	var flooder protocol.Portion
	others := make([]protocol.Portion, 9)
	for period := range 20 {
		s.Begin()
		if got := taken(&s, &flooder, 10_000); got != 200 {
			t.Fatalf("one source got %d of 400", got)
		}
		for i := range others {
			if got := taken(&s, &others[i], 20); got != 20 {
				t.Errorf("period %d: source %d got %d of 20", period, i, got)
			}
		}
		if s.Take(&flooder, 1) != protocol.ContendedLimit {
			t.Error("the flooder got more than its part")
		}
	}
	var everybody protocol.Portion
	s.Begin()
	taken(&s, &everybody, 10_000)
	if taken(&s, &everybody, 20) > 0 {
		t.Error("where sources are not told apart something is left")
	}
}

// A part that was not used is saved: who asks now and then gets several at once, though an equal part is one. What was had beyond the part counts for a while.
func TestShareSavesParts(t *testing.T) {
	s := protocol.Share{Limit: 40}
	portions := make([]protocol.Portion, 20)
	var quiet protocol.Portion
	round := func() {
		s.Begin()
		taken(&s, &portions[0], 40)
		for i := range portions {
			s.Ask(&portions[i], 1)
		}
	}
	for range 10 {
		round()
		s.Ask(&quiet, 1)
	}
	if got := taken(&s, &quiet, 20); got != 8 {
		t.Errorf("a quiet source got %d at once, want 8", got)
	}
	round()
	if got := taken(&s, &quiet, 20); got != 1 {
		t.Errorf("it got %d in the next period, want 1", got)
	}
	s.Begin()
	taken(&s, &portions[1], 20)
	if got := taken(&s, &portions[0], 20); got != 0 {
		t.Errorf("the flooder gets %d of what is kept as soon as it is quiet for a period", got)
	}
	for range 100 {
		s.Begin()
	}
	taken(&s, &portions[1], 20)
	if got := taken(&s, &portions[0], 4); got != 4 {
		t.Errorf("after many periods it gets %d of 4", got)
	}
}

func TestShareLimits(t *testing.T) {
	s := protocol.Share{Limit: 100, Source: 10}
	s.Begin()
	var a, b, c protocol.Portion
	for i := range 20 {
		want := protocol.Granted
		if i >= 10 {
			want = protocol.SourceLimit
		}
		if got := s.Take(&a, 1); got != want {
			t.Fatalf("number %d: %d, want %d", i, got, want)
		}
	}
	if s.Left() != 90 || s.Take(&b, 11) != protocol.SourceLimit || s.Take(&b, 10) != protocol.Granted {
		t.Errorf("%d left", s.Left())
	}
	s.Spend(&b, 1000) // more than is left
	if s.Left() != 0 || s.Ask(&c, 1) != protocol.ContendedLimit {
		t.Error("something is left beyond the limit")
	}
	s.Begin()
	if s.Left() != 100 || s.Ask(&a, 1) != protocol.Granted {
		t.Error("a new period gives nothing")
	}
}

// Whatever is asked, all together get no more than the limit and each no more than its own; and where the sources are known from the period before and none has
// saved anything, who asks for no more than an equal part of what is kept gets it.
func TestShareProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "sources")
		s := protocol.Share{Limit: 2 * n * rapid.IntRange(1, 50).Draw(t, "part"), Source: rapid.IntRange(0, 100).Draw(t, "source")}
		part := s.Limit / 2 / n
		portions := make([]protocol.Portion, n)
		for range rapid.IntRange(1, 5).Draw(t, "periods") {
			for i := range portions { // so many are known in the next period
				s.Ask(&portions[i], 1)
			}
			s.Begin()
			for i := range portions { // nothing is saved but the part of this period
				s.Ask(&portions[i], 1)
				portions[i].SetDebt(-part)
			}
			all, each := 0, make([]int, n)
			for range rapid.IntRange(0, 300).Draw(t, "steps") {
				i, amount := rapid.IntRange(0, n-1).Draw(t, "who"), rapid.IntRange(1, 10).Draw(t, "amount")
				modest := each[i]+amount <= part && (s.Source == 0 || each[i]+amount <= s.Source)
				if s.Take(&portions[i], amount) == protocol.Granted {
					all += amount
					each[i] += amount
				} else if modest {
					t.Fatalf("source %d had %d and did not get %d of %+v", i, each[i], amount, s)
				}
				if all > s.Limit || s.Source > 0 && each[i] > s.Source || s.Left() != s.Limit-all {
					t.Fatalf("%d in all, %d for one, of %+v", all, each[i], s)
				}
			}
		}
	})
}
