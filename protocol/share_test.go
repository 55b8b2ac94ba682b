package protocol_test

import (
	"testing"

	"pgregory.net/rapid"

	"spinglass/protocol"
)

// One source that asks for all it can leaves a quarter, of which all others get equal parts; a plain limit leaves them nothing.
func TestShareLeavesSomethingForOthers(t *testing.T) {
	s := protocol.Share{Limit: 400}
	var flooder protocol.Portion
	others := make([]protocol.Portion, 9)
	for range 2 { // in the second period it is known how many ask
		s.Begin()
		got := 0
		for range 10_000 {
			if s.Take(&flooder, 1) == protocol.Granted {
				got++
			}
		}
		if got != 300 {
			t.Fatalf("one source got %d of 400", got)
		}
		for i := range others {
			got := 0
			for range 10 {
				if s.Take(&others[i], 1) == protocol.Granted {
					got++
				}
			}
			if got != 10 {
				t.Errorf("source %d got %d of 10", i, got)
			}
		}
		if s.Take(&flooder, 1) != protocol.ContendedLimit {
			t.Error("the flooder got more than its part")
		}
	}
	var everybody protocol.Portion // the control: nobody is told apart
	s.Begin()
	for s.Take(&everybody, 1) == protocol.Granted {
	}
	if s.Take(&everybody, 1) == protocol.Granted {
		t.Error("where nobody is told apart something is left")
	}
}

func TestShareLimits(t *testing.T) {
	s := protocol.Share{Limit: 100, Source: 10, Least: 5}
	s.Begin()
	var a, b protocol.Portion
	for i := range 20 {
		if got, want := s.Take(&a, 1), map[bool]protocol.Grant{true: protocol.Granted, false: protocol.SourceLimit}[i < 10]; got != want {
			t.Fatalf("number %d: %d, want %d", i, got, want)
		}
	}
	if s.Left() != 90 || s.Take(&b, 11) != protocol.SourceLimit || s.Take(&b, 10) != protocol.Granted {
		t.Errorf("%d left", s.Left())
	}
	s.Spend(&b, 1000) // a debt
	var c protocol.Portion
	if s.Left() != 0 || s.Ask(&c, 1) != protocol.ContendedLimit {
		t.Error("something is left beyond the limit")
	}
	s.Begin()
	if s.Left() != 100 || s.Ask(&a, 1) != protocol.Granted {
		t.Error("a new period gives nothing")
	}
	many := protocol.Share{Limit: 40, Least: 5}
	many.Begin()
	portions := make([]protocol.Portion, 40)
	for i := range portions {
		many.Ask(&portions[i], 1)
	}
	if many.Take(&portions[0], 30) != protocol.Granted || many.Take(&portions[1], 5) != protocol.Granted || many.Take(&portions[2], 6) != protocol.ContendedLimit {
		t.Error("the least part is not kept")
	}
}

// Whatever is asked, all together get no more than the limit and each no more than its own; and where the sources are known from the period before, who asks for
// no more than an equal part of the last quarter gets it.
func TestShareProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "sources")
		s := protocol.Share{Limit: 4 * n * rapid.IntRange(1, 50).Draw(t, "part"), Source: rapid.IntRange(0, 100).Draw(t, "source")}
		portions := make([]protocol.Portion, n)
		for range rapid.IntRange(1, 5).Draw(t, "periods") {
			for i := range portions { // so many are known in the next period
				s.Ask(&portions[i], 1)
			}
			s.Begin()
			all, each := 0, make([]int, n)
			for range rapid.IntRange(0, 300).Draw(t, "steps") {
				i, amount := rapid.IntRange(0, n-1).Draw(t, "who"), rapid.IntRange(1, 10).Draw(t, "amount")
				modest := each[i]+amount <= s.Limit/4/n && (s.Source == 0 || each[i]+amount <= s.Source)
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
