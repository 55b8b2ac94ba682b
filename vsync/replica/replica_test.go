package replica_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"spinglass/protocol"
	"spinglass/vsync"
	"spinglass/vsync/replica"
)

// list is a state machine that keeps its commands. The result of one is how many there are.
type list struct {
	commands []string
	indices  []uint64
}

func (l *list) Apply(c replica.Command) any {
	l.commands, l.indices = append(l.commands, string(c.Payload)), append(l.indices, c.Index)
	return len(l.commands)
}

func (l *list) Snapshot() (io.WriterTo, error) {
	encoded, err := json.Marshal(l.commands)
	return bytes.NewReader(encoded), err
}

func (l *list) Restore(r io.Reader) error {
	encoded, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l.commands = nil
	return json.Unmarshal(encoded, &l.commands)
}

const self, other protocol.NodeID = 1, 2

func deliver(r *replica.Replica, from protocol.NodeID, payload string) {
	r.Deliver(&vsync.Delivery{Sender: from, Payload: []byte(payload)})
}

func propose(r *replica.Replica, payload string) *replica.Proposal {
	p := &replica.Proposal{Payload: []byte(payload)}
	r.Taken(p)
	return p
}

// A result is handed back with the flush that was asked for after the command was carried out, and no earlier.
func TestResultsWaitForStability(t *testing.T) {
	r := replica.New(self, &list{})
	a, b := propose(r, "a"), propose(r, "b")
	if r.FlushWanted() {
		t.Error("a flush is wanted though nothing was delivered")
	}
	deliver(r, other, "x")
	deliver(r, self, "a")
	if a.Result != 2 {
		t.Errorf("result %v", a.Result)
	}
	if !r.FlushWanted() || r.FlushWanted() {
		t.Error("a flush is wanted once")
	}
	r.FlushAsked(7)
	deliver(r, self, "b") // after the flush was asked for: it says nothing of b
	if settled := r.Flushed(6); settled != nil {
		t.Errorf("settled by another flush: %v", settled)
	}
	if settled := r.Flushed(7); !slices.Equal(settled, []*replica.Proposal{a}) {
		t.Errorf("settled %v", settled)
	}
	if !r.FlushWanted() {
		t.Error("no flush is wanted for b")
	}
	r.FlushAsked(8)
	if settled := r.Flushed(8); !slices.Equal(settled, []*replica.Proposal{b}) || b.Result != 3 || r.Pending() != 0 || r.FlushWanted() {
		t.Errorf("settled %v with %v, %d pending", settled, b.Result, r.Pending())
	}
}

// What is not settled at an ejection is uncertain, whether it was carried out here or not; what is taken later is not concerned.
func TestEjectionLeavesWhatIsNotSettledUncertain(t *testing.T) {
	r := replica.New(self, &list{})
	a, b := propose(r, "a"), propose(r, "b")
	deliver(r, self, "a")
	if !r.FlushWanted() {
		t.Error("no flush is wanted")
	}
	r.FlushAsked(1)
	uncertain := r.Ejected()
	if !slices.Equal(uncertain, []*replica.Proposal{a, b}) || !errors.Is(a.Err, replica.ErrUncertain) || a.Result != nil || !errors.Is(b.Err, replica.ErrUncertain) {
		t.Errorf("uncertain %v", uncertain)
	}
	if settled := r.Flushed(1); settled != nil {
		t.Errorf("settled after the ejection: %v", settled)
	}
	c := propose(r, "c")
	deliver(r, self, "c")
	if c.Result == nil || !r.FlushWanted() {
		t.Error("the next command is not carried out")
	}
	r.FlushFailed()
	if !r.FlushWanted() {
		t.Error("a flush that could not be asked for is not wanted again")
	}
}

// A state carries its index, is as of when it was taken, and replaces what was there.
func TestStateIsTransferred(t *testing.T) {
	from, to := &list{}, &list{}
	donor, joiner := replica.New(self, from), replica.New(other, to)
	deliver(donor, self, "a")
	deliver(donor, other, "b")
	state, err := donor.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	deliver(donor, other, "c")
	var encoded bytes.Buffer
	if n, err := state.WriteTo(&encoded); err != nil || n != int64(encoded.Len()) {
		t.Fatal(n, err)
	}
	deliver(joiner, self, "void")
	if err := joiner.Restore(iotest.OneByteReader(&encoded)); err != nil {
		t.Fatal(err)
	}
	deliver(joiner, other, "c")
	if !slices.Equal(to.commands, from.commands) || joiner.Applied() != 3 || to.indices[len(to.indices)-1] != 3 {
		t.Errorf("%q at %d, the donor has %q", to.commands, joiner.Applied(), from.commands)
	}
}

func TestDamagedStatesAreRefused(t *testing.T) {
	r := replica.New(self, &list{})
	deliver(r, self, "a")
	for _, state := range []string{"", "\x02\x01[]", "\x01", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01[]"} {
		if err := r.Restore(bytes.NewReader([]byte(state))); !errors.Is(err, replica.ErrState) || r.Applied() != 1 {
			t.Errorf("%q: %v, index %d", state, err, r.Applied())
		}
	}
	if err := r.Restore(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}
