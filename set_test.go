package spinglass

import (
	"context"
	"errors"
	"strings"
	"testing"

	"spinglass/protocol"
	"spinglass/table"
)

// sequence returns how often the own row has changed.
func sequence(t *testing.T, n *Node) (sequence uint64) {
	t.Helper()
	if err := n.call(t.Context(), func(protocol.Time, *protocol.Output) { sequence = n.stack.Membership.Own().Sequence }); err != nil {
		t.Fatal(err)
	}
	return sequence
}

// What is refused is not seen by others, not even for a moment: the row has no new version.
func TestARefusedSetMakesNoVersion(t *testing.T) {
	n := single(t)
	if err := n.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Set(t.Context(), Attrs{"a": 1, "b": 2}); err != nil {
		t.Fatal(err)
	}
	before := sequence(t, n)
	if err := n.Set(t.Context(), Attrs{"a": nil, "b": strings.Repeat("x", rowLimit)}); !errors.Is(err, ErrRowTooLarge) {
		t.Fatal(err)
	}
	if after := sequence(t, n); after != before {
		t.Errorf("version %d is %d after what was refused", before, after)
	}
	if err := n.Set(t.Context(), Attrs{"a": nil}); err != nil {
		t.Fatal(err)
	}
	if after := sequence(t, n); after != before+1 { // the control
		t.Errorf("version %d is %d after a change", before, after)
	}
}

// Where membership refuses a part of what it was not known to refuse, all that was set before is taken back.
func TestWhatMembershipRefusesIsTakenBack(t *testing.T) {
	n := single(t)
	if err := n.Set(t.Context(), Attrs{"a": 1, "b": 2}); err != nil {
		t.Fatal(err)
	}
	var failed error
	err := n.call(t.Context(), func(now protocol.Time, out *protocol.Output) {
		long, _ := table.String(strings.Repeat("x", rowLimit)).Encode()
		one, _ := table.Int(1).Encode()
		failed = n.set(now, []protocol.Attribute{{Name: "a"}, {Name: "b", Value: long}, {Name: "c", Value: one}}, out)
	})
	if tooLarge, ok := errors.AsType[*table.RowTooLargeError](failed); err != nil || !ok || tooLarge.Limit != rowLimit {
		t.Fatalf("%v, %v", err, failed)
	}
	row, err := n.Get(context.Background(), "")
	if err != nil || row.Attributes["a"] != int64(1) || row.Attributes["b"] != int64(2) || row.Attributes["c"] != nil {
		t.Errorf("%v, %v", row.Attributes, err)
	}
	var own []protocol.Attribute
	if err := n.call(t.Context(), func(protocol.Time, *protocol.Output) { own = n.stack.Membership.Self().Attributes }); err != nil || len(own) != 2 {
		t.Errorf("%v, %v", own, err)
	}
}
