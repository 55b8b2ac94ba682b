package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"spinglass/protocol"
	"spinglass/vsync"
)

// Errors of answers and states.
var (
	// ErrUncertain says that this member is out of the group before a command of it was settled: it may have been carried out by the others, or not.
	ErrUncertain = errors.New("replica: the outcome of the command is not known")
	// ErrState says that a state that was transferred cannot be read; its text says why.
	ErrState = errors.New("replica: state")
)

// stateForm begins a state that is transferred, before its index.
const stateForm = 1

// Proposal is a command of this member. Replica sets what it comes to.
type Proposal struct {
	Tag     any // of the caller
	Payload []byte
	Result  any   // of Apply
	Err     error // why there is none
}

// Replica is one member's copy of a state. The zero value is not usable; see [New].
type Replica struct {
	machine  StateMachine
	self     protocol.NodeID
	applied  uint64
	taken    []*Proposal // by the group, not delivered: in the order in which they will be
	done     []*Proposal // carried out, not settled
	asked    uint64      // number of the flush that is under way
	covered  int         // so many of done are settled with it
	flushing bool        // a flush is wanted or under way
}

// New returns the copy of a member of a group.
func New(self protocol.NodeID, machine StateMachine) *Replica {
	return &Replica{machine: machine, self: self}
}

// Applied returns how many commands the state has carried out.
func (r *Replica) Applied() uint64 { return r.applied }

// Pending returns how many proposals have no answer yet.
func (r *Replica) Pending() int { return len(r.taken) + len(r.done) }

// Taken tells that the group has taken a proposal. It comes before its delivery. A member proposes nothing before vsync.Ready: what it casts until then may be in the state that it is given, and is not delivered to it, so that
// no proposal would match.
func (r *Replica) Taken(p *Proposal) { r.taken = append(r.taken, p) }

// Deliver carries out a command.
func (r *Replica) Deliver(d *vsync.Delivery) {
	r.applied++
	result := r.machine.Apply(Command{Index: r.applied, View: d.View, From: d.Sender, Payload: d.Payload})
	if d.Sender != r.self || len(r.taken) == 0 {
		return
	}
	p := r.taken[0]
	r.taken[0] = nil
	r.taken = r.taken[1:]
	p.Result = result
	r.done = append(r.done, p)
}

// FlushWanted reports whether the group is to be asked for a flush, and asks once: [Replica.FlushAsked] or [Replica.FlushFailed] follows.
func (r *Replica) FlushWanted() bool {
	if r.flushing || len(r.done) == 0 {
		return false
	}
	r.flushing = true
	return true
}

// FlushAsked tells that the group was asked for a flush when all that was delivered here up to now had been delivered.
func (r *Replica) FlushAsked(number uint64) { r.asked, r.covered = number, len(r.done) }

// FlushFailed tells that the group could not be asked.
func (r *Replica) FlushFailed() { r.flushing = false }

// Flushed returns the proposals that are settled with a flush.
func (r *Replica) Flushed(number uint64) (settled []*Proposal) {
	if !r.flushing || number != r.asked {
		return nil
	}
	settled, r.done = r.done[:r.covered:r.covered], r.done[r.covered:]
	r.flushing, r.covered = false, 0
	return settled
}

// Ejected returns all proposals that are not settled, of which nobody knows what becomes of them.
func (r *Replica) Ejected() (uncertain []*Proposal) {
	uncertain = append(r.done, r.taken...)
	for _, p := range uncertain {
		p.Result, p.Err = nil, ErrUncertain
	}
	r.taken, r.done, r.flushing, r.covered = nil, nil, false, 0
	return uncertain
}

// Snapshot returns what writes the state as of now, its index in front of it.
func (r *Replica) Snapshot() (io.WriterTo, error) {
	state, err := r.machine.Snapshot()
	if err != nil {
		return nil, err
	}
	return &snapshot{binary.AppendUvarint([]byte{stateForm}, r.applied), state}, nil
}

type snapshot struct {
	head  []byte
	state io.WriterTo
}

// WriteTo implements io.WriterTo.
func (s *snapshot) WriteTo(w io.Writer) (n int64, err error) {
	head, err := w.Write(s.head)
	if err != nil {
		return int64(head), err
	}
	n, err = s.state.WriteTo(w)
	return n + int64(head), err
}

// Restore replaces the state by what a snapshot wrote.
func (r *Replica) Restore(in io.Reader) error {
	applied, err := readHead(in)
	if err != nil {
		return err
	}
	if err := r.machine.Restore(in); err != nil {
		return err
	}
	r.applied = applied
	return nil
}

// readHead reads the index of a state, byte by byte, so that nothing behind it is taken.
func readHead(in io.Reader) (applied uint64, err error) {
	b := &byteReader{in: in}
	form, err := b.ReadByte()
	if err == nil && form != stateForm {
		return 0, fmt.Errorf("%w: of a form %d that this build does not know", ErrState, form)
	}
	if err == nil {
		applied, err = binary.ReadUvarint(b)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: its index: %w", ErrState, err)
	}
	return applied, nil
}

// byteReader reads single bytes.
type byteReader struct {
	in  io.Reader
	one [1]byte
}

// ReadByte implements io.ByteReader.
func (b *byteReader) ReadByte() (byte, error) {
	_, err := io.ReadFull(b.in, b.one[:])
	return b.one[0], err
}
