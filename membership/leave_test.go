package membership

import (
	"testing"

	"spinglass/protocol"
)

// A member whose driver does not sign the last row leaves all the same, and says that nobody was told.
func TestLeavingUnsignedIsTold(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(8)
	var out protocol.Output
	s.m.Leave(s.now, &out)
	out.Reset()
	s.m.Timeout(s.now.Add(leaveSigning), &out)
	told := event[RowNotSigned](&out)
	if len(told) != 1 || told[0].Retry != 0 || len(event[protocol.Left](&out)) != 1 || s.m.Stats().SignFailures != 1 || len(sent[*Delta](&out)) != 0 {
		t.Errorf("%+v, %d failures", out.Effects, s.m.Stats().SignFailures)
	}
	signed := newSolo(t, nil)
	signed.meet(8)
	left := signed.input(func(out *protocol.Output) { signed.m.Leave(signed.now, out) })
	for signed.m.stage != stageLeft {
		signed.m.Timeout(signed.m.Deadline(), left)
	}
	if len(event[RowNotSigned](left)) != 0 || signed.m.Stats().SignFailures != 0 {
		t.Errorf("of one whose row was signed: %+v", left.Effects)
	}
}
