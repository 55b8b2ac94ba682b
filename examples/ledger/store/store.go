// Package store is the state of a ledger: keys with values, as a state machine that a group replicates.
//
// A [Request] is what a command says, a [Response] what comes of it. Reads are commands as well, so that they see all that was settled before them. A [Ledger] is deterministic, and its
// state is encoded with the keys in ascending order.
package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"spinglass/vsync/replica"
)

// Verb says what a request does.
type Verb string

// The verbs.
const (
	Get  Verb = "get"
	Put  Verb = "put"
	Swap Verb = "swap" // sets a value if it is the one expected
)

// Request is a command of a ledger.
type Request struct {
	Verb     Verb
	Key      string
	Value    string `json:",omitempty"` // of put and swap
	Expected string `json:",omitempty"` // of swap; empty for a key that is not there
}

// Response is what comes of a request.
type Response struct {
	Value string // of the key before the request; empty for one that was not there
	Done  bool   // a swap has found what it expected; true of other requests
	Err   string // why the request makes no sense; nothing has changed
}

// Append returns the command of a request.
func (r Request) Append() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings can be encoded
	}
	return b
}

// Ledger is the state. Its zero value is empty.
type Ledger struct{ values map[string]string }

// Apply implements replica.StateMachine. Its result is a [Response].
func (l *Ledger) Apply(c replica.Command) any {
	var r Request
	if err := json.Unmarshal(c.Payload, &r); err != nil {
		return Response{Err: fmt.Sprintf("not a request: %v", err)}
	}
	return l.Do(r)
}

// Do carries out a request.
func (l *Ledger) Do(r Request) Response {
	if l.values == nil {
		l.values = map[string]string{}
	}
	before := l.values[r.Key]
	switch {
	case r.Verb == Get:
	case r.Verb == Put, r.Verb == Swap && before == r.Expected:
		l.values[r.Key] = r.Value
	case r.Verb == Swap:
		return Response{Value: before}
	default:
		return Response{Err: fmt.Sprintf("no verb %q", r.Verb)}
	}
	return Response{Value: before, Done: true}
}

// Snapshot implements replica.StateMachine.
func (l *Ledger) Snapshot() (io.WriterTo, error) {
	b, err := json.Marshal(l.values) // keys in ascending order
	return bytes.NewReader(b), err
}

// Restore implements replica.StateMachine.
func (l *Ledger) Restore(r io.Reader) error {
	values := map[string]string{}
	if err := json.NewDecoder(r).Decode(&values); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	l.values = values
	return nil
}

// Len returns how many keys there are.
func (l *Ledger) Len() int { return len(l.values) }
